/* Several behaviors as one step: one thread schedules two behaviors together, each over
 * one of two cowns; two others schedule one over both. Each of these comes before both
 * of the batch, or after both. */
#include "model_executor.h"

enum { COWNS = 2 };

static executor_thread threads[MODEL_THREADS];
static boc_cown *cowns[COWNS];
static boc_mode modes[COWNS];
static unsigned together[COWNS]; /* by cown: how many of the batch have run */

static void body(boc_behavior *behavior) {
  if (behavior->block.steps == 0)
    MODEL_CHECK(together[0] == together[1]);
  else
    together[behavior->block.steps - 1]++;
}

void model_before(void) {
  for (unsigned i = 0; i < COWNS; i++) {
    cowns[i] = executor_new_cown();
    modes[i] = model_draw(2) ? BOC_READ : BOC_WRITE;
    together[i] = 0;
  }
  for (unsigned i = 0; i < MODEL_THREADS; i++)
    executor_start(&threads[i]);
}

static void schedule_batch(executor_thread *self) {
  boc_behavior *batch[COWNS];
  boci_request *scratch[2 * COWNS];
  for (unsigned i = 0; i < COWNS; i++) {
    const boc_access access = {cowns[i], BOC_WRITE};
    batch[i] = executor_new(&access, 1);
    batch[i]->block.steps = (uint16_t)(i + 1);
  }
  MODEL_CHECK(boci_behavior_scratch(batch, COWNS) <= 2 * COWNS);
  boci_behavior_link_all(batch, COWNS, scratch, &self->executor);
}

static void schedule_one(executor_thread *self) {
  const boc_access both[] = {{cowns[0], modes[0]}, {cowns[1], modes[1]}};
  boc_behavior *behavior = executor_new(both, COWNS);
  behavior->block.steps = 0;
  boci_behavior_link(behavior, &self->executor);
}

void model_thread(unsigned index) {
  if (index == 0)
    schedule_batch(&threads[0]);
  else
    schedule_one(&threads[index]);
  executor_run(&threads[index], body);
}

void model_after(void) {
  unsigned ran = 0;
  for (unsigned i = 0; i < MODEL_THREADS; i++)
    ran += threads[i].ran;
  MODEL_CHECK(ran == COWNS + MODEL_THREADS - 1);
  for (unsigned i = 0; i < COWNS; i++)
    boc_cown_drop(cowns[i]);
  MODEL_CHECK(model_unreleased() == 0);
}
