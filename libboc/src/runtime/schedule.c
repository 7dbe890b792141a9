/* Schedule: making behaviors and scheduling them, on whatever thread the caller is.
 *
 * A worker of the behavior's runtime uses its own pool, counters and run queue; all
 * other threads use what external_threads.h has for them.
 */
#include "alloc.h"
#include "options.h"
#include "run.h"
#include "runtime.h"
#include "scope.h"

/* ---- making ---------------------------------------------------------------------- */

static void free_behavior_block(boci_scheduler *scheduler, void *block) {
  boci_worker *worker = boci_scheduler_own_worker(scheduler);
  if (worker)
    boci_block_pool_free(&worker->pool, block);
  else
    boci_external_free(&scheduler->external, block);
}

/* `worker` is the calling thread, or NULL. Inline, so that behaviors without options,
 * as nearly all are, do not pay for options. */
static inline boc_status make_behavior(boc_runtime *runtime, boci_worker *worker,
                                       const boc_behavior_type *type, size_t env_size,
                                       const boc_access *accesses, size_t count,
                                       const boci_stored_options *stored,
                                       boc_behavior **out_behavior) {
  const size_t size = boci_behavior_size(count, stored != NULL, env_size);
  if (size == 0)
    return BOC_NO_MEMORY;
  boc_behavior *behavior =
      worker ? boci_block_pool_alloc(&worker->pool, size)
             : boci_external_alloc(&runtime->scheduler.external, size);
  if (!behavior)
    return BOC_NO_MEMORY;
  const boc_status status =
      boci_behavior_init(behavior, type, env_size, accesses, count, stored);
  if (status != BOC_OK) {
    free_behavior_block(&runtime->scheduler, behavior);
    return status;
  }
  if (runtime->scheduler.trace_events)
    behavior->block.flags |= BOCI_BEHAVIOR_TRACED;
  *out_behavior = behavior;
  return BOC_OK;
}

/* Wrong arguments are a bug of the caller, so a check reports them here. */
static inline void require_arguments(const boc_runtime *runtime,
                                     const boc_behavior_type *type,
                                     const boc_access *accesses, size_t count) {
  BOCI_REQUIRE(runtime != NULL);
  BOCI_REQUIRE(type != NULL && type->body != NULL);
  BOCI_REQUIRE(count == 0 || accesses != NULL);
}

static boc_status make_with_options(boc_runtime *runtime, const boc_behavior_type *type,
                                    size_t env_size, const boc_access *accesses,
                                    size_t count, const boci_stored_options *stored,
                                    boc_behavior **out_behavior) {
  boci_worker *worker = boci_runtime_own_worker(runtime);
  if (!worker && boci_load_acquire(&runtime->closing)) /* [A11] */
    return BOC_CLOSED;
  const bool needed = stored->scope || stored->done;
  const boc_status status = make_behavior(runtime, worker, type, env_size, accesses,
                                          count, needed ? stored : NULL, out_behavior);
  if (status == BOC_OK && stored->scope)
    boci_scope_enter(stored->scope);
  return status;
}

/* Any thread, any scope, any cowns, any size. */
static BOCI_NOINLINE boc_status new_slow(boc_runtime *runtime,
                                         const boc_behavior_type *type, size_t env_size,
                                         const boc_access *accesses, size_t count,
                                         boc_behavior **out_behavior) {
  require_arguments(runtime, type, accesses, count);
  boci_worker *worker = boci_runtime_own_worker(runtime);
  struct boc_scope *scope = boci_thread_context_scope();
  if (!scope && (worker || !boci_load_acquire(&runtime->closing))) /* [A11] */
    return make_behavior(runtime, worker, type, env_size, accesses, count, NULL,
                         out_behavior);
  const boci_stored_options stored = {.scope = scope};
  return make_with_options(runtime, type, env_size, accesses, count, &stored,
                           out_behavior);
}

/* Most behaviors have few cowns and a small environment, and bodies without a scope
 * make them. Returns NULL for other behaviors, if there is no block, and if an argument
 * is wrong: the slow path then does what is to be done. */
enum { PLAIN_COWNS = 8, PLAIN_ENV = 128 };

