/* Worker: its thread, its loop, and the embedder's hooks.
 *
 * Ordering:
 *   [R10] a poke publishes its reason; [A10] the worker that answers acquires it.
 */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>

#include "cown_pool.h"
#include "find_work.h"
#include "idle_policy.h"
#include "run.h"
#include "scheduler.h"
#include "start_on_demand.h"

void boci_worker_call_before_park(boci_worker *worker) {
  const boc_worker_hooks *hooks = &worker->scheduler->hooks;
  if (hooks->before_park)
    hooks->before_park(hooks->ctx, worker->index);
}

void boci_worker_call_after_park(boci_worker *worker) {
  const boc_worker_hooks *hooks = &worker->scheduler->hooks;
  if (hooks->after_park)
    hooks->after_park(hooks->ctx, worker->index);
}

void boci_worker_poke(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  boci_swap_release(&worker->poked, BOCI_POKED); /* [R10] */
  if (!boci_parked_wake(&scheduler->parked, worker) &&
      worker->index >= boci_scheduler_workers(scheduler))
    boci_blocking_poke(worker);
}

/* In the child of a fork, on its only thread. If that is a worker, it has the body that
 * forked, and its body's end is the child's, as the end of any thread that forks. */
static void mark_child(void) {
  boci_worker *worker = boci_thread_context_worker();
  if (worker)
    boci_store_relaxed(&worker->poked, BOCI_FORKED); /* owner */
}

void boci_worker_answer_poke_slow(boci_worker *worker) {
  const uint32_t reason = boci_swap_acquire(&worker->poked, 0); /* [A10] */
  if (reason == BOCI_FORKED) {
    boci_thread_context_set(NULL); /* functions of atexit run outside of bodies */
    exit(0);
  }
  const boc_worker_hooks *hooks = &worker->scheduler->hooks;
  if (hooks->poke)
    hooks->poke(hooks->ctx, worker->index);
}

/* Whether it is a compensating worker and there are more of them than needed. */
static bool is_surplus(boci_worker *worker) {
  return boci_load_relaxed(&worker->compensating) && /* hint: see blocking.c */
         !worker->lifo_slot &&
         boci_load_relaxed(&worker->scheduler->blocking.excess) >
             0; /* hint: see retire */
}

static inline void serve_between_bodies(boci_worker *worker) {
  boci_worker_answer_poke(worker);
  if (boci_timers_any(&worker->scheduler->timers))
    boci_timers_serve_between_bodies(worker);
  if (is_surplus(worker))
    boci_blocking_retire(worker);
}

/* Runs a behavior that it searched for, if it finds one. Returns false if there is none
 * and the scheduler stops. */
static BOCI_NOINLINE bool search_and_run(boci_worker *worker) {
  bool overdue = false;
  boc_behavior *behavior = boci_find_or_park(worker, &overdue);
  if (behavior)
    boci_run_on_worker(worker, behavior, overdue);
  return behavior || !boci_scheduler_stopping(worker->scheduler);
}

static void worker_loop(boci_worker *worker) {
  while (search_and_run(worker)) {
    boc_behavior *behavior;
    serve_between_bodies(worker);
    while ((behavior = boci_find_own(worker))) {
      boci_run_on_worker(worker, behavior, false);
      serve_between_bodies(worker);
      BOCI_COMPUTE_ANEW(worker);
    }
  }
}

static void report_start(boci_worker *worker, boc_status status) {
  boci_scheduler *scheduler = worker->scheduler;
  boci_mutex_lock(&scheduler->start_mutex);
  worker->reported = true;
  worker->start_status = status;
  boci_cond_signal(&scheduler->start_cond);
  boci_mutex_unlock(&scheduler->start_mutex);
}

/* Returns false if the scheduler stops before there is work. */
static bool wait_to_start(boci_worker *worker) {
  if (worker->index < worker->scheduler->eager)
    return true;
  if (!worker->on_demand) {
    boci_blocking_wait_until_published(worker);
    return true;
  }
  return boci_wait_for_demand(worker);
}

/* For a worker that started because of work, for which boc_runtime_new has not waited.
 * The worker searches now, as publishers expected when they woke it. If a poke prevents
 * that, it wakes another worker, as any searcher does that stops. If its start hook has
 * failed, the other workers do the work. */
