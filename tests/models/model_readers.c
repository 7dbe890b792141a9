/* One cown, and behaviors over that cown alone: three threads schedule two each, to
 * read or to write as drawn. The second of a thread runs after its first, unless both
 * read. */
#include "model_executor.h"

enum { EACH = 2 };

static executor_thread threads[MODEL_THREADS];
static boc_cown *cown;
static boc_mode modes[MODEL_THREADS][EACH];
static bool over[MODEL_THREADS]; /* the first behavior of each thread */

static void body(boc_behavior *behavior) {
  const unsigned number = behavior->block.steps, thread = number / EACH;
  const boc_mode *mine = modes[thread];
  if (number % EACH == 0)
    over[thread] = true;
  else if (mine[0] == BOC_WRITE || mine[1] == BOC_WRITE)
    MODEL_CHECK(over[thread]);
}

void model_before(void) {
  cown = executor_new_cown();
  for (unsigned i = 0; i < MODEL_THREADS; i++) {
    executor_start(&threads[i]);
    over[i] = false;
    for (unsigned k = 0; k < EACH; k++)
      modes[i][k] = model_draw(2) ? BOC_READ : BOC_WRITE;
  }
}

void model_thread(unsigned index) {
  executor_thread *self = &threads[index];
  for (unsigned k = 0; k < EACH; k++) {
    const boc_access access = {cown, modes[index][k]};
    boc_behavior *behavior = executor_new(&access, 1);
    behavior->block.steps = (uint16_t)(index * EACH + k);
    boci_behavior_link(behavior, &self->executor);
  }
  executor_run(self, body);
}

void model_after(void) {
  unsigned ran = 0;
  for (unsigned i = 0; i < MODEL_THREADS; i++)
    ran += threads[i].ran;
  MODEL_CHECK(ran == MODEL_THREADS * EACH);
  MODEL_CHECK(!boc_cown_busy(cown));
  boc_cown_drop(cown);
  MODEL_CHECK(model_unreleased() == 0);
}
