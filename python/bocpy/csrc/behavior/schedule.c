/* Schedule: see schedule.h. */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "globals_snapshot.h"
#include "in_flight.h"
#include "run.h"
#include "runtime.h"
#include "scope.h"

/* ---- the environment ------------------------------------------------------------- */

static void local_clear(bocpy_call *call) {
  bocpy_local *local = bocpy_call_local(call);
  Py_CLEAR(local->objects);
  Py_CLEAR(local->context);
  Py_CLEAR(local->function);
  for (uint32_t i = 0; call->handed && i < call->cowns; i++)
    Py_DECREF(local->handles[i]);
  call->handed = false;
}

void bocpy_call_clear(bocpy_call *call) {
  uint8_t carried = call->carried;
  call->carried = BOCPY_CARRY_NOTHING;
  if (carried == BOCPY_CARRY_BUFFER)
    bocpy_buffer_free(*bocpy_call_buffer(call));
  if (call->local)
    local_clear(call);
  if (call->counted)
    bocpy_code_drop(call->code);
  call->counted = false;
}

void bocpy_prepared_call_clear(bocpy_prepared_call *prepared) {
  bocpy_call *call = &prepared->call;
  if (call->carried == BOCPY_CARRY_BUFFER)
    bocpy_buffer_free(prepared->buffer);
  else if (call->carried == BOCPY_CARRY_OBJECTS)
    Py_DECREF(prepared->objects);
  call->carried = BOCPY_CARRY_NOTHING;
  if (call->local)
    Py_CLEAR(prepared->context);
  if (call->counted)
    bocpy_code_drop(call->code);
  call->counted = false;
}

/* The captures could not be encoded together: encodes each by itself, and raises the
 * error of the first that fails. If none does, the exception that is set stays. */
static void explain_capture(const bocpy_bound_args *bound, uint32_t items) {
  PyObject *pending = PyErr_GetRaisedException();
  Py_ssize_t count = PyTuple_GET_SIZE(bound->captures) - bound->globals;
  for (Py_ssize_t i = 0; i < count && !PyErr_Occurred(); i++) {
    PyObject *part = PyTuple_GET_ITEM(bound->captures, i);
    if (i >= count - (Py_ssize_t)bound->cells && PyTuple_GET_SIZE(part))
      part = PyTuple_GET_ITEM(part, 0);
    PyObject *name = bocpy_bound_args_name(bound, items, i);
    const char *root = name ? PyUnicode_AsUTF8(name) : NULL;
    bocpy_encode_tried(part, root ? root : "capture");
    Py_XDECREF(name);
  }
  if (PyErr_Occurred())
    Py_DECREF(pending);
  else
    PyErr_SetRaisedException(pending);
}

static int call_carry_captures(bocpy_prepared_call *prepared,
                               const bocpy_bound_args *bound, uint32_t items) {
  bocpy_call *call = &prepared->call;
  if (!bound->captures)
    return 0;
  if (call->local) {
    prepared->objects = Py_NewRef(bound->captures);
    call->carried = BOCPY_CARRY_OBJECTS;
    return 0;
  }
  size_t size =
      bocpy_encode_inline(bound->captures, prepared->bytes, sizeof(prepared->bytes));
  if (size) {
    call->size = (uint8_t)size;
    call->carried = BOCPY_CARRY_INLINE;
    return 0;
  }
  if (bocpy_encode(bound->captures, "captures", &prepared->buffer) < 0) {
    explain_capture(bound, items);
    return -1;
  }
  call->carried = BOCPY_CARRY_BUFFER;
  return 0;
}

/* On free-threaded builds, reference counting of another thread's object is slow: so
 * the body gets handles of its own. */
static bool when_args_hands_over(const bocpy_when_args *when_args) {
  return !BOCPY_FREE_THREADED || when_args->special;
}

bool bocpy_call_is_local(const bocpy_when_args *when_args) {
  return bocpy_by_reference() ||
         (when_args->pinned && PyInterpreterState_Get() == PyInterpreterState_Main());
}

/* Adds the registered context variables; None if there is nothing to add. Steals. */
static PyObject *snapshot_add_context(bocpy_state *state, PyObject *snapshot) {
  return bocpy_python_call(&state->python, BOCPY_PY_CONTEXT_ADD, "(N)",
                           snapshot ? snapshot : Py_NewRef(Py_None));
}