BOCI_ALWAYS_INLINE boc_behavior *new_plain(boc_runtime *runtime,
                                           const boc_behavior_type *type,
                                           size_t env_size, const boc_access *accesses,
                                           size_t count) {
  boci_worker *worker = boci_runtime_own_worker(runtime);
  if (!worker || worker->context.scope || env_size > PLAIN_ENV || !type ||
      !type->body || (count > 0 && !accesses) ||
      !boci_accesses_are_plain(accesses, count))
    return NULL;
  boc_behavior *behavior = boci_block_pool_alloc_ready(
      &worker->pool, boci_behavior_env_at(count, false) + env_size);
  if (count == 1)
    BOCI_COMPUTE_ANEW(accesses);
  if (behavior)
    boci_behavior_init_plain(behavior, type, env_size, accesses, (uint32_t)count,
                             worker->traced);
  return behavior;
}

BOCI_ALWAYS_INLINE boc_status new_of_count(boc_runtime *runtime,
                                           const boc_behavior_type *type,
                                           size_t env_size, const boc_access *accesses,
                                           size_t count, boc_behavior **out_behavior) {
  boc_behavior *behavior = new_plain(runtime, type, env_size, accesses, count);
  if (!behavior)
    return new_slow(runtime, type, env_size, accesses, count, out_behavior);
  *out_behavior = behavior;
  return BOC_OK;
}

static BOCI_NOINLINE boc_status new_with_many(boc_runtime *runtime,
                                              const boc_behavior_type *type,
                                              size_t env_size,
                                              const boc_access *accesses, size_t count,
                                              boc_behavior **out_behavior) {
  if (count > PLAIN_COWNS)
    return new_slow(runtime, type, env_size, accesses, count, out_behavior);
  return new_of_count(runtime, type, env_size, accesses, count, out_behavior);
}

static BOCI_NOINLINE boc_status new_with_two(boc_runtime *runtime,
                                             const boc_behavior_type *type,
                                             size_t env_size,
                                             const boc_access *accesses, size_t count,
                                             boc_behavior **out_behavior) {
  (void)count;
  return new_of_count(runtime, type, env_size, accesses, 2, out_behavior);
}

/* Separate for no cown, one and two, where the compiler knows all sizes. All calls are
 * tail calls, so that no function saves registers for another one. */
boc_status boc_behavior_new(boc_runtime *runtime, const boc_behavior_type *type,
                            size_t env_size, const boc_access *accesses, size_t count,
                            boc_behavior **out_behavior) {
  if (count == 1)
    return new_of_count(runtime, type, env_size, accesses, 1, out_behavior);
  if (count == 0)
    return new_of_count(runtime, type, env_size, accesses, 0, out_behavior);
  if (count == 2)
    return new_with_two(runtime, type, env_size, accesses, 2, out_behavior);
  return new_with_many(runtime, type, env_size, accesses, count, out_behavior);
}

boc_status boc_behavior_new_with(boc_runtime *runtime, const boc_behavior_type *type,
                                 size_t env_size, const boc_access *accesses,
                                 size_t count, const boc_behavior_options *options,
                                 boc_behavior **out_behavior) {
  boc_behavior_options own = BOC_BEHAVIOR_OPTIONS_INIT;
  require_arguments(runtime, type, accesses, count);
  if (!boci_options_read(&own, sizeof own, options))
    return BOC_BAD_ARGUMENT;
  const boci_stored_options stored = {
      .scope = own.scope ? own.scope : boci_thread_context_scope(),
      .done = own.done,
      .ctx = own.ctx,
  };
  return make_with_options(runtime, type, env_size, accesses, count, &stored,
                           out_behavior);
}

void boc_behavior_free(boc_behavior *behavior) {
  BOCI_REQUIRE(behavior != NULL);
  BOCI_CHECK_STAGE(behavior, NEW, "boc_behavior_free: neither scheduled nor freed yet");
  if (behavior->type->drop)
    behavior->type->drop(boci_behavior_env(behavior));
  if (behavior->block.flags & BOCI_BEHAVIOR_OPTIONS)
    boci_drop_options(behavior);
  boci_scheduler *scheduler = boci_behavior_scheduler(behavior);
  void *block = boci_retire(scheduler, behavior);
  if (!BOCI_QUARANTINES || block)
    free_behavior_block(scheduler, block);
}

