/* Runtime: start order, stop steps.
 *
 * Start: 1. memory; 2. threads, one by one; 3. each runs its start hook, but for those
 * on demand, which park first; 4. the caller waits for all the others. If a thread or
 * a hook fails, those that run are stopped as below.
 *
 * Stop:
 *   1. closing: threads outside of the workers are refused new behaviors.
 *   2. Wait for quiescence: bodies may still schedule, and that finishes too.
 *   3. No compensating worker comes any more; those that have retired return.
 *   4. stopping: no work can come any more, so a worker that finds none leaves; wake
 *      all.
 *   5. Each worker runs its stop hook.
 *   6. Join, then free.
 *
 * Ordering:
 *   [R11] closing is published; [A11] the thread that is refused because of it.
 *   Wake-ups are as in parked_workers.h.
 */
#include "runtime.h"

#include "alloc.h"
#include "cown_pool.h"
#include "options.h"

enum { MAX_WORKERS = 1024 };

static boc_status init_runtime(boc_runtime *runtime,
                               const boc_runtime_options *options) {
  const boc_allocator *allocator = NULL;
  if (options->allocator) {
    runtime->allocator_copy = *options->allocator;
    allocator = &runtime->allocator_copy;
  }
  boci_init(&runtime->closing, 0);
  runtime->process = boci_os_process();
  const uint32_t workers = options->workers ? options->workers : boc_core_count();
  const uint32_t on_demand = options->workers_on_demand;
  const boci_scheduler_config config = {
      .workers = workers,
      .compensating = options->compensating_workers,
      .on_demand = on_demand < workers ? on_demand : workers - 1,
      .spin = options->spin,
      .stack_size = options->stack_size,
      .trace_events = options->trace_events,
      .hooks = options->hooks,
      .allocator = allocator,
  };
  return boci_scheduler_init(&runtime->scheduler, &config);
}

static void free_runtime(boc_runtime *runtime) {
  boci_scheduler_fini(&runtime->scheduler);
  const bool own = runtime->scheduler.allocator != NULL;
  const boc_allocator allocator = runtime->allocator_copy;
  boci_release(own ? &allocator : NULL, runtime, sizeof *runtime);
}

boc_status boc_runtime_new(const boc_runtime_options *options,
                           boc_runtime **out_runtime) {
  BOCI_REQUIRE(out_runtime != NULL);
  boc_runtime_options own = BOC_RUNTIME_OPTIONS_INIT;
  if (!boci_options_read(&own, sizeof own, options) || own.workers > MAX_WORKERS ||
      own.compensating_workers > MAX_WORKERS)
    return BOC_BAD_ARGUMENT;
  boc_runtime *runtime = boci_allocate(own.allocator, sizeof *runtime);
  if (!runtime)
    return BOC_NO_MEMORY;
  boc_status status = init_runtime(runtime, &own);
  if (status != BOC_OK) {
    boci_release(own.allocator, runtime, sizeof *runtime);
    return status;
  }
  status = boci_scheduler_start(&runtime->scheduler);
  if (status == BOC_OK)
    *out_runtime = runtime;
  else
    free_runtime(runtime);
  return status;
}

void boc_runtime_free(boc_runtime *runtime) {
  BOCI_REQUIRE(runtime != NULL);
  if (boci_runtime_is_of_parent(runtime))
    return;
  BOCI_REQUIRE(boc_worker_index(runtime) < 0 && "not in a body of the runtime itself");
  boci_store_release(&runtime->closing, 1); /* [R11] */
  while (boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_NO_MEMORY)
    boci_os_yield();
  boci_scheduler_stop(&runtime->scheduler);
  free_runtime(runtime);
}

/* ---- quiescence ------------------------------------------------------------------ */

boc_status boc_runtime_quiesce(boc_runtime *runtime, int64_t timeout) {
  BOCI_REQUIRE(runtime != NULL);
  if (boci_runtime_own_worker(runtime) || boci_runtime_is_of_parent(runtime))
    return BOC_BAD_STATE;
  return boci_quiescence_wait(&runtime->scheduler, timeout);
}

void boc_runtime_on_quiescent(boc_runtime *runtime, boc_quiesce_node *node) {
  BOCI_REQUIRE(runtime != NULL && node != NULL && node->done != NULL);
  boci_quiescence_notify(&runtime->scheduler, node);
}

bool boc_runtime_quiesce_cancel(boc_runtime *runtime, boc_quiesce_node *node) {
  BOCI_REQUIRE(runtime != NULL && node != NULL);
  return boci_waiters_cancel(&runtime->scheduler.quiescence, node);
}

void boc_runtime_trim(boc_runtime *runtime) {
  BOCI_REQUIRE(runtime != NULL);
  if (boci_worker_current() || boci_runtime_is_of_parent(runtime))
    return;
  boci_external_give_back(&runtime->scheduler.external);
  boci_cown_pool_give_back_shared();
}

/* ---- workers --------------------------------------------------------------------- */

unsigned boc_runtime_workers(const boc_runtime *runtime) {
  BOCI_REQUIRE(runtime != NULL);
  return boci_scheduler_workers(&runtime->scheduler);
}

boc_status boc_runtime_set_workers(boc_runtime *runtime, unsigned workers) {
  BOCI_REQUIRE(runtime != NULL);
  if (boci_runtime_own_worker(runtime) || boci_runtime_is_of_parent(runtime))
    return BOC_BAD_STATE;
  if (workers == 0 || workers > runtime->scheduler.capacity)
    return BOC_BAD_ARGUMENT;
  return boci_blocking_resize(&runtime->scheduler, workers);
}

unsigned boc_runtime_idle_workers(const boc_runtime *runtime) {
  BOCI_REQUIRE(runtime != NULL);
  return boci_parked_or_searching(&runtime->scheduler.parked);
}

boc_runtime *boc_runtime_current(void) {
  const boci_worker *worker = boci_worker_current();
  return worker ? boci_runtime_of(worker->scheduler) : NULL;
}

int boc_worker_index(const boc_runtime *runtime) {
  const boci_worker *worker = boci_runtime_own_worker(runtime);
  return worker ? (int)worker->index : -1;
}

void boc_worker_poke(boc_runtime *runtime, unsigned worker) {
  BOCI_REQUIRE(runtime != NULL);
  boci_scheduler *scheduler = &runtime->scheduler;
  BOCI_REQUIRE(worker < boci_scheduler_started(scheduler));
  boci_worker_poke(&scheduler->worker[worker]);
}
