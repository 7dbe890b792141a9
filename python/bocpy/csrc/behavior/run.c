/* Run: see run.h.
 *
 * A worker first brings a behavior to where its values are (admit). It puts the
 * arguments together (bind), calls the function, and stores the outcome in the result.
 * It moves nothing at the end: values stay where they were last used until another
 * interpreter wants them. */
#include "run.h"
#include "deferred_decref.h"
#include "failure_report.h"
#include "placement.h"

#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "definition_log.h"
#include "failure.h"
#include "globals_snapshot.h"
#include "in_flight.h"
#include "lent_handle.h"
#include "notices.h"
#include "pump.h"
#include "reader_copies.h"
#include "runtime.h"
#include "scope.h"
#include "when.h"
#include "worker.h"

#define FEW_ARGUMENTS 12

/* ---- admission ------------------------------------------------------------------- */

static bool call_reads(const boc_behavior *self, const bocpy_call *call, uint32_t i) {
  return call->reads && boc_behavior_mode(self, i) == BOC_READ;
}

static int behavior_admit(boc_behavior *self, void *env, unsigned worker,
                          bool overdue) {
  (void)worker;
  const bocpy_call *call = env;
  return bocpy_admit(self, call->cowns, call->reads, overdue);
}

/* ---- arguments ------------------------------------------------------------------- */

/* The arguments of one call; `args` holds references. */
typedef struct frame {
  PyObject **args;
  size_t count; /* so far */
  PyObject *captures;
  PyObject *globals; /* of a call with a snapshot: what ends it */
  PyObject *here;    /* of a call that was shipped to the main interpreter: its snapshot
                        as one of a call by reference, or NULL */
  PyObject *outer;   /* the snapshot of the body that runs this one */
  bocpy_state *state;
  bocpy_worker_slot *slot; /* that lends handles; or NULL: nobody does */
  PyObject **handles;      /* lent: from args[extra] on, or behind all args */
  size_t lent;
  PyObject *few[1 + FEW_ARGUMENTS]; /* the callee may use the first entry */
} frame;

static int frame_init(frame *f, const bocpy_call *call, bocpy_state *state) {
  bool lends = !BOCPY_FREE_THREADED && !call->handed;
  size_t args = (size_t)call->extra + call->items + call->positional + call->keywords;
  size_t lent = call->cowns < BOCPY_IDLE_HANDLES ? call->cowns : BOCPY_IDLE_HANDLES;
  size_t size = args + (lends && call->grouped ? lent : 0);
  f->state = state;
  f->slot = lends ? bocpy_worker_slot_here() : NULL;
  f->lent = 0;
  f->captures = NULL;
  f->globals = f->here = f->outer = NULL;
  f->count = 0;
  f->args = f->few + 1;
  if (size > FEW_ARGUMENTS) {
    PyObject **many = PyMem_Malloc((size + 1) * sizeof(*many));
    if (!many) {
      PyErr_NoMemory();
      return -1;
    }
    f->args = many + 1;
  }
  f->handles = f->args + (call->grouped ? args : call->extra);
  return 0;
}

static void frame_fini(frame *f, const bocpy_call *call) {
  size_t lent_args = call->grouped ? 0 : f->lent; /* which no other reference keeps */
  for (size_t i = 0; i < call->extra && i < f->count; i++)
    Py_DECREF(f->args[i]);
  for (size_t i = call->extra + lent_args; i < f->count; i++)
    Py_DECREF(f->args[i]);
  for (size_t i = 0; i < f->lent; i++)
    bocpy_return_handle(f->slot, f->handles[i]);
  if (f->args != f->few + 1)
    PyMem_Free(f->args - 1);
  Py_XDECREF(f->captures);
  Py_XDECREF(f->globals);
  Py_XDECREF(f->here);
}