/* Adds the globals that the running body sees, and those that `pinned` reads, a
 * function which is to run in the main interpreter, or NULL. None if there is nothing
 * to add. Steals `snapshot`. */
static PyObject *snapshot_pass_on(bocpy_state *state, PyObject *snapshot,
                                  PyObject *pinned) {
  PyObject *seen = state->body_globals ? state->body_globals : Py_None;
  if (!snapshot)
    snapshot = Py_NewRef(Py_None);
  return bocpy_python_call(&state->python, BOCPY_PY_SHIP_PASS_ON, "(ONO)", seen,
                           snapshot, pinned ? pinned : Py_None);
}

/* Stores the globals that the body is to see, if they may change before it runs. */
static int call_snapshot_globals(bool local, bool pinned, bocpy_state *state,
                                 bocpy_bound_args *bound) {
  PyObject *snapshot = NULL;
  if (!local && !pinned && !state->body_globals && !state->propagates &&
      bocpy_code_is_shipped(bound->entry))
    return 0;
  if (!local) {
    if (bocpy_code_ship(state, bound->entry, bound->function, &snapshot) < 0)
      return -1;
    PyObject *here = pinned ? bound->function : NULL; /* runs in main */
    if ((state->body_globals || pinned) &&
        !(snapshot = snapshot_pass_on(state, snapshot, here)))
      return -1;
  } else if (bound->entry->names) {
    snapshot = bocpy_globals_snapshot_take(bound->entry->names,
                                           PyFunction_GET_GLOBALS(bound->function));
    if (!snapshot)
      return -1;
  }
  if (!local && state->propagates &&
      !(snapshot = snapshot_add_context(state, snapshot)))
    return -1;
  if (snapshot == Py_None)
    Py_CLEAR(snapshot);
  return snapshot ? bocpy_bound_args_add_globals(bound, snapshot) : 0;
}

static int call_copy_context(bocpy_prepared_call *prepared) {
  prepared->context = NULL;
  if (!prepared->call.local || !bocpy_context_has_values(PyThreadState_Get()))
    return 0;
  prepared->context = bocpy_context_copy();
  return prepared->context ? 0 : -1;
}

/* Inline, here and in bocpy_call_launch: as calls they passed 12 arguments and saved 12
 * registers for each behavior. */
static inline Py_ALWAYS_INLINE int call_prepare(bocpy_prepared_call *prepared,
                                                bocpy_state *state,
                                                bocpy_bound_args *bound,
                                                const bocpy_when_args *when_args) {
  bool local = bocpy_call_is_local(when_args);
  prepared->call = (bocpy_call){
      .code = bound->entry->code,
      .local = local,
      .handed = local && when_args_hands_over(when_args),
      .items = when_args->items,
      .cowns = when_args->cowns,
      .extra = (uint16_t)bound->extra,
      .positional = bound->positional,
      .keywords = (uint16_t)bound->keywords,
      .cells = (uint16_t)bound->cells,
      .grouped = when_args->shape != NULL,
      .reads = when_args->reads,
      .timed = when_args->due.kind != BOCPY_DUE_NOW,
  };
  if (call_snapshot_globals(local, when_args->pinned, state, bound) < 0)
    return -1;
  prepared->call.globals = bound->globals;
  if (call_copy_context(prepared) < 0)
    return -1;
  if (call_carry_captures(prepared, bound, when_args->items) < 0) {
    Py_CLEAR(prepared->context);
    return -1;
  }
  prepared->call.counted = bocpy_code_use(prepared->call.code);
  return 0;
}

int bocpy_call_prepare(bocpy_prepared_call *prepared, bocpy_state *state,
                       bocpy_bound_args *bound, const bocpy_when_args *when_args) {
  return call_prepare(prepared, state, bound, when_args);
}

int bocpy_call_copy(bocpy_prepared_call *prepared, const bocpy_prepared_call *pattern,
                    const bocpy_bound_args *bound, const bocpy_when_args *when_args) {
  bocpy_call *call = &prepared->call;
  *prepared = *pattern;
  call->handed = call->local && when_args_hands_over(when_args);
  call->cowns = when_args->cowns;
  call->grouped = when_args->shape != NULL;
  call->reads = when_args->reads;
  if (call_copy_context(prepared) < 0)
    return -1;
  if (call->carried == BOCPY_CARRY_OBJECTS) {
    Py_INCREF(prepared->objects);
  } else if (call->carried == BOCPY_CARRY_BUFFER &&
             bocpy_encode(bound->captures, "captures", &prepared->buffer) < 0) {
    Py_CLEAR(prepared->context);
    return -1;
  }
  call->counted = bocpy_code_use(call->code);
  return 0;
}

