/* Grant object: what Python code does with a grant. See grant.h.
 *
 * _Grant(queue, cowns, filled) asks for `cowns`, a tuple as the arguments of when().
 * The queue's take() returns the object once it is granted. Then come `enter`,
 * `values` or `arguments`, and at last `grant_object_end`, which may be called at any
 * time. */
#include "grant_object.h"

#include <stddef.h>

#include "acquire.h"

#include "code.h"
#include "failure.h"
#include "failure_report.h"
#include "pinned.h"
#include "reader_copies.h"
#include "result.h"
#include "runtime.h"
#include "scope.h"
#include "when.h"

typedef struct grant_object {
  PyObject_HEAD bocpy_grant *grant;
  PyObject *queue;
  PyObject *token;  /* of the waiting task */
  PyObject *result; /* a Cown, or NULL */
  PyObject *weakrefs;
  boc_scope *scope; /* the scope that counts it, with a reference, or NULL */
  bocpy_when_args args;
} grant_object;

static void grant_push(bocpy_grant *grant) {
  bocpy_grant_hold(grant);
  bocpy_completion_push(&grant->completion);
}

/* ---- asking ---------------------------------------------------------------------- */

static int require_places(const bocpy_when_args *args) {
  for (uint32_t i = 0; i < args->cowns; i++) {
    const bocpy_value *value = bocpy_cown_value((bocpy_cown *)args->handles[i]);
    if (bocpy_pinned_require_here(value, "await") < 0)
      return -1;
  }
  return 0;
}

static bocpy_grant *grant_new_for(const bocpy_when_args *args,
                                  bocpy_completion_queue *queue, boc_cown *result,
                                  boc_scope *scope) {
  boc_access few[BOCPY_WHEN_ARGS_FEW], *accesses = few;
  if (args->cowns > BOCPY_WHEN_ARGS_FEW)
    accesses = PyMem_Malloc(args->cowns * sizeof(*accesses));
  if (!accesses) {
    PyErr_NoMemory();
    return NULL;
  }
  for (uint32_t i = 0; i < args->cowns; i++)
    accesses[i] = (boc_access){((bocpy_cown *)args->handles[i])->core,
                               args->modes[i] ? BOC_READ : BOC_WRITE};
  bocpy_grant *grant =
      bocpy_grant_new(accesses, args->cowns, result, scope, grant_push, queue, NULL);
  if (accesses != few)
    PyMem_Free(accesses);
  return grant;
}

/* The queue knows the object before it can take the grant, since this thread does
 * both. */
static int grant_object_begin(grant_object *self, bocpy_state *state,
                              bocpy_completion_queue *queue, bool filled) {
  boc_cown *result = NULL;
  if (filled) {
    if (bocpy_scope_here(state, NULL, &self->scope) < 0)
      return -1;
    result = bocpy_cown_core_new(false);
    self->result = result ? bocpy_cown_adopt(state, result) : NULL;
    if (!self->result)
      return -1;
  }
  if (bocpy_completion_queue_expect(self->queue, (PyObject *)self) < 0)
    return -1;
  self->grant = grant_new_for(&self->args, queue, result, self->scope);
  if (!self->grant) {
    PyObject *pending = PyErr_GetRaisedException();
    bocpy_completion_queue_forget(self->queue, (PyObject *)self);
    PyErr_SetRaisedException(pending);
    return -1;
  }
  if (self->grant->at_once)
    bocpy_completion_queue_forget(self->queue, (PyObject *)self);
  else
    bocpy_completion_own(&self->grant->completion, (PyObject *)self);
  return 0;
}

