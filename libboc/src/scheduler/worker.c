/* Worker: the loop, finding work, running a behavior.
 *
 * Where the next behavior comes from, in this order:
 *   1. every 61st round the shared queue or the overflow, so that neither starves
 *   2. `next`, which the behavior before handed off: the chain stays on this core.
 *      After 32 in a row it goes behind those that wait, so that a chain starves nobody;
 *      at once, if it was not made just now
 *   3. the inbox: behaviors that were forwarded here because their data lives here;
 *      after 8 of them the own queue has its turn
 *   4. the own queue
 *   5. the shared queue, a fair share at once, or the overflow, a segment at once; in
 *      turn one or the other first
 *   6. find_work.c: others' queues, overdue inboxes; then bed
 *
 * Invariants: 1. `next` is only set while a behavior finishes and is taken before
 * another body runs, so it is never stranded behind a body.
 */
#include "worker.h"

#include "behavior.h"
#include "compiler.h"
#include "cown_pool.h"
#include "behavior_options.h"
#include "runtime.h"
#include "find_work.h"

#if defined(BOC_TINY)
enum { STREAK = 2, SHARED_FIRST = 3, INBOX_FIRST = 2 };
#else
enum { STREAK = 32, SHARED_FIRST = 61, INBOX_FIRST = 8 };
#endif

/* Of another runtime, or of a lane. */
static bool foreign(const boci_worker *worker, const boc_behavior *behavior) {
  return (behavior->block.flags & BOCI_BEHAVIOR_PINNED) ||
         (behavior->block.home != &worker->pool &&
          boci_behavior_runtime(behavior) != worker->runtime);
}

static void wake_for_surplus(boci_worker *worker) {
  if (!worker->queue.alone)
    boci_idle_wake_one(&worker->runtime->idle);
}

/* The own queue is full: half of it makes room. Without memory for that, `behavior` goes
 * to the shared queue. */
BOCI_NOINLINE static void push_full(boci_worker *worker, boc_behavior *behavior) {
  boc_runtime *runtime = worker->runtime;
  uint32_t count;
  if (boci_overflow_push(&runtime->overflow, &worker->queue, &count)) {
    boci_run_queue_push(&worker->queue, behavior);
  } else {
    boci_shared_queue_push(&runtime->shared, behavior, behavior, 1);
    count = 1;
  }
  boci_count(&worker->counters.overflowed, count);
}

static void push_own(boci_worker *worker, boc_behavior *behavior) {
  if (!boci_run_queue_push(&worker->queue, behavior))
    push_full(worker, behavior);
}

BOCI_NOINLINE void boci_worker_push(void *ctx, boc_behavior *behavior) {
  boci_worker *worker = ctx;
  if (foreign(worker, behavior)) {
    boci_runtime_inject(worker->runtime, behavior);
    return;
  }
  boci_trace_note(&worker->trace, BOC_TRACE_ready, behavior);
  push_own(worker, behavior);
  wake_for_surplus(worker);
}

/* Who waits behind a behavior may have been made long ago, and be in no cache. It is
 * fetched as soon as the behavior is ready, whose own lines are at hand, so that it is here
 * when that ends. */
static inline void prefetch_successors(const boc_behavior *behavior) {
  const uint32_t unique = boci_behavior_unique(behavior);
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < unique; i++)
    boci_prefetch_successor(&requests[requests[i].order]);
}

/* The first goes to `next`. */
static void hand_off(void *ctx, boc_behavior *behavior) {
  boci_worker *worker = ctx;
  prefetch_successors(behavior);
  if (worker->next || foreign(worker, behavior)) {
    boci_worker_push(worker, behavior);
    return;
  }
  worker->next = behavior;
  boci_trace_note(&worker->trace, BOC_TRACE_ready, behavior);
}

static inline void finish(boci_worker *worker, boc_behavior *behavior,
                          const boci_executor *to) {
  boci_trace_note(&worker->trace, BOC_TRACE_finished, behavior);
  boci_behavior_end(behavior, to);
  boci_end_extras(behavior);
  if (behavior->block.home != &worker->pool)
    boci_pace_note(&worker->pace, behavior->block.home);
  boci_pool_free(&worker->pool, behavior);
  boci_tally_finished(&worker->tally);
}

void boci_worker_finish(boci_worker *worker, boc_behavior *behavior,
                        const boci_executor *to) {
  finish(worker, behavior, to);
}

void boci_worker_post(boci_worker *worker, boc_behavior *behavior) {
  boci_shared_queue_push(&worker->inbox, behavior, behavior, 1);
  /* A busy worker may be long: somebody idle keeps an eye on its inbox. */
  if (!boci_idle_wake(&worker->runtime->idle, worker))
    boci_idle_wake_one(&worker->runtime->idle);
}

/* True: run it here. False: it has been sent to another worker. */
BOCI_NOINLINE static bool admitted(boci_worker *worker, boc_behavior *behavior,
                                   bool overdue) {
  const boc_behavior_type *type = behavior->type;
  const int answer =
      type->admit(behavior, boci_behavior_env(behavior), worker->index, overdue);
  if (answer < 0 || (uint32_t)answer == worker->index)
    return true;
  BOCI_REQUIRE((uint32_t)answer < boci_runtime_started(worker->runtime));
  boci_count(&worker->counters.forwarded, 1);
  boci_worker_post(&worker->runtime->worker[answer], behavior);
  return false;
}

