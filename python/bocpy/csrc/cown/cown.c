/* Cown: see cown.h. */
#include "cown.h"

#include <stddef.h>

#include "acquire.h"
#include "cown_capsule.h"
#include "failure.h"
#include "failure_report.h"
#include "grant.h"
#include "handle_attributes.h"
#include "pinned.h"
#include "reader_copies.h"
#include "reference_cycles.h"
#include "result.h"
#include "runtime.h"
#include "timer.h"
#include "waiting.h"

/* ---- life ------------------------------------------------------------------------ */

static void cown_dealloc(bocpy_cown *self);

/* The collector knows an object of a Python class from its beginning, and would visit
 * each cown of a program with many of them. A Cown is part of a cycle only through its
 * value: see bocpy_cown_track. Instances of a subclass may have other parts. */
static void cown_untrack(PyObject *self, PyObject *value) {
#if !BOCPY_FREE_THREADED
  if (Py_TYPE(self)->tp_dealloc != (destructor)cown_dealloc)
    return;
  PyObject_GC_UnTrack(self);
  if (bocpy_cown_attributes((bocpy_cown *)self))
    PyObject_GC_Track(self);
#endif
  bocpy_cown_track(self, value);
}

static int cown_init(bocpy_cown *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"value", NULL};
  PyObject *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:Cown", names, &value))
    return -1;
  if (self->core) {
    PyErr_SetString(PyExc_RuntimeError, "this cown is initialized already");
    return -1;
  }
  if (bocpy_refuse_importing("making a cown") < 0)
    return -1;
  boc_cown *core = bocpy_cown_core_new(false);
  if (!core)
    return -1;
  if (bocpy_value_set_copy(bocpy_value_of(core), value, "value") < 0) {
    boc_cown_drop(core);
    return -1;
  }
  self->core = core;
  cown_untrack((PyObject *)self, value);
  return 0;
}

/* Whether no other handle, behavior or buffer refers to the cown. While the garbage
 * collector runs, no code can get a new reference. */
static bool cown_is_ours_alone(const bocpy_cown *self) {
  return self->core && boc_cown_references(self->core) == 1;
}

/* If only this handle refers to a cown, its content counts as the handle's own: so the
 * garbage collector finds cycles through cowns. */
static int cown_traverse(bocpy_cown *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(bocpy_cown_attributes(self));
  if (cown_is_ours_alone(self))
    Py_VISIT(bocpy_value_object_here(bocpy_cown_value(self)));
  return 0;
}

/* Reports an exception that nobody has read before freeing it. */
static int cown_clear(bocpy_cown *self) {
  bocpy_attributes_drop(self);
  if (!cown_is_ours_alone(self) || !bocpy_value_object_here(bocpy_cown_value(self)))
    return 0;
  if (bocpy_value_failure(bocpy_cown_value(self))) {
    bocpy_failure_orphan(bocpy_cown_value(self));
    bocpy_value_forget(bocpy_cown_value(self));
    bocpy_failure_report_soon();
  } else {
    bocpy_value_collect(bocpy_cown_value(self));
  }
  return 0;
}

/* The state of the interpreter to which this thread is attached, if `type`, the type of
 * one of its objects, is exactly Cown. NULL otherwise; it may be NULL for a Cown,
 * too. */
static inline bocpy_state *cown_state(const PyTypeObject *type) {
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
  if (!slot)
    return bocpy_state_of_cown(type);
  return slot->state && slot->state->cown_type == type ? slot->state : NULL;
}

static void cown_dealloc(bocpy_cown *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->weakrefs)
    PyObject_ClearWeakRefs((PyObject *)self);
  bocpy_attributes_drop(self);
  if (self->core)
    bocpy_reference_cycles_give_up(self->core);
  bocpy_state *state = cown_state(type);
  if (!state || !bocpy_freelist_keep(&state->handles, (PyObject *)self))
    type->tp_free(self);
  Py_DECREF(type);
}

