/* Bridge: see bridge.h. */
#include "bridge.h"

#include <stddef.h>
#include <stdlib.h>

#include "grant.h"
#include "pump.h"
#include "runtime.h"

struct bocpy_bridge {
  atomic_size_t references;
  bocpy_lock lock;
  /* the number of forks when it was made: a child cannot use the bridge or its lock */
  size_t forks;
  bool closed;
  bool signalled;       /* the descriptor is readable, or about to be */
  bool lane;            /* behaviors over pinned cowns are ready */
  bocpy_waiter *waiter; /* NULL if `descriptor` is written to instead */
  intptr_t descriptor;  /* of the caller's loop; a socket on Windows */
  bocpy_completion *first, *last;
};

static bool is_ours(const bocpy_bridge *bridge) {
  return bridge->forks == atomic_load(&bocpy_forks);
}

/* ---- the list -------------------------------------------------------------------- */

static void signal_locked(bocpy_bridge *bridge) {
  if (bridge->signalled)
    return;
  bridge->signalled = true;
  if (bridge->waiter)
    bocpy_waiter_signal(bridge->waiter);
  else
    bocpy_descriptor_write(bridge->descriptor);
}

void bocpy_completion_push(bocpy_completion *self) {
  bocpy_bridge *bridge = self->bridge;
  self->next = NULL;
  bocpy_lock_take(&bridge->lock);
  bool closed = bridge->closed;
  if (!closed) {
    if (bridge->last)
      bridge->last->next = self;
    else
      bridge->first = self;
    bridge->last = self;
    signal_locked(bridge);
  }
  bocpy_lock_give(&bridge->lock);
  if (closed)
    self->drop(self);
}

int bocpy_completion_own(bocpy_completion *self, PyObject *owner) {
  bocpy_lock_take(&self->bridge->lock);
  self->owner = owner;
  bocpy_lock_give(&self->bridge->lock);
  return 0;
}

void bocpy_completion_disown(bocpy_completion *self) {
  if (!self->bridge)
    return;
  if (!is_ours(self->bridge)) {
    self->owner = NULL;
    return;
  }
  bocpy_lock_take(&self->bridge->lock);
  self->owner = NULL;
  bocpy_lock_give(&self->bridge->lock);
}

static void tell_lane(void *ctx) {
  bocpy_bridge *bridge = ctx;
  bocpy_lock_take(&bridge->lock);
  if (!bridge->closed) {
    bridge->lane = true;
    signal_locked(bridge);
  }
  bocpy_lock_give(&bridge->lock);
}

/* ---- life ------------------------------------------------------------------------ */

bocpy_bridge *bocpy_bridge_hold(bocpy_bridge *bridge) {
  atomic_fetch_add(&bridge->references, 1);
  return bridge;
}

void bocpy_bridge_drop(bocpy_bridge *bridge) {
  if (!bridge || atomic_fetch_sub(&bridge->references, 1) != 1)
    return;
  bocpy_lock_fini(&bridge->lock);
  free(bridge);
}

/* If `descriptor` is negative, the bridge makes an event of its own. NULL with an
 * exception. */
static bocpy_bridge *new_bridge(intptr_t descriptor) {
  bocpy_bridge *bridge = calloc(1, sizeof(*bridge));
  if (!bridge) {
    PyErr_NoMemory();
    return NULL;
  }
  atomic_store(&bridge->references, 1);
  bridge->forks = atomic_load(&bocpy_forks);
  bridge->descriptor = descriptor;
  if (descriptor < 0)
    bridge->waiter = bocpy_waiter_new_polled();
  if ((descriptor >= 0 || bridge->waiter) && bocpy_lock_init(&bridge->lock) == 0)
    return bridge;
  if (bridge->waiter)
    bocpy_waiter_free(bridge->waiter);
  free(bridge);
  return NULL;
}

static bocpy_completion *take_all(bocpy_bridge *bridge, bool close) {
  bocpy_lock_take(&bridge->lock);
  bocpy_completion *first = bridge->first;
  bridge->first = bridge->last = NULL;
  bridge->closed = bridge->closed || close;
  bocpy_lock_give(&bridge->lock);
  return first;
}

/* Drops all completions: no loop takes them any more. */
static void close_bridge(bocpy_bridge *bridge) {
  if (!is_ours(bridge))
    return;
  bocpy_pump_unlisten(bridge);
  bocpy_completion *completion = take_all(bridge, true);
  while (completion) {
    bocpy_completion *next = completion->next;
    completion->drop(completion);
    completion = next;
  }
  bocpy_waiter *waiter = bridge->waiter;
  bridge->waiter = NULL;
  if (waiter)
    bocpy_waiter_free(waiter);
}

/* ---- the Python object ----------------------------------------------------------- */

typedef struct bridge_object {
  PyObject_HEAD bocpy_bridge *bridge; /* NULL: closed */
  PyObject *waiting; /* a set: the completions that nobody has taken yet */
  PyObject *weakrefs;
} bridge_object;

static PyObject *bridge_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"descriptor", NULL};
  long long descriptor = -1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|L:_Bridge", names, &descriptor) ||
      (bocpy_self.bodies && !bocpy_by_reference() &&
       bocpy_grant_refuse(false, "await") < 0) ||
      bocpy_require_main("awaiting") < 0)
    return NULL;
  bridge_object *self = (bridge_object *)type->tp_alloc(type, 0);
  if (!self)
    return NULL;
  self->waiting = PySet_New(NULL);
  self->bridge = self->waiting ? new_bridge((intptr_t)descriptor) : NULL;
  if (!self->bridge)
    Py_CLEAR(self);
  return (PyObject *)self;
}