static void call_hooks(boc_behavior *behavior, bool before) {
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < boci_behavior_unique(behavior); i++) {
    boc_cown *cown = boci_request_cown(&requests[requests[i].order]);
    void (*hook)(boc_cown *, void *) =
        before ? cown->type->acquire : cown->type->release;
    if (hook)
      hook(cown, boci_cown_payload(cown));
  }
}

static void call_body(boc_behavior *behavior) {
  const bool hooks = (behavior->block.flags & BOCI_BEHAVIOR_HOOKS) != 0;
  if (hooks)
    call_hooks(behavior, true);
  behavior->type->body(behavior, boci_behavior_env(behavior));
  if (hooks)
    call_hooks(behavior, false);
}

BOCI_NOINLINE static void call_special(boc_behavior *behavior) {
  if (behavior->block.flags & BOCI_BEHAVIOR_EXTRAS)
    boci_call_with_extras(behavior, call_body);
  else
    call_body(behavior);
}

static inline bool run_body(boc_behavior *behavior) {
  if (behavior->block.flags & (BOCI_BEHAVIOR_EXTRAS | BOCI_BEHAVIOR_HOOKS))
    call_special(behavior);
  else
    behavior->type->body(behavior, boci_behavior_plain_env(behavior));
  return !(behavior->block.flags & BOCI_BEHAVIOR_DEFERRED) ||
         boci_sub_acq_rel(&behavior->pending, 1) == 1; /* [R4] [A4] */
}

bool boci_run_body(boc_behavior *behavior) { return run_body(behavior); }

static inline void run(boci_worker *worker, boc_behavior *behavior, bool overdue) {
  if (behavior->type->admit && !admitted(worker, behavior, overdue))
    return;
  boci_trace_note(&worker->trace, BOC_TRACE_started, behavior);
  worker->made = boci_load_relaxed(&worker->tally.scheduled); /* owner */
  if (run_body(behavior))
    finish(worker, behavior, &worker->finishing);
}

/* Nobody waits behind a chain that has had its turn: it goes on, where its data is. */
static bool nobody_waits(boci_worker *worker) {
  return boci_run_queue_length(&worker->queue) == 0 &&
         boci_shared_queue_length(&worker->inbox) == 0 &&
         boci_shared_queue_length(&worker->runtime->shared) == 0 &&
         boci_overflow_empty(&worker->runtime->overflow);
}

/* The body before scheduled nothing: its successor is not its own, which would be in this
 * core's cache, but as old as those that wait. In the order of the queue, which is about
 * that of their making, memory is read ahead. An embedder that admits has data that had
 * better stay where it is. */
static inline bool waits_its_turn(boci_worker *worker, const boc_behavior *next) {
  return boci_load_relaxed(&worker->tally.scheduled) == worker->made && /* owner */
         boci_run_queue_has_some(&worker->queue) && !next->type->admit;
}

static boc_behavior *take_next(boci_worker *worker) {
  boc_behavior *behavior = worker->next;
  if (!behavior)
    return NULL;
  worker->next = NULL;
  if (++worker->streak < STREAK && !waits_its_turn(worker, behavior)) {
    boci_count(&worker->counters.handed_off, 1);
    return behavior;
  }
  worker->streak = 0;
  if (nobody_waits(worker))
    return behavior;
  push_own(worker, behavior);
  wake_for_surplus(worker);
  return NULL;
}

static boc_behavior *take_inbox(boci_worker *worker) {
  boc_behavior *behavior = NULL;
  boci_shared_queue_take(&worker->inbox, 1, &behavior);
  return behavior;
}

/* One of the shared queue; or, if the own queue is empty, a fair share: the first to
 * run, the others into the own queue. */
static boc_behavior *take_shared(boci_worker *worker, bool batch) {
  boci_shared_queue *shared = &worker->runtime->shared;
  const size_t length = boci_shared_queue_length(shared);
  if (length == 0)
    return NULL;
  size_t most = batch ? length / worker->runtime->workers + 1 : 1;
  if (most > BOCI_RING / 2)
    most = BOCI_RING / 2;
  boc_behavior *first = NULL;
  const size_t count = boci_shared_queue_take(shared, most, &first);
  boci_count(&worker->counters.injected, count);
  if (count > 1) {
    boci_run_queue_push_list(&worker->queue, first->next);
    /* On the way from one queue to the other a sleeper's last look missed them. */
    wake_for_surplus(worker);
  }
  return first;
}

static boc_behavior *take_overflow(boci_worker *worker, bool batch) {
  boci_overflow *overflow = &worker->runtime->overflow;
  uint32_t count = 1;
  boc_behavior *behavior = batch ? boci_overflow_take(overflow, &worker->queue, &count)
                                 : boci_overflow_take_one(overflow);
  if (behavior)
    boci_count(&worker->counters.injected, count);
  if (behavior && count > 1)
    wake_for_surplus(worker); /* as above */
  return behavior;
}

