/* Scope: see scope.h. `bocpy_scope_lock` guards the list of all scopes. */
#include "deadline.h"
#include "scope_data.h"

#include <stddef.h>
#include <stdlib.h>

#include "grant.h"
#include "pump.h"
#include "runtime.h"
#include "status.h"

bocpy_lock bocpy_scope_lock;
static bocpy_scope scopes = {.prev = &scopes, .next = &scopes};
static unsigned long long last_number;
atomic_bool bocpy_scopes_used;

int bocpy_scope_init(void) {
  return bocpy_scope_lock ? 0 : bocpy_lock_init(&bocpy_scope_lock);
}

int bocpy_scope_forget(void) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  bocpy_scope_lock = fresh;
  return 0;
}

/* ---- what runs and fails --------------------------------------------------------- */

void bocpy_scope_begin(bocpy_scope_entry *entry, const bocpy_code *code) {
  boc_scope *core = boc_scope_current();
  entry->scope = core ? boc_scope_data(core) : NULL;
  if (!entry->scope)
    return;
  bocpy_scope_entry *head = &entry->scope->running;
  entry->code = code;
  bocpy_lock_take(&bocpy_scope_lock);
  entry->prev = head;
  entry->next = head->next;
  head->next->prev = entry;
  head->next = entry;
  bocpy_lock_give(&bocpy_scope_lock);
}

void bocpy_scope_end(bocpy_scope_entry *entry) {
  if (!entry->scope)
    return;
  bocpy_lock_take(&bocpy_scope_lock);
  entry->prev->next = entry->next;
  entry->next->prev = entry->prev;
  bocpy_lock_give(&bocpy_scope_lock);
}

/* Whether the exception that is set is CancelledError. The class is looked up with no
 * exception set, since the first look-up in an interpreter imports. */
static bool is_cancelled_error(void) {
  PyObject *pending = PyErr_GetRaisedException();
  bocpy_state *state = bocpy_state_get();
  PyObject *type =
      state ? bocpy_python_get(&state->python, BOCPY_PY_CANCELLED_ERROR) : NULL;
  PyErr_Clear();
  bool is = type && pending && PyErr_GivenExceptionMatches(pending, type);
  PyErr_SetRaisedException(pending);
  return is;
}

static void failure_append_locked(bocpy_scope *scope, scope_failure *failure) {
  if (scope->last)
    scope->last->next = failure;
  else
    scope->first = failure;
  scope->last = failure;
}

bool bocpy_scope_failed(const bocpy_scope_entry *entry, boc_cown *result) {
  bocpy_scope *scope = entry->scope;
  if (!scope)
    return false;
  if (boc_scope_cancelled(scope->core) && is_cancelled_error())
    return true;
  scope_failure *failure = calloc(1, sizeof(*failure));
  if (failure) {
    failure->result = boc_cown_hold(result);
    failure->code = entry->code;
    bocpy_code_hold(failure->code);
  }
  bocpy_lock_take(&bocpy_scope_lock);
  if (failure)
    failure_append_locked(scope, failure);
  scope->failed = scope->failed || scope->cancels;
  bocpy_lock_give(&bocpy_scope_lock);
  if (scope->cancels)
    boc_scope_cancel(scope->core);
  return false;
}

static void store_error(boc_cown *result, PyObject *error) {
  bocpy_value *value = bocpy_value_of(result);
  bocpy_value_fail(value, error);
  if (!bocpy_by_reference())
    bocpy_value_encode(value);
}

void bocpy_scope_store_cancelled(boc_cown *result) {
  bocpy_state *state = bocpy_state_get();
  PyObject *error =
      state ? bocpy_python_call(&state->python, BOCPY_PY_CANCELLED_ERROR, "(s)",
                                "the behavior was cancelled before it began")
            : NULL;
  if (!error)
    error = PyErr_GetRaisedException();
  store_error(result, error);
}

/* ---- life ------------------------------------------------------------------------ */

static void failure_free(scope_failure *failure) {
  boc_cown_drop(failure->result);
  bocpy_code_drop(failure->code);
  free(failure);
}

/* Any thread, attached or not. */
static void scope_drop_data(void *data) {
  bocpy_scope *scope = data;
  bocpy_lock_take(&bocpy_scope_lock);
  scope->prev->next = scope->next;
  scope->next->prev = scope->prev;
  bocpy_lock_give(&bocpy_scope_lock);
  bocpy_deadline_drop(scope);
  while (scope->first) {
    scope_failure *next = scope->first->next;
    failure_free(scope->first);
    scope->first = next;
  }
  free(scope);
}