/* The state, if this is attribute `value` of exactly a Cown; NULL otherwise. Then no
 * look-up along the type is needed, which would cost more than the access. Code objects
 * have the name interned. */
static inline bocpy_state *cown_plain_value(PyObject *self, PyObject *name) {
  bocpy_state *state = cown_state(Py_TYPE(self));
  return state && name == state->value_name ? state : NULL;
}

/* The content, an int of 32 bits, as an object: the one that was stored last if it has
 * that value, as in a chain of behaviors that count. A new one costs 230 instructions,
 * its end included. */
static PyObject *cown_get_int(const bocpy_state *state, const bocpy_value *held) {
  return state->latest_int && state->latest_number == bocpy_take_inline_int(held->bytes)
             ? Py_NewRef(state->latest_int)
             : bocpy_value_get_int(held);
}

/* Keeps `object`, which is the content now, for cown_get_int. CPython itself keeps
 * small ints. */
static void cown_keep_int(bocpy_state *state, const bocpy_value *held,
                          PyObject *object) {
  int32_t number = bocpy_take_inline_int(held->bytes);
  if (BOCPY_FREE_THREADED || (number >= -5 && number <= 256))
    return;
  state->latest_number = number;
  Py_XSETREF(state->latest_int, Py_NewRef(object));
}

static PyObject *cown_get_value(bocpy_cown *self, void *unused);
static int cown_set_value(bocpy_cown *self, PyObject *value, void *unused);

/* The value, if this thread holds the cown to write; NULL otherwise. */
static inline bocpy_value *cown_held_value(const bocpy_cown *self) {
  return self->core && bocpy_value_held(bocpy_cown_value(self)) ? bocpy_cown_value(self)
                                                                : NULL;
}

static PyObject *cown_getattro(PyObject *self, PyObject *name) {
  const bocpy_state *state = cown_plain_value(self, name);
  if (!state)
    return bocpy_attributes_get(self, name);
  const bocpy_value *held = cown_held_value((bocpy_cown *)self);
  return held && bocpy_value_is_int(held) ? cown_get_int(state, held)
                                          : cown_get_value((bocpy_cown *)self, NULL);
}

/* The garbage collector tracks a handle from its first attribute on: before, it cannot
 * be part of a cycle. */
static int cown_setattro(PyObject *self, PyObject *name, PyObject *value) {
  bocpy_state *state = cown_plain_value(self, name);
  if (state) {
    bocpy_value *held = cown_held_value((bocpy_cown *)self);
    if (!held || !value || !bocpy_value_is_int(held) ||
        !bocpy_value_set_int(held, value))
      return cown_set_value((bocpy_cown *)self, value, NULL);
    cown_keep_int(state, held, value);
    return 0;
  }
  int status = bocpy_attributes_set(self, name, value);
  if (status == 0 && !PyObject_GC_IsTracked(self) &&
      bocpy_cown_attributes((bocpy_cown *)self))
    PyObject_GC_Track(self);
  return status;
}

static int cown_require_core(const bocpy_cown *self) {
  if (self->core)
    return 0;
  PyErr_SetString(PyExc_RuntimeError,
                  "this cown has no value yet: call super().__init__(value) first");
  return -1;
}

/* ---- value ----------------------------------------------------------------------- */

boc_cown *bocpy_cown_require(PyObject *self) {
  return cown_require_core((bocpy_cown *)self) < 0 ? NULL : ((bocpy_cown *)self)->core;
}

int bocpy_cown_task_mode(const bocpy_cown *self) {
  const bocpy_grant *grant = self->core ? bocpy_grant_here() : NULL;
  return grant ? bocpy_grant_mode(grant, self->core) : -1;
}

/* Whether this thread may read the cown: in a callback, in a task that reads it, or
 * because the thread has acquired it for reading. */
static bool cown_is_lent(const bocpy_cown *self) {
  return self->core &&
         (bocpy_self.lent == self->core || bocpy_cown_task_mode(self) == BOC_READ ||
          bocpy_acquire_reads(self->core));
}

