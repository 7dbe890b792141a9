/* Find work: see find_work.h for the order.
 *
 * A worker spins only if the machine has another processor on which work can be made,
 * and if not too many workers search already. Before that it yields, if it runs on the
 * processor of the thread that woke it: a thread that makes work cannot go on while
 * somebody spins there.
 */
#include "find_work.h"

#include "enqueue.h"

enum { TRIES_PER_CLOCK = 16 }; /* tries to find work between two looks at the clock */

/* How often it yields. The maker has the processor for up to a few ms each time. */
enum { MAX_YIELDS = 3 };

/* ---- what all workers share, and what the run queue has no room for -------------- */

/* Whether the run queue has some of what was moved there before this index. What is
 * still in the common queue is younger, and must not overtake that. */
static bool has_some_before(boci_worker *worker, uint32_t end) {
  return boci_run_queue_before(&worker->queue, end) > 0;
}

/* Takes one behavior; or, if the run queue is empty, a fair share: returns the first,
 * and puts the others into the run queue. */
static boc_behavior *take_injected(boci_worker *worker, bool batch) {
  boci_injector *injector = &worker->scheduler->injector;
  const size_t length = boci_injector_length(injector);
  if (length == 0)
    return NULL;
  if (!batch && has_some_before(worker, worker->share_end))
    return NULL;
  size_t most = batch ? length / boci_scheduler_workers(worker->scheduler) + 1 : 1;
  if (most > BOCI_RING / 2)
    most = BOCI_RING / 2;
  boc_behavior *first = NULL;
  const size_t count = boci_injector_take(injector, most, &first);
  boci_count(&worker->counters.injected, count);
  if (count > 1) {
    boci_run_queue_push_list(&worker->queue, first->next);
    worker->share_end = boci_run_queue_end(&worker->queue);
    /* A parking worker may have looked while they were between the two queues. */
    boci_wake_for_surplus(worker);
  }
  return first;
}

/* A segment of any worker's overflow, into the run queue, which is empty. */
static boc_behavior *take_segment(boci_worker *worker, boci_overflow *overflow,
                                  uint32_t *out_count) {
  boc_behavior *behavior = boci_overflow_take(overflow, &worker->queue, out_count);
  worker->segment_end = boci_run_queue_end(&worker->queue);
  return behavior;
}

static boc_behavior *take_overflowed(boci_worker *worker, bool batch) {
  uint32_t count = 1;
  if (!batch && has_some_before(worker, worker->segment_end))
    return NULL;
  boc_behavior *behavior = batch ? take_segment(worker, &worker->overflow, &count)
                                 : boci_overflow_take_one(&worker->overflow);
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

/* What is in the run queue was made ready later than what has overflowed, and goes
 * behind it. Without memory for that, takes one behavior. */
static boc_behavior *take_next_segment(boci_worker *worker) {
  boci_overflow *overflow = &worker->overflow;
  uint32_t behind, count = 1;
  const bool all = boci_overflow_push_all(overflow, &worker->queue, &behind);
  boc_behavior *behavior =
      all ? take_segment(worker, overflow, &count) : boci_overflow_take_one(overflow);
  boci_count(&worker->counters.injected, behavior ? count : 0);
  return behavior;
}

/* When the next turn is: when the injector's is, or, if something has overflowed,
 * before the worker goes on behind the segment in the run queue. */
static uint32_t next_turn(boci_worker *worker) {
  const uint32_t left = boci_run_queue_before(&worker->queue, worker->segment_end);
  if (left >= worker->until_injector || boci_overflow_empty(&worker->overflow) ||
      !boci_overflow_is_short(&worker->overflow))
    return worker->until_injector;
  return left > 0 ? left : 1;
}

static boc_behavior *take_turn_alone(boci_worker *worker) {
  boc_behavior *behavior = NULL;
  const bool injectors = worker->until_injector <= worker->turn;
  worker->until_injector =
      injectors ? BOCI_COMMON_EVERY : worker->until_injector - worker->turn;
  if (injectors)
    behavior = take_injected(worker, false);
  if (!behavior && !boci_overflow_empty(&worker->overflow) &&
      boci_run_queue_before(&worker->queue, worker->segment_end) == 0)
    behavior = take_next_segment(worker);
  worker->until_turn = worker->turn = next_turn(worker);
  return behavior;
}

boc_behavior *boci_take_turn(boci_worker *worker) {
  if (worker->queue.alone && boci_overflow_is_short(&worker->overflow))
    return take_turn_alone(worker);
  worker->until_turn = worker->turn = worker->until_injector = BOCI_COMMON_EVERY;
  boci_steal_backoff_keep_distance(worker);
  return boci_take_common(worker, false);
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
  boc_behavior *behavior = take_segment(worker, &worker->overflow, &count);
  if (!behavior)
    behavior = take_segment(worker, &victim->overflow, &count);
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
    const uint64_t age = blocked ? 0 : BOCI_OVERDUE_NS;
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
  if (backing_off && boci_steal_backoff_from_external(worker))
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

bool boci_called_away(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  return boci_load_acquire(&worker->poked) /* [A10] */ ||
         boci_scheduler_stopping(scheduler) ||
         (boci_load_relaxed(&worker->compensating) && /* hint: as the loop sees it */
          boci_load_relaxed(&scheduler->blocking.excess) > 0); /* hint */
}

/* Linux may wake a worker on the processor of the thread that makes its work, although
 * another one is idle. If the worker parks whenever it has nothing, it is woken there
 * again, and both take turns: everything takes twice as long. While it is ready to run,
 * the maker makes a backlog, and the system moves one of them to the idle processor. */
static boc_behavior *yield_to_waker(boci_worker *worker, bool *out_overdue) {
  const boci_parker *parker = &worker->parking.parker;
  boc_behavior *behavior = NULL;
  for (unsigned i = 0; i < MAX_YIELDS && boci_parker_shares_processor(parker); i++) {
    boci_os_yield();
    boci_timers_serve(worker);
    if (boci_called_away(worker))
      return NULL;
    if ((behavior = find_anywhere(worker, out_overdue)))
      return behavior;
  }
  return NULL;
}

boc_behavior *boci_spin_for_work(boci_worker *worker, bool *out_overdue) {
  boci_scheduler *scheduler = worker->scheduler;
  boci_timers_serve(worker);
  boc_behavior *behavior = find_anywhere(worker, out_overdue);
  if (behavior || scheduler->spin == 0)
    return behavior;
  if ((behavior = yield_to_waker(worker, out_overdue)) || boci_called_away(worker))
    return behavior;
  const uint64_t end = boci_os_now() + scheduler->spin;
  do {
    for (unsigned i = 0; i < TRIES_PER_CLOCK; i++) {
      boci_pause();
      if (boci_called_away(worker))
        return NULL;
      if ((behavior = find_anywhere(worker, out_overdue)))
        return behavior;
    }
    boci_timers_serve(worker);
  } while (boci_os_now() < end || worker->backoff.until);
  return NULL;
}
