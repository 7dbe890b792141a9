/* Find work: see find_work.h for the order, idle.h for the steps of parking and waking.
 *
 * A worker spins only if the machine has another processor on which work can be made,
 * and if not too many workers search already.
 *
 * Ordering:
 *   [F1] [F2] are one fence, in boci_idle_prepare_park.
 */
#include "find_work.h"

#include "enqueue.h"

enum {
  TRIES_PER_CLOCK = 16, /* tries to find work between two looks at the clock */
  MAX_SKIPPED = 4       /* rounds in which a monitor leaves work to busy workers */
};

/* How long a forwarded behavior waits for a busy worker. */
#define OVERDUE_NS UINT64_C(1000000)

/* ---- what all workers share, and what the run queue has no room for -------------- */

/* Takes one behavior; or, if the run queue is empty, a fair share: returns the first,
 * and puts the others into the run queue. */
static boc_behavior *take_injected(boci_worker *worker, bool batch) {
  boci_injector *injector = &worker->scheduler->injector;
  const size_t length = boci_injector_length(injector);
  if (length == 0)
    return NULL;
  size_t most = batch ? length / boci_scheduler_workers(worker->scheduler) + 1 : 1;
  if (most > BOCI_RING / 2)
    most = BOCI_RING / 2;
  boc_behavior *first = NULL;
  const size_t count = boci_injector_take(injector, most, &first);
  boci_count(&worker->counters.injected, count);
  if (count > 1) {
    boci_run_queue_push_list(&worker->queue, first->next);
    /* A parking worker may have looked while they were between the two queues. */
    boci_wake_for_surplus(worker);
  }
  return first;
}

static boc_behavior *take_overflowed(boci_worker *worker, bool batch) {
  boci_overflow *overflow = &worker->overflow;
  uint32_t count = 1;
  boc_behavior *behavior = batch ? boci_overflow_take(overflow, &worker->queue, &count)
                                 : boci_overflow_take_one(overflow);
  if (behavior)
    boci_count(&worker->counters.injected, count);
  if (behavior && count > 1)
    boci_wake_for_surplus(worker); /* as in take_injected */
  return behavior;
}

boc_behavior *boci_take_common(boci_worker *worker, bool batch) {
  const bool injector_first = (++worker->common_turn & 1) != 0;
  boc_behavior *behavior =
      injector_first ? take_injected(worker, batch) : take_overflowed(worker, batch);
  if (behavior)
    return behavior;
  return injector_first ? take_overflowed(worker, batch) : take_injected(worker, batch);
}

/* ---- what is another worker's ---------------------------------------------------- */

static uint32_t next_random(boci_worker *worker) {
  uint32_t x = worker->random;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return worker->random = x;
}

/* Takes half of the victim's overflow: its oldest behaviors. */
static boc_behavior *steal_overflowed(boci_worker *worker, boci_worker *victim) {
  uint32_t count = 0;
  if (boci_overflow_empty(&victim->overflow))
    return NULL;
  boci_overflow_steal(&victim->overflow, &worker->overflow);
  boc_behavior *behavior =
      boci_overflow_take(&worker->overflow, &worker->queue, &count);
  if (!behavior)
    behavior = boci_overflow_take(&victim->overflow, &worker->queue, &count);
  boci_count(&worker->counters.stolen, count);
  if (behavior)
    boci_wake_for_surplus(worker); /* as in take_injected */
  return behavior;
}

static boc_behavior *steal_queued(boci_worker *worker, boci_worker *victim) {
  uint32_t count = 0;
  boc_behavior *behavior = boci_run_queue_steal(&victim->queue, &worker->queue, &count);
  boci_count(&worker->counters.stolen, count);
  return behavior;
}

/* Takes half of the queue of the first worker that has something queued. `backing_off`:
 * skips the maker whose behaviors this worker leaves alone for a while. */
static boc_behavior *steal_half(boci_worker *worker, bool backing_off) {
  boci_scheduler *scheduler = worker->scheduler;
  const uint32_t started = boci_scheduler_started(scheduler);
  const uint32_t start = next_random(worker) % started;
  for (uint32_t i = 0; i < started; i++) {
    boci_worker *victim = &scheduler->worker[(start + i) % started];
    if (victim == worker ||
        (backing_off && &victim->pool == worker->backoff.maker_pool))
      continue;
    boc_behavior *behavior = steal_overflowed(worker, victim);
    if (!behavior)
      behavior = steal_queued(worker, victim);
    if (!behavior)
      continue;
    boci_trace_note(&worker->trace, BOC_TRACE_STOLEN, behavior);
    return behavior;
  }
  return NULL;
}

/* Takes a behavior whose worker is too busy for it, or blocked. */
static boc_behavior *rescue_overdue(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  const uint32_t started = boci_scheduler_started(scheduler);
  for (uint32_t i = 0; i < started; i++) {
    boci_worker *victim = &scheduler->worker[i];
    boc_behavior *behavior = NULL;
    const bool blocked = boci_load_relaxed(&victim->blocked); /* hint */
    const uint64_t age = blocked ? 0 : OVERDUE_NS;
    if (victim == worker || !boci_injector_overdue(&victim->inbox, age))
      continue;
    if (boci_injector_take(&victim->inbox, 1, &behavior) == 0)
      continue;
    boci_count(&worker->counters.rescued, 1);
    return behavior;
  }
  return NULL;
}

