/* Behavior scope: see behavior_scope.h. */
#include "behavior_scope.h"

#include "scope.h"
#include "thread_context.h"

/* A worker has a context for its whole life; any other thread gets one for the time of
 * the body. */
bool boci_call_with_options(boc_behavior *behavior,
                            void (*body)(boc_behavior *behavior)) {
  boci_stored_options *options = boci_behavior_stored_options(behavior);
  if (options->scope && boc_scope_cancelled(options->scope)) {
    if (behavior->type->cancelled)
      behavior->type->cancelled(behavior, boci_behavior_env(behavior));
    return false;
  }
  options->ran = true;
  boci_thread_context mine = {0};
  boci_thread_context *before = boci_thread_context_current();
  boci_thread_context *context = before ? before : &mine;
  boc_scope *outer = context->scope;
  context->scope = options->scope;
  if (!before)
    boci_thread_context_set(&mine);
  body(behavior);
  context->scope = outer;
  if (!before)
    boci_thread_context_set(NULL);
  return true;
}

void boci_end_options_slow(boc_behavior *behavior) {
  if (behavior->block.flags & BOCI_BEHAVIOR_TIMED)
    boci_behavior_disarm(behavior);
  if (!(behavior->block.flags & BOCI_BEHAVIOR_OPTIONS))
    return;
  const boci_stored_options options = *boci_behavior_stored_options(behavior);
  if (options.done)
    options.done(options.ctx, options.ran);
  if (options.scope)
    boci_scope_leave(options.scope);
}

void boci_drop_options(boc_behavior *behavior) {
  boc_scope *scope = boci_behavior_stored_options(behavior)->scope;
  if (scope)
    boci_scope_leave(scope);
}

bool boc_behavior_cancelled(const boc_behavior *self) {
  if (self->block.flags & BOCI_BEHAVIOR_WITHDRAWN)
    return true;
  if (!(self->block.flags & BOCI_BEHAVIOR_OPTIONS))
    return false;
  const boc_scope *scope = boci_behavior_stored_options(self)->scope;
  return scope && boc_scope_cancelled(scope);
}