static void call_fill_local(bocpy_call *env, const bocpy_prepared_call *prepared,
                            const bocpy_bound_args *bound,
                            const bocpy_when_args *when_args) {
  bocpy_local *local = bocpy_call_local(env);
  local->objects = env->carried == BOCPY_CARRY_OBJECTS ? prepared->objects : NULL;
  local->context = prepared->context;
  local->function =
      bocpy_code_shared(env->code, bound->function) ? NULL : Py_NewRef(bound->function);
  for (uint32_t i = 0; env->handed && i < when_args->cowns; i++)
    local->handles[i] = Py_NewRef(when_args->handles[i]);
}

static void call_fill_env(bocpy_call *env, const bocpy_prepared_call *prepared,
                          const bocpy_bound_args *bound,
                          const bocpy_when_args *when_args) {
  *env = prepared->call;
  if (env->local)
    call_fill_local(env, prepared, bound, when_args);
  else if (env->carried == BOCPY_CARRY_INLINE)
    memcpy(bocpy_call_bytes(env), prepared->bytes, env->size);
  else if (env->carried == BOCPY_CARRY_BUFFER)
    *bocpy_call_buffer(env) = prepared->buffer;
  if (env->grouped)
    memcpy(bocpy_call_shape(env), when_args->shape, when_args->items * sizeof(int32_t));
}

/* ---- scheduling ------------------------------------------------------------------ */

#define FEW_ACCESSES (BOCPY_WHEN_ARGS_FEW + 1)

static const boc_behavior_type *when_behavior_type(const bocpy_when_args *when_args) {
  if (when_args->pinned)
    return &bocpy_behavior_pinned;
  return bocpy_by_reference() ? &bocpy_behavior_by_reference : &bocpy_behavior_shipped;
}

static boc_status new_behavior_in_scope(boc_runtime *runtime,
                                        const boc_behavior_type *type, size_t size,
                                        const boc_access *accesses, size_t count,
                                        boc_scope *scope, boc_behavior **out_behavior) {
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  options.scope = scope;
  return boc_behavior_new_with(runtime, type, size, accesses, count, &options,
                               out_behavior);
}

static boc_status when_new_behavior(boc_runtime *runtime, const bocpy_call *call,
                                    const bocpy_when_args *when_args, boc_cown *result,
                                    boc_scope *scope, boc_behavior **out_behavior) {
  boc_access few[FEW_ACCESSES], *accesses = few;
  size_t count = (size_t)when_args->cowns + 1;
  if (count > FEW_ACCESSES)
    accesses = malloc(count * sizeof(*accesses));
  if (!accesses)
    return BOC_NO_MEMORY;
  for (uint32_t i = 0; i < when_args->cowns; i++) {
    const bocpy_cown *cown = (bocpy_cown *)when_args->handles[i];
    accesses[i] = (boc_access){cown->core, when_args->modes[i] ? BOC_READ : BOC_WRITE};
    bocpy_in_flight_note(bocpy_cown_value(cown), call->code);
  }
  accesses[when_args->cowns] = (boc_access){result, BOC_FRESH};
  bocpy_in_flight_note(bocpy_value_of(result), call->code);
  size_t size = bocpy_call_env_size(call);
  const boc_behavior_type *type = when_behavior_type(when_args);
  boc_status status =
      scope ? new_behavior_in_scope(runtime, type, size, accesses, count, scope,
                                    out_behavior)
            : boc_behavior_new(runtime, type, size, accesses, count, out_behavior);
  if (accesses != few)
    free(accesses);
  return status;
}

/* ---- scheduling, now or later ---------------------------------------------------- */