static int frame_unpack_captures(frame *f, bocpy_call *call) {
  switch (call->carried) {
  case BOCPY_CARRY_INLINE:
    f->captures = bocpy_decode_inline(bocpy_call_bytes(call), call->size);
    break;
  case BOCPY_CARRY_BUFFER:
    f->captures = bocpy_decode_last(*bocpy_call_buffer(call));
    break;
  case BOCPY_CARRY_OBJECTS:
    f->captures = Py_NewRef(bocpy_call_local(call)->objects);
    break;
  default:
    return 0;
  }
  return f->captures ? 0 : -1;
}

static void frame_push_captures(frame *f, Py_ssize_t first, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    f->args[f->count++] = Py_NewRef(PyTuple_GET_ITEM(f->captures, first + i));
}

static PyObject *frame_lend(frame *f, boc_cown *core) {
  PyObject *handle = bocpy_lend_handle(f->slot, core);
  if (handle)
    f->handles[f->lent++] = handle;
  return handle;
}

static PyObject *frame_handle(frame *f, boc_behavior *self, bocpy_call *call,
                              uint32_t i) {
  if (call->handed)
    return Py_NewRef(bocpy_call_local(call)->handles[i]);
  if (f->slot && f->lent < BOCPY_IDLE_HANDLES) /* the slot keeps no more of them */
    return Py_XNewRef(frame_lend(f, boc_behavior_cown(self, i)));
  return bocpy_cown_adopt(f->state, boc_cown_hold(boc_behavior_cown(self, i)));
}

static PyObject *frame_handle_list(frame *f, boc_behavior *self, bocpy_call *call,
                                   uint32_t first, int32_t count) {
  PyObject *list = PyList_New(count);
  for (int32_t i = 0; list && i < count; i++) {
    PyObject *handle = frame_handle(f, self, call, first + (uint32_t)i);
    if (handle)
      PyList_SET_ITEM(list, i, handle);
    else
      Py_CLEAR(list);
  }
  return list;
}

static int frame_lend_items(frame *f, boc_behavior *self, const bocpy_call *call) {
  for (uint32_t i = 0; i < call->items; i++) {
    if (!frame_lend(f, boc_behavior_cown(self, i)))
      return -1;
    f->count++; /* it lies among the arguments */
  }
  return 0;
}

static int frame_push_items(frame *f, boc_behavior *self, bocpy_call *call) {
  const int32_t *shape = call->grouped ? bocpy_call_shape(call) : NULL;
  uint32_t cown = 0;
  for (uint32_t i = 0; i < call->items; i++) {
    bool group = shape && shape[i] >= 0;
    PyObject *item = group ? frame_handle_list(f, self, call, cown, shape[i])
                           : frame_handle(f, self, call, cown);
    if (!item)
      return -1;
    f->args[f->count++] = item;
    cown += group ? (uint32_t)shape[i] : 1;
  }
  return 0;
}

static int frame_bind(frame *f, boc_behavior *self, bocpy_call *call) {
  if (frame_unpack_captures(f, call) < 0)
    return -1;
  frame_push_captures(f, 0, call->extra);
  bool lends = f->slot && !call->grouped;
  if ((lends ? frame_lend_items(f, self, call) : frame_push_items(f, self, call)) < 0)
    return -1;
  frame_push_captures(f, call->extra, call->positional);
  if (call->keywords)
    frame_push_captures(f, (Py_ssize_t)call->extra + call->positional + 1,
                        call->keywords);
  return 0;
}

/* ---- the function ---------------------------------------------------------------- */

static PyObject *frame_make_cells(const frame *f, const bocpy_call *call) {
  PyObject *cells = PyTuple_New(call->cells);
  Py_ssize_t first =
      PyTuple_GET_SIZE(f->captures) - (Py_ssize_t)call->cells - call->globals;
  for (uint32_t i = 0; cells && i < call->cells; i++) {
    PyObject *box = PyTuple_GET_ITEM(f->captures, first + i);
    PyObject *cell =
        PyCell_New(PyTuple_GET_SIZE(box) ? PyTuple_GET_ITEM(box, 0) : NULL);
    if (cell)
      PyTuple_SET_ITEM(cells, i, cell);
    else
      Py_CLEAR(cells);
  }
  return cells;
}