/* ---- scheduling ------------------------------------------------------------------ */

/* Passes the behavior from the caller to the library. */
static inline void check_and_schedule(boc_behavior *behavior) {
  BOCI_CHECK_STAGE(behavior, NEW,
                   "a behavior is scheduled once, and not after its end");
  BOCI_SET_STAGE(behavior, SCHEDULED);
  (void)behavior;
}

static BOCI_NOINLINE void schedule_any(boc_behavior *behavior) {
  boci_scheduler *scheduler = boci_behavior_scheduler(behavior);
  if (scheduler->trace_events)
    boci_trace_here(scheduler, BOC_TRACE_SCHEDULED, behavior);
  boci_behavior_link(behavior, boci_scheduler_count_scheduled(scheduler, 1));
}

static BOCI_NOINLINE void schedule_first(boci_worker *worker, boc_behavior *behavior,
                                         boci_request *previous) {
  if (!boci_request_link_only_slow(previous, boci_behavior_requests(behavior),
                                   &worker->body_executor))
    return;
  boci_store_relaxed(&behavior->pending, 0); /* owner: it has all it waits for */
  boci_enqueue_own(worker, behavior);
}

/* Whether this worker made it, and scheduling it is nothing but linking it. */
static inline bool is_plain(const boci_worker *worker, const boc_behavior *behavior) {
  return worker && behavior->block.home == &worker->pool &&
         !(behavior->block.flags &
           (BOCI_BEHAVIOR_FRESH | BOCI_BEHAVIOR_PINNED | BOCI_BEHAVIOR_TRACED));
}

/* Does inline what most behaviors need. All other cases are tail calls, so that this
 * function saves no registers. */
void boc_behavior_schedule(boc_behavior *behavior) {
  BOCI_REQUIRE(behavior != NULL);
  check_and_schedule(behavior);
  boci_worker *worker = boci_worker_current();
  if (!is_plain(worker, behavior)) {
    schedule_any(behavior);
    return;
  }
  boci_in_flight_add_scheduled(&worker->in_flight, 1);
  if (behavior->block.number == 0) {
    boci_enqueue_own(worker, behavior);
    return;
  }
  if (behavior->block.number > 1) {
    boci_behavior_link_many(behavior, &worker->body_executor);
    return;
  }
  boci_request *request = boci_behavior_requests(behavior);
  boci_request *previous = boci_request_append_only(request);
  if (!boci_request_link_only_simply(previous, request))
    schedule_first(worker, behavior, previous);
}

/* Catches one behavior if linking grants it everything; passes others on. */
typedef struct catching_executor {
  boci_executor executor;
  const boci_executor *others;
  const boc_behavior *wanted;
  bool caught;
} catching_executor;

static void catch_ready(void *ctx, boc_behavior *behavior) {
  catching_executor *mine = ctx;
  if (behavior == mine->wanted)
    mine->caught = true;
  else
    mine->others->ready(mine->others->ctx, behavior);
}

/* The thread that counts `pending` down to zero calls `ready`, and only this thread has
 * this executor. So if the behavior is caught, no other thread knows that it is ready.
 * Otherwise it may be freed as soon as it is linked, and must not be touched again. */
bool boc_behavior_schedule_or_run(boc_behavior *behavior) {
  BOCI_REQUIRE(behavior != NULL);
  boci_scheduler *scheduler = boci_behavior_scheduler(behavior);
  if (boci_thread_context_is_worker()) {
    boc_behavior_schedule(behavior);
    return false;
  }
  check_and_schedule(behavior);
  if (scheduler->trace_events)
    boci_trace_here(scheduler, BOC_TRACE_SCHEDULED, behavior);
  catching_executor mine = {.others = boci_scheduler_count_scheduled(scheduler, 1),
                            .wanted = behavior};
  mine.executor = (boci_executor){catch_ready, &mine};
  boci_behavior_link(behavior, &mine.executor);
  if (mine.caught)
    boci_run_external(behavior);
  return mine.caught;
}

