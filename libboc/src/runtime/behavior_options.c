/* Extras: see behavior_options.h. */
#include "behavior_options.h"

#include "thread_context.h"
#include "scope.h"
#include "trace.h"

/* On a worker the context is its own; a lane's thread gets one for the time of the
 * body. */
void boci_call_with_extras(boc_behavior *behavior,
                           void (*body)(boc_behavior *behavior)) {
  boci_extras *extras = boci_behavior_extras(behavior);
  if (extras->scope && boc_scope_cancelled(extras->scope)) {
    boci_trace_here(boci_behavior_runtime(behavior), BOC_TRACE_cancelled, behavior);
    return;
  }
  extras->ran = true;
  boci_context mine = {0};
  boci_context *before = boci_context_current();
  boci_context *context = before ? before : &mine;
  boc_scope *outer = context->scope;
  context->scope = extras->scope;
  if (!before)
    boci_tls_set(&mine);
  body(behavior);
  context->scope = outer;
  if (!before)
    boci_tls_set(NULL);
}

void boci_end_extras_slow(boc_behavior *behavior) {
  const boci_extras extras = *boci_behavior_extras(behavior);
  if (extras.done)
    extras.done(extras.ctx, extras.ran);
  if (extras.scope)
    boci_scope_leave(extras.scope);
}

void boci_forget_extras(boc_behavior *behavior) {
  boc_scope *scope = boci_behavior_extras(behavior)->scope;
  if (scope)
    boci_scope_leave(scope);
}

bool boc_behavior_cancelled(const boc_behavior *self) {
  if (!(self->block.flags & BOCI_BEHAVIOR_EXTRAS))
    return false;
  const boc_scope *scope = boci_behavior_extras(self)->scope;
  return scope && boc_scope_cancelled(scope);
}