/* The snapshot of globals of a call that has one. */
static PyObject *frame_snapshot(const frame *f) {
  return PyTuple_GET_ITEM(f->captures, PyTuple_GET_SIZE(f->captures) - 1);
}

/* A copy of the function with other globals and with cells of its own, which have the
 * contents that the closure had when the behavior was scheduled. */
static PyObject *frame_copy_function(const frame *f, const bocpy_call *call,
                                     PyObject *function, PyObject *globals) {
  PyObject *cells = call->cells ? frame_make_cells(f, call) : NULL;
  PyObject *name = PyObject_GetAttrString(function, "__qualname__");
  PyObject *code = call->local && call->globals
                       ? bocpy_globals_snapshot_code(frame_snapshot(f))
                       : PyFunction_GET_CODE(function);
  PyObject *copy = name && (cells || !call->cells)
                       ? PyFunction_NewWithQualName(code, globals, name)
                       : NULL;
  if (copy && cells && PyFunction_SetClosure(copy, cells) < 0)
    Py_CLEAR(copy);
  Py_XDECREF(cells);
  Py_XDECREF(name);
  return copy;
}

/* Borrowed: the function as it was defined. */
static PyObject *call_defined_function(bocpy_call *call, bocpy_state *state) {
  if (call->local) {
    PyObject *function = bocpy_call_local(call)->function;
    return function ? function : bocpy_code_shared(call->code, NULL);
  }
  if (bocpy_ship_catch_up_in(state) < 0)
    return NULL;
  return bocpy_code_template(state, call->code);
}

/* As frame_enter_globals, of a call that a worker shipped to the main interpreter: its
 * other threads must not see what the body sees. */
static PyObject *frame_enter_here(frame *f, PyObject *function) {
  PyObject *globals = PyFunction_GET_GLOBALS(function);
  f->here = bocpy_python_call(&f->state->python, BOCPY_PY_SHIP_SNAPSHOT_HERE, "(OO)",
                              frame_snapshot(f), function);
  if (!f->here)
    return NULL;
  if (f->here == Py_None)
    return globals;
  f->globals = bocpy_globals_snapshot_dict(f->here, globals);
  return f->globals;
}

/* The globals for the body: borrowed, or NULL with an exception. Keeps what
 * frame_leave_globals needs. */
static PyObject *frame_enter_globals(frame *f, const bocpy_call *call,
                                     PyObject *function) {
  PyObject *snapshot = frame_snapshot(f), *globals = PyFunction_GET_GLOBALS(function);
  if (!call->local && f->state->is_main)
    return frame_enter_here(f, function);
  if (!call->local) {
    f->globals =
        bocpy_python_call(&f->state->python, BOCPY_PY_SHIP_ENTER, "(O)", snapshot);
    if (!f->globals)
      return NULL;
    f->outer = f->state->body_globals;
    f->state->body_globals = snapshot;
    return globals;
  }
  bocpy_globals_snapshot_warn(snapshot, bocpy_globals_snapshot_origin(globals),
                              call->code);
  if (!bocpy_globals_snapshot_is_needed(snapshot))
    return globals;
  f->globals = bocpy_globals_snapshot_dict(snapshot, globals);
  return f->globals;
}

/* A new reference to the object to call. */
static PyObject *frame_function(frame *f, bocpy_call *call) {
  PyObject *function = call_defined_function(call, f->state);
  if (!function)
    return NULL;
  PyObject *defined = PyFunction_GET_GLOBALS(function), *globals = defined;
  if (call->globals && !(globals = frame_enter_globals(f, call, function)))
    return NULL;
  return call->cells || globals != defined
             ? frame_copy_function(f, call, function, globals)
             : Py_NewRef(function);
}