boc_behavior *boci_worker_take_shared(boci_worker *worker) {
  return take_shared(worker, true);
}

boc_behavior *boci_worker_take_common(boci_worker *worker, bool batch) {
  const bool shared_first = (++worker->turn & 1) != 0;
  boc_behavior *behavior =
      shared_first ? take_shared(worker, batch) : take_overflow(worker, batch);
  if (behavior)
    return behavior;
  return shared_first ? take_overflow(worker, batch) : take_shared(worker, batch);
}

static boc_behavior *find(boci_worker *worker) {
  boc_behavior *behavior;
  if (++worker->tick % SHARED_FIRST == 0 &&
      (behavior = boci_worker_take_common(worker, false)))
    return behavior;
  if ((behavior = take_next(worker)))
    return behavior;
  worker->streak = 0;
  if (worker->jumped < INBOX_FIRST && (behavior = take_inbox(worker))) {
    worker->jumped++;
    return behavior;
  }
  worker->jumped = 0;
  if ((behavior = boci_run_queue_pop(&worker->queue)))
    return behavior;
  if ((behavior = take_inbox(worker)))
    return behavior;
  return boci_worker_take_common(worker, true);
}

void boci_worker_tell_parked(boci_worker *worker) {
  const boc_worker_hooks *hooks = &worker->runtime->hooks;
  if (hooks->before_park)
    hooks->before_park(hooks->ctx, worker->index);
}

void boci_worker_tell_working(boci_worker *worker) {
  const boc_worker_hooks *hooks = &worker->runtime->hooks;
  if (hooks->after_park)
    hooks->after_park(hooks->ctx, worker->index);
}

void boci_worker_answer_poke(boci_worker *worker) {
  if (!boci_load_relaxed(&worker->poked))
    return;                             /* hint: poke wakes us if we miss it */
  boci_swap_acquire(&worker->poked, 0); /* [A10] */
  const boc_worker_hooks *hooks = &worker->runtime->hooks;
  if (hooks->poke)
    hooks->poke(hooks->ctx, worker->index);
}

void boci_worker_shed(boci_worker *worker) {
  boci_shared_queue *shared = &worker->runtime->shared;
  boc_behavior *behavior;
  while ((behavior = boci_run_queue_pop(&worker->queue)) ||
         (behavior = take_inbox(worker)))
    boci_shared_queue_push(shared, behavior, behavior, 1);
  boci_idle_wake_one(&worker->runtime->idle);
}

static bool unneeded(boci_worker *worker) {
  boc_runtime *runtime = worker->runtime;
  return worker->index >= runtime->workers && !worker->next &&
         boci_load_relaxed(&runtime->spares.excess) >
             0; /* hint: re-checked on retiring */
}

void boci_worker_work(boci_worker *worker) {
  bool overdue = false;
  boc_behavior *behavior = boci_search(worker, &overdue);
  while (behavior || !boci_runtime_stopping(worker->runtime)) {
    if (behavior)
      run(worker, behavior, overdue);
    boci_worker_answer_poke(worker);
    if (unneeded(worker))
      boci_spare_rest(worker);
    overdue = false;
    behavior = find(worker);
    if (!behavior)
      behavior = boci_search(worker, &overdue);
  }
}

boc_status boci_worker_init(boci_worker *worker, boc_runtime *runtime, uint32_t index) {
  worker->context = (boci_context){.worker = worker};
  worker->runtime = runtime;
  worker->index = index;
  worker->fresh = true;
  worker->random = index * 2654435761u + 1;
  worker->pushing = (boci_executor){boci_worker_push, worker};
  worker->finishing = (boci_executor){hand_off, worker};
  boci_tally_init(&worker->tally);
#define INIT(name, text) boci_init(&worker->counters.name, 0);
  BOC_STATS_MAP(INIT)
#undef INIT
  boci_pool_init(&worker->pool, runtime, runtime->allocator);
  boci_run_queue_init(&worker->queue, runtime->capacity == 1);
  boci_init(&worker->watched, 0);
  boci_init(&worker->poked, 0);
  boci_init(&worker->blocked, 0);
  boc_status status =
      boci_trace_init(&worker->trace, runtime->trace_events, runtime->allocator);
  if (status != BOC_OK)
    return status;
  if ((status = boci_shared_queue_init(&worker->inbox)) != BOC_OK)
    goto no_inbox;
  worker->inbox.timed = true;
  if ((status = boci_parker_init(&worker->sleeper.parker)) == BOC_OK)
    return BOC_OK;
  boci_shared_queue_fini(&worker->inbox);
no_inbox:
  boci_trace_fini(&worker->trace, runtime->allocator);
  return status;
}

void boci_worker_fini(boci_worker *worker) {
  boci_parker_fini(&worker->sleeper.parker);
  boci_shared_queue_fini(&worker->inbox);
  boci_trace_fini(&worker->trace, worker->runtime->allocator);
  boci_pool_fini(&worker->pool);
  boci_cown_pool_give_back(worker->context.cowns);
}
