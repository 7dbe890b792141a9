/* Scheduling: where the protocol, the caller's thread and its memory meet.
 *
 * A worker of the runtime uses its own pool, tally and queue. So does the first other
 * thread, but for the queue; all that come later share the runtime's outside ones. When
 * the first thread is gone, a new one may find itself in its place, as it comes after
 * all that the first has done.
 */
#include "behavior.h"
#include "behavior_options.h"
#include "alloc.h"
#include "runtime.h"
#include "scope.h"

static boci_worker *worker_of(const boci_context *context, const boc_runtime *runtime) {
  boci_worker *worker = context ? context->worker : NULL;
  return worker && worker->runtime == runtime ? worker : NULL;
}

static boci_worker *own_worker(const boc_runtime *runtime) {
  return worker_of(boci_context_current(), runtime);
}

/* Whether the calling thread is the first that is no worker; it may become so. */
static inline bool is_first(boc_runtime *runtime) {
  void *const me = boci_thread_token();
  void *first = boci_load_relaxed(&runtime->first); /* owner: my token is mine */
  return first == me ||
         (!first && boci_cas_strong_relaxed(&runtime->first, &first, me)); /* owner */
}

static void *alloc_outside(boc_runtime *runtime, size_t size) {
  if (is_first(runtime))
    return boci_pool_alloc(&runtime->first_pool, size);
  boci_mutex_lock(&runtime->outside_mutex);
  void *block = boci_pool_alloc(&runtime->outside_pool, size);
  boci_mutex_unlock(&runtime->outside_mutex);
  return block;
}

static void free_block(boc_runtime *runtime, void *block) {
  boci_worker *worker = own_worker(runtime);
  if (worker) {
    boci_pool_free(&worker->pool, block);
    return;
  }
  if (is_first(runtime)) {
    boci_pool_free(&runtime->first_pool, block);
    boci_pool_flush(&runtime->first_pool);
    return;
  }
  boci_mutex_lock(&runtime->outside_mutex);
  boci_pool_free(&runtime->outside_pool, block);
  boci_pool_flush(&runtime->outside_pool);
  boci_mutex_unlock(&runtime->outside_mutex);
}

/* Inline, so that what has no extras, as nearly everything, does not pay for them. */
static inline boc_status make(boc_runtime *runtime, boci_worker *worker,
                              const boc_behavior_type *type, size_t env_size,
                              const boc_access *accesses, size_t count,
                              const boci_extras *extras, boc_behavior **out_behavior) {
  const size_t size = boci_behavior_size(count, extras != NULL, env_size);
  if (size == 0)
    return BOC_NO_MEMORY;
  boc_behavior *behavior =
      worker ? boci_pool_alloc(&worker->pool, size) : alloc_outside(runtime, size);
  if (!behavior)
    return BOC_NO_MEMORY;
  const boc_status status =
      boci_behavior_init(behavior, type, env_size, accesses, count, extras);
  if (status == BOC_OK)
    *out_behavior = behavior;
  else
    free_block(runtime, behavior);
  return status;
}

static boc_status make_anywhere(boc_runtime *runtime, const boc_behavior_type *type,
                                size_t env_size, const boc_access *accesses,
                                size_t count, const boci_extras *extras,
                                boc_behavior **out_behavior) {
  boci_worker *worker = own_worker(runtime);
  if (!worker && boci_load_acquire(&runtime->closing))
    return BOC_CLOSED; /* [A11] */
  const bool needed = extras->scope || extras->done;
  const boc_status status = make(runtime, worker, type, env_size, accesses, count,
                                 needed ? extras : NULL, out_behavior);
  if (status == BOC_OK && extras->scope)
    boci_scope_enter(extras->scope);
  return status;
}

boc_status boc_behavior_new(boc_runtime *runtime, const boc_behavior_type *type,
                            size_t env_size, const boc_access *accesses, size_t count,
                            boc_behavior **out_behavior) {
  const boci_context *context = boci_context_current();
  boci_worker *worker = worker_of(context, runtime);
  if (worker && !context->scope)
    return make(runtime, worker, type, env_size, accesses, count, NULL, out_behavior);
  const boci_extras extras = {.scope = boci_context_scope()};
  return make_anywhere(runtime, type, env_size, accesses, count, &extras, out_behavior);
}

boc_status boc_behavior_new_with(boc_runtime *runtime, const boc_behavior_type *type,
                                 size_t env_size, const boc_access *accesses,
                                 size_t count, const boc_behavior_options *options,
                                 boc_behavior **out_behavior) {
  boci_extras extras = {.scope = boci_context_scope()};
  if (options) {
    if (options->scope)
      extras.scope = options->scope;
    extras.done = options->done;
    extras.ctx = options->ctx;
  }
  return make_anywhere(runtime, type, env_size, accesses, count, &extras, out_behavior);
}

void boc_behavior_free(boc_behavior *behavior) {
  if (behavior->type->drop)
    behavior->type->drop(boci_behavior_env(behavior));
  if (behavior->block.flags & BOCI_BEHAVIOR_EXTRAS)
    boci_forget_extras(behavior);
  free_block(boci_behavior_runtime(behavior), behavior);
}

/* Counts `count` as scheduled, and says where they go when they are ready. */
static inline const boci_executor *enter(boc_runtime *runtime, size_t count) {
  boci_worker *worker = own_worker(runtime);
  if (worker) {
    boci_tally_scheduled(&worker->tally, count);
    return &worker->pushing;
  }
  if (is_first(runtime)) {
    const uintptr_t before = boci_load_relaxed(&runtime->first_scheduled); /* owner */
    boci_store_relaxed(&runtime->first_scheduled, before + count);         /* owner */
  } else {
    boci_add_relaxed(&runtime->outside.scheduled,
                     count); /* count: published with them */
  }
  return &runtime->from_outside;
}

