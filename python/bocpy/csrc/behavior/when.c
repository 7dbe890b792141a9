/* When: see when.h. */
#include "when.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "bound_args.h"
#include "code.h"
#include "elsewhere.h"
#include "in_flight.h"
#include "overlay.h"
#include "run.h"
#include "runtime.h"
#include "scope.h"

/* ---- the environment ------------------------------------------------------------- */

void bocpy_call_clear(bocpy_call *call) {
  uint8_t carried = call->carried;
  call->carried = BOCPY_CARRY_NOTHING;
  if (carried == BOCPY_CARRY_BUFFER)
    bocpy_buffer_free(call->buffer);
  else if (carried == BOCPY_CARRY_OBJECTS)
    Py_DECREF(call->objects);
  if (call->local)
    Py_CLEAR(call->context);
  if (call->counted)
    bocpy_code_drop(call->code);
  call->counted = false;
  Py_CLEAR(call->function);
  for (uint32_t i = 0; call->handed && i < call->cowns; i++)
    Py_DECREF(call->handles[i]);
  call->handed = false;
}

/* The captures could not be encoded together: encodes each alone, and raises the error
 * of the first that fails. If none does, the exception that is set stays. */
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

static int call_carry_captures(bocpy_call *call, const bocpy_bound_args *bound,
                               uint32_t items) {
  if (!bound->captures)
    return 0;
  if (call->local) {
    call->objects = Py_NewRef(bound->captures);
    call->carried = BOCPY_CARRY_OBJECTS;
    return 0;
  }
  size_t size = bocpy_encode_inline(bound->captures, call->bytes, sizeof(call->bytes));
  if (size) {
    call->size = (uint8_t)size;
    call->carried = BOCPY_CARRY_INLINE;
    return 0;
  }
  if (bocpy_encode(bound->captures, "captures", &call->buffer) < 0) {
    explain_capture(bound, items);
    return -1;
  }
  call->carried = BOCPY_CARRY_BUFFER;
  return 0;
}

/* Without a GIL, counting references to another thread's object is slow: so the body
 * gets handles of its own. */
static bool when_args_hands_over(const bocpy_when_args *when_args) {
  return !BOCPY_FREE_THREADED || when_args->special;
}

static bool when_args_by_reference(const bocpy_when_args *when_args) {
  return bocpy_by_reference() ||
         (when_args->pinned && PyInterpreterState_Get() == PyInterpreterState_Main());
}

/* Adds the context variables that were registered: None if there is nothing. Steals. */
static PyObject *snapshot_add_context(bocpy_state *state, PyObject *snapshot) {
  return bocpy_python_call(&state->python, BOCPY_PY_CONTEXT_ADD, "(N)",
                           snapshot ? snapshot : Py_NewRef(Py_None));
}