/* Does not touch the exception that is set. */
static void frame_leave_globals(frame *f, const bocpy_call *call) {
  if (!f->globals)
    return;
  PyObject *pending = PyErr_GetRaisedException();
  if (call->local || f->here) {
    PyObject *snapshot = f->here ? f->here : frame_snapshot(f);
    bocpy_globals_snapshot_write_back(f->globals, snapshot, call->code);
  } else {
    f->state->body_globals = f->outer;
    Py_XDECREF(
        bocpy_python_call(&f->state->python, BOCPY_PY_SHIP_LEAVE, "(O)", f->globals));
  }
  if (PyErr_Occurred())
    PyErr_WriteUnraisable(f->globals);
  PyErr_SetRaisedException(pending);
}

/* Enters the context of the body, so that the next body does not see what this one
 * sets. *out_context is a new reference, or NULL if the body runs in the thread's own
 * context, in which no variable was ever set. */
static int call_enter_context(bocpy_call *call, PyObject **out_context) {
  const bocpy_worker_slot *slot = bocpy_worker_slot_here();
  PyThreadState *here = slot ? slot->tstate : PyThreadState_Get();
  *out_context = call->local ? Py_XNewRef(bocpy_call_local(call)->context) : NULL;
  if (!*out_context && bocpy_context_has_values(here) &&
      !(*out_context = PyContext_New()))
    return -1;
  if (!*out_context || PyContext_Enter(*out_context) == 0)
    return 0;
  Py_CLEAR(*out_context);
  return -1;
}

/* Does not touch the exception that is set. */
static void call_leave_context(PyObject *context) {
  if (!context)
    return;
  PyObject *pending = PyErr_GetRaisedException();
  if (PyContext_Exit(context) < 0)
    PyErr_WriteUnraisable(context);
  Py_DECREF(context);
  PyErr_SetRaisedException(pending);
}

static PyObject *call_function(boc_behavior *self, bocpy_call *call,
                               bocpy_state *state);

static PyObject *call_invoke(boc_behavior *self, bocpy_call *call, bocpy_state *state) {
  PyObject *context;
  if (call_enter_context(call, &context) < 0)
    return NULL;
  PyObject *result = call_function(self, call, state);
  call_leave_context(context);
  return result;
}

/* PyObject_Vectorcall, for a Python function: without checking that a result or an
 * exception is there, which the interpreter sees to. */
static PyObject *function_call(PyObject *function, PyObject *const *args, size_t flags,
                               PyObject *names) {
  return ((PyFunctionObject *)function)->vectorcall(function, args, flags, names);
}

/* Whether nothing is captured, and each cown is an argument of its own. */
static bool call_is_plain(const bocpy_call *call, const bocpy_worker_slot *slot) {
  if (BOCPY_FREE_THREADED || call->carried != BOCPY_CARRY_NOTHING || call->grouped)
    return false;
  return call->local ? call->handed : slot && call->cowns <= BOCPY_IDLE_HANDLES;
}

/* Fast path of call_function: the worker lends the arguments. */
static PyObject *call_with_lent(boc_behavior *self, bocpy_call *call,
                                PyObject *function) {
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
  PyObject *few[1 + BOCPY_IDLE_HANDLES], *result = NULL; /* the callee may use few[0] */
  PyObject **args = few + 1;
  uint32_t lent = 0;
  while (lent < call->cowns &&
         (args[lent] = bocpy_lend_handle(slot, boc_behavior_cown(self, lent))))
    lent++;
  if (lent == call->cowns)
    result = function_call(function, args, lent | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
  for (uint32_t i = 0; i < lent; i++)
    bocpy_return_handle(slot, args[i]);
  return result;
}

static PyObject *call_function_plainly(boc_behavior *self, bocpy_call *call,
                                       bocpy_state *state) {
  PyObject *function = Py_XNewRef(call_defined_function(call, state));
  if (!function)
    return NULL;
  PyObject *result =
      call->local
          ? function_call(function, bocpy_call_local(call)->handles, call->cowns, NULL)
          : call_with_lent(self, call, function);
  Py_DECREF(function);
  return result;
}

/* Calls the function; returns its result, or NULL with the exception that the function,
 * or making its arguments, raised. */
static PyObject *call_function(boc_behavior *self, bocpy_call *call,
                               bocpy_state *state) {
  frame f;
  PyObject *result = NULL;
  if (call_is_plain(call, bocpy_worker_slot_here()))
    return call_function_plainly(self, call, state);
  if (frame_init(&f, call, state) < 0)
    return NULL;
  if (frame_bind(&f, self, call) == 0) {
    PyObject *function = frame_function(&f, call);
    PyObject *names = NULL;
    if (call->keywords)
      names = PyTuple_GET_ITEM(f.captures, (Py_ssize_t)call->extra + call->positional);
    if (function)
      result = function_call(
          function, f.args, (f.count - call->keywords) | PY_VECTORCALL_ARGUMENTS_OFFSET,
          names);
    Py_XDECREF(function);
    frame_leave_globals(&f, call);
  }
  frame_fini(&f, call);
  return result;
}

/* ---- the behavior ---------------------------------------------------------------- */

static void call_release_cowns(boc_behavior *self, const bocpy_call *call,
                               uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    bocpy_value *value = bocpy_value_of(boc_behavior_cown(self, i));
    if (call_reads(self, call, i))
      bocpy_reader_end(value);
    else
      bocpy_value_hold(value, NULL);
  }
}