int bocpy_cown_require_held(const bocpy_cown *self, const char *what) {
  if (cown_require_core(self) < 0)
    return -1;
  if (bocpy_value_held(bocpy_cown_value(self)) ||
      bocpy_cown_task_mode(self) == BOC_WRITE)
    return 0;
  if (bocpy_pinned_require_here(bocpy_cown_value(self), what) < 0)
    return -1;
  if (bocpy_reader_is_here(bocpy_cown_value(self)) || cown_is_lent(self))
    PyErr_Format(PyExc_RuntimeError,
                 "%s: this behavior only reads the cown; to change it, give it to "
                 "@when(...) without read()",
                 what);
  else
    PyErr_Format(
        PyExc_RuntimeError,
        "%s: this cown is not held here; use it in a behavior that was given it "
        "(@when), or between acquire() and release()",
        what);
  return -1;
}

static PyObject *cown_get_value(bocpy_cown *self, void *unused) {
  (void)unused;
  PyObject *object;
  bool held = self->core && bocpy_value_held(bocpy_cown_value(self));
  if (!held && self->core && bocpy_reader_is_here(bocpy_cown_value(self)))
    object = bocpy_reader_get(bocpy_cown_value(self));
  else if (!held && self->core && cown_is_lent(self))
    object = bocpy_reader_copy_here(bocpy_cown_value(self));
  else if (held || bocpy_cown_require_held(self, "value") == 0)
    object = bocpy_value_get(bocpy_cown_value(self));
  else
    return NULL;
  bocpy_cown_track((PyObject *)self, object);
  return object;
}

static int cown_set_value(bocpy_cown *self, PyObject *value, void *unused) {
  (void)unused;
  if (!(self->core && bocpy_value_held(bocpy_cown_value(self))) &&
      bocpy_cown_require_held(self, "value") < 0)
    return -1;
  if (!value) {
    PyErr_SetString(PyExc_AttributeError,
                    "the value cannot be deleted: set it to None");
    return -1;
  }
  bocpy_cown_track((PyObject *)self, value);
  return bocpy_value_set(bocpy_cown_value(self), value, "value");
}

/* A failure counts as read if the cown is not in use, or is used by the caller. */
static PyObject *cown_get_exception(bocpy_cown *self, void *unused) {
  (void)unused;
  if (cown_require_core(self) < 0)
    return NULL;
  bool ours = bocpy_value_held(bocpy_cown_value(self)) ||
              bocpy_reader_is_here(bocpy_cown_value(self)) || cown_is_lent(self) ||
              bocpy_cown_task_mode(self) >= 0 || !boc_cown_busy(self->core);
  if (ours && bocpy_cown_value(self)->failed)
    bocpy_failure_forget(bocpy_cown_value(self));
  return PyBool_FromLong(bocpy_cown_value(self)->failed);
}

static int cown_set_exception(bocpy_cown *self, PyObject *flag, void *unused) {
  (void)unused;
  if (bocpy_cown_require_held(self, "exception") < 0)
    return -1;
  int failed = flag ? PyObject_IsTrue(flag) : 0;
  if (failed < 0)
    return -1;
  return bocpy_value_set_failed(bocpy_cown_value(self), failed);
}

static PyObject *cown_get_acquired(bocpy_cown *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->core &&
                         (bocpy_value_held(bocpy_cown_value(self)) ||
                          bocpy_reader_is_here(bocpy_cown_value(self)) ||
                          cown_is_lent(self) || bocpy_cown_task_mode(self) >= 0));
}

/* Takes the content of a held cown; raises it if it is a failure. */
static PyObject *cown_consume(bocpy_value *value) {
  PyObject *object = bocpy_value_get(value);
  /* Read after the content: decoding may have failed and stored the exception. */
  bool failed = value->failed;
  if (object)
    bocpy_value_clear(value);
  if (!object || !failed || !PyExceptionInstance_Check(object))
    return object;
  PyErr_SetRaisedException(object);
  return NULL;
}