static void scope_link(bocpy_scope *scope) {
  scope->running.prev = scope->running.next = &scope->running;
  bocpy_lock_take(&bocpy_scope_lock);
  scope->number = ++last_number;
  scope->next = &scopes;
  scope->prev = scopes.prev;
  scopes.prev->next = scope;
  scopes.prev = scope;
  bocpy_lock_give(&bocpy_scope_lock);
  atomic_store(&bocpy_scopes_used, true);
}

/* A new reference; NULL with an exception. */
static boc_scope *scope_new(boc_scope *parent, bool cancels, size_t limit) {
  bocpy_scope *scope = calloc(1, sizeof(*scope));
  boc_scope *core = NULL;
  if (!scope || boc_scope_new(parent, NULL, &core) != BOC_OK) {
    free(scope);
    PyErr_NoMemory();
    return NULL;
  }
  scope->core = core;
  scope->parent = parent;
  scope->cancels = cancels;
  scope->limit = limit;
  scope_link(scope);
  boc_scope_set_data(core, scope, scope_drop_data);
  return core;
}

size_t bocpy_scope_limit(const boc_scope *core) {
  const bocpy_scope *scope = boc_scope_data(core);
  return scope->limit;
}

/* ---- the object ------------------------------------------------------------------ */

typedef struct scope_object {
  PyObject_HEAD boc_scope *core;
} scope_object;

static PyObject *scope_wrap(PyTypeObject *type, boc_scope *core) {
  scope_object *self = (scope_object *)type->tp_alloc(type, 0);
  if (self)
    self->core = core;
  else
    boc_scope_drop(core);
  return (PyObject *)self;
}

boc_scope *bocpy_scope_of(bocpy_state *state, PyObject *object) {
  if (PyObject_TypeCheck(object, state->scope_type))
    return ((scope_object *)object)->core;
  PyErr_Format(PyExc_TypeError, "a scope, not '%s'", Py_TYPE(object)->tp_name);
  return NULL;
}

/* _Scope(parent, cancels, limit): `parent` may be None. */
static PyObject *scope_make(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *parent;
  int cancels;
  Py_ssize_t limit;
  bocpy_state *state = bocpy_state_get();
  (void)kwargs;
  if (!state || !PyArg_ParseTuple(args, "Opn:_Scope", &parent, &cancels, &limit))
    return NULL;
  boc_scope *above = boc_scope_current();
  if (parent != Py_None && !(above = bocpy_scope_of(state, parent)))
    return NULL;
  boc_scope *core = scope_new(above, cancels, (size_t)limit);
  return core ? scope_wrap(type, core) : NULL;
}

static void scope_dealloc(scope_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  if (self->core)
    boc_scope_drop(self->core);
  type->tp_free(self);
  Py_DECREF(type);
}

static bocpy_scope *data_of(const scope_object *self) {
  return boc_scope_data(self->core);
}

static PyObject *scope_cancel(scope_object *self, PyObject *unused) {
  (void)unused;
  boc_scope_cancel(self->core);
  Py_RETURN_NONE;
}

static PyObject *scope_get_cancelled(scope_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(boc_scope_cancelled(self->core));
}

static PyObject *scope_get_pending(scope_object *self, void *unused) {
  (void)unused;
  return PyLong_FromSize_t(boc_scope_pending(self->core));
}

static PyObject *scope_get_number(scope_object *self, void *unused) {
  (void)unused;
  return PyLong_FromUnsignedLongLong(data_of(self)->number);
}

static PyObject *scope_get_limit(scope_object *self, void *unused) {
  (void)unused;
  return PyLong_FromSize_t(data_of(self)->limit);
}

/* Whether a failure has cancelled it. */
static PyObject *scope_get_failed(scope_object *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(data_of(self)->failed);
}

/* ---- waiting --------------------------------------------------------------------- */

static void scope_signal(void *waiter) { bocpy_waiter_signal(waiter); }

typedef bool (*scope_unwait)(boc_scope *scope, boc_quiesce_node *node);

/* 0; 1 not within `timeout`; -1 with an exception. `room` 0: waits until it is
 * empty. */
static int scope_wait_for(boc_scope *core, size_t room, int64_t timeout) {
  bocpy_waiter *waiter = bocpy_waiter_new();
  if (!waiter)
    return -1;
  boc_quiesce_node node = {.done = scope_signal, .ctx = waiter};
  scope_unwait unwait = room ? boc_scope_on_room_cancel : boc_scope_on_empty_cancel;
  if (room)
    boc_scope_on_room(core, room, &node);
  else
    boc_scope_on_empty(core, &node);
  int status = bocpy_pump_wait(waiter, timeout);
  PyObject *pending = status < 0 ? PyErr_GetRaisedException() : NULL;
  if (status != 0 && !unwait(core, &node))
    bocpy_waiter_settle(waiter);
  else
    unwait(core, &node); /* ends the notifier's call, too */
  bocpy_waiter_free(waiter);
  if (pending)
    PyErr_SetRaisedException(pending);
  return status;
}

