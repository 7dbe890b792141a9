/* Idle policy: see idle_policy.h; parked_workers.h has the steps of parking and waking.
 *
 * Ordering:
 *   [F1] [F2] are one fence, in boci_parked_prepare_park.
 */
#include "idle_policy.h"

#include "find_work.h"

/* Rounds in a row in which a monitor leaves work to busy workers. */
enum { MAX_SKIPPED = 4 };

/* Whether any worker could run something that is not running. Read after [F2], so that
 * no publisher relies on this worker while it misses the work. */
static bool work_visible(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  if (boci_injector_length(&scheduler->injector) > 0)
    return true;
  if (boci_injector_length(&worker->inbox) > 0)
    return true;
  const uint32_t started = boci_scheduler_started(scheduler);
  for (uint32_t i = 0; i < started; i++)
    if (boci_run_queue_length(&scheduler->worker[i].queue) > 0 ||
        !boci_overflow_empty(&scheduler->worker[i].overflow))
      return true;
  return false;
}

static void stop_searching(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  const bool searched = worker->parking.searching;
  boci_parked_stop_searching(&scheduler->parked, worker);
  if (worker->queue.alone)
    return;
  if (searched) {
    boci_fence_seq_cst(); /* [F2]: publishers relied on us while we searched */
    if (work_visible(worker))
      boci_parked_wake_one(&scheduler->parked);
  }
  if (boci_timers_any(&scheduler->timers)) /* this worker may have been the keeper */
    boci_parked_wake_keeper(&scheduler->parked, false);
}

/* Whether a behavior has been forwarded to another worker and waits there. */
static bool inbox_waits(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  const uint32_t started = boci_scheduler_started(scheduler);
  for (uint32_t i = 0; i < started; i++)
    if (i != worker->index && boci_injector_length(&scheduler->worker[i].inbox) > 0)
      return true;
  return false;
}

/* The time at which a parked worker searches without having been woken. */
static uint64_t park_deadline(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  const uint64_t look =
      inbox_waits(worker) ? boci_os_now() + BOCI_OVERDUE_NS : BOCI_NEVER;
  if (!boci_timers_any(&scheduler->timers) ||
      !boci_parked_is_keeper(&scheduler->parked, worker))
    return look;
  const uint64_t due = boci_timers_next(&scheduler->timers);
  return due < look ? due : look;
}

static bool timer_is_due(boci_worker *worker) {
  boci_timers *timers = &worker->scheduler->timers;
  return boci_timers_any(timers) && boci_timers_next(timers) <= boci_os_now();
}

/* Whether each processor has a worker that has scheduled or finished something since
 * the last call. */
static bool all_processors_busy(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  const uint32_t started = boci_scheduler_started(scheduler);
  uint32_t busy = 0;
  for (uint32_t i = 0; i < started; i++) {
    boci_worker *other = &scheduler->worker[i];
    const uintptr_t progress =
        boci_load_relaxed(&other->in_flight.scheduled) +                    /* hint */
        boci_load_relaxed(&other->in_flight.finished);                      /* hint */
    busy += boci_swap_relaxed(&other->progress_seen, progress) != progress; /* hint */
  }
  return busy >= scheduler->parked.processors;
}

/* Whether to leave visible work to others: a searcher searches again before it parks,
 * and a monitor soon. */
static bool others_will_look(boci_worker *worker, bool monitors, bool leave_it) {
  return (monitors && leave_it) || boci_parked_has_searcher(&worker->scheduler->parked);
}

/* Parks, unless there is work. Returns whether the worker woke up by itself.
 * `leave_it`: if it parks as a monitor, it does so whether there is work or not. */
static bool park_worker_once(boci_worker *worker, bool leave_it) {
  boci_scheduler *scheduler = worker->scheduler;
  boci_parked_workers *parked = &scheduler->parked;
  boci_parked_prepare_park(parked, worker); /* [F1] [F2] */
  boci_quiescence_check(scheduler);
  const bool monitors = boci_parked_oversubscribed(parked);
  const bool leave = others_will_look(worker, monitors, leave_it);
  if ((!leave && work_visible(worker)) || boci_called_away(worker)) {
    boci_parked_cancel_park(parked, worker);
    boci_os_yield(); /* the searchers may need the processor */
    return false;
  }
  boci_count(&worker->counters.parked, 1);
  boci_trace_note(&worker->trace, BOC_TRACE_PARKED, NULL);
  const bool woken = boci_parked_park(parked, worker, monitors, park_deadline(worker));
  boci_trace_note(&worker->trace, BOC_TRACE_WOKEN, NULL);
  if (!woken)
    boci_os_yield(); /* no publisher waits for this worker */
  return !woken;
}

static boc_behavior *search_until_found(boci_worker *worker, bool *out_overdue) {
  boci_parked_workers *parked = &worker->scheduler->parked;
  boc_behavior *behavior = NULL;
  bool timed_out = false;
  unsigned skipped = 0; /* consecutive rounds without a search */
  while (!behavior && !boci_called_away(worker)) {
    const bool leave_it = timed_out && skipped < MAX_SKIPPED && !inbox_waits(worker) &&
                          !timer_is_due(worker) && all_processors_busy(worker);
    skipped = leave_it ? skipped + 1 : 0;
    if (!leave_it && boci_parked_start_searching(parked, worker))
      behavior = boci_spin_for_work(worker, out_overdue);
    if (!behavior && !boci_called_away(worker))
      timed_out = park_worker_once(worker, leave_it);
  }
  stop_searching(worker);
  return behavior;
}

boc_behavior *boci_find_or_park(boci_worker *worker, bool *out_overdue) {
  if (!worker->hooked_as_parked)
    boci_worker_call_before_park(worker);
  boci_block_pool_flush(&worker->pool);
  if (worker->context.cowns)
    boci_block_pool_flush(worker->context.cowns);
  boci_quiescence_check(worker->scheduler); /* before [F1]: a hint */
  boci_steal_backoff_out_of_work(worker);
  boc_behavior *behavior = search_until_found(worker, out_overdue);
  boci_steal_backoff_found_work(worker);
  worker->hooked_as_parked = false;
  boci_worker_call_after_park(worker);
  return behavior;
}
