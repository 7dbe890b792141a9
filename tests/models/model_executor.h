/* What the models of the protocol share: threads that schedule behaviors over cowns and
 * run those that become ready on them. An executor that is a list.
 *
 * A body reads each of its cowns, and writes those that it does not share with readers.
 * So if a body had a cown by mistake, there would be a data race. */
#ifndef MODEL_EXECUTOR_H
#define MODEL_EXECUTOR_H

#include "behavior.h"
#include "model.h"

enum { EXECUTOR_THREADS_MAX = 4 };

/* A thread, and the behaviors that are ready on it. */
typedef struct executor_thread {
  boci_executor executor;
  boc_behavior *ready;
  unsigned ran;
} executor_thread;

static void executor_ready(void *ctx, boc_behavior *behavior) {
  executor_thread *self = ctx;
  behavior->next = self->ready;
  self->ready = behavior;
}

static inline void executor_start(executor_thread *self) {
  *self = (executor_thread){.executor = {executor_ready, self}};
}

static const boc_cown_type executor_cown = {.payload_size = sizeof(unsigned),
                                            .allocator = &model_allocator};

static inline boc_cown *executor_new_cown(void) {
  boc_cown *cown = NULL;
  MODEL_CHECK(boc_cown_new(&executor_cown, &cown) == BOC_OK);
  return cown;
}

static void executor_no_body(boc_behavior *self, void *env) {
  (void)self;
  (void)env;
}
static const boc_behavior_type executor_behavior = {.name = "model",
                                                    .body = executor_no_body};

static inline boc_behavior *executor_new(const boc_access *accesses, size_t count) {
  boc_behavior *behavior = model_allocate(boci_behavior_size(count, false, 0));
  MODEL_CHECK(boci_behavior_init(behavior, &executor_behavior, 0, accesses, count,
                                 NULL) == BOC_OK);
  return behavior;
}

static inline void executor_touch(boc_behavior *behavior) {
  for (size_t i = 0; i < behavior->count; i++) {
    unsigned *payload = boci_cown_payload(boc_behavior_cown(behavior, i));
    if (boc_behavior_mode(behavior, i) == BOC_WRITE)
      ++*payload;
    else
      MODEL_CHECK(*payload < 100);
  }
}

/* Runs the ready behaviors, and those that become ready meanwhile. `body` may be NULL.
 */
static inline void executor_run(executor_thread *self,
                                void (*body)(boc_behavior *behavior)) {
  while (self->ready) {
    boc_behavior *behavior = self->ready;
    self->ready = behavior->next;
    executor_touch(behavior);
    if (body)
      body(behavior);
    boci_behavior_end(behavior, &self->executor);
    model_release(behavior, boci_behavior_size(behavior->count, false, 0));
    self->ran++;
  }
}

#endif