/* Keeps the globals that the body is to see, where they may change before it runs. */
static int call_snapshot_globals(bool local, bocpy_state *state,
                                 bocpy_bound_args *bound) {
  PyObject *snapshot = NULL;
  if (!local) {
    if (bocpy_code_ship(state, bound->entry, bound->function, &snapshot) < 0)
      return -1;
  } else if (bound->entry->names) {
    snapshot = bocpy_overlay_snapshot(bound->entry->names,
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

/* Fills in what is known of the environment before the behavior is allocated. */
static int call_prepare(bocpy_call *call, bocpy_state *state, bocpy_bound_args *bound,
                        const bocpy_when_args *when_args) {
  bool local = when_args_by_reference(when_args);
  *call = (bocpy_call){
      .code = bound->entry->code,
      .local = local,
      .handed = local && when_args_hands_over(when_args),
      .items = when_args->items,
      .cowns = when_args->cowns,
      .extra = bound->extra,
      .positional = bound->positional,
      .keywords = bound->keywords,
      .cells = bound->cells,
      .grouped = when_args->shape != NULL,
      .reads = when_args->reads,
      .timed = when_args->due.kind != BOCPY_DUE_NOW,
  };
  if (call_snapshot_globals(local, state, bound) < 0)
    return -1;
  call->globals = bound->globals;
  if (local && bocpy_context_has_values() && !(call->context = PyContext_CopyCurrent()))
    return -1;
  if (call_carry_captures(call, bound, when_args->items) < 0)
    return -1;
  call->counted = bocpy_code_use(call->code);
  return 0;
}

static void call_fill_env(bocpy_call *env, const bocpy_call *call,
                          const bocpy_bound_args *bound,
                          const bocpy_when_args *when_args) {
  *env = *call;
  if (call->local && !bocpy_code_shared(call->code, bound->function))
    env->function = Py_NewRef(bound->function);
  for (uint32_t i = 0; call->handed && i < when_args->cowns; i++)
    env->handles[i] = Py_NewRef(when_args->handles[i]);
  if (when_args->shape)
    memcpy(bocpy_call_shape(env), when_args->shape, when_args->items * sizeof(int32_t));
}

/* ---- scheduling ------------------------------------------------------------------ */

#define FEW_ACCESSES (BOCPY_WHEN_ARGS_FEW + 1)

static const boc_behavior_type *when_behavior_type(const bocpy_when_args *when_args) {
  if (when_args->pinned)
    return &bocpy_behavior_pinned;
  return bocpy_by_reference() ? &bocpy_behavior_by_reference : &bocpy_behavior_shipped;
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
  for (uint32_t i = 0; i < when_args->cowns; i++)
    accesses[i] = (boc_access){((bocpy_cown *)when_args->handles[i])->core,
                               when_args->modes[i] ? BOC_READ : BOC_WRITE};
  accesses[when_args->cowns] = (boc_access){result, BOC_FRESH};
  for (size_t i = 0; i < count; i++)
    bocpy_in_flight_note(bocpy_value_of(accesses[i].cown), call->code);
  size_t size = sizeof(bocpy_call) + bocpy_call_tail(call, when_args);
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  options.scope = scope;
  const boc_behavior_type *type = when_behavior_type(when_args);
  boc_status status =
      scope ? boc_behavior_new_with(runtime, type, size, accesses, count, &options,
                                    out_behavior)
            : boc_behavior_new(runtime, type, size, accesses, count, out_behavior);
  if (accesses != few)
    free(accesses);
  return status;
}

/* ---- scheduling, now or later ---------------------------------------------------- */

/* -1 with an exception. */
static int when_start(boc_runtime *runtime, const bocpy_when_args *when_args,
                      boc_behavior *behavior, boc_cown *result) {
  if (when_args->due.kind == BOCPY_DUE_NOW && bocpy_self.batch)
    return bocpy_batch_add(bocpy_self.batch, behavior);
  boc_status status = BOC_OK;
  if (when_args->due.kind == BOCPY_DUE_NOW)
    boc_behavior_schedule(behavior);
  else
    status = bocpy_timer_start(runtime, &when_args->due, behavior, result);
  if (status == BOC_OK)
    return 0;
  bocpy_status_raise(status, "after()");
  return -1;
}

/* The result's handle; takes over what `call` carries, also if it fails. */
static PyObject *when_launch(bocpy_state *state, boc_runtime *runtime, bocpy_call *call,
                             const bocpy_bound_args *bound,
                             const bocpy_when_args *when_args, boc_scope *scope) {
  boc_cown *core = bocpy_core_new(false);
  PyObject *result = core ? bocpy_cown_adopt(state, core) : NULL;
  boc_behavior *behavior;
  boc_status status =
      result ? when_new_behavior(runtime, call, when_args, core, scope, &behavior)
             : BOC_NO_MEMORY;
  if (status != BOC_OK) {
    call->handed = false; /* the handles have no references in `call` yet */
    bocpy_call_clear(call);
    Py_XDECREF(result);
    bocpy_status_raise(status, "when()");
    return NULL;
  }
  call_fill_env(boc_behavior_env(behavior), call, bound, when_args);
  if (when_start(runtime, when_args, behavior, core) < 0) {
    boc_behavior_free(behavior);
    Py_CLEAR(result);
  }
  return result;
}

/* -1 with RuntimeError. */
static int when_refuse_cycle(const bocpy_when_args *when_args) {
  if (bocpy_timer_pending() == 0 || when_args->cowns < 2)
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

PyObject *bocpy_schedule(bocpy_state *state, PyObject *callable,
                         const bocpy_when_args *when_args, PyObject *captures,
                         PyObject *given) {
  boc_scope *scope;
  if (bocpy_refuse_importing("scheduling a behavior") < 0 ||
      when_refuse_cycle(when_args) < 0 || bocpy_scope_here(state, given, &scope) < 0)
    return NULL;
  boc_runtime *runtime = bocpy_runtime_enter(true);
  if (!runtime) {
    boc_scope_drop(scope);
    return NULL;
  }
  bocpy_state_remember(state);
  bocpy_bound_args bound;
  bocpy_call call;
  PyObject *result = NULL;
  if (bocpy_bound_args_init(&bound, state, callable, when_args->items, captures) == 0) {
    if (call_prepare(&call, state, &bound, when_args) == 0)
      result = when_launch(state, runtime, &call, &bound, when_args, scope);
    bocpy_bound_args_fini(&bound);
  }
  boc_scope_drop(scope);
  bocpy_runtime_leave();
  bocpy_runtime_settle();
  return result;
}

/* ---- the decorator --------------------------------------------------------------- */

typedef struct when_object {
  PyObject_HEAD vectorcallfunc vectorcall;
  bocpy_state *state;
  PyObject *scope; /* a _Scope, or NULL: the current one */
  bocpy_when_args when_args;
} when_object;

static PyObject *when_call(when_object *self, PyObject *const *args, size_t flags,
                           PyObject *names) {
  if (PyVectorcall_NARGS(flags) != 1 || (names && PyTuple_GET_SIZE(names))) {
    PyErr_SetString(PyExc_TypeError,
                    "when(...) is a decorator: call it with one function");
    return NULL;
  }
  return bocpy_schedule(self->state, args[0], &self->when_args, NULL, self->scope);
}

static void when_dealloc(when_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  bocpy_when_args_fini(&self->when_args);
  Py_CLEAR(self->scope);
  if (!bocpy_freelist_keep(&self->state->schedulers, (PyObject *)self))
    type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *when_new(bocpy_state *state, PyObject *scope, PyObject *const *args,
                          Py_ssize_t count) {
  when_object *self =
      (when_object *)bocpy_freelist_take(&state->schedulers, state->when_type);
  if (!self)
    self = PyObject_New(when_object, state->when_type);
  if (!self)
    return NULL;
  self->vectorcall = (vectorcallfunc)when_call;
  self->state = state;
  self->scope = Py_XNewRef(scope);
  if (bocpy_when_args_init(&self->when_args, state, "when()", args, count) == 0)
    return (PyObject *)self;
  Py_DECREF(self);
  return NULL;
}

PyObject *bocpy_when(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_state *state = bocpy_state_of(module);
  PyObject *recorded;
  int answered = bocpy_elsewhere(state, "when", args, count, &recorded);
  if (answered)
    return answered > 0 ? recorded : NULL;
  return when_new(state, NULL, args, count);
}

/* _when_in(scope, *cowns) */
PyObject *bocpy_when_in(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_state *state = bocpy_state_of(module);
  if (count < 1 || !bocpy_scope_of(state, args[0])) {
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_TypeError, "_when_in() takes a scope and cowns");
    return NULL;
  }
  return when_new(state, args[0], args + 1, count - 1);
}

/* ---- later ----------------------------------------------------------------------- */

static PyObject *when_later(PyObject *module, const bocpy_due *due,
                            PyObject *const *args, Py_ssize_t count) {
  if (bocpy_self.batch) {
    PyErr_SetString(PyExc_RuntimeError,
                    "after() and at() in an atomically() block: what has its time "
                    "later cannot be scheduled together with the others; call them "
                    "outside");
    return NULL;
  }
  if (bocpy_runtime_watch_forks() < 0)
    return NULL;
  PyObject *decorator = when_new(bocpy_state_of(module), NULL, args, count);
  if (decorator)
    ((when_object *)decorator)->when_args.due = *due;
  return decorator;
}

static bool later_is_refused(PyObject *module, const char *name, Py_ssize_t count) {
  if (bocpy_elsewhere_refuses(module, name))
    return true;
  if (count > 0)
    return false;
  PyErr_Format(PyExc_TypeError, "%s() needs a number of seconds, and takes cowns",
               name);
  return true;
}

PyObject *bocpy_after(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_due due = {.kind = BOCPY_DUE_AFTER};
  if (later_is_refused(module, "after", count) ||
      bocpy_timer_seconds(args[0], "after(): the delay", &due.ns) < 0)
    return NULL;
  return when_later(module, &due, args + 1, count - 1);
}

/* _at(seconds from now, *cowns): see bocpy._timers. */
PyObject *bocpy_at(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_due due = {.kind = BOCPY_DUE_AT};
  if (later_is_refused(module, "at", count) ||
      bocpy_timer_seconds(args[0], "at(): the time from now on", &due.ns) < 0)
    return NULL;
  due.ns += boc_now();
  return when_later(module, &due, args + 1, count - 1);
}

static PyMemberDef when_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(when_object, vectorcall),
     Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot when_slots[] = {
    {Py_tp_doc,
     (void *)"What when() returns: schedules the function it is called with."},
    {Py_tp_dealloc, when_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, when_members},
    {0, NULL},
};

PyType_Spec bocpy_when_spec = {
    .name = "bocpy.When",
    .basicsize = sizeof(when_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = when_slots,
};

/* ---- whencall -------------------------------------------------------------------- */

static PyObject *whencall_schedule(bocpy_state *state, PyObject *callable,
                                   PyObject *args, PyObject *captures) {
  bocpy_when_args when_args;
  PyObject *result = NULL;
  Py_ssize_t count = PyTuple_GET_SIZE(args);
  PyObject **items = PyMem_Malloc((size_t)(count + 1) * sizeof(*items));
  if (!items)
    return PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < count; i++)
    items[i] = PyTuple_GET_ITEM(args, i);
  if (bocpy_when_args_init(&when_args, state, "when()", items, count) == 0) {
    result = bocpy_schedule(state, callable, &when_args, captures, NULL);
    bocpy_when_args_fini(&when_args);
  }
  PyMem_Free(items);
  return result;
}

/* NULL with an exception: TypeError that names the argument. */
static PyObject *whencall_tuple(PyObject *several, const char *name) {
  if (!Py_TYPE(several)->tp_iter && !PySequence_Check(several)) {
    PyErr_Format(PyExc_TypeError, "whencall(): %s must be a list, not '%s'", name,
                 Py_TYPE(several)->tp_name);
    return NULL;
  }
  return PySequence_Tuple(several);
}

PyObject *bocpy_whencall(PyObject *module, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"func", "args", "captures", NULL};
  PyObject *callable, *cowns, *captures = NULL, *result = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:whencall", names, &callable,
                                   &cowns, &captures))
    return NULL;
  PyObject *given[] = {callable, cowns, captures};
  int answered = bocpy_elsewhere(bocpy_state_of(module), "whencall", given,
                                 captures ? 3 : 2, &result);
  if (answered)
    return answered > 0 ? result : NULL;
  PyObject *cown_tuple = whencall_tuple(cowns, "args");
  PyObject *capture_tuple =
      captures && cown_tuple ? whencall_tuple(captures, "captures") : NULL;
  if (cown_tuple && (!captures || capture_tuple))
    result =
        whencall_schedule(bocpy_state_of(module), callable, cown_tuple, capture_tuple);
  Py_XDECREF(cown_tuple);
  Py_XDECREF(capture_tuple);
  return result;
}

const char bocpy_when_doc[] =
    "when(*cowns)\n--\n\n"
    "Schedules the decorated function as a behavior over `cowns`.\n\n"
    "It runs once all of them are free, on a worker, and is the only one to see their\n"
    "values meanwhile. Each argument is a Cown, or a list or tuple of Cowns, and "
    "becomes one\n"
    "parameter. Parameters with defaults and variables of enclosing functions are "
    "snapshots\n"
    "of the moment of scheduling. The name of the function becomes a Cown that will "
    "hold\n"
    "what it returns or raises. Behaviors that share cowns run in the order in which "
    "they\n"
    "were scheduled. Raises TypeError if the function's parameters do not fit, or if "
    "what it\n"
    "captures cannot be moved to a worker.\n\n"
    ">>> from bocpy import Cown, wait, when\n"
    ">>> account, log = Cown(100), Cown([])\n"
    ">>> amount = 30\n"
    ">>> @when(account, log)\n"
    "... def left(account, log, amount=amount):\n"
    "...     account.value -= amount\n"
    "...     log.value.append(amount)\n"
    "...     return account.value\n"
    ">>> wait()\n"
    ">>> left.unwrap()\n"
    "70\n";

const char bocpy_whencall_doc[] =
    "whencall(func, args, captures=())\n--\n\n"
    "Schedules `func` over the cowns in `args`: `when` without the decorator.\n\n"
    "`captures` are passed after the cowns. Returns the Cown that will hold the "
    "result.\n\n"
    ">>> from bocpy import Cown, wait, whencall\n"
    ">>> c = Cown(2)\n"
    ">>> result = whencall(lambda c, n: c.value ** n, [c], [10])\n"
    ">>> wait()\n"
    ">>> result.unwrap()\n"
    "1024\n";

PyObject *bocpy_set_propagating(PyObject *module, PyObject *unused) {
  (void)unused;
  bocpy_state_of(module)->propagates = true;
  Py_RETURN_NONE;
}

const char bocpy_after_doc[] =
    "after(seconds, /, *cowns)\n--\n\n"
    "Schedules the decorated function as a behavior over `cowns`, `seconds` from "
    "now.\n\n"
    "As `when`, but the behavior takes its place in the queues of its cowns when its "
    "time\n"
    "has come, so what is scheduled before goes first. The function's name becomes the "
    "Cown\n"
    "with its result at once; `cancel` of that takes the behavior back. `wait` and "
    "scopes\n"
    "count it, and the cancelling of its scope cancels it. Accurate to about 1 ms "
    "while "
    "a\n"
    "worker is idle; if all are busy, it is scheduled as soon as one is free. Raises\n"
    "ValueError if `seconds` is negative, NaN, or more than 292 years.\n\n"
    ">>> from bocpy import Cown, after, wait\n"
    ">>> tea = Cown('hot')\n"
    ">>> @after(0.05, tea)\n"
    "... def _(tea):\n"
    "...     tea.value = 'cold'\n"
    ">>> wait()\n"
    ">>> tea.unwrap()\n"
    "'cold'\n";