static PyObject *grant_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *queue_object, *cowns;
  int filled = 0;
  bocpy_state *state = bocpy_state_get();
  (void)kwargs;
  if (!state || !PyArg_ParseTuple(args, "OO!|p:_Grant", &queue_object, &PyTuple_Type,
                                  &cowns, &filled))
    return NULL;
  bocpy_completion_queue *queue = bocpy_completion_queue_of(state, queue_object);
  if (!queue || bocpy_grant_refuse(bocpy_acquire_any(), "await") < 0)
    return NULL;
  grant_object *self = (grant_object *)type->tp_alloc(type, 0);
  if (!self)
    return NULL;
  self->queue = Py_NewRef(queue_object);
  if (bocpy_when_args_init(&self->args, state, "when() argument",
                           PySequence_Fast_ITEMS(cowns), PyTuple_GET_SIZE(cowns)) < 0 ||
      require_places(&self->args) < 0 ||
      grant_object_begin(self, state, queue, filled) < 0)
    Py_CLEAR(self);
  return (PyObject *)self;
}

/* ---- the end of it --------------------------------------------------------------- */

static void grant_object_end(grant_object *self) {
  if (!self->grant)
    return;
  bocpy_grant_end(self->grant);
  PyObject *pending = PyErr_GetRaisedException();
  if (self->queue)
    bocpy_completion_queue_forget(self->queue, (PyObject *)self);
  PyErr_SetRaisedException(pending);
}

static PyObject *grant_end(grant_object *self, PyObject *unused) {
  (void)unused;
  grant_object_end(self);
  Py_RETURN_NONE;
}

static int grant_traverse(grant_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->queue);
  Py_VISIT(self->token);
  Py_VISIT(self->result);
  for (uint32_t i = 0; i < self->args.cowns; i++)
    Py_VISIT(self->args.handles[i]);
  return 0;
}

static int grant_clear(grant_object *self) {
  Py_CLEAR(self->token);
  return 0;
}

/* No code refers to it any more: its coroutine or its loop has ended. */
static void grant_dealloc(grant_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->weakrefs)
    PyObject_ClearWeakRefs((PyObject *)self);
  if (self->grant) {
    bocpy_completion_disown(&self->grant->completion);
    bocpy_grant_end(self->grant);
    bocpy_grant_drop(self->grant);
  }
  Py_CLEAR(self->queue);
  Py_CLEAR(self->token);
  Py_CLEAR(self->result);
  boc_scope_drop(self->scope);
  bocpy_when_args_fini(&self->args);
  type->tp_free(self);
  Py_DECREF(type);
}

/* ---- holding --------------------------------------------------------------------- */

/* A grant that is entered is known to the whole process (_tasks.py), and must not keep
 * its loop alive: a loop that is closed gives back what its tasks hold once it is
 * collected. The queue leads to all that wait in the loop, the token to the loop. */
static PyObject *grant_enter(grant_object *self, PyObject *unused) {
  (void)unused;
  bocpy_grant_enter(self->grant);
  if (self->queue)
    bocpy_completion_queue_forget(self->queue, (PyObject *)self);
  Py_CLEAR(self->queue);
  Py_CLEAR(self->token);
  Py_RETURN_NONE;
}

static PyObject *grant_value_at(void *ctx, uint32_t i) {
  grant_object *self = ctx;
  bocpy_cown *cown = (bocpy_cown *)self->args.handles[i];
  PyObject *object = bocpy_grant_mode(self->grant, cown->core) == BOC_READ
                         ? bocpy_reader_copy_here(bocpy_cown_value(cown))
                         : bocpy_value_get(bocpy_cown_value(cown));
  bocpy_cown_track((PyObject *)cown, object);
  return object;
}

static PyObject *handle_at(void *ctx, uint32_t i) {
  grant_object *self = ctx;
  return Py_NewRef(self->args.handles[i]);
}

static PyObject *grant_values(grant_object *self, PyObject *unused) {
  (void)unused;
  return bocpy_when_args_in_shape(&self->args, grant_value_at, self);
}

static PyObject *grant_arguments(grant_object *self, PyObject *unused) {
  (void)unused;
  return bocpy_when_args_in_shape(&self->args, handle_at, self);
}