boc_status boc_behavior_schedule_all(boc_behavior *const *behaviors, size_t count) {
  if (count == 0)
    return BOC_OK;
  boci_scheduler *scheduler = boci_behavior_scheduler(behaviors[0]);
  for (size_t i = 1; i < count; i++)
    if (boci_behavior_scheduler(behaviors[i]) != scheduler)
      return BOC_BAD_ARGUMENT;
  const size_t size = (boci_behavior_scratch(behaviors, count) + 1) * sizeof(void *);
  boci_request **scratch = boci_allocate(scheduler->allocator, size);
  if (!scratch)
    return BOC_NO_MEMORY;
  for (size_t i = 0; BOCI_QUARANTINES && i < count; i++)
    check_and_schedule(behaviors[i]);
  for (size_t i = 0; scheduler->trace_events && i < count; i++)
    boci_trace_here(scheduler, BOC_TRACE_SCHEDULED, behaviors[i]);
  boci_behavior_link_all(behaviors, count, scratch,
                         boci_scheduler_count_scheduled(scheduler, count));
  boci_release(scheduler->allocator, scratch, size);
  return BOC_OK;
}

/* ---- deferring ------------------------------------------------------------------- */

void boc_behavior_defer(boc_behavior *self) {
  BOCI_REQUIRE(self != NULL);
  BOCI_CHECK_STAGE(self, RUNNING, "boc_behavior_defer: in the behavior's own body");
  BOCI_CHECK(!(self->block.flags & BOCI_BEHAVIOR_DEFERRED),
             "boc_behavior_defer: once for a behavior");
  self->block.flags |= BOCI_BEHAVIOR_DEFERRED;
  boci_store_relaxed(&self->pending, 2); /* owner: the caller hands it out afterwards */
}

/* Two threads may complete it at once: the check reports the second one. */
static inline void check_complete(boc_behavior *behavior) {
#if defined(BOC_CHECKS)
  uint32_t stage = BOCI_STAGE_RUNNING;
  BOCI_CHECK(boci_cas_strong_relaxed(&behavior->stage, &stage, /* assert */
                                     BOCI_STAGE_COMPLETED) &&
                 (behavior->block.flags & BOCI_BEHAVIOR_DEFERRED),
             "boc_behavior_complete: once, for a behavior that is deferred");
#else
  (void)behavior;
#endif
}

void boc_behavior_complete(boc_behavior *behavior) {
  BOCI_REQUIRE(behavior != NULL);
  check_complete(behavior);
  if (boci_sub_acq_rel(&behavior->pending, 1) == 1) /* [R4] [A4] */
    boci_finish_deferred(behavior);
}

/* ---- boc_when -------------------------------------------------------------------- */

typedef struct when_env {
  void *arg;
  void (*body)(boc_behavior *self, void *arg);
} when_env;

static void when_body(boc_behavior *self, void *env) {
  const when_env *when = env;
  when->body(self, when->arg);
}

static const boc_behavior_type when_type = {.name = "boc_when", .body = when_body};

enum { FEW_COWNS = 16 };

static boc_status schedule_when(boc_runtime *runtime, const boc_access *accesses,
                                size_t count, when_env when) {
  boc_behavior *behavior;
  const boc_status status =
      boc_behavior_new(runtime, &when_type, sizeof when, accesses, count, &behavior);
  if (status != BOC_OK)
    return status;
  *(when_env *)boci_behavior_env(behavior) = when;
  boc_behavior_schedule(behavior);
  return BOC_OK;
}

boc_status boc_when(boc_runtime *runtime, boc_cown *const *cowns, size_t count,
                    void (*body)(boc_behavior *self, void *arg), void *arg) {
  BOCI_REQUIRE(runtime != NULL && body != NULL && (count == 0 || cowns != NULL));
  const boc_allocator *allocator = runtime->scheduler.allocator;
  boc_access few[FEW_COWNS];
  boc_access *accesses = few;
  if (count > SIZE_MAX / sizeof *accesses)
    return BOC_NO_MEMORY;
  if (count > FEW_COWNS)
    accesses = boci_allocate(allocator, count * sizeof *accesses);
  if (!accesses)
    return BOC_NO_MEMORY;
  for (size_t i = 0; i < count; i++)
    accesses[i] = (boc_access){cowns[i], BOC_WRITE};
  const boc_status status =
      schedule_when(runtime, accesses, count, (when_env){arg, body});
  if (accesses != few)
    boci_release(allocator, accesses, count * sizeof *accesses);
  return status;
}
