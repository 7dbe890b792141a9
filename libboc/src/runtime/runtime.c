/* Runtime: start order, stop steps.
 *
 * Start: 1. memory; 2. threads, one by one; 3. each runs its start hook; 4. the caller
 * waits for all of them. If a thread or a hook fails, those that run are stopped as
 * below.
 *
 * Stop: 1. closing: nobody from outside schedules any more. 2. Wait for quiescence:
 * bodies may still schedule, and what they schedule finishes too. 3. No spare comes any
 * more; those that rest get up. 4. stopping: no work can come any more, so a worker
 * that finds none leaves; wake all. 5. Each runs its stop hook. 6. Join, then free.
 *
 * Ordering: [R10] a poke publishes what it is about, [A10] the worker that answers.
 * [R11] stopping, [A11] the worker that sees it; wake-ups as in idle.h.
 */
#include "runtime.h"

#include <stdio.h>
#include <string.h>

#include "behavior.h"
#include "lane.h"
#include "alloc.h"

enum { MOST_WORKERS = 1024, CACHE_LINE = 64 };

static void inject(void *from, boc_behavior *behavior) {
  boci_runtime_inject(from, behavior);
}

static void push_shared(boc_runtime *runtime, boc_behavior *behavior) {
  boci_shared_queue_push(&runtime->shared, behavior, behavior, 1);
  boci_idle_wake_one(&runtime->idle);
}

/* Nothing but the behavior keeps another runtime from ending, and it may have run
 * before we have woken anybody: until then nobody shall find that runtime quiescent. */
static void push_foreign(boc_runtime *runtime, boc_behavior *behavior) {
  boci_mutex_lock(&runtime->rundown.mutex);
  push_shared(runtime, behavior);
  boci_mutex_unlock(&runtime->rundown.mutex);
}

void boci_runtime_inject(const boc_runtime *from, boc_behavior *behavior) {
  boc_runtime *runtime = boci_behavior_runtime(behavior);
  if (runtime->trace_events)
    boci_trace_outside(runtime, BOC_TRACE_ready, behavior);
  if (behavior->block.flags & BOCI_BEHAVIOR_PINNED)
    boci_lane_push(behavior);
  else if (runtime == from)
    push_shared(runtime, behavior);
  else
    push_foreign(runtime, behavior);
}

static const boc_allocator *copy_allocator(boc_runtime *runtime,
                                           const boc_allocator *allocator) {
  if (!allocator)
    return NULL;
  runtime->allocator_copy = *allocator;
  return &runtime->allocator_copy;
}

static size_t worker_size(const boc_runtime *runtime) {
  return runtime->capacity * sizeof(boci_worker) + CACHE_LINE;
}

static boc_status init_workers(boc_runtime *runtime) {
  runtime->worker_memory = boci_allocate(runtime->allocator, worker_size(runtime));
  if (!runtime->worker_memory)
    return BOC_NO_MEMORY;
  memset(runtime->worker_memory, 0, worker_size(runtime));
  const uintptr_t at = (uintptr_t)runtime->worker_memory + CACHE_LINE - 1;
  runtime->worker = (boci_worker *)(at & ~(uintptr_t)(CACHE_LINE - 1));
  for (uint32_t i = 0; i < runtime->workers; i++) {
    const boc_status status = boci_worker_init(&runtime->worker[i], runtime, i);
    if (status == BOC_OK)
      continue;
    while (i-- > 0)
      boci_worker_fini(&runtime->worker[i]);
    boci_release(runtime->allocator, runtime->worker_memory, worker_size(runtime));
    return status;
  }
  boci_init(&runtime->started, runtime->workers);
  return BOC_OK;
}

static void fini_workers(boc_runtime *runtime) {
  const uint32_t started = boci_runtime_started(runtime);
  for (uint32_t i = 0; i < started; i++)
    boci_worker_fini(&runtime->worker[i]);
  boci_release(runtime->allocator, runtime->worker_memory, worker_size(runtime));
}

