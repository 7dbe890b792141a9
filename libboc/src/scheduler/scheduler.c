/* Scheduler: making and ending its parts, starting and stopping its threads.
 *
 * Ordering:
 *   [R11] stopping is published; [A11] the worker that leaves because of it.
 */
#include "scheduler.h"

#include <stddef.h>
#include <string.h>

#include "alloc.h"
#include "enqueue.h"

enum { CACHE_LINE = 64 };

/* A push to the injector takes no line from the workers that look for timers. */
_Static_assert(offsetof(boci_scheduler, timers) >=
                   offsetof(boci_scheduler, injector.since) + CACHE_LINE,
               "a line apart");

static size_t worker_memory_size(const boci_scheduler *scheduler) {
  return scheduler->capacity * sizeof(boci_worker) + CACHE_LINE;
}

static boc_status init_workers(boci_scheduler *scheduler) {
  const size_t size = worker_memory_size(scheduler);
  scheduler->worker_memory = boci_allocate(scheduler->allocator, size);
  if (!scheduler->worker_memory)
    return BOC_NO_MEMORY;
  memset(scheduler->worker_memory, 0, size);
  const uintptr_t at = (uintptr_t)scheduler->worker_memory + CACHE_LINE - 1;
  scheduler->worker = (boci_worker *)(at & ~(uintptr_t)(CACHE_LINE - 1));
  for (uint32_t i = 0; i < scheduler->first_workers; i++) {
    const boc_status status = boci_worker_init(&scheduler->worker[i], scheduler, i);
    if (status == BOC_OK)
      continue;
    while (i-- > 0)
      boci_worker_fini(&scheduler->worker[i]);
    boci_release(scheduler->allocator, scheduler->worker_memory, size);
    return status;
  }
  boci_init(&scheduler->started, scheduler->first_workers);
  return BOC_OK;
}

static void fini_workers(boci_scheduler *scheduler) {
  const uint32_t started = boci_scheduler_started(scheduler);
  for (uint32_t i = 0; i < started; i++)
    boci_worker_fini(&scheduler->worker[i]);
  boci_release(scheduler->allocator, scheduler->worker_memory,
               worker_memory_size(scheduler));
}

static boc_status init_handshake(boci_scheduler *scheduler) {
  boc_status status = boci_mutex_init(&scheduler->start_mutex);
  if (status != BOC_OK)
    return status;
  status = boci_cond_init(&scheduler->start_cond);
  if (status != BOC_OK)
    boci_mutex_fini(&scheduler->start_mutex);
  return status;
}

static void fini_handshake(boci_scheduler *scheduler) {
  boci_cond_fini(&scheduler->start_cond);
  boci_mutex_fini(&scheduler->start_mutex);
}

/* Makes the parts that may be refused; `boci_scheduler_fini` ends them in the opposite
 * order. */
static boc_status scheduler_init_parts(boci_scheduler *scheduler) {
  const boc_allocator *allocator = scheduler->allocator;
  boc_status status = boci_parked_init(&scheduler->parked, scheduler->first_workers);
  if (status != BOC_OK)
    return status;
  if ((status = boci_blocking_init(&scheduler->blocking)) != BOC_OK)
    goto no_blocking;
  if ((status = boci_injector_init(&scheduler->injector)) != BOC_OK)
    goto no_injector;
  if ((status = boci_timers_init(&scheduler->timers)) != BOC_OK)
    goto no_timers;
  if ((status = boci_waiters_init(&scheduler->quiescence)) != BOC_OK)
    goto no_quiescence;
  if ((status = boci_external_init(&scheduler->external, scheduler)) != BOC_OK)
    goto no_outside;
  if ((status = init_handshake(scheduler)) != BOC_OK)
    goto no_handshake;
  if ((status = init_workers(scheduler)) == BOC_OK)
    return BOC_OK;
  fini_handshake(scheduler);
no_handshake:
  boci_external_fini(&scheduler->external, allocator);
no_outside:
  boci_waiters_fini(&scheduler->quiescence);
no_quiescence:
  boci_timers_fini(&scheduler->timers, allocator);
no_timers:
  boci_injector_fini(&scheduler->injector);
no_injector:
  boci_blocking_fini(&scheduler->blocking);
no_blocking:
  boci_parked_fini(&scheduler->parked);
  return status;
}

