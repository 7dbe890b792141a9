/* Quiescence: a chain of behaviors over two workers' counts and those of threads
 * outside. A thread schedules the first; each ends on another thread than it was
 * scheduled on, after it has scheduled the next; some end on threads that are no
 * workers. The thread that waits for quiescence is notified, sees what all of them have
 * done, and may end the runtime once its workers have left: no other thread touches it
 * any more. */
#include <string.h>

#include "model.h"
#include "quiescence.h"
#include "scheduler.h"

enum { WORKERS = 2, STEPS = 3 };

static boci_scheduler *scheduler;
static boci_worker *workers;
static boci_mutex mutex;
static boci_cond cond;
static unsigned ready; /* steps that may run; under the mutex, as is: */
static unsigned left;  /* steps of workers that are over */
static unsigned effects[STEPS];
static bool outside[STEPS]; /* this step ends outside of the workers */

void model_before(void) {
  scheduler = model_allocate(sizeof *scheduler);
  workers = model_allocate(WORKERS * sizeof *workers);
  memset(scheduler, 0, sizeof *scheduler);
  memset(effects, 0, sizeof effects);
  scheduler->worker = workers;
  boci_in_flight_init(&scheduler->external.in_flight);
  boci_init(&scheduler->external.first_scheduled, 0);
  boci_init(&scheduler->started, WORKERS);
  for (unsigned i = 0; i < WORKERS; i++)
    boci_in_flight_init(&workers[i].in_flight);
  MODEL_CHECK(boci_waiters_init(&scheduler->quiescence) == BOC_OK);
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

/* Runs a step: its effects, the scheduling of the next one, its end; then, with nothing
 * more to do, looks for waiters. */
static void run_step(unsigned step, boci_in_flight *mine) {
  wait_for(&ready, step + 1);
  effects[step] = step + 1;
  if (step + 1 < STEPS) {
    boci_in_flight_add_scheduled(mine, 1);
    count(&ready);
  }
  if (outside[step]) {
    boci_quiescence_finish_external(scheduler);
    return;
  }
  boci_in_flight_add_finished(mine);
  boci_fence_seq_cst(); /* as in boci_parked_prepare_park */
  boci_quiescence_check(scheduler);
  count(&left);
}

static void schedule_and_wait(void) {
  boci_add_relaxed(&scheduler->external.in_flight.scheduled, 1);
  count(&ready);
  MODEL_CHECK(boci_quiescence_wait(scheduler, BOC_FOREVER) == BOC_OK);
  unsigned inside = 0;
  for (unsigned i = 0; i < STEPS; i++) {
    MODEL_CHECK(effects[i] == i + 1);
    inside += !outside[i];
  }
  wait_for(&left, inside);
  MODEL_CHECK(!scheduler->quiescence.first);
  boci_waiters_fini(&scheduler->quiescence);
  model_release(workers, WORKERS * sizeof *workers);
  model_release(scheduler, sizeof *scheduler);
}

void model_thread(unsigned index) {
  if (index == WORKERS)
    schedule_and_wait();
  else
    for (unsigned step = index; step < STEPS; step += WORKERS)
      run_step(step, &workers[index].in_flight);
}

void model_after(void) { MODEL_CHECK(model_unreleased() == 0); }
