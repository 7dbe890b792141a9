/* When: see when.h. */
#include "when.h"

#include <stddef.h>

#include "distributed_hook.h"
#include "runtime.h"
#include "schedule.h"
#include "scope.h"

/* ---- the decorator --------------------------------------------------------------- */

typedef struct when_object {
  PyObject_HEAD vectorcallfunc vectorcall;
  bocpy_state *state;
  PyObject *scope; /* a _Scope, or NULL for the current one */
  bocpy_when_args when_args;
} when_object;

static PyObject *when_call(when_object *self, PyObject *const *args, size_t flags,
                           PyObject *names) {
  if (PyVectorcall_NARGS(flags) != 1 || (names && PyTuple_GET_SIZE(names))) {
    char name[BOCPY_CALL_NAME_MAX];
    PyErr_Format(PyExc_TypeError, "%s(...) is a decorator: call it with one function",
                 bocpy_call_name(self->when_args.what, name));
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

static PyObject *when_new(bocpy_state *state, const char *what, PyObject *scope,
                          PyObject *const *args, Py_ssize_t count) {
  when_object *self =
      (when_object *)bocpy_freelist_take(&state->schedulers, state->when_type);
  if (!self)
    self = PyObject_New(when_object, state->when_type);
  if (!self)
    return NULL;
  self->vectorcall = (vectorcallfunc)when_call;
  self->state = state;
  self->scope = Py_XNewRef(scope);
  if (bocpy_when_args_init(&self->when_args, state, what, args, count) == 0)
    return (PyObject *)self;
  Py_DECREF(self);
  return NULL;
}

PyObject *bocpy_when(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_state *state = bocpy_state_of(module);
  PyObject *recorded;
  int answered = bocpy_distributed_call(state, "when", args, count, &recorded);
  if (answered)
    return answered > 0 ? recorded : NULL;
  return when_new(state, "when() argument", NULL, args, count);
}

/* _when_in(scope, *cowns) */
PyObject *bocpy_when_in(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_state *state = bocpy_state_of(module);
  if (count < 1 || !bocpy_scope_of(state, args[0])) {
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_TypeError, "_when_in() takes a scope and cowns");
    return NULL;
  }
  return when_new(state, "when() argument", args[0], args + 1, count - 1);
}

/* ---- later ----------------------------------------------------------------------- */

static PyObject *when_later(PyObject *module, const char *what, const bocpy_due *due,
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
  PyObject *decorator = when_new(bocpy_state_of(module), what, NULL, args, count);
  if (decorator)
    ((when_object *)decorator)->when_args.due = *due;
  return decorator;
}

static bool later_is_refused(PyObject *module, const char *name, Py_ssize_t count) {
  if (bocpy_distributed_refuses(module, name))
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
  return when_later(module, "after() cown", &due, args + 1, count - 1);
}

/* _at(seconds from now, *cowns): see bocpy._timers. */
PyObject *bocpy_at(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_due due = {.kind = BOCPY_DUE_AT};
  if (later_is_refused(module, "at", count) ||
      bocpy_timer_seconds(args[0], "at(): the time from now on", &due.ns) < 0)
    return NULL;
  due.ns += boc_now();
  return when_later(module, "at() cown", &due, args + 1, count - 1);
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
  if (bocpy_when_args_init(&when_args, state, "whencall() cown", items, count) == 0) {
    result = bocpy_schedule(state, callable, &when_args, captures, NULL);
    bocpy_when_args_fini(&when_args);
  }
  PyMem_Free(items);
  return result;
}

/* A tuple of the argument's items. NULL with a TypeError that names the argument. */
static PyObject *whencall_tuple(PyObject *several, const char *name) {
  if (!Py_TYPE(several)->tp_iter && !PySequence_Check(several)) {
    PyErr_Format(PyExc_TypeError,
                 "whencall(): %s must be a list, not '%s': call it as whencall(func, "
                 "args, captures)",
                 name, Py_TYPE(several)->tp_name);
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
  int answered = bocpy_distributed_call(bocpy_state_of(module), "whencall", given,
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
    "when(*cowns)\n"
    "--\n\n"
    "Schedules the decorated function as a behavior over `cowns`.\n\n"
    "It runs once all of them are free, on a worker, and is the only one to see\n"
    "their values meanwhile. Each argument is a Cown, or a list or tuple of Cowns,\n"
    "and becomes one parameter. Parameters with defaults and variables of enclosing\n"
    "functions are snapshots of the moment of scheduling. The name of the function\n"
    "becomes a Cown that will hold its result or its exception. Behaviors that share\n"
    "cowns run in the order in which they were scheduled. Raises TypeError if the\n"
    "function's parameters do not fit, or if a captured value cannot be moved to a\n"
    "worker.\n\n"
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
    "after(seconds, /, *cowns)\n"
    "--\n\n"
    "Schedules the decorated function as a behavior over `cowns`, `seconds` from "
    "now.\n\n"
    "It does what `when` does, but the behavior enters the queues of its cowns only\n"
    "when its time has come: behaviors that are scheduled before that run first. The\n"
    "function's name becomes the Cown of its result at once; `cancel` of that Cown\n"
    "cancels the behavior. `wait` and scopes count it, and cancelling its scope\n"
    "cancels it. Accurate to about 1 ms while a worker is idle; if all are busy, it\n"
    "is scheduled as soon as one is free. Raises ValueError if `seconds` is\n"
    "negative, NaN, or more than 292 years.\n\n"
    ">>> from bocpy import Cown, after, wait\n"
    ">>> tea = Cown('hot')\n"
    ">>> @after(0.05, tea)\n"
    "... def _(tea):\n"
    "...     tea.value = 'cold'\n"
    ">>> wait()\n"
    ">>> tea.unwrap()\n"
    "'cold'\n";