/* The parts that may be refused, in the order of `fini_parts`. */
static boc_status init_parts(boc_runtime *runtime) {
  boc_status status = boci_idle_init(&runtime->idle, runtime->workers);
  if (status != BOC_OK)
    return status;
  if ((status = boci_spares_init(&runtime->spares)) != BOC_OK)
    goto no_spares;
  if ((status = boci_shared_queue_init(&runtime->shared)) != BOC_OK)
    goto no_shared;
  if ((status = boci_overflow_init(&runtime->overflow, runtime->allocator)) != BOC_OK)
    goto no_overflow;
  if ((status = boci_waiters_init(&runtime->rundown)) != BOC_OK)
    goto no_rundown;
  if ((status = boci_mutex_init(&runtime->outside_mutex)) != BOC_OK)
    goto no_outside;
  if ((status = boci_mutex_init(&runtime->start_mutex)) != BOC_OK)
    goto no_start;
  if ((status = boci_cond_init(&runtime->start_cond)) != BOC_OK)
    goto no_cond;
  status = boci_trace_init(&runtime->outside_trace, runtime->trace_events,
                           runtime->allocator);
  if (status != BOC_OK)
    goto no_trace;
  if ((status = init_workers(runtime)) == BOC_OK)
    return BOC_OK;
  boci_trace_fini(&runtime->outside_trace, runtime->allocator);
no_trace:
  boci_cond_fini(&runtime->start_cond);
no_cond:
  boci_mutex_fini(&runtime->start_mutex);
no_start:
  boci_mutex_fini(&runtime->outside_mutex);
no_outside:
  boci_waiters_fini(&runtime->rundown);
no_rundown:
  boci_overflow_fini(&runtime->overflow);
no_overflow:
  boci_shared_queue_fini(&runtime->shared);
no_shared:
  boci_spares_fini(&runtime->spares);
no_spares:
  boci_idle_fini(&runtime->idle);
  return status;
}

static void fini_parts(boc_runtime *runtime) {
  fini_workers(runtime);
  boci_trace_fini(&runtime->outside_trace, runtime->allocator);
  boci_cond_fini(&runtime->start_cond);
  boci_mutex_fini(&runtime->start_mutex);
  boci_pool_fini(&runtime->outside_pool);
  boci_pool_fini(&runtime->first_pool);
  boci_mutex_fini(&runtime->outside_mutex);
  boci_waiters_fini(&runtime->rundown);
  boci_overflow_fini(&runtime->overflow);
  boci_shared_queue_fini(&runtime->shared);
  boci_spares_fini(&runtime->spares);
  boci_idle_fini(&runtime->idle);
}

static void free_runtime(boc_runtime *runtime) {
  const bool own = runtime->allocator != NULL;
  const boc_allocator allocator = runtime->allocator_copy;
  boci_release(own ? &allocator : NULL, runtime, sizeof *runtime);
}

static boc_status make(const boc_runtime_options *options, boc_runtime **out_runtime) {
  boc_runtime *runtime = boci_allocate(options->allocator, sizeof *runtime);
  if (!runtime)
    return BOC_NO_MEMORY;
  memset(runtime, 0, sizeof *runtime);
  runtime->workers = options->workers ? options->workers : boc_core_count();
  runtime->capacity = runtime->workers + options->spares;
  runtime->stack_size = options->stack_size;
  runtime->trace_events = options->trace_events;
  runtime->spin = boci_os_processor_count() > 1 ? options->spin : 0;
  if (options->hooks)
    runtime->hooks = *options->hooks;
  runtime->allocator = copy_allocator(runtime, options->allocator);
  runtime->from_outside = (boci_executor){inject, runtime};
  boci_init(&runtime->closing, 0);
  boci_init(&runtime->stopping, 0);
  boci_tally_init(&runtime->outside);
  boci_pool_init(&runtime->outside_pool, runtime, runtime->allocator);
  boci_init(&runtime->first, NULL);
  boci_init(&runtime->first_scheduled, 0);
  boci_pool_init(&runtime->first_pool, runtime, runtime->allocator);
  const boc_status status = init_parts(runtime);
  if (status == BOC_OK)
    *out_runtime = runtime;
  else
    free_runtime(runtime);
  return status;
}

static void report_start(boc_runtime *runtime, boc_status status) {
  boci_mutex_lock(&runtime->start_mutex);
  runtime->reported++;
  if (status != BOC_OK)
    runtime->start_status = status;
  boci_cond_signal(&runtime->start_cond);
  boci_mutex_unlock(&runtime->start_mutex);
}