/* The outcome of the cown, the only one that was asked for. */
static PyObject *grant_outcome(grant_object *self, PyObject *unused) {
  (void)unused;
  return bocpy_outcome_read(bocpy_cown_value((bocpy_cown *)self->args.handles[0]));
}

static PyObject *grant_writes(grant_object *self, PyObject *cown) {
  boc_cown *core = bocpy_cown_core(cown);
  return PyBool_FromLong(core && bocpy_grant_mode(self->grant, core) == BOC_WRITE);
}

/* ---- the result ------------------------------------------------------------------ */

static PyObject *grant_settle(grant_object *self, PyObject *object) {
  bocpy_value *value = bocpy_cown_value((bocpy_cown *)self->result);
  if (bocpy_value_set_copy(value, object, "result") < 0)
    return NULL;
  Py_RETURN_NONE;
}

/* `place` is a function whose name and code are those of the body; `tells` is whether
 * this is a failure of the scope. */
static PyObject *grant_fail(grant_object *self, PyObject *args) {
  PyObject *exception, *place;
  int tells;
  if (!PyArg_ParseTuple(args, "OO!p:fail", &exception, &PyFunction_Type, &place,
                        &tells))
    return NULL;
  bocpy_state *state = bocpy_state_get();
  bocpy_entry *entry = state ? bocpy_code_of(state, place) : NULL;
  if (!entry)
    return NULL;
  boc_cown *result = ((bocpy_cown *)self->result)->core;
  bocpy_scope_entry here = {.scope = tells && self->scope ? boc_scope_data(self->scope)
                                                          : NULL,
                            .code = entry->code};
  PyErr_SetRaisedException(Py_NewRef(exception));
  bool told = bocpy_scope_failed(&here, result);
  bocpy_failure_store(result, entry->code);
  if (told)
    bocpy_failure_forget(bocpy_value_of(result));
  Py_RETURN_NONE;
}

/* For a scope that was cancelled before the body began. */
static PyObject *grant_cancel(grant_object *self, PyObject *unused) {
  (void)unused;
  bocpy_scope_store_cancelled(((bocpy_cown *)self->result)->core);
  Py_RETURN_NONE;
}

static PyObject *grant_get_cancelled(grant_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->scope && boc_scope_cancelled(self->scope));
}

/* Whether the cowns were granted while they were asked for: then no notification
 * follows. */
static PyObject *grant_get_ready(grant_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(self->grant->at_once);
}

static PyGetSetDef getset[] = {
    {"ready", (getter)grant_get_ready, NULL, NULL, NULL},
    {"cancelled", (getter)grant_get_cancelled, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"enter", (PyCFunction)grant_enter, METH_NOARGS, NULL},
    {"end", (PyCFunction)grant_end, METH_NOARGS, NULL},
    {"values", (PyCFunction)grant_values, METH_NOARGS, NULL},
    {"arguments", (PyCFunction)grant_arguments, METH_NOARGS, NULL},
    {"outcome", (PyCFunction)grant_outcome, METH_NOARGS, NULL},
    {"writes", (PyCFunction)grant_writes, METH_O, NULL},
    {"settle", (PyCFunction)grant_settle, METH_O, NULL},
    {"fail", (PyCFunction)grant_fail, METH_VARARGS, NULL},
    {"cancel", (PyCFunction)grant_cancel, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"token", BOCPY_T_OBJECT, offsetof(grant_object, token), 0, NULL},
    {"result", Py_T_OBJECT_EX, offsetof(grant_object, result), Py_READONLY, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(grant_object, weakrefs), Py_READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"Cowns that were asked for together."},
    {Py_tp_new, grant_new},
    {Py_tp_traverse, grant_traverse},
    {Py_tp_clear, grant_clear},
    {Py_tp_dealloc, grant_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec bocpy_grant_spec = {
    .name = "bocpy._core._Grant",
    .basicsize = sizeof(grant_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
