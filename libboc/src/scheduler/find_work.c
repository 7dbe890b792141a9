/* Search: looking for work elsewhere, and going to bed when there is none.
 *
 * The recipe of sleeping and waking is in idle.h, and steal_backoff.h says when a worker leaves
 * work alone that it sees. A worker spins only if the machine has another processor to
 * make work on, and if not too many spin already.
 *
 * Ordering: [F1] and [F2] are one fence, in boci_idle_lie_down.
 */
#include "find_work.h"

#include "runtime.h"

enum {
  LOOKS_PER_CLOCK = 16,
  MOST_LEFT = 4 /* times a watcher leaves work to others that are busy with theirs */
};

#define OVERDUE                                                                        \
  UINT64_C(1000000) /* ns that a forwarded behavior waits for a busy worker */

static uint32_t random_next(boci_worker *worker) {
  uint32_t x = worker->random;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return worker->random = x;
}

/* A patient worker leaves the queue of its maker alone. */
static boc_behavior *steal(boci_worker *worker, bool patient) {
  boc_runtime *runtime = worker->runtime;
  const uint32_t started = boci_runtime_started(runtime);
  const uint32_t start = random_next(worker) % started;
  for (uint32_t i = 0; i < started; i++) {
    boci_worker *victim = &runtime->worker[(start + i) % started];
    uint32_t count = 0;
    if (victim == worker || (patient && &victim->pool == worker->pace.home))
      continue;
    boc_behavior *behavior =
        boci_run_queue_steal(&victim->queue, &worker->queue, &count);
    if (!behavior)
      continue;
    boci_count(&worker->counters.stolen, count);
    boci_trace_note(&worker->trace, BOC_TRACE_stolen, behavior);
    return behavior;
  }
  return NULL;
}

static boc_behavior *rescue(boci_worker *worker) {
  boc_runtime *runtime = worker->runtime;
  const uint32_t started = boci_runtime_started(runtime);
  for (uint32_t i = 0; i < started; i++) {
    boci_worker *victim = &runtime->worker[i];
    boc_behavior *behavior = NULL;
    const bool blocked = boci_load_relaxed(&victim->blocked); /* hint */
    const uint64_t patience = blocked ? 0 : OVERDUE;
    if (victim == worker || !boci_shared_queue_overdue(&victim->inbox, patience))
      continue;
    if (boci_shared_queue_take(&victim->inbox, 1, &behavior) == 0)
      continue;
    boci_count(&worker->counters.rescued, 1);
    return behavior;
  }
  return NULL;
}

/* What overflowed comes from makers, what is shared from outside. */
static boc_behavior *take_common(boci_worker *worker, bool patient) {
  if (!patient)
    return boci_worker_take_common(worker, true);
  return boci_pace_waits_for_outside(worker) ? NULL : boci_worker_take_shared(worker);
}

static boc_behavior *look(boci_worker *worker, bool *out_overdue) {
  boc_behavior *behavior = NULL;
  if (boci_shared_queue_take(&worker->inbox, 1, &behavior))
    return behavior;
  if ((behavior = boci_run_queue_pop(&worker->queue)))
    return behavior;
  const bool patient = boci_pace_patient(worker);
  if ((behavior = take_common(worker, patient)))
    return behavior;
  if (worker->queue.alone)
    return NULL;
  if ((behavior = steal(worker, patient)))
    return behavior;
  if ((behavior = rescue(worker)))
    *out_overdue = true;
  return behavior;
}

/* Whether anybody could run something that is not running: read after a fence, so no
 * publisher can rely on us and not be seen. */
static bool work_visible(boci_worker *worker) {
  boc_runtime *runtime = worker->runtime;
  if (boci_shared_queue_length(&runtime->shared) > 0 ||
      !boci_overflow_empty(&runtime->overflow))
    return true;
  if (boci_shared_queue_length(&worker->inbox) > 0)
    return true;
  const uint32_t started = boci_runtime_started(runtime);
  for (uint32_t i = 0; i < started; i++)
    if (boci_run_queue_length(&runtime->worker[i].queue) > 0)
      return true;
  return false;
}

static bool called_away(boci_worker *worker) {
  boc_runtime *runtime = worker->runtime;
  return boci_load_acquire(&worker->poked) /* [A10] */ ||
         boci_runtime_stopping(runtime) ||
         (worker->index >= runtime->workers &&
          boci_load_relaxed(&runtime->spares.excess) > 0); /* hint */
}

static void end_search(boci_worker *worker) {
  boc_runtime *runtime = worker->runtime;
  if (!worker->sleeper.searching)
    return;
  boci_idle_stop_searching(&runtime->idle, worker);
  if (worker->queue.alone)
    return;
  boci_fence_seq_cst(); /* [F2]: who published while we searched has relied on us */
  if (work_visible(worker))
    boci_idle_wake_one(&runtime->idle);
}