boc_status boci_scheduler_init(boci_scheduler *scheduler,
                               const boci_scheduler_config *config) {
  memset(scheduler, 0, sizeof *scheduler);
  boci_init(&scheduler->workers, config->workers);
  scheduler->first_workers = config->workers;
  scheduler->eager = config->workers - config->on_demand;
  scheduler->capacity = config->workers + config->compensating;
  scheduler->stack_size = config->stack_size;
  scheduler->trace_events = config->trace_events;
  scheduler->spin = boci_os_processor_count() > 1 ? config->spin : 0;
  scheduler->allocator = config->allocator;
  if (config->hooks)
    scheduler->hooks = *config->hooks;
  boci_init(&scheduler->stopping, 0);
  return scheduler_init_parts(scheduler);
}

static void empty_quarantine(boci_scheduler *scheduler) {
#if defined(BOC_CHECKS)
  for (int i = 0; i < BOCI_QUARANTINE_CAPACITY; i++) {
    void *block = boci_quarantine_swap(&scheduler->quarantine, NULL);
    if (block)
      boci_external_free(&scheduler->external, block);
  }
#else
  (void)scheduler;
#endif
}

void boci_scheduler_fini(boci_scheduler *scheduler) {
  empty_quarantine(scheduler);
  fini_workers(scheduler);
  fini_handshake(scheduler);
  boci_external_fini(&scheduler->external, scheduler->allocator);
  boci_waiters_fini(&scheduler->quiescence);
  boci_timers_fini(&scheduler->timers, scheduler->allocator);
  boci_injector_fini(&scheduler->injector);
  boci_blocking_fini(&scheduler->blocking);
  boci_parked_fini(&scheduler->parked);
}

/* Returns how many threads run now; if they are fewer than asked for, the status is
 * BOC_NO_THREAD. */
static uint32_t start_threads(boci_scheduler *scheduler) {
  boci_parked_workers *parked = &scheduler->parked;
  for (uint32_t i = 0; i < scheduler->first_workers; i++)
    if (i < scheduler->eager)
      boci_parked_begin_searching(parked, &scheduler->worker[i]);
    else
      boci_parked_list_dormant(parked, &scheduler->worker[i]);
  for (uint32_t i = 0; i < scheduler->first_workers; i++)
    if (boci_worker_start_thread(&scheduler->worker[i]) != BOC_OK)
      return i;
  return scheduler->first_workers;
}

boc_status boci_scheduler_wait_started(boci_scheduler *scheduler, uint32_t from,
                                       uint32_t to) {
  boc_status status = BOC_OK;
  boci_mutex_lock(&scheduler->start_mutex);
  for (uint32_t i = from; i < to; i++) {
    while (!scheduler->worker[i].reported)
      boci_cond_wait(&scheduler->start_cond, &scheduler->start_mutex);
    if (status == BOC_OK)
      status = scheduler->worker[i].start_status;
  }
  boci_mutex_unlock(&scheduler->start_mutex);
  return status;
}

static void stop_threads(boci_scheduler *scheduler, uint32_t threads) {
  boci_store_release(&scheduler->stopping, 1); /* [R11] */
  for (uint32_t i = 0; i < threads; i++)
    boci_parked_wake(&scheduler->parked, &scheduler->worker[i]);
  for (uint32_t i = 0; i < threads; i++)
    boci_worker_join(&scheduler->worker[i]);
}

boc_status boci_scheduler_start(boci_scheduler *scheduler) {
  const uint32_t threads = start_threads(scheduler);
  const uint32_t eager = threads < scheduler->eager ? threads : scheduler->eager;
  boc_status status = boci_scheduler_wait_started(scheduler, 0, eager);
  if (status == BOC_OK && threads < scheduler->first_workers)
    status = BOC_NO_THREAD;
  if (status != BOC_OK)
    stop_threads(scheduler, threads);
  return status;
}

void boci_scheduler_stop(boci_scheduler *scheduler) {
  boci_blocking_stop(scheduler);
  stop_threads(scheduler, boci_scheduler_started(scheduler));
}
