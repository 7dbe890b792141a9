/* How a cown is left: two readers have it, and end on two threads in any order, while a
 * third thread schedules a writer behind them (or finds the queue empty and them still
 * reading) and drops the last reference that no behavior has. The writer runs after
 * both have read; the last of the three threads to leave frees the cown. */
#include "model_executor.h"

enum { READERS = 2 };

static executor_thread threads[MODEL_THREADS];
static boc_cown *cown;

static void drop_payload(boc_cown *self, void *its) {
  (void)self;
  MODEL_CHECK(*(unsigned *)its == 1);
}

static const boc_cown_type type = {
    .payload_size = sizeof(unsigned),
    .drop = drop_payload,
    .allocator = &model_allocator,
};

void model_before(void) {
  MODEL_CHECK(boc_cown_new(&type, &cown) == BOC_OK);
  for (unsigned i = 0; i < MODEL_THREADS; i++)
    executor_start(&threads[i]);
  for (unsigned i = 0; i < READERS; i++) {
    const boc_access access = {cown, BOC_READ};
    boci_behavior_link(executor_new(&access, 1), &threads[i].executor);
    MODEL_CHECK(threads[i].ready);
  }
}

void model_thread(unsigned index) {
  executor_thread *self = &threads[index];
  if (index == READERS) {
    const boc_access access = {cown, BOC_WRITE};
    boci_behavior_link(executor_new(&access, 1), &self->executor);
    boc_cown_drop(cown);
  }
  executor_run(self, NULL);
}

void model_after(void) {
  unsigned ran = 0;
  for (unsigned i = 0; i < MODEL_THREADS; i++)
    ran += threads[i].ran;
  MODEL_CHECK(ran == READERS + 1);
  MODEL_CHECK(model_unreleased() == 0);
}