static void thread_main(void *arg) {
  boci_worker *worker = arg;
  boc_runtime *runtime = worker->runtime;
  const boc_worker_hooks *hooks = &runtime->hooks;
  const bool spare = worker->index >= runtime->workers;
  boci_tls_set(&worker->context);
  if (spare)
    boci_spare_enter(worker);
  const boc_status status =
      hooks->start ? hooks->start(hooks->ctx, worker->index) : BOC_OK;
  if (!spare)
    report_start(runtime, status);
  if (status != BOC_OK && spare)
    boci_spare_lost(worker);
  if (status != BOC_OK)
    return;
  boci_worker_work(worker);
  if (hooks->stop)
    hooks->stop(hooks->ctx, worker->index);
}

boc_status boci_runtime_start_thread(boci_worker *worker) {
  char name[16];
  snprintf(name, sizeof name, "boc-%u", (unsigned)worker->index);
  return boci_thread_start(&worker->thread, thread_main, worker, name,
                           worker->runtime->stack_size);
}

/* The number of threads that run now; fewer than asked for means BOC_NO_THREAD. */
static uint32_t start_threads(boc_runtime *runtime) {
  for (uint32_t i = 0; i < runtime->workers; i++)
    if (boci_runtime_start_thread(&runtime->worker[i]) != BOC_OK)
      return i;
  return runtime->workers;
}

static boc_status wait_started(boc_runtime *runtime, uint32_t threads) {
  boci_mutex_lock(&runtime->start_mutex);
  while (runtime->reported < threads)
    boci_cond_wait(&runtime->start_cond, &runtime->start_mutex);
  const boc_status status = runtime->start_status;
  boci_mutex_unlock(&runtime->start_mutex);
  return status;
}

static void stop_threads(boc_runtime *runtime, uint32_t threads) {
  boci_store_release(&runtime->stopping, 1); /* [R11] */
  for (uint32_t i = 0; i < threads; i++)
    boci_idle_wake(&runtime->idle, &runtime->worker[i]);
  for (uint32_t i = 0; i < threads; i++)
    boci_thread_join(&runtime->worker[i].thread);
}

boc_status boc_runtime_new(const boc_runtime_options *options,
                           boc_runtime **out_runtime) {
  const boc_runtime_options defaults = BOC_RUNTIME_OPTIONS_INIT;
  if (!options)
    options = &defaults;
  if (options->size != sizeof *options || options->workers > MOST_WORKERS ||
      options->spares > MOST_WORKERS)
    return BOC_BAD_ARGUMENT;
  boc_runtime *runtime = NULL;
  boc_status status = make(options, &runtime);
  if (status != BOC_OK)
    return status;
  const uint32_t threads = start_threads(runtime);
  status = wait_started(runtime, threads);
  if (status == BOC_OK && threads < runtime->workers)
    status = BOC_NO_THREAD;
  if (status == BOC_OK) {
    *out_runtime = runtime;
    return BOC_OK;
  }
  stop_threads(runtime, threads);
  fini_parts(runtime);
  free_runtime(runtime);
  return status;
}

void boc_runtime_free(boc_runtime *runtime) {
  BOCI_REQUIRE(boc_worker_index(runtime) < 0);
  boci_store_release(&runtime->closing, 1); /* [R11] */
  while (boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_NO_MEMORY)
    boci_os_yield();
  boci_spares_stop(runtime);
  stop_threads(runtime, boci_runtime_started(runtime));
  fini_parts(runtime);
  free_runtime(runtime);
}

unsigned boc_runtime_workers(const boc_runtime *runtime) { return runtime->workers; }

unsigned boc_runtime_idle_workers(const boc_runtime *runtime) {
  return boci_idle_count((boci_idle *)&runtime->idle);
}

boc_runtime *boc_runtime_current(void) {
  const boci_worker *worker = boci_worker_current();
  return worker ? worker->runtime : NULL;
}

int boc_worker_index(const boc_runtime *runtime) {
  const boci_worker *worker = boci_worker_current();
  return worker && worker->runtime == runtime ? (int)worker->index : -1;
}

void boc_worker_poke(boc_runtime *runtime, unsigned worker) {
  BOCI_REQUIRE(worker < boci_runtime_started(runtime));
  boci_worker *who = &runtime->worker[worker];
  boci_swap_release(&who->poked, 1); /* [R10] */
  if (!boci_idle_wake(&runtime->idle, who) && worker >= runtime->workers)
    boci_spare_poke(who);
}