static void bridge_shut(bridge_object *self) {
  bocpy_bridge *bridge = self->bridge;
  self->bridge = NULL;
  if (!bridge)
    return;
  close_bridge(bridge);
  bocpy_bridge_drop(bridge);
}

static int bridge_traverse(bridge_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->waiting);
  return 0;
}

static int bridge_clear(bridge_object *self) {
  Py_CLEAR(self->waiting);
  return 0;
}

static void bridge_dealloc(bridge_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->weakrefs)
    PyObject_ClearWeakRefs((PyObject *)self);
  bridge_shut(self);
  Py_CLEAR(self->waiting);
  type->tp_free(self);
  Py_DECREF(type);
}

static bocpy_bridge *require_open(const bridge_object *self) {
  if (self->bridge && is_ours(self->bridge))
    return self->bridge;
  PyErr_SetString(PyExc_RuntimeError, "the event loop that waited for cowns is closed, "
                                      "or was another process's");
  return NULL;
}

bocpy_bridge *bocpy_bridge_of(bocpy_state *state, PyObject *object) {
  if (PyObject_TypeCheck(object, state->bridge_type))
    return require_open((bridge_object *)object);
  PyErr_Format(PyExc_TypeError, "a _Bridge, not '%s'", Py_TYPE(object)->tp_name);
  return NULL;
}

int bocpy_bridge_expect(PyObject *bridge, PyObject *completion) {
  PyObject *waiting = ((bridge_object *)bridge)->waiting;
  return waiting ? PySet_Add(waiting, completion) : 0;
}

void bocpy_bridge_forget(PyObject *bridge, PyObject *completion) {
  PyObject *waiting = ((bridge_object *)bridge)->waiting;
  if (waiting && PySet_Discard(waiting, completion) < 0)
    PyErr_Clear();
}

/* Takes the whole list, with references to the owners; drops completions without owner.
 * Under the lock, so that no owner goes meanwhile. */
static int bridge_collect(bridge_object *self, PyObject *list) {
  bocpy_bridge *bridge = self->bridge;
  while (bridge->waiter && bocpy_waiter_take(bridge->waiter))
    continue;
  bocpy_lock_take(&bridge->lock);
  bridge->signalled = false;
  bool lane = bridge->lane;
  bridge->lane = false;
  bocpy_lock_give(&bridge->lock);
  int status = 0;
  bocpy_completion *completion = take_all(bridge, false);
  while (completion) {
    bocpy_completion *next = completion->next;
    bocpy_lock_take(&bridge->lock);
    PyObject *owner = Py_XNewRef(completion->owner);
    bocpy_lock_give(&bridge->lock);
    completion->drop(completion);
    if (owner) {
      bocpy_bridge_forget((PyObject *)self, owner);
      if (PyList_Append(list, owner) < 0)
        status = -1;
      Py_DECREF(owner);
    }
    completion = next;
  }
  if (lane && PyList_Append(list, Py_None) < 0)
    status = -1;
  return status;
}

static PyObject *bridge_take(bridge_object *self, PyObject *unused) {
  (void)unused;
  PyObject *list = require_open(self) ? PyList_New(0) : NULL;
  if (list && bridge_collect(self, list) < 0)
    Py_CLEAR(list);
  return list;
}

static PyObject *bridge_wait(bridge_object *self, PyObject *seconds) {
  int64_t timeout;
  bocpy_bridge *bridge = require_open(self);
  if (!bridge || bocpy_parse_timeout(seconds, &timeout) < 0)
    return NULL;
  if (!bridge->waiter) {
    PyErr_SetString(PyExc_RuntimeError, "this bridge belongs to an event loop");
    return NULL;
  }
  int status = bocpy_pump_wait(bridge->waiter, timeout);
  if (status == 0)
    /* makes the descriptor readable again for take() */
    bocpy_waiter_signal(bridge->waiter);
  return status < 0 ? NULL : PyBool_FromLong(status == 0);
}

static PyObject *bridge_fileno(bridge_object *self, PyObject *unused) {
  (void)unused;
  bocpy_bridge *bridge = require_open(self);
  if (!bridge)
    return NULL;
  return PyLong_FromLongLong(bridge->waiter ? bridge->waiter->handles[0]
                                            : bridge->descriptor);
}

static PyObject *bridge_listen(bridge_object *self, PyObject *unused) {
  (void)unused;
  bocpy_bridge *bridge = require_open(self);
  if (!bridge)
    return NULL;
  bocpy_pump_listen(tell_lane, bridge);
  Py_RETURN_NONE;
}

static PyObject *bridge_close(bridge_object *self, PyObject *unused) {
  (void)unused;
  bridge_shut(self);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"take", (PyCFunction)bridge_take, METH_NOARGS, NULL},
    {"wait", (PyCFunction)bridge_wait, METH_O, NULL},
    {"fileno", (PyCFunction)bridge_fileno, METH_NOARGS, NULL},
    {"listen", (PyCFunction)bridge_listen, METH_NOARGS, NULL},
    {"close", (PyCFunction)bridge_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(bridge_object, weakrefs),
     Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A list of completions with one descriptor."},
    {Py_tp_new, bridge_new},
    {Py_tp_traverse, bridge_traverse},
    {Py_tp_clear, bridge_clear},
    {Py_tp_dealloc, bridge_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

PyType_Spec bocpy_bridge_spec = {
    .name = "bocpy._core._Bridge",
    .basicsize = sizeof(bridge_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