static void settle_start(boci_worker *worker, boc_status status) {
  boci_scheduler *scheduler = worker->scheduler;
  if (status != BOC_OK && worker->index >= scheduler->eager) {
    boci_blocking_start_failed(worker);
    if (worker->on_demand)
      boci_parked_wake_one(&scheduler->parked);
  } else if (worker->on_demand) {
    boci_parked_begin_searching(&scheduler->parked, worker);
  }
  report_start(worker, status);
}

static void worker_main(void *arg) {
  boci_worker *worker = arg;
  const boc_worker_hooks *hooks = &worker->scheduler->hooks;
  boci_thread_context_set(&worker->context);
  if (!wait_to_start(worker))
    return;
  const boc_status status =
      hooks->start ? hooks->start(hooks->ctx, worker->index) : BOC_OK;
  settle_start(worker, status);
  if (status != BOC_OK)
    return;
  worker_loop(worker);
  if (hooks->stop)
    hooks->stop(hooks->ctx, worker->index);
}

boc_status boci_worker_start_thread(boci_worker *worker) {
  char name[16];
  snprintf(name, sizeof name, "boc-%u", (unsigned)worker->index);
  return boci_thread_start(&worker->thread, worker_main, worker, name,
                           worker->scheduler->stack_size);
}

void boci_worker_join(boci_worker *worker) {
  if (worker->thread.handle)
    boci_thread_join(&worker->thread);
}

boc_status boci_worker_start_again(boci_worker *worker) {
  boci_worker_join(worker);
  worker->reported = worker->on_demand = false;
  boc_status status = boci_worker_start_thread(worker);
  if (status != BOC_OK)
    return status;
  return boci_scheduler_wait_started(worker->scheduler, worker->index,
                                     worker->index + 1);
}

boc_status boci_worker_init(boci_worker *worker, boci_scheduler *scheduler,
                            uint32_t index) {
  worker->context = (boci_thread_context){.worker = worker};
  worker->scheduler = scheduler;
  worker->index = index;
  worker->until_turn = worker->turn = worker->until_injector = BOCI_COMMON_EVERY;
  worker->traced = scheduler->trace_events ? BOCI_BEHAVIOR_TRACED : 0;
  worker->hooked_as_parked = true;
  worker->on_demand = index >= scheduler->eager && index < scheduler->first_workers;
  worker->thread.handle = NULL;
  boci_init(&worker->compensating, index >= boci_scheduler_workers(scheduler));
  worker->random = index * 2654435761u + 1;
  worker->body_executor = (boci_executor){boci_enqueue_from_body, worker};
  worker->handoff_executor = (boci_executor){boci_enqueue_handoff, worker};
  boci_in_flight_init(&worker->in_flight);
#define INIT(name, text) boci_init(&worker->counters.name, 0);
  BOC_STATS_MAP(INIT)
#undef INIT
  boci_block_pool_init(&worker->pool, scheduler, scheduler->allocator);
  boci_run_queue_init(&worker->queue, scheduler->capacity == 1);
  boci_init(&worker->progress_seen, 0);
  boci_init(&worker->poked, 0);
  boci_os_watch_forks(mark_child);
  boci_init(&worker->blocked, 0);
  worker->retired = worker->failed = worker->reported = false;
  worker->start_status = BOC_OK;
  boc_status status = boci_trace_ring_init(&worker->trace, scheduler->trace_events,
                                           scheduler->allocator);
  if (status != BOC_OK)
    return status;
  if ((status = boci_overflow_init(&worker->overflow, scheduler->allocator)) != BOC_OK)
    goto no_overflow;
  if ((status = boci_injector_init(&worker->inbox)) != BOC_OK)
    goto no_inbox;
  worker->inbox.timed = true;
  if ((status = boci_parker_init(&worker->parking.parker)) == BOC_OK)
    return BOC_OK;
  boci_injector_fini(&worker->inbox);
no_inbox:
  boci_overflow_fini(&worker->overflow);
no_overflow:
  boci_trace_ring_fini(&worker->trace, scheduler->allocator);
  return status;
}

void boci_worker_fini(boci_worker *worker) {
  boci_parker_fini(&worker->parking.parker);
  boci_injector_fini(&worker->inbox);
  boci_overflow_fini(&worker->overflow);
  boci_trace_ring_fini(&worker->trace, worker->scheduler->allocator);
  boci_block_pool_fini(&worker->pool);
  boci_cown_pool_give_back(worker->context.cowns);
}
