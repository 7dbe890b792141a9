/* Start on demand: see start_on_demand.h. */
#include "start_on_demand.h"

#include "find_work.h"

/* ns between two looks. Nobody wakes the worker meanwhile: a stop waits for the next
 * look. */
#define LOOK_NS UINT64_C(1000000)

/* As many looks in a row without an end of a behavior mean that the others are busy for
 * longer. The first body of an interpreter takes some ms, in which it imports. */
enum { MAX_STALLED = 5 };

/* ns that a start takes from others, who could run behaviors meanwhile. */
#define START_NS UINT64_C(30000000)

/* How many behaviors a worker has ready; those of its overflow roughly. */
static size_t count_ready_of(boci_worker *worker) {
  const size_t segments =
      boci_load_relaxed(&worker->overflow.length); /* hint: for heuristics */
  return boci_run_queue_length(&worker->queue) + boci_injector_length(&worker->inbox) +
         segments * (BOCI_RING / 2);
}

static size_t count_ready(boci_scheduler *scheduler) {
  const uint32_t started = boci_scheduler_started(scheduler);
  size_t ready = boci_injector_length(&scheduler->injector);
  for (uint32_t i = 0; i < started; i++)
    ready += count_ready_of(&scheduler->worker[i]);
  return ready;
}

static uintptr_t count_finished(boci_scheduler *scheduler) {
  const uint32_t started = boci_scheduler_started(scheduler);
  uintptr_t finished = 0;
  for (uint32_t i = 0; i < started; i++)
    finished += boci_load_relaxed(&scheduler->worker[i].in_flight.finished); /* hint */
  return finished;
}

/* It takes the place of a blocked worker, or may have to keep the time of a timer. */
static bool must_start(boci_worker *worker) {
  return boci_called_away(worker) ||
         boci_load_relaxed(&worker->compensating) || /* hint: as the loop sees it */
         boci_timers_any(&worker->scheduler->timers);
}

/* ns that the others take for what is ready, at the rate of the last look. */
static uint64_t backlog_ns(uint64_t ready, uint64_t finished) {
  return ready * LOOK_NS / finished;
}

/* Returns whether the worker is needed: false if nothing waits any more. `missed`: ns
 * in which the worker could have run something, of all its watches. */
static bool watch_backlog(boci_worker *worker, uint64_t *missed) {
  boci_scheduler *scheduler = worker->scheduler;
  unsigned stalled = 0; /* looks in a row without progress */
  while (!must_start(worker)) {
    const uintptr_t before = count_finished(scheduler);
    boci_parker_park(&worker->parking.parker, boci_os_now() + LOOK_NS);
    const uint64_t ready = count_ready(scheduler);
    const uint64_t finished = count_finished(scheduler) - before;
    if (ready == 0)
      return false;
    stalled = finished ? 0 : stalled + 1;
    const uint64_t backlog = finished ? backlog_ns(ready, finished) : LOOK_NS;
    *missed += backlog < LOOK_NS ? backlog : LOOK_NS;
    if (backlog >= START_NS || stalled == MAX_STALLED || *missed >= START_NS)
      return true;
  }
  return true;
}

/* Parks as dormant until a publisher wakes it, unless work is visible already. */
static void rest_again(boci_worker *worker) {
  boci_parked_workers *parked = &worker->scheduler->parked;
  boci_parked_list_dormant(parked, worker);
  boci_parked_fence(parked); /* [F2] */
  const bool needed = must_start(worker) || count_ready(worker->scheduler) > 0;
  if (needed && boci_parked_cancel_dormancy(parked, worker))
    return;
  boci_parked_park(parked, worker, false, BOCI_NEVER);
  boci_parked_stop_dormancy(parked, worker);
}

bool boci_wait_for_demand(boci_worker *worker) {
  boci_parked_workers *parked = &worker->scheduler->parked;
  uint64_t missed = 0;
  boci_parked_park(parked, worker, false, BOCI_NEVER);
  boci_parked_stop_dormancy(parked, worker);
  while (!watch_backlog(worker, &missed))
    rest_again(worker);
  return !boci_scheduler_stopping(worker->scheduler);
}