/* Other threads have injected these behaviors: takes none if the worker backs off from
 * those threads. */
static boc_behavior *take_common_unless(boci_worker *worker, bool backing_off) {
  if (backing_off && boci_steal_backoff_from_outside(worker))
    return take_overflowed(worker, true);
  return boci_take_common(worker, true);
}

static boc_behavior *find_anywhere(boci_worker *worker, bool *out_overdue) {
  boc_behavior *behavior = NULL;
  if (boci_injector_take(&worker->inbox, 1, &behavior))
    return behavior;
  if ((behavior = boci_run_queue_pop(&worker->queue)))
    return behavior;
  const bool backing_off = boci_steal_backoff_active(worker);
  if ((behavior = take_common_unless(worker, backing_off)))
    return behavior;
  if (worker->queue.alone)
    return NULL;
  if ((behavior = steal_half(worker, backing_off)))
    return behavior;
  if ((behavior = rescue_overdue(worker)))
    *out_overdue = true;
  return behavior;
}

/* ---- searching ------------------------------------------------------------------- */

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

/* Whether the worker is needed for something other than a behavior. */
static bool called_away(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  return boci_load_acquire(&worker->poked) /* [A10] */ ||
         boci_scheduler_stopping(scheduler) ||
         (boci_load_relaxed(&worker->compensating) && /* hint: as the loop sees it */
          boci_load_relaxed(&scheduler->blocking.excess) > 0); /* hint */
}

static void stop_searching(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  const bool searched = worker->parking.searching;
  boci_idle_stop_searching(&scheduler->idle, worker);
  if (worker->queue.alone)
    return;
  if (searched) {
    boci_fence_seq_cst(); /* [F2]: publishers relied on us while we searched */
    if (work_visible(worker))
      boci_idle_wake_one(&scheduler->idle);
  }
  if (boci_timers_any(&scheduler->timers)) /* this worker may have been the keeper */
    boci_idle_wake_keeper(&scheduler->idle, false);
}

static boc_behavior *spin_for_work(boci_worker *worker, bool *out_overdue) {
  boci_scheduler *scheduler = worker->scheduler;
  boci_timers_serve(worker);
  boc_behavior *behavior = find_anywhere(worker, out_overdue);
  if (behavior || scheduler->spin == 0)
    return behavior;
  const uint64_t end = boci_os_now() + scheduler->spin;
  do {
    for (unsigned i = 0; i < TRIES_PER_CLOCK; i++) {
      boci_pause();
      if (called_away(worker))
        return NULL;
      if ((behavior = find_anywhere(worker, out_overdue)))
        return behavior;
    }
    boci_timers_serve(worker);
  } while (boci_os_now() < end || worker->backoff.until);
  return NULL;
}

/* ---- parking --------------------------------------------------------------------- */

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
  const uint64_t look = inbox_waits(worker) ? boci_os_now() + OVERDUE_NS : BOCI_NEVER;
  if (!boci_timers_any(&scheduler->timers) ||
      !boci_idle_is_keeper(&scheduler->idle, worker))
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
  return busy >= scheduler->idle.processors;
}

/* Whether to leave visible work to others: a searcher searches again before it parks,
 * and a monitor soon. */
static bool others_will_look(boci_worker *worker, bool monitors, bool leave_it) {
  return (monitors && leave_it) || boci_idle_has_searcher(&worker->scheduler->idle);
}

/* Parks, unless there is work. Returns whether the worker woke up by itself.
 * `leave_it`: if it parks as a monitor, it does so whether there is work or not. */
static bool park_worker_once(boci_worker *worker, bool leave_it) {
  boci_scheduler *scheduler = worker->scheduler;
  boci_idle *idle = &scheduler->idle;
  boci_idle_prepare_park(idle, worker); /* [F1] [F2] */
  boci_quiescence_check(scheduler);
  const bool monitors = boci_idle_oversubscribed(idle);
  const bool leave = others_will_look(worker, monitors, leave_it);
  if ((!leave && work_visible(worker)) || called_away(worker)) {
    boci_idle_cancel_park(idle, worker);
    boci_os_yield(); /* the searchers may need the processor */
    return false;
  }
  boci_count(&worker->counters.parked, 1);
  boci_trace_note(&worker->trace, BOC_TRACE_PARKED, NULL);
  const bool woken = boci_idle_park(idle, worker, monitors, park_deadline(worker));
  boci_trace_note(&worker->trace, BOC_TRACE_WOKEN, NULL);
  if (!woken)
    boci_os_yield(); /* no publisher waits for this worker */
  return !woken;
}

static boc_behavior *search_until_found(boci_worker *worker, bool *out_overdue) {
  boci_idle *idle = &worker->scheduler->idle;
  boc_behavior *behavior = NULL;
  bool timed_out = false;
  unsigned skipped = 0; /* consecutive rounds without a search */
  while (!behavior && !called_away(worker)) {
    const bool leave_it = timed_out && skipped < MAX_SKIPPED && !inbox_waits(worker) &&
                          !timer_is_due(worker) && all_processors_busy(worker);
    skipped = leave_it ? skipped + 1 : 0;
    if (!leave_it && boci_idle_start_searching(idle, worker))
      behavior = spin_for_work(worker, out_overdue);
    if (!behavior && !called_away(worker))
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