/* -1 with an exception. */
static int when_start(boc_runtime *runtime, const bocpy_when_args *when_args,
                      boc_behavior *behavior, boc_cown *result,
                      const bocpy_code *code) {
  if (when_args->due.kind == BOCPY_DUE_NOW && bocpy_self.batch)
    return bocpy_batch_add(bocpy_self.batch, behavior);
  boc_status status = BOC_OK;
  if (when_args->due.kind == BOCPY_DUE_NOW)
    boc_behavior_schedule(behavior);
  else
    status = bocpy_timer_start(runtime, &when_args->due, behavior, result, code);
  if (status == BOC_OK)
    return 0;
  bocpy_status_raise(status, when_args->due.kind == BOCPY_DUE_AT ? "at()" : "after()");
  return -1;
}

static inline Py_ALWAYS_INLINE PyObject *
call_launch(bocpy_state *state, boc_runtime *runtime, bocpy_prepared_call *prepared,
            const bocpy_bound_args *bound, const bocpy_when_args *when_args,
            boc_scope *scope) {
  boc_cown *core = bocpy_cown_core_new(false);
  PyObject *result = core ? bocpy_cown_adopt(state, core) : NULL;
  boc_behavior *behavior;
  boc_status status = result ? when_new_behavior(runtime, &prepared->call, when_args,
                                                 core, scope, &behavior)
                             : BOC_NO_MEMORY;
  if (status != BOC_OK) {
    bocpy_prepared_call_clear(prepared);
    Py_XDECREF(result);
    bocpy_status_raise(status, "when()");
    return NULL;
  }
  call_fill_env(boc_behavior_env(behavior), prepared, bound, when_args);
  if (when_start(runtime, when_args, behavior, core, bound->entry->code) < 0) {
    boc_behavior_free(behavior);
    Py_CLEAR(result);
  }
  return result;
}

PyObject *bocpy_call_launch(bocpy_state *state, boc_runtime *runtime,
                            bocpy_prepared_call *prepared,
                            const bocpy_bound_args *bound,
                            const bocpy_when_args *when_args, boc_scope *scope) {
  return call_launch(state, runtime, prepared, bound, when_args, scope);
}

int bocpy_call_check_cycle(const bocpy_when_args *when_args) {
  if (bocpy_timer_pending() == 0)
    return 0;
  for (uint32_t i = 0; i < when_args->cowns; i++)
    for (uint32_t k = 0; k < when_args->cowns; k++) {
      if (!bocpy_timer_needs(((bocpy_cown *)when_args->handles[i])->core,
                             ((bocpy_cown *)when_args->handles[k])->core))
        continue;
      PyErr_SetString(
          PyExc_RuntimeError,
          "a behavior over the result of after() or at(), and over a cown that this "
          "one needs itself, would wait for it and hold it back: schedule over the "
          "result, and in that body over the cown");
      return -1;
    }
  return 0;
}

/* ---- the fast path --------------------------------------------------------------- */

bool bocpy_call_goes_plainly(const bocpy_when_args *when_args) {
  return !bocpy_by_reference() && !when_args->pinned &&
         when_args->cowns <= BOCPY_WHEN_ARGS_FEW &&
         when_args->due.kind == BOCPY_DUE_NOW && !bocpy_self.batch;
}

/* Whether the function's parameters are the cowns and small immutables as defaults,
 * which it encodes. */
static inline bool plain_captures(const bocpy_code *code, PyObject *defaults,
                                  uint32_t items, bocpy_inline_captures *out_captures) {
  Py_ssize_t count = defaults ? PyTuple_GET_SIZE(defaults) : 0;
  if (code->positional - (Py_ssize_t)items != count || code->keyword_only)
    return false;
  out_captures->count = (uint32_t)count;
  out_captures->size = 0;
  if (count)
    out_captures->size = (uint8_t)bocpy_encode_inline(defaults, out_captures->bytes,
                                                      sizeof(out_captures->bytes));
  return !count || out_captures->size;
}

/* The entry of a function that was scheduled before, has no closure, and reaches no
 * global that has to be looked at. NULL without an exception for others. */
static inline bocpy_entry *plain_entry(bocpy_state *state, PyObject *callable,
                                       const bocpy_when_args *when_args,
                                       bocpy_inline_captures *out_captures) {
  bocpy_entry *entry = state->latest;
  if (!entry || !PyFunction_Check(callable) ||
      PyFunction_GET_CODE(callable) != entry->object ||
      PyFunction_GET_GLOBALS(callable) != entry->globals ||
      PyFunction_GET_CLOSURE(callable))
    return NULL;
  return !state->body_globals && !state->propagates && bocpy_code_is_shipped(entry) &&
                 bocpy_call_goes_plainly(when_args) &&
                 plain_captures(entry->code, PyFunction_GET_DEFAULTS(callable),
                                when_args->items, out_captures)
             ? entry
             : NULL;
}

