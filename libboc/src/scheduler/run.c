/* Run: see run.h. */
#include "run.h"

#include "compiler.h"

/* ---- the body -------------------------------------------------------------------- */

static void call_cown_hooks(boc_behavior *behavior, bool before) {
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < boci_behavior_unique(behavior); i++) {
    boc_cown *cown = boci_request_cown(&requests[requests[i].order]);
    void (*hook)(boc_cown *, void *) =
        before ? cown->type->acquire : cown->type->release;
    if (hook)
      hook(cown, boci_cown_payload(cown));
  }
}

static void call_body_with_hooks(boc_behavior *behavior) {
  const bool hooks = (behavior->block.flags & BOCI_BEHAVIOR_HOOKS) != 0;
  if (hooks)
    call_cown_hooks(behavior, true);
  behavior->type->body(behavior, boci_behavior_env(behavior));
  if (hooks)
    call_cown_hooks(behavior, false);
}

static void end_withdrawn(boc_behavior *behavior) {
  if (behavior->type->cancelled)
    behavior->type->cancelled(behavior, boci_behavior_env(behavior));
  boci_trace_here(boci_behavior_scheduler(behavior), BOC_TRACE_CANCELLED, behavior);
}

/* Runs the body of any behavior, with its options and the hooks of its cowns; or ends
 * one that was withdrawn before its time. */
static void run_any_body(boc_behavior *behavior) {
  if (behavior->block.flags & BOCI_BEHAVIOR_WITHDRAWN)
    end_withdrawn(behavior);
  else if (!(behavior->block.flags & BOCI_BEHAVIOR_OPTIONS))
    call_body_with_hooks(behavior);
  else if (!boci_call_with_options(behavior, call_body_with_hooks))
    boci_trace_here(boci_behavior_scheduler(behavior), BOC_TRACE_CANCELLED, behavior);
}

/* ---- on a worker ----------------------------------------------------------------- */

BOCI_NOINLINE bool boci_admit(boci_worker *worker, boc_behavior *behavior,
                              bool overdue) {
  /* a withdrawn behavior holds no cown with data that it needs */
  if (behavior->block.flags & BOCI_BEHAVIOR_WITHDRAWN)
    return true;
  const boc_behavior_type *type = behavior->type;
  const int answer =
      type->admit(behavior, boci_behavior_env(behavior), worker->index, overdue);
  if (answer < 0 || (uint32_t)answer == worker->index)
    return true;
  BOCI_REQUIRE((uint32_t)answer < boci_scheduler_started(worker->scheduler));
  boci_count(&worker->counters.forwarded, 1);
  boci_enqueue_inbox(&worker->scheduler->worker[answer], behavior);
  return false;
}

BOCI_NOINLINE void boci_begin_specially(boci_worker *worker, boc_behavior *behavior) {
  boci_trace_note(&worker->trace, BOC_TRACE_STARTED, behavior);
  run_any_body(behavior);
}

BOCI_NOINLINE void boci_finish_on_worker(boci_worker *worker, boc_behavior *behavior,
                                         const boci_executor *to) {
  boci_trace_note(&worker->trace, BOC_TRACE_FINISHED, behavior);
  boci_behavior_end(behavior, to);
  boci_end_options(behavior);
  boci_free_on_worker(worker, behavior);
}

BOCI_NOINLINE void boci_finish_specially(boci_worker *worker, boc_behavior *behavior) {
  if (boci_body_finishes(behavior))
    boci_finish_on_worker(worker, behavior, &worker->handoff_executor);
}

/* ---- on any other thread --------------------------------------------------------- */

static void finish_outside(boci_scheduler *scheduler, boc_behavior *behavior) {
  boci_external_threads *external = &scheduler->external;
  boci_trace_external(scheduler, BOC_TRACE_FINISHED, behavior);
  boci_behavior_end(behavior, &external->executor);
  boci_end_options(behavior);
  void *block = boci_retire(scheduler, behavior);
  if (!BOCI_QUARANTINES || block)
    boci_external_free(external, block);
  boci_quiescence_finish_external(scheduler);
}

void boci_run_external(boc_behavior *behavior) {
  boci_scheduler *scheduler = boci_behavior_scheduler(behavior);
  boci_trace_external(scheduler, BOC_TRACE_STARTED, behavior);
  BOCI_SET_STAGE(behavior, RUNNING);
  run_any_body(behavior);
  if (boci_body_finishes(behavior))
    finish_outside(scheduler, behavior);
}

void boci_finish_deferred(boc_behavior *behavior) {
  boci_scheduler *scheduler = boci_behavior_scheduler(behavior);
  boci_worker *worker = boci_scheduler_own_worker(scheduler);
  if (worker)
    boci_finish_on_worker(worker, behavior, &worker->body_executor);
  else
    finish_outside(scheduler, behavior);
}
