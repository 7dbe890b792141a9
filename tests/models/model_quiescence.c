/* Quiescence: a chain of behaviors over two workers' counts and those of threads
 * outside. A thread schedules the first; each ends on another thread than it was
 * scheduled on, after it has scheduled the next; some end on threads that are no
 * workers. Who waits for quiet is told, sees what all of them have done, and may end the
 * runtime once its workers have left: nobody else touches it any more. */
#include <string.h>

#include "model.h"
#include "quiescence.h"
#include "runtime.h"

enum { WORKERS = 2, STEPS = 3 };

static boc_runtime *runtime;
static boci_worker *workers;
static boci_mutex mutex;
static boci_cond cond;
static unsigned ready; /* steps that may run; under the mutex, as is: */
static unsigned left;  /* steps of workers that are over */
static unsigned effects[STEPS];
static bool outside[STEPS]; /* this step ends outside of the workers */

void model_before(void) {
  runtime = model_allocate(sizeof *runtime);
  workers = model_allocate(WORKERS * sizeof *workers);
  memset(runtime, 0, sizeof *runtime);
  memset(effects, 0, sizeof effects);
  runtime->worker = workers;
  boci_tally_init(&runtime->outside);
  boci_init(&runtime->first_scheduled, 0);
  boci_init(&runtime->started, WORKERS);
  for (unsigned i = 0; i < WORKERS; i++)
    boci_tally_init(&workers[i].tally);
  MODEL_CHECK(boci_waiters_init(&runtime->rundown) == BOC_OK);
  MODEL_CHECK(boci_mutex_init(&mutex) == BOC_OK);
  MODEL_CHECK(boci_cond_init(&cond) == BOC_OK);
  ready = left = 0;
  for (unsigned i = 0; i < STEPS; i++)
    outside[i] = model_draw(4) == 0;
}

static void count(unsigned *number) {
  boci_mutex_lock(&mutex);
  ++*number;
  boci_cond_broadcast(&cond);
  boci_mutex_unlock(&mutex);
}

static void wait_for(const unsigned *number, unsigned least) {
  boci_mutex_lock(&mutex);
  while (*number < least)
    boci_cond_wait(&cond, &mutex);
  boci_mutex_unlock(&mutex);
}

/* Runs a step: its effects, the schedule of the next, the end, and then, with nothing
 * more to do, the look for those who wait. */
static void run_step(unsigned step, boci_tally *mine) {
  wait_for(&ready, step + 1);
  effects[step] = step + 1;
  if (step + 1 < STEPS) {
    boci_tally_scheduled(mine, 1);
    count(&ready);
  }
  if (outside[step]) {
    boci_rundown_finish_outside(runtime);
    return;
  }
  boci_tally_finished(mine);
  boci_fence_seq_cst(); /* as in boci_idle_lie_down */
  boci_rundown_check(runtime);
  count(&left);
}

static void schedule_and_wait(void) {
  boci_add_relaxed(&runtime->outside.scheduled, 1);
  count(&ready);
  MODEL_CHECK(boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_OK);
  unsigned inside = 0;
  for (unsigned i = 0; i < STEPS; i++) {
    MODEL_CHECK(effects[i] == i + 1);
    inside += !outside[i];
  }
  wait_for(&left, inside);
  MODEL_CHECK(!runtime->rundown.first);
  boci_waiters_fini(&runtime->rundown);
  model_release(workers, WORKERS * sizeof *workers);
  model_release(runtime, sizeof *runtime);
}

void model_thread(unsigned index) {
  if (index == WORKERS)
    schedule_and_wait();
  else
    for (unsigned step = index; step < STEPS; step += WORKERS)
      run_step(step, &workers[index].tally);
}

void model_after(void) { MODEL_CHECK(model_unreleased() == 0); }