static PyObject *scope_wait(scope_object *self, PyObject *seconds) {
  int64_t timeout;
  if (bocpy_parse_timeout(seconds, "behaviors()", &timeout) < 0 ||
      bocpy_grant_refuse(false, "leaving a scope") < 0)
    return NULL;
  int status = scope_wait_for(self->core, 0, timeout);
  return status < 0 ? NULL : PyBool_FromLong(status == 0);
}

/* Whether this thread may wait for room: not in a body or an event loop. */
static bool may_wait(bocpy_state *state) {
  if (bocpy_self.bodies || !state->is_main)
    return false;
  PyObject *library =
      bocpy_python_call(&state->python, BOCPY_PY_TASKS_LIBRARY_HERE, NULL);
  bool loop = library && library != Py_None;
  Py_XDECREF(library);
  PyErr_Clear();
  return !loop;
}

static int scope_wait_room(bocpy_state *state, boc_scope *core) {
  for (boc_scope *at = core; at;) {
    const bocpy_scope *scope = boc_scope_data(at);
    while (scope->limit && boc_scope_pending(at) >= scope->limit &&
           !boc_scope_cancelled(at) && may_wait(state))
      if (scope_wait_for(at, scope->limit, BOC_FOREVER) < 0)
        return -1;
    at = scope->parent;
  }
  return 0;
}

bool bocpy_scope_is_limited(boc_scope *core) {
  while (core && !bocpy_scope_limit(core))
    core = ((const bocpy_scope *)boc_scope_data(core))->parent;
  return core != NULL;
}

int bocpy_scope_enter_current(bocpy_state *state, PyObject *given,
                              boc_scope **out_scope) {
  PyObject *object = Py_XNewRef(given);
  if (!object && !bocpy_self.bodies && state->scope_variable &&
      PyContextVar_Get(state->scope_variable, NULL, &object) < 0)
    return -1;
  if (!object)
    return 0;
  boc_scope *core = object == Py_None ? NULL : bocpy_scope_of(state, object);
  if (core)
    *out_scope = boc_scope_hold(core);
  Py_DECREF(object);
  if (PyErr_Occurred() || (core && scope_wait_room(state, core) < 0)) {
    boc_scope_drop(*out_scope);
    *out_scope = NULL;
    return -1;
  }
  return 0;
}

/* ---- telling --------------------------------------------------------------------- */

static bool is_within(const bocpy_scope *scope, const bocpy_scope *outer) {
  while (scope && scope != outer)
    scope = scope->parent ? boc_scope_data(scope->parent) : NULL;
  return scope != NULL;
}

size_t bocpy_scope_running_locked(const bocpy_scope *outer, const bocpy_code **codes,
                                  size_t room) {
  size_t count = 0;
  for (bocpy_scope *scope = scopes.next; scope != &scopes; scope = scope->next) {
    if (!is_within(scope, outer))
      continue;
    for (bocpy_scope_entry *entry = scope->running.next;
         entry != &scope->running && count < room; entry = entry->next) {
      bocpy_code_hold(entry->code);
      codes[count++] = entry->code;
    }
  }
  return count;
}

static PyObject *scope_running(scope_object *self, PyObject *unused) {
  const bocpy_code *codes[BOCPY_RUNNING_MAX];
  const bocpy_scope *scope = data_of(self);
  (void)unused;
  bocpy_lock_take(&bocpy_scope_lock);
  size_t count = scope->late
                     ? bocpy_deadline_running_locked(scope, codes)
                     : bocpy_scope_running_locked(scope, codes, BOCPY_RUNNING_MAX);
  bocpy_lock_give(&bocpy_scope_lock);
  PyObject *list = PyList_New(0);
  for (size_t i = 0; i < count; i++) {
    PyObject *name = list ? PyUnicode_FromFormat("'%s' (%s:%d)", codes[i]->qualname,
                                                 codes[i]->file, codes[i]->line)
                          : NULL;
    if (!name || PyList_Append(list, name) < 0)
      Py_CLEAR(list);
    Py_XDECREF(name);
    bocpy_code_drop(codes[i]);
  }
  return list;
}

static PyObject *scope_failure_tuple(bocpy_state *state, const scope_failure *failure) {
  PyObject *cown = bocpy_cown_adopt(state, boc_cown_hold(failure->result));
  return cown ? Py_BuildValue("Nssi", cown, failure->code->qualname,
                              failure->code->file, failure->code->line)
              : NULL;
}

