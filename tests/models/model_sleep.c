/* Sleeping and waking, in a whole runtime of two workers: two behaviors that wait for
 * each other, so that both workers have to run one. They are scheduled one by
 * one by a thread outside, at once or while another behavior runs, or by a body, as
 * drawn. With one processor the second worker has to find out by itself that the first
 * one's body blocks. Then the runtime is stopped, which wakes parked workers.
 */
#include <boc/boc.h>

#include "model.h"
#include "park.h"

enum { WORKERS = MODEL_THREADS - 1 };

static boc_runtime *runtime;
static boci_mutex mutex;
static boci_cond cond;
static unsigned arrived;
static enum { OUTSIDE, BUSY, INSIDE, HOWS } how;

static void meet(boc_behavior *self, void *unused) {
  (void)self;
  (void)unused;
  boci_mutex_lock(&mutex);
  if (++arrived == WORKERS)
    boci_cond_broadcast(&cond);
  while (arrived < WORKERS)
    boci_cond_wait(&cond, &mutex);
  boci_mutex_unlock(&mutex);
}

static void schedule_two(boc_behavior *self, void *unused) {
  (void)self;
  (void)unused;
  for (unsigned i = 0; i < WORKERS; i++)
    MODEL_CHECK(boc_when(runtime, NULL, 0, meet, NULL) == BOC_OK);
}

static void do_nothing(boc_behavior *self, void *unused) {
  (void)self;
  (void)unused;
}

static void schedule(void) {
  if (how == BUSY)
    MODEL_CHECK(boc_when(runtime, NULL, 0, do_nothing, NULL) == BOC_OK);
  if (how == INSIDE)
    MODEL_CHECK(boc_when(runtime, NULL, 0, schedule_two, NULL) == BOC_OK);
  else
    schedule_two(NULL, NULL);
}

static void run(void) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = WORKERS;
  options.compensating_workers = 0;
  options.spin = 0;
  options.allocator = &model_allocator;
  MODEL_CHECK(boc_runtime_new(&options, &runtime) == BOC_OK);
  schedule();
  boc_runtime_free(runtime);
}

void model_before(void) {
  MODEL_CHECK(boci_mutex_init(&mutex) == BOC_OK);
  MODEL_CHECK(boci_cond_init(&cond) == BOC_OK);
  arrived = 0;
  how = model_draw(HOWS);
  model_set_processors(1 + model_draw(WORKERS));
}

void model_thread(unsigned index) {
  if (index == 0)
    run();
  else
    model_serve();
}

void model_after(void) {
  MODEL_CHECK(arrived == WORKERS);
  MODEL_CHECK(model_unreleased() == 0);
}
