/* Linking and hand-off: three behaviors over three cowns, each over two of them so that
 * they form a ring, scheduled by three threads at once; each cown is read or written,
 * as drawn. All of them run, none has a cown that another has, and nothing that has
 * been freed is touched. */
#include "model_executor.h"

static executor_thread threads[MODEL_THREADS];
static boc_cown *cowns[MODEL_THREADS];
static boc_mode modes[MODEL_THREADS][2];

static boc_mode draw_mode(void) { return model_draw(2) ? BOC_READ : BOC_WRITE; }

void model_before(void) {
  for (unsigned i = 0; i < MODEL_THREADS; i++) {
    executor_start(&threads[i]);
    cowns[i] = executor_new_cown();
    modes[i][0] = draw_mode();
    modes[i][1] = draw_mode();
  }
}

void model_thread(unsigned index) {
  executor_thread *self = &threads[index];
  const boc_access accesses[] = {{cowns[index], modes[index][0]},
                                 {cowns[(index + 1) % MODEL_THREADS], modes[index][1]}};
  boci_behavior_link(executor_new(accesses, 2), &self->executor);
  executor_run(self, NULL);
}

void model_after(void) {
  unsigned ran = 0;
  for (unsigned i = 0; i < MODEL_THREADS; i++) {
    ran += threads[i].ran;
    MODEL_CHECK(!boc_cown_busy(cowns[i]));
    boc_cown_drop(cowns[i]);
  }
  MODEL_CHECK(ran == MODEL_THREADS);
  MODEL_CHECK(model_unreleased() == 0);
}