PyObject *bocpy_call_launch_plainly(bocpy_state *state, boc_runtime *runtime,
                                    const bocpy_code *code,
                                    const bocpy_inline_captures *captures,
                                    const bocpy_when_args *when_args) {
  boc_access accesses[FEW_ACCESSES];
  boc_behavior *behavior;
  uint32_t count = when_args->cowns;
  boc_cown *core = bocpy_cown_core_new(false);
  PyObject *result = core ? bocpy_cown_adopt(state, core) : NULL;
  if (!result)
    return NULL;
  for (uint32_t i = 0; i < count; i++) {
    const bocpy_cown *cown = (bocpy_cown *)when_args->handles[i];
    accesses[i] = (boc_access){cown->core, when_args->modes[i] ? BOC_READ : BOC_WRITE};
    bocpy_in_flight_note(bocpy_cown_value(cown), code);
  }
  accesses[count] = (boc_access){core, BOC_FRESH};
  bocpy_in_flight_note(bocpy_value_of(core), code);
  bocpy_call call = {.code = code,
                     .items = when_args->items,
                     .cowns = count,
                     .positional = captures->count,
                     .carried =
                         captures->size ? BOCPY_CARRY_INLINE : BOCPY_CARRY_NOTHING,
                     .size = captures->size,
                     .grouped = when_args->shape != NULL,
                     .reads = when_args->reads};
  boc_status status =
      boc_behavior_new(runtime, &bocpy_behavior_shipped, bocpy_call_env_size(&call),
                       accesses, count + 1, &behavior);
  if (status != BOC_OK) {
    Py_DECREF(result);
    bocpy_status_raise(status, "when()");
    return NULL;
  }
  call.counted = bocpy_code_use(code);
  bocpy_call *env = boc_behavior_env(behavior);
  *env = call;
  if (call.size)
    memcpy(bocpy_call_bytes(env), captures->bytes, call.size);
  if (call.grouped)
    memcpy(bocpy_call_shape(env), when_args->shape, call.items * sizeof(int32_t));
  boc_behavior_schedule(behavior);
  return result;
}

/* ---- any function ---------------------------------------------------------------- */

static PyObject *schedule_bound(bocpy_state *state, boc_runtime *runtime,
                                PyObject *callable, const bocpy_when_args *when_args,
                                PyObject *captures, boc_scope *scope) {
  bocpy_bound_args bound;
  bocpy_prepared_call prepared;
  PyObject *result = NULL;
  if (bocpy_bound_args_init(&bound, state, callable, when_args->items, captures) < 0)
    return NULL;
  if (call_prepare(&prepared, state, &bound, when_args) == 0)
    result = call_launch(state, runtime, &prepared, &bound, when_args, scope);
  bocpy_bound_args_fini(&bound);
  return result;
}

PyObject *bocpy_schedule(bocpy_state *state, PyObject *callable,
                         const bocpy_when_args *when_args, PyObject *captures,
                         PyObject *given) {
  boc_scope *scope;
  if (bocpy_refuse_importing("scheduling a behavior") < 0 ||
      bocpy_when_args_check_body(when_args, callable) < 0 ||
      bocpy_call_refuse_cycle(when_args) < 0 ||
      bocpy_scope_here(state, given, &scope) < 0)
    return NULL;
  boc_runtime *runtime = bocpy_runtime_enter(true);
  if (!runtime) {
    boc_scope_drop(scope);
    return NULL;
  }
  bocpy_state_remember(state);
  bocpy_inline_captures plain;
  const bocpy_entry *entry =
      captures || scope ? NULL : plain_entry(state, callable, when_args, &plain);
  PyObject *result =
      entry ? bocpy_call_launch_plainly(state, runtime, entry->code, &plain, when_args)
            : schedule_bound(state, runtime, callable, when_args, captures, scope);
  if (scope)
    boc_scope_drop(scope);
  bocpy_runtime_leave();
  bocpy_runtime_settle();
  return result;
}
