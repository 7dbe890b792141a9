/* When: see when.h. */
#include "when.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "code.h"
#include "bound_args.h"
#include "runtime.h"

/* ---- the environment
 * --------------------------------------------------------------------- */

void bocpy_call_clear(bocpy_call *call) {
  uint8_t carried = call->carried;
  call->carried = BOCPY_CARRY_NOTHING;
  if (carried == BOCPY_CARRY_FLAT)
    bocpy_flat_free(call->flat);
  else if (carried == BOCPY_CARRY_OBJECTS)
    Py_DECREF(call->objects);
  if (call->counted)
    bocpy_code_drop(call->code);
  call->counted = false;
  Py_CLEAR(call->function);
  for (uint32_t i = 0; call->handed && i < call->cowns; i++)
    Py_DECREF(call->handles[i]);
  call->handed = false;
}

/* The whole could not be encoded: finds out which capture it was. Keeps the exception
 * that is set if no part fails alone. */
static void blame_capture(const bocpy_draft *draft, uint32_t items) {
  PyObject *pending = PyErr_GetRaisedException();
  Py_ssize_t count = PyTuple_GET_SIZE(draft->captures);
  for (Py_ssize_t i = 0; i < count && !PyErr_Occurred(); i++) {
    PyObject *part = PyTuple_GET_ITEM(draft->captures, i);
    if (i >= count - (Py_ssize_t)draft->cells && PyTuple_GET_SIZE(part))
      part = PyTuple_GET_ITEM(part, 0);
    PyObject *name = bocpy_draft_name(draft, items, i);
    const char *root = name ? PyUnicode_AsUTF8(name) : NULL;
    bocpy_encode_tried(part, root ? root : "capture");
    Py_XDECREF(name);
  }
  if (PyErr_Occurred())
    Py_DECREF(pending);
  else
    PyErr_SetRaisedException(pending);
}

static int carry(bocpy_call *call, const bocpy_draft *draft, uint32_t items) {
  if (!draft->captures)
    return 0;
  if (call->local) {
    call->objects = Py_NewRef(draft->captures);
    call->carried = BOCPY_CARRY_OBJECTS;
    return 0;
  }
  size_t size = bocpy_encode_inline(draft->captures, call->bytes, sizeof(call->bytes));
  if (size) {
    call->size = (uint8_t)size;
    call->carried = BOCPY_CARRY_INLINE;
    return 0;
  }
  if (bocpy_encode(draft->captures, "captures", &call->flat) < 0) {
    blame_capture(draft, items);
    return -1;
  }
  call->carried = BOCPY_CARRY_FLAT;
  return 0;
}

/* Counting references to an object of another thread is dear where there is no GIL: so
 * the body gets handles of its own. */
static bool hands_over(const bocpy_plan *plan) {
  return !BOCPY_FREE_THREADED || plan->special;
}

static bool goes_by_reference(const bocpy_plan *plan) {
  return bocpy_by_reference() ||
         (plan->pinned && PyInterpreterState_Get() == PyInterpreterState_Main());
}

/* What of the environment is known before there is a behavior to put it into. */
static int prepare(bocpy_call *call, bocpy_state *state, const bocpy_draft *draft,
                   const bocpy_plan *plan) {
  bool local = goes_by_reference(plan);
  *call = (bocpy_call){
      .code = draft->entry->code,
      .local = local,
      .handed = local && hands_over(plan),
      .items = plan->items,
      .cowns = plan->cowns,
      .extra = draft->extra,
      .positional = draft->positional,
      .keywords = draft->keywords,
      .cells = draft->cells,
      .grouped = plan->shape != NULL,
      .reads = plan->reads,
  };
  if (!local && bocpy_code_ship(state, draft->entry, draft->function) < 0)
    return -1;
  if (carry(call, draft, plan->items) < 0)
    return -1;
  call->counted = bocpy_code_use(call->code);
  return 0;
}

static void fill(bocpy_call *env, const bocpy_call *call, const bocpy_draft *draft,
                 const bocpy_plan *plan) {
  *env = *call;
  if (call->local && !bocpy_code_shared(call->code, draft->function))
    env->function = Py_NewRef(draft->function);
  for (uint32_t i = 0; call->handed && i < plan->cowns; i++)
    env->handles[i] = Py_NewRef(plan->handles[i]);
  if (plan->shape)
    memcpy(bocpy_call_shape(env), plan->shape, plan->items * sizeof(int32_t));
}

/* ---- scheduling
 * ---------------------------------------------------------------------------- */

#define FEW_ACCESSES (BOCPY_PLAN_FEW + 1)

static const boc_behavior_type *type_of(const bocpy_plan *plan) {
  if (plan->pinned)
    return &bocpy_body_pinned;
  return bocpy_by_reference() ? &bocpy_body_by_reference : &bocpy_body_shipped;
}

