/* Done: the cown that becomes free when nothing of a scope is pending. See scope.h. */
#include "runtime.h"
#include "scope.h"
#include "status.h"

/* A behavior whose only cown is its result, and which ends when the scope is empty. */
typedef struct done_env {
  boc_scope *scope; /* with a reference */
  boc_quiesce_node node;
} done_env;

static void done_complete(void *behavior) { boc_behavior_complete(behavior); }

static void done_body(boc_behavior *self, void *env) {
  done_env *done = env;
  boc_behavior_defer(self);
  done->node = (boc_quiesce_node){.done = done_complete, .ctx = self};
  boc_scope_on_empty(done->scope, &done->node);
}

static void done_drop(void *env) { boc_scope_drop(((done_env *)env)->scope); }

static const boc_behavior_type done_type = {
    .name = "bocpy.scope_done", .body = done_body, .drop = done_drop};

/* It belongs to a scope of its own: in that of the asking body it would wait for
 * itself. */
static boc_status done_schedule(boc_runtime *runtime, boc_scope *scope,
                                boc_cown *result) {
  boc_access access = {result, BOC_FRESH};
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  boc_behavior *behavior;
  boc_status status = boc_scope_new(NULL, NULL, &options.scope);
  if (status != BOC_OK)
    return status;
  status = boc_behavior_new_with(runtime, &done_type, sizeof(done_env), &access, 1,
                                 &options, &behavior);
  boc_scope_drop(options.scope);
  if (status != BOC_OK)
    return status;
  ((done_env *)boc_behavior_env(behavior))->scope = boc_scope_hold(scope);
  boc_behavior_schedule(behavior);
  return BOC_OK;
}

PyObject *bocpy_scope_done(boc_scope *scope) {
  bocpy_state *state = bocpy_state_get();
  boc_cown *core = state ? bocpy_cown_core_new(false) : NULL;
  PyObject *result = core ? bocpy_cown_adopt(state, core) : NULL;
  boc_runtime *runtime = result ? bocpy_runtime_enter(true) : NULL;
  if (!runtime) {
    Py_XDECREF(result);
    return NULL;
  }
  boc_status status = done_schedule(runtime, scope, core);
  bocpy_runtime_leave();
  if (status == BOC_OK)
    return result;
  Py_DECREF(result);
  bocpy_status_raise(status, "done");
  return NULL;
}