/* -1 with MemoryError: no cown is held. */
static int call_hold_cowns(boc_behavior *self, const bocpy_call *call) {
  for (uint32_t i = 0; i < call->cowns; i++) {
    bocpy_value *value = bocpy_value_of(boc_behavior_cown(self, i));
    if (!call_reads(self, call, i)) {
      bocpy_value_hold_to_write(value);
    } else if (bocpy_reader_begin(value) < 0) {
      call_release_cowns(self, call, i);
      return -1;
    }
  }
  return 0;
}

/* Stores the exception that is set. If the body ends because its scope was cancelled,
 * that is not a failure. */
static void result_store_failure(boc_cown *core, const bocpy_code *code,
                                 const bocpy_scope_entry *entry) {
  bool told = bocpy_scope_failed(entry, core);
  bocpy_failure_store(core, code);
  if (told)
    bocpy_failure_forget(bocpy_value_of(core));
}

/* Steals `result`, which is NULL with an exception if the body failed. */
static void result_store(boc_cown *core, PyObject *result, const bocpy_code *code,
                         const bocpy_scope_entry *entry) {
  if (!result || bocpy_value_set(bocpy_value_of(core), result, "result") < 0)
    result_store_failure(core, code, entry);
  Py_XDECREF(result);
}

/* In the child of a fork in a body, this thread is no worker any more, and its further
 * behaviors belong to the parent. So the child process ends with the body, as the child
 * of a thread that forks ends with the thread's function. Steals `result`. */
static void behavior_end_child(bocpy_worker_slot *slot, PyObject *result) {
  PyObject *exception = PyErr_GetRaisedException();
  PyObject *done = bocpy_python_call(&slot->state->python, BOCPY_PY_THREADS_END_CHILD,
                                     "(O)", exception ? exception : Py_None);
  if (!done)
    PyErr_WriteUnraisable(NULL);
  Py_XDECREF(done);
  Py_XDECREF(exception);
  Py_XDECREF(result);
  exit(0);
}

static void behavior_run(boc_behavior *self, void *env) {
  bocpy_call *call = env;
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
  boc_cown *result = boc_behavior_cown(self, call->cowns);
  bocpy_worker_slot_run_deferred(slot);
  if (call->timed)
    bocpy_timer_over(result);
  bool held = call_hold_cowns(self, call) == 0;
  const bocpy_code *outer = bocpy_in_flight_run(slot, call->code);
  bocpy_self.code = call->code;
  bocpy_self.bodies++;
  bocpy_scope_entry entry;
  bocpy_scope_begin(&entry, call->code);
  PyObject *returned = held ? call_invoke(self, call, slot->state) : NULL;
  if (bocpy_self.slot != slot)
    behavior_end_child(slot, returned);
  result_store(result, returned, call->code, &entry);
  bocpy_scope_end(&entry);
  bocpy_self.code = outer;
  bocpy_in_flight_run(slot, outer);
  bocpy_call_clear(call);
  bocpy_notices_leave();
  bocpy_self.bodies--;
  if (held)
    call_release_cowns(self, call, call->cowns);
}