static int cown_require_idle(const bocpy_cown *self) {
  if (!boc_cown_busy(self->core))
    return 0;
  PyErr_SetString(PyExc_RuntimeError,
                  "unwrap() while behaviors on this cown are still in flight: call "
                  "wait() or quiesce() first, or give unwrap() a timeout");
  return -1;
}

static PyObject *cown_unwrap(bocpy_cown *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"timeout", NULL};
  PyObject *timeout = Py_None;
  int64_t limit = BOC_FOREVER;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:unwrap", names, &timeout) ||
      cown_require_core(self) < 0 ||
      bocpy_parse_timeout(timeout, "unwrap()", &limit) < 0 ||
      bocpy_pinned_require_here(bocpy_cown_value(self), "unwrap()") < 0)
    return NULL;
  if (bocpy_value_held(bocpy_cown_value(self)) ||
      bocpy_cown_task_mode(self) == BOC_WRITE)
    return cown_consume(bocpy_cown_value(self));
  if (bocpy_reader_is_here(bocpy_cown_value(self)) || cown_is_lent(self)) {
    bocpy_cown_require_held(self, "unwrap()");
    return NULL;
  }
  if (timeout == Py_None && cown_require_idle(self) < 0)
    return NULL;
  if (bocpy_acquire_to_take(self->core, limit) < 0)
    return NULL;
  PyObject *object = cown_consume(bocpy_cown_value(self));
  PyObject *pending = object ? NULL : PyErr_GetRaisedException();
  bocpy_acquire_release(self->core);
  if (pending)
    PyErr_SetRaisedException(pending);
  return object;
}

/* ---- holding --------------------------------------------------------------------- */