static boc_status new_behavior(boc_runtime *runtime, const bocpy_call *call,
                               const bocpy_plan *plan, boc_cown *result,
                               boc_behavior **out_behavior) {
  boc_access few[FEW_ACCESSES], *accesses = few;
  size_t count = (size_t)plan->cowns + 1;
  if (count > FEW_ACCESSES)
    accesses = malloc(count * sizeof(*accesses));
  if (!accesses)
    return BOC_NO_MEMORY;
  for (uint32_t i = 0; i < plan->cowns; i++)
    accesses[i] = (boc_access){((bocpy_cown *)plan->handles[i])->core,
                               plan->modes[i] ? BOC_READ : BOC_WRITE};
  accesses[plan->cowns] = (boc_access){result, BOC_FRESH};
  size_t size = sizeof(bocpy_call) + bocpy_call_tail(call, plan);
  boc_status status =
      boc_behavior_new(runtime, type_of(plan), size, accesses, count, out_behavior);
  if (accesses != few)
    free(accesses);
  return status;
}

/* The result's handle; takes over what `call` carries, also if it fails. */
static PyObject *launch(bocpy_state *state, boc_runtime *runtime, bocpy_call *call,
                        const bocpy_draft *draft, const bocpy_plan *plan) {
  boc_cown *core = bocpy_core_new();
  PyObject *result = core ? bocpy_cown_adopt(state, core) : NULL;
  boc_behavior *behavior;
  boc_status status =
      result ? new_behavior(runtime, call, plan, core, &behavior) : BOC_NO_MEMORY;
  if (status != BOC_OK) {
    call->handed = false; /* they are not in yet */
    bocpy_call_clear(call);
    Py_XDECREF(result);
    bocpy_status_raise(status, "when()");
    return NULL;
  }
  fill(boc_behavior_env(behavior), call, draft, plan);
  boc_behavior_schedule(behavior);
  return result;
}

PyObject *bocpy_schedule(bocpy_state *state, PyObject *callable, const bocpy_plan *plan,
                         PyObject *captures) {
  boc_runtime *runtime = bocpy_runtime_enter(true);
  if (!runtime)
    return NULL;
  bocpy_state_remember(state);
  bocpy_draft draft;
  bocpy_call call;
  PyObject *result = NULL;
  if (bocpy_draft_init(&draft, state, callable, plan->items, captures) == 0) {
    if (prepare(&call, state, &draft, plan) == 0)
      result = launch(state, runtime, &call, &draft, plan);
    bocpy_draft_fini(&draft);
  }
  bocpy_runtime_leave();
  bocpy_runtime_settle();
  return result;
}

/* ---- the decorator
 * --------------------------------------------------------------------------- */

typedef struct when_object {
  PyObject_HEAD vectorcallfunc vectorcall;
  bocpy_state *state;
  bocpy_plan plan;
} when_object;

static PyObject *when_call(when_object *self, PyObject *const *args, size_t flags,
                           PyObject *names) {
  if (PyVectorcall_NARGS(flags) != 1 || (names && PyTuple_GET_SIZE(names))) {
    PyErr_SetString(PyExc_TypeError,
                    "when(...) is a decorator: call it with one function");
    return NULL;
  }
  return bocpy_schedule(self->state, args[0], &self->plan, NULL);
}

static void when_dealloc(when_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  bocpy_plan_fini(&self->plan);
  if (!bocpy_spares_keep(&self->state->schedulers, (PyObject *)self))
    type->tp_free(self);
  Py_DECREF(type);
}

PyObject *bocpy_when(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_state *state = bocpy_state_of(module);
  when_object *self =
      (when_object *)bocpy_spares_take(&state->schedulers, state->when_type);
  if (!self)
    self = PyObject_New(when_object, state->when_type);
  if (!self)
    return NULL;
  self->vectorcall = (vectorcallfunc)when_call;
  self->state = state;
  if (bocpy_plan_init(&self->plan, state, args, count) == 0)
    return (PyObject *)self;
  Py_DECREF(self);
  return NULL;
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

/* ---- whencall
 * -----------------------------------------------------------------------------------
 */

static PyObject *schedule_lists(bocpy_state *state, PyObject *callable, PyObject *args,
                                PyObject *captures) {
  bocpy_plan plan;
  PyObject *result = NULL;
  Py_ssize_t count = PyTuple_GET_SIZE(args);
  PyObject **items = PyMem_Malloc((size_t)(count + 1) * sizeof(*items));
  if (!items)
    return PyErr_NoMemory();
  for (Py_ssize_t i = 0; i < count; i++)
    items[i] = PyTuple_GET_ITEM(args, i);
  if (bocpy_plan_init(&plan, state, items, count) == 0) {
    result = bocpy_schedule(state, callable, &plan, captures);
    bocpy_plan_fini(&plan);
  }
  PyMem_Free(items);
  return result;
}

/* NULL with an exception: TypeError that names the argument. */
static PyObject *tuple_of(PyObject *several, const char *name) {
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
  PyObject *cown_tuple = tuple_of(cowns, "args");
  PyObject *capture_tuple =
      captures && cown_tuple ? tuple_of(captures, "captures") : NULL;
  if (cown_tuple && (!captures || capture_tuple))
    result =
        schedule_lists(bocpy_state_of(module), callable, cown_tuple, capture_tuple);
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