static boc_behavior *spin(boci_worker *worker, bool *out_overdue) {
  boc_runtime *runtime = worker->runtime;
  boc_behavior *behavior = look(worker, out_overdue);
  if (behavior || runtime->spin == 0)
    return behavior;
  const uint64_t end = boci_os_now() + runtime->spin;
  do {
    for (unsigned i = 0; i < LOOKS_PER_CLOCK; i++) {
      boci_pause();
      if (called_away(worker))
        return NULL;
      if ((behavior = look(worker, out_overdue)))
        return behavior;
    }
  } while (boci_os_now() < end || worker->pace.until);
  return NULL;
}

/* Whether a behavior has been forwarded to another worker that is busy. */
static bool inbox_waits(boci_worker *worker) {
  boc_runtime *runtime = worker->runtime;
  const uint32_t started = boci_runtime_started(runtime);
  for (uint32_t i = 0; i < started; i++)
    if (i != worker->index && boci_shared_queue_length(&runtime->worker[i].inbox) > 0)
      return true;
  return false;
}

/* When to get up by oneself. */
static uint64_t bedtime(boci_worker *worker) {
  return inbox_waits(worker) ? boci_os_now() + OVERDUE : BOCI_NEVER;
}

/* Whether each processor has a worker that has scheduled or finished something since
 * the last look. */
static bool all_busy(boci_worker *worker) {
  boc_runtime *runtime = worker->runtime;
  const uint32_t started = boci_runtime_started(runtime);
  uint32_t busy = 0;
  for (uint32_t i = 0; i < started; i++) {
    boci_worker *other = &runtime->worker[i];
    const uintptr_t done = boci_load_relaxed(&other->tally.scheduled) + /* hint */
                           boci_load_relaxed(&other->tally.finished);   /* hint */
    busy += boci_swap_relaxed(&other->watched, done) != done;           /* hint */
  }
  return busy >= runtime->idle.processors;
}

/* Whether the work that is left may wait for others: a searcher looks again when done,
 * and a watcher soon. */
static bool others_will_do(boci_worker *worker, bool watch, bool leave_it) {
  return (watch && leave_it) || boci_idle_searched(&worker->runtime->idle);
}

/* Whether it slept until it got up by itself. `leave_it`: if it may watch, it need not
 * look. */
static bool sleep_once(boci_worker *worker, bool leave_it) {
  boc_runtime *runtime = worker->runtime;
  boci_idle_lie_down(&runtime->idle, worker); /* [F1] [F2] */
  boci_rundown_check(runtime);
  const bool watch = boci_idle_crowded(&runtime->idle);
  const bool content = BOCI_PLANTED(sleep) || others_will_do(worker, watch, leave_it);
  if ((!content && work_visible(worker)) || called_away(worker)) {
    boci_idle_get_up(&runtime->idle, worker);
    boci_os_yield(); /* if it is not ours to search, those who do may need the processor
                      */
    return false;
  }
  boci_count(&worker->counters.parked, 1);
  boci_trace_note(&worker->trace, BOC_TRACE_parked, NULL);
  const bool woken = boci_idle_park(&runtime->idle, worker, watch, bedtime(worker));
  boci_trace_note(&worker->trace, BOC_TRACE_woken, NULL);
  if (!woken)
    boci_os_yield(); /* nobody has called: it is in no hurry */
  return !woken;
}

static boc_behavior *seek(boci_worker *worker, bool *out_overdue) {
  boc_runtime *runtime = worker->runtime;
  boc_behavior *behavior = NULL;
  bool got_up = false;
  unsigned left = 0; /* how often in a row it did not look */
  while (!behavior && !called_away(worker)) {
    const bool leave_it =
        got_up && left < MOST_LEFT && !inbox_waits(worker) && all_busy(worker);
    left = leave_it ? left + 1 : 0;
    if (!leave_it && boci_idle_search(&runtime->idle, worker))
      behavior = spin(worker, out_overdue);
    if (!behavior && !called_away(worker))
      got_up = sleep_once(worker, leave_it);
  }
  end_search(worker);
  return behavior;
}

boc_behavior *boci_search(boci_worker *worker, bool *out_overdue) {
  if (!worker->fresh)
    boci_worker_tell_parked(worker);
  boci_pool_flush(&worker->pool);
  if (worker->context.cowns)
    boci_pool_flush(worker->context.cowns);
  boci_pace_end(worker);
  boc_behavior *behavior = seek(worker, out_overdue);
  boci_pace_begin(worker);
  worker->fresh = false;
  boci_worker_tell_working(worker);
  return behavior;
}