void boc_behavior_schedule(boc_behavior *behavior) {
  boc_runtime *runtime = boci_behavior_runtime(behavior);
  if (runtime->trace_events)
    boci_trace_here(runtime, BOC_TRACE_scheduled, behavior);
  boci_behavior_link(behavior, enter(runtime, 1));
}

boc_status boc_behavior_schedule_all(boc_behavior *const *behaviors, size_t count) {
  if (count == 0)
    return BOC_OK;
  boc_runtime *runtime = boci_behavior_runtime(behaviors[0]);
  for (size_t i = 1; i < count; i++)
    if (boci_behavior_runtime(behaviors[i]) != runtime)
      return BOC_BAD_ARGUMENT;
  const size_t size = (boci_behavior_scratch(behaviors, count) + 1) * sizeof(void *);
  boci_request **scratch = boci_allocate(runtime->allocator, size);
  if (!scratch)
    return BOC_NO_MEMORY;
  for (size_t i = 0; runtime->trace_events && i < count; i++)
    boci_trace_here(runtime, BOC_TRACE_scheduled, behaviors[i]);
  boci_behavior_link_all(behaviors, count, scratch, enter(runtime, count));
  boci_release(runtime->allocator, scratch, size);
  return BOC_OK;
}

void boc_behavior_defer(boc_behavior *self) {
  self->block.flags |= BOCI_BEHAVIOR_DEFERRED;
  boci_store_relaxed(&self->pending,
                     2); /* owner: handed out by the caller afterwards */
}

static void finish_outside(boc_behavior *behavior) {
  boc_runtime *runtime = boci_behavior_runtime(behavior);
  boci_trace_outside(runtime, BOC_TRACE_finished, behavior);
  boci_behavior_end(behavior, &runtime->from_outside);
  boci_end_extras(behavior);
  free_block(runtime, behavior);
  boci_rundown_finish_outside(runtime);
}

void boci_run_outside(boc_behavior *behavior) {
  boci_trace_outside(boci_behavior_runtime(behavior), BOC_TRACE_started, behavior);
  if (boci_run_body(behavior))
    finish_outside(behavior);
}

/* Keeps one behavior back if linking grants it everything; all others go their way. */
typedef struct catcher {
  boci_executor executor;
  const boci_executor *others;
  const boc_behavior *wanted;
  bool caught;
} catcher;

static void catch_ready(void *ctx, boc_behavior *behavior) {
  catcher *mine = ctx;
  if (behavior == mine->wanted)
    mine->caught = true;
  else
    mine->others->ready(mine->others->ctx, behavior);
}

/* Whoever counts `pending` down to zero calls `ready`, and only this thread has this
 * executor: so if the behavior is caught, no other thread has been told of it. If it is
 * not, it may be gone once it is linked, and is not looked at again. */
bool boc_behavior_schedule_or_run(boc_behavior *behavior) {
  boc_runtime *runtime = boci_behavior_runtime(behavior);
  if (own_worker(runtime)) {
    boc_behavior_schedule(behavior);
    return false;
  }
  if (runtime->trace_events)
    boci_trace_here(runtime, BOC_TRACE_scheduled, behavior);
  catcher mine = {.others = enter(runtime, 1), .wanted = behavior};
  mine.executor = (boci_executor){catch_ready, &mine};
  boci_behavior_link(behavior, &mine.executor);
  if (mine.caught)
    boci_run_outside(behavior);
  return mine.caught;
}

void boc_behavior_complete(boc_behavior *behavior) {
  if (boci_sub_acq_rel(&behavior->pending, 1) != 1)
    return; /* [R4] [A4] */
  boci_worker *worker = own_worker(boci_behavior_runtime(behavior));
  if (worker)
    boci_worker_finish(worker, behavior, &worker->pushing);
  else
    finish_outside(behavior);
}

typedef struct plain_env {
  void *arg;
  void (*body)(boc_behavior *self, void *arg);
} plain_env;

static void plain_body(boc_behavior *self, void *env) {
  const plain_env *plain = env;
  plain->body(self, plain->arg);
}

static const boc_behavior_type plain_type = {.name = "boc_when", .body = plain_body};

enum { FEW_COWNS = 16 };

static boc_status when_over(boc_runtime *runtime, const boc_access *accesses,
                            size_t count, plain_env plain) {
  boc_behavior *behavior;
  const boc_status status =
      boc_behavior_new(runtime, &plain_type, sizeof plain, accesses, count, &behavior);
  if (status != BOC_OK)
    return status;
  *(plain_env *)boci_behavior_env(behavior) = plain;
  boc_behavior_schedule(behavior);
  return BOC_OK;
}

boc_status boc_when(boc_runtime *runtime, boc_cown *const *cowns, size_t count,
                    void (*body)(boc_behavior *self, void *arg), void *arg) {
  boc_access few[FEW_COWNS];
  boc_access *accesses = few;
  if (count > SIZE_MAX / sizeof *accesses)
    return BOC_NO_MEMORY;
  if (count > FEW_COWNS)
    accesses = boci_allocate(runtime->allocator, count * sizeof *accesses);
  if (!accesses)
    return BOC_NO_MEMORY;
  for (size_t i = 0; i < count; i++)
    accesses[i] = (boc_access){cowns[i], BOC_WRITE};
  const boc_status status = when_over(runtime, accesses, count, (plain_env){arg, body});
  if (accesses != few)
    boci_release(runtime->allocator, accesses, count * sizeof *accesses);
  return status;
}