PyObject *bocpy_behavior_name(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  const bocpy_code *code = bocpy_self.code;
  return code ? PyUnicode_FromString(code->qualname) : Py_NewRef(Py_None);
}

/* ---- on the main thread ---------------------------------------------------------- */

/* Encodes the result at once: the body may still refer to the object, in the main
 * interpreter. */
static void result_store_pinned(boc_cown *core, PyObject *result,
                                const bocpy_code *code,
                                const bocpy_scope_entry *entry) {
  bocpy_value *value = bocpy_value_of(core);
  if (!result || bocpy_value_set_copy(value, result, "result") < 0) {
    PyObject *exception = PyErr_GetRaisedException();
    bool told = bocpy_pump_note(exception);
    PyErr_SetRaisedException(exception);
    result_store_failure(core, code, entry);
    if (told)
      bocpy_failure_forget(value);
  }
  Py_XDECREF(result);
}

static void call_leave_values(boc_behavior *self, const bocpy_call *call) {
  for (uint32_t i = 0; i < call->cowns; i++)
    if (!call_reads(self, call, i))
      bocpy_value_leave(bocpy_value_of(boc_behavior_cown(self, i)));
}

/* Sets `bodies` instead of counting it: in the child of a fork inside the body no
 * bodies are below it. */
static void behavior_run_pinned(boc_behavior *self, void *env) {
  bocpy_call *call = env;
  bocpy_state *state = bocpy_state_get();
  boc_cown *result = boc_behavior_cown(self, call->cowns);
  if (call->timed)
    bocpy_timer_over(result);
  bool held = call_hold_cowns(self, call) == 0;
  const bocpy_code *outer = bocpy_self.code;
  bocpy_self.code = call->code;
  bocpy_self.bodies = 1;
  bocpy_self.runtime = bocpy_runtime_now();
  bocpy_self.pumping->executed++;
  bocpy_in_flight_run_pinned(call->code);
  bocpy_scope_entry entry;
  bocpy_scope_begin(&entry, call->code);
  result_store_pinned(result, held ? call_invoke(self, call, state) : NULL, call->code,
                      &entry);
  bocpy_scope_end(&entry);
  bocpy_self.code = outer;
  bocpy_in_flight_run_pinned(NULL);
  bocpy_call_clear(call);
  bocpy_notices_leave();
  bocpy_self.runtime = NULL;
  bocpy_self.bodies = 0;
  if (!held)
    return;
  call_leave_values(self, call);
  call_release_cowns(self, call, call->cowns);
}

/* ---- the types ------------------------------------------------------------------- */

/* For behaviors that never ran: after a run the environment is empty. */
static void behavior_drop(void *env) { bocpy_call_clear(env); }

/* Runs instead of the body. */
static void behavior_cancelled(boc_behavior *self, void *env) {
  const bocpy_call *call = env;
  boc_cown *result = boc_behavior_cown(self, call->cowns);
  if (call->timed)
    bocpy_timer_over(result);
  bocpy_scope_store_cancelled(result);
}

const boc_behavior_type bocpy_behavior_shipped = {.name = "bocpy.behavior",
                                                  .body = behavior_run,
                                                  .drop = behavior_drop,
                                                  .admit = behavior_admit,
                                                  .cancelled = behavior_cancelled};

const boc_behavior_type bocpy_behavior_by_reference = {.name = "bocpy.behavior",
                                                       .body = behavior_run,
                                                       .drop = behavior_drop,
                                                       .cancelled = behavior_cancelled};

const boc_behavior_type bocpy_behavior_pinned = {.name = "bocpy.behavior",
                                                 .body = behavior_run_pinned,
                                                 .drop = behavior_drop,
                                                 .cancelled = behavior_cancelled};