/* [(result, name, file, line), ...] of the failures, which the scope then forgets. */
static PyObject *scope_take_failures(scope_object *self, PyObject *unused) {
  bocpy_scope *scope = data_of(self);
  bocpy_state *state = bocpy_state_get();
  (void)unused;
  bocpy_lock_take(&bocpy_scope_lock);
  scope_failure *failure = scope->first;
  scope->first = scope->last = NULL;
  bocpy_lock_give(&bocpy_scope_lock);
  PyObject *list = PyList_New(0);
  while (failure) {
    scope_failure *next = failure->next;
    PyObject *tuple = list && state ? scope_failure_tuple(state, failure) : NULL;
    if (list && (!tuple || PyList_Append(list, tuple) < 0))
      Py_CLEAR(list);
    Py_XDECREF(tuple);
    failure_free(failure);
    failure = next;
  }
  return list;
}

/* A handle travels as the scope's number, which the process knows while the scope
 * lives. */
static PyObject *scope_reduce(scope_object *self, PyObject *unused) {
  (void)unused;
  bocpy_state *state = bocpy_state_get();
  PyObject *find = state ? PyObject_GetAttrString(state->module, "_scope_find") : NULL;
  return find ? Py_BuildValue("N(K)", find, data_of(self)->number) : NULL;
}

PyObject *bocpy_scope_find(PyObject *module, PyObject *number) {
  unsigned long long wanted = PyLong_AsUnsignedLongLong(number);
  boc_scope *core = NULL;
  if (PyErr_Occurred())
    return NULL;
  bocpy_lock_take(&bocpy_scope_lock);
  for (bocpy_scope *scope = scopes.next; scope != &scopes; scope = scope->next)
    if (scope->number == wanted)
      core = boc_scope_try_hold(scope->core);
  bocpy_lock_give(&bocpy_scope_lock);
  if (core)
    return scope_wrap(bocpy_state_of(module)->scope_type, core);
  PyErr_SetString(PyExc_RuntimeError,
                  "this scope is over, or belongs to another process");
  return NULL;
}

/* The current scope: a _Scope, or None. */
PyObject *bocpy_scope_current(PyObject *module, PyObject *unused) {
  bocpy_state *state = bocpy_state_of(module);
  (void)unused;
  PyObject *object = NULL;
  if (bocpy_self.bodies) {
    boc_scope *core = boc_scope_current();
    return core ? scope_wrap(state->scope_type, boc_scope_hold(core))
                : Py_NewRef(Py_None);
  }
  if (PyContextVar_Get(state->scope_variable, Py_None, &object) < 0)
    return NULL;
  return object;
}

/* set_deadline(seconds), counted from now. */
static PyObject *scope_set_deadline(scope_object *self, PyObject *seconds) {
  return bocpy_deadline_set(data_of(self), seconds) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *scope_get_late(scope_object *self, void *unused) {
  (void)unused;
  return bocpy_deadline_late(data_of(self));
}

PyObject *bocpy_scope_cancelled(PyObject *module, PyObject *unused) {
  (void)unused;
  boc_scope *core = boc_scope_current();
  if (core || bocpy_self.bodies)
    return PyBool_FromLong(core && bocpy_deadline_cancelled(core));
  PyObject *object = bocpy_scope_current(module, NULL);
  if (!object)
    return NULL;
  bool cancelled =
      object != Py_None && bocpy_deadline_cancelled(((scope_object *)object)->core);
  Py_DECREF(object);
  return PyBool_FromLong(cancelled);
}

static PyObject *scope_done(scope_object *self, PyObject *unused) {
  (void)unused;
  return bocpy_scope_done(self->core);
}

static PyMethodDef methods[] = {
    {"cancel", (PyCFunction)scope_cancel, METH_NOARGS, NULL},
    {"wait", (PyCFunction)scope_wait, METH_O, NULL},
    {"set_deadline", (PyCFunction)scope_set_deadline, METH_O, NULL},
    {"done", (PyCFunction)scope_done, METH_NOARGS, NULL},
    {"running", (PyCFunction)scope_running, METH_NOARGS, NULL},
    {"take_failures", (PyCFunction)scope_take_failures, METH_NOARGS, NULL},
    {"__reduce__", (PyCFunction)scope_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef getset[] = {
    {"cancelled", (getter)scope_get_cancelled, NULL, NULL, NULL},
    {"pending", (getter)scope_get_pending, NULL, NULL, NULL},
    {"number", (getter)scope_get_number, NULL, NULL, NULL},
    {"limit", (getter)scope_get_limit, NULL, NULL, NULL},
    {"late", (getter)scope_get_late, NULL, NULL, NULL},
    {"failed", (getter)scope_get_failed, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A handle of a scope."},
    {Py_tp_new, scope_make},
    {Py_tp_dealloc, scope_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, getset},
    {0, NULL},
};

PyType_Spec bocpy_scope_spec = {
    .name = "bocpy._core._Scope",
    .basicsize = sizeof(scope_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