static PyObject *cown_acquire(bocpy_cown *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"timeout", NULL};
  PyObject *timeout = Py_None;
  int64_t limit;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:acquire", names, &timeout) ||
      cown_require_core(self) < 0 ||
      bocpy_parse_timeout(timeout, "acquire()", &limit) < 0)
    return NULL;
  return bocpy_acquire(self->core, limit) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *cown_release(bocpy_cown *self, PyObject *unused) {
  (void)unused;
  if (cown_require_core(self) < 0 || bocpy_acquire_release(self->core) < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* Refuses: the task of an event loop holds the cown until its own block ends. */
static int cown_refuse_task(void) {
  PyErr_SetString(
      PyExc_RuntimeError,
      "this task holds the cown already, until its `async with` block ends");
  return -1;
}

static PyObject *cown_enter(bocpy_cown *self, PyObject *unused) {
  (void)unused;
  if (bocpy_cown_task_mode(self) >= 0 && cown_refuse_task() < 0)
    return NULL;
  if (cown_require_core(self) < 0 || bocpy_acquire_enter(self->core) < 0)
    return NULL;
  PyObject *value = cown_get_value(self, NULL);
  if (!value) {
    PyObject *pending = PyErr_GetRaisedException();
    bocpy_acquire_leave(self->core);
    PyErr_SetRaisedException(pending);
  }
  return value;
}

static PyObject *cown_exit(bocpy_cown *self, PyObject *args) {
  (void)args;
  if (cown_require_core(self) < 0 || bocpy_acquire_leave(self->core) < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* ---- awaiting -------------------------------------------------------------------- */

/* Calls a function of bocpy._loops, for the running event loop. */
static PyObject *cown_call_loops(PyObject *self, bocpy_python which) {
  bocpy_state *state = bocpy_state_get();
  if (!state || cown_require_core((bocpy_cown *)self) < 0)
    return NULL;
  return bocpy_python_call(&state->python, which, "(O)", self);
}

static PyObject *cown_await(PyObject *self) {
  return cown_call_loops(self, BOCPY_PY_LOOPS_AWAIT);
}

static PyObject *cown_aenter(PyObject *self, PyObject *unused) {
  (void)unused;
  return cown_call_loops(self, BOCPY_PY_LOOPS_ENTER);
}

static PyObject *cown_aexit(PyObject *self, PyObject *args) {
  (void)args;
  return cown_call_loops(self, BOCPY_PY_LOOPS_EXIT);
}

/* ---- identity -------------------------------------------------------------------- */

static PyObject *cown_compare(PyObject *left, PyObject *right, int op) {
  boc_cown *a = bocpy_cown_core(left), *b = bocpy_cown_core(right);
  if (!a || !b)
    Py_RETURN_NOTIMPLEMENTED;
  Py_RETURN_RICHCOMPARE((uintptr_t)a, (uintptr_t)b, op);
}

static Py_hash_t cown_hash(bocpy_cown *self) {
  if (cown_require_core(self) < 0)
    return -1;
  Py_hash_t hash = (Py_hash_t)((uintptr_t)self->core >> 4);
  return hash == -1 ? -2 : hash;
}

static PyObject *cown_repr(bocpy_cown *self) {
  PyObject *name = PyType_GetName(Py_TYPE(self));
  PyObject *text = NULL;
  const char *state = !self->core                                    ? "uninitialized"
                      : bocpy_value_held(bocpy_cown_value(self))     ? "held here"
                      : bocpy_cown_task_mode(self) == BOC_WRITE      ? "held here"
                      : bocpy_reader_is_here(bocpy_cown_value(self)) ? "read here"
                      : boc_cown_busy(self->core)                    ? "in use"
                                                                     : "free";
  if (name)
    text = PyUnicode_FromFormat("<%U at %p, %s>", name, self->core, state);
  Py_XDECREF(name);
  return text;
}

static PyObject *cown_copy(PyObject *self, PyObject *unused) {
  (void)unused;
  return Py_NewRef(self);
}

static PyObject *cown_reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  if (cown_require_core((bocpy_cown *)self) < 0)
    return NULL;
  return bocpy_codec_reduce_cown(self);
}

/* ---- the types ------------------------------------------------------------------- */

PyDoc_STRVAR(
    cown_doc,
    "Cown(value)\n--\n\n"
    "A concurrently owned value: only one behavior at a time sees it.\n\n"
    "Schedule behaviors over cowns with `when`; outside of behaviors, hold one with\n"
    "`acquire` and `release` or a `with` block, or take its value with `unwrap`.\n"
    "Raises TypeError if `value` cannot be moved between workers.\n\n"
    ">>> from bocpy import Cown, wait, when\n"
    ">>> total = Cown(40)\n"
    ">>> @when(total)\n"
    "... def _(total):\n"
    "...     total.value += 2\n"
    ">>> wait()\n"
    ">>> total.unwrap()\n"
    "42\n");

PyDoc_STRVAR(
    acquire_doc,
    "acquire($self, /, timeout=None)\n"
    "--\n\n"
    "Waits for the cown's turn and holds it until `release`.\n\n"
    "Does nothing if the caller holds it already. Raises TimeoutError if it takes\n"
    "longer than `timeout` seconds. Raises RuntimeError inside a behavior that was\n"
    "not given the cown, and if the thread holds another cown: `bocpy.acquire` holds\n"
    "several at once.\n\n"
    ">>> from bocpy import Cown\n"
    ">>> stock = Cown(['tea'])\n"
    ">>> stock.acquire(timeout=10)\n"
    ">>> stock.value.append('milk')\n"
    ">>> stock.release()\n"
    ">>> with stock as things:\n"
    "...     print(things)\n"
    "['tea', 'milk']");

PyDoc_STRVAR(release_doc, "release($self, /)\n"
                          "--\n\n"
                          "Releases the cown that `acquire` has acquired; does nothing "
                          "if nobody holds it.\n\n"
                          "Raises RuntimeError if another thread holds it.");

PyDoc_STRVAR(
    unwrap_doc,
    "unwrap($self, /, timeout=None)\n--\n\n"
    "Takes the value out and leaves None.\n\n"
    "If a behavior failed to fill the cown, raises its exception instead. Raises\n"
    "RuntimeError while behaviors on the cown are in flight, unless `timeout` says\n"
    "how many seconds to wait for them (then TimeoutError).\n\n"
    ">>> from bocpy import Cown\n"
    ">>> Cown([1, 2]).unwrap()\n"
    "[1, 2]\n");

static PyMethodDef cown_methods[] = {
    {"acquire", (PyCFunction)(void (*)(void))cown_acquire, METH_VARARGS | METH_KEYWORDS,
     acquire_doc},
    {"release", (PyCFunction)cown_release, METH_NOARGS, release_doc},
    {"unwrap", (PyCFunction)(void (*)(void))cown_unwrap, METH_VARARGS | METH_KEYWORDS,
     unwrap_doc},
    {"result", (PyCFunction)(void (*)(void))bocpy_cown_result,
     METH_VARARGS | METH_KEYWORDS, bocpy_cown_result_doc},
    {"add_done_callback", bocpy_cown_add_done_callback, METH_O,
     bocpy_cown_add_done_callback_doc},
    {"cancel", bocpy_cown_cancel, METH_NOARGS, bocpy_cown_cancel_doc},
    {"__aenter__", cown_aenter, METH_NOARGS, NULL},
    {"__aexit__", cown_aexit, METH_VARARGS, NULL},
    {"__enter__", (PyCFunction)cown_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)cown_exit, METH_VARARGS, NULL},
    {"__copy__", cown_copy, METH_NOARGS, NULL},
    {"__deepcopy__", cown_copy, METH_O, NULL},
    {"__reduce__", cown_reduce, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef cown_getset[] = {
    {"value", (getter)cown_get_value, (setter)cown_set_value,
     "The value; only the holder of the cown may use it. Setting it clears "
     "`exception`.",
     NULL},
    {"exception", (getter)cown_get_exception, (setter)cown_set_exception,
     "Whether the value is an exception that a behavior raised.\n\n"
     ">>> from bocpy import wait, when\n"
     ">>> @when()\n"
     "... def share():\n"
     "...     return 1 / 0\n"
     ">>> @when(share)\n"
     "... def told(share):\n"
     "...     return 'nothing' if share.exception else share.value\n"
     ">>> wait()\n"
     ">>> told.unwrap()\n"
     "'nothing'",
     NULL},
    {"acquired", (getter)cown_get_acquired, NULL, "Whether the caller holds the cown.",
     NULL},
    {"impl", (getter)bocpy_cown_get_impl, NULL,
     "The cown's capsule, for its method `disown`.", NULL},
    {"__dict__", bocpy_attributes_get_dict, bocpy_attributes_set_dict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef cown_members[] = {
#if BOCPY_FREE_THREADED
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(bocpy_cown, dict), Py_READONLY, NULL},
#endif
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(bocpy_cown, weakrefs), Py_READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot cown_slots[] = {
    {Py_tp_doc, (void *)cown_doc},     {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, cown_init},           {Py_tp_traverse, cown_traverse},
    {Py_tp_clear, cown_clear},         {Py_tp_dealloc, cown_dealloc},
    {Py_tp_getattro, cown_getattro},   {Py_tp_setattro, cown_setattro},
    {Py_tp_richcompare, cown_compare}, {Py_tp_hash, cown_hash},
    {Py_tp_repr, cown_repr},           {Py_am_await, cown_await},
    {Py_tp_methods, cown_methods},     {Py_tp_getset, cown_getset},
    {Py_tp_members, cown_members},     {0, NULL},
};

PyType_Spec bocpy_cown_spec = {
    .name = "bocpy.Cown",
    .basicsize = sizeof(bocpy_cown),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = cown_slots,
};
