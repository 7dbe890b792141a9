/* Completion queue: see completion_queue.h. */
#include "completion_queue.h"

#include <stddef.h>
#include <stdlib.h>

#include "grant.h"
#include "pump.h"
#include "runtime.h"

struct bocpy_completion_queue {
  atomic_size_t references;
  bocpy_lock lock;
  /* the number of forks when it was made: a child cannot use the queue or its lock */
  size_t forks;
  bool closed;
  bool signalled;       /* the descriptor is readable, or about to be */
  bool lane;            /* behaviors over pinned cowns are ready */
  bocpy_waiter *waiter; /* NULL if `descriptor` is written to instead */
  intptr_t descriptor;  /* of the caller's loop; a socket on Windows */
  bocpy_completion *first, *last;
};

static bool is_ours(const bocpy_completion_queue *queue) {
  return queue->forks == atomic_load(&bocpy_forks);
}

/* ---- the list -------------------------------------------------------------------- */

static void signal_locked(bocpy_completion_queue *queue) {
  if (queue->signalled)
    return;
  queue->signalled = true;
  if (queue->waiter)
    bocpy_waiter_signal(queue->waiter);
  else
    bocpy_descriptor_write(queue->descriptor);
}

void bocpy_completion_push(bocpy_completion *self) {
  bocpy_completion_queue *queue = self->queue;
  self->next = NULL;
  bocpy_lock_take(&queue->lock);
  bool closed = queue->closed;
  if (!closed) {
    if (queue->last)
      queue->last->next = self;
    else
      queue->first = self;
    queue->last = self;
    signal_locked(queue);
  }
  bocpy_lock_give(&queue->lock);
  if (closed)
    self->drop(self);
}

int bocpy_completion_own(bocpy_completion *self, PyObject *owner) {
  bocpy_lock_take(&self->queue->lock);
  self->owner = owner;
  bocpy_lock_give(&self->queue->lock);
  return 0;
}

void bocpy_completion_disown(bocpy_completion *self) {
  if (!self->queue)
    return;
  if (!is_ours(self->queue)) {
    self->owner = NULL;
    return;
  }
  bocpy_lock_take(&self->queue->lock);
  self->owner = NULL;
  bocpy_lock_give(&self->queue->lock);
}

static void tell_lane(void *ctx) {
  bocpy_completion_queue *queue = ctx;
  bocpy_lock_take(&queue->lock);
  if (!queue->closed) {
    queue->lane = true;
    signal_locked(queue);
  }
  bocpy_lock_give(&queue->lock);
}

/* ---- life ------------------------------------------------------------------------ */

bocpy_completion_queue *bocpy_completion_queue_hold(bocpy_completion_queue *queue) {
  atomic_fetch_add(&queue->references, 1);
  return queue;
}

void bocpy_completion_queue_drop(bocpy_completion_queue *queue) {
  if (!queue || atomic_fetch_sub(&queue->references, 1) != 1)
    return;
  bocpy_lock_fini(&queue->lock);
  free(queue);
}

/* If `descriptor` is negative, the queue makes an event of its own. NULL with an
 * exception. */
static bocpy_completion_queue *new_completion_queue(intptr_t descriptor) {
  bocpy_completion_queue *queue = calloc(1, sizeof(*queue));
  if (!queue) {
    PyErr_NoMemory();
    return NULL;
  }
  atomic_store(&queue->references, 1);
  queue->forks = atomic_load(&bocpy_forks);
  queue->descriptor = descriptor;
  if (descriptor < 0)
    queue->waiter = bocpy_waiter_new_polled();
  if ((descriptor >= 0 || queue->waiter) && bocpy_lock_init(&queue->lock) == 0)
    return queue;
  if (queue->waiter)
    bocpy_waiter_free(queue->waiter);
  free(queue);
  return NULL;
}

static bocpy_completion *take_last_ones(bocpy_completion_queue *queue) {
  bocpy_lock_take(&queue->lock);
  bocpy_completion *first = queue->first;
  queue->first = queue->last = NULL;
  queue->closed = true;
  bocpy_lock_give(&queue->lock);
  return first;
}

/* Drops all completions: no loop takes them any more. */
static void close_completion_queue(bocpy_completion_queue *queue) {
  if (!is_ours(queue))
    return;
  bocpy_pump_unlisten(queue);
  bocpy_completion *completion = take_last_ones(queue);
  while (completion) {
    bocpy_completion *next = completion->next;
    completion->drop(completion);
    completion = next;
  }
  bocpy_waiter *waiter = queue->waiter;
  queue->waiter = NULL;
  if (waiter)
    bocpy_waiter_free(waiter);
}

/* ---- the Python object ----------------------------------------------------------- */

typedef struct queue_object {
  PyObject_HEAD bocpy_completion_queue *queue; /* NULL: closed */
  PyObject *waiting; /* a set: the completions that nobody has taken yet */
  PyObject *weakrefs;
} queue_object;

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"descriptor", NULL};
  long long descriptor = -1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|L:_CompletionQueue", names,
                                   &descriptor) ||
      (bocpy_self.bodies && !bocpy_by_reference() &&
       bocpy_grant_refuse(false, "await") < 0) ||
      bocpy_require_main("awaiting") < 0)
    return NULL;
  queue_object *self = (queue_object *)type->tp_alloc(type, 0);
  if (!self)
    return NULL;
  self->waiting = PySet_New(NULL);
  self->queue = self->waiting ? new_completion_queue((intptr_t)descriptor) : NULL;
  if (!self->queue)
    Py_CLEAR(self);
  return (PyObject *)self;
}

static void queue_shut(queue_object *self) {
  bocpy_completion_queue *queue = self->queue;
  self->queue = NULL;
  if (!queue)
    return;
  close_completion_queue(queue);
  bocpy_completion_queue_drop(queue);
}

static int queue_traverse(queue_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->waiting);
  return 0;
}

static int queue_clear(queue_object *self) {
  Py_CLEAR(self->waiting);
  return 0;
}

static void queue_dealloc(queue_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->weakrefs)
    PyObject_ClearWeakRefs((PyObject *)self);
  queue_shut(self);
  Py_CLEAR(self->waiting);
  type->tp_free(self);
  Py_DECREF(type);
}

static bocpy_completion_queue *require_open(const queue_object *self) {
  if (self->queue && is_ours(self->queue))
    return self->queue;
  PyErr_SetString(PyExc_RuntimeError, "the event loop that waited for cowns is closed, "
                                      "or was another process's");
  return NULL;
}

bocpy_completion_queue *bocpy_completion_queue_of(bocpy_state *state,
                                                  PyObject *object) {
  if (PyObject_TypeCheck(object, state->completion_queue_type))
    return require_open((queue_object *)object);
  PyErr_Format(PyExc_TypeError, "a _CompletionQueue, not '%s'",
               Py_TYPE(object)->tp_name);
  return NULL;
}

int bocpy_completion_queue_expect(PyObject *queue, PyObject *completion) {
  PyObject *waiting = ((queue_object *)queue)->waiting;
  return waiting ? PySet_Add(waiting, completion) : 0;
}

void bocpy_completion_queue_forget(PyObject *queue, PyObject *completion) {
  PyObject *waiting = ((queue_object *)queue)->waiting;
  if (waiting && PySet_Discard(waiting, completion) < 0)
    PyErr_Clear();
}

/* Removes the first completion, with a new reference to its owner, if it has one. NULL
 * if there is none. Under the lock, so that no owner goes meanwhile. */
static bocpy_completion *take_first(bocpy_completion_queue *queue,
                                    PyObject **out_owner) {
  bocpy_lock_take(&queue->lock);
  bocpy_completion *first = queue->first;
  if (first) {
    queue->first = first->next;
    if (!queue->first)
      queue->last = NULL;
    *out_owner = Py_XNewRef(first->owner);
  }
  bocpy_lock_give(&queue->lock);
  return first;
}

static bool begin_taking(bocpy_completion_queue *queue) {
  while (queue->waiter && bocpy_waiter_take(queue->waiter))
    continue;
  bocpy_lock_take(&queue->lock);
  queue->signalled = false;
  bool lane = queue->lane;
  queue->lane = false;
  bocpy_lock_give(&queue->lock);
  return lane;
}

/* Makes the descriptor readable again if completions are left. */
static void end_taking(bocpy_completion_queue *queue) {
  bocpy_lock_take(&queue->lock);
  if (queue->first)
    signal_locked(queue);
  bocpy_lock_give(&queue->lock);
}

/* Takes `most` completions at most; drops those without owner. */
static int queue_collect(queue_object *self, size_t most, PyObject *list) {
  bocpy_completion_queue *queue = self->queue;
  bool lane = begin_taking(queue);
  int status = 0;
  PyObject *owner = NULL;
  bocpy_completion *completion;
  for (; most > 0 && (completion = take_first(queue, &owner)); most--) {
    completion->drop(completion);
    if (!owner)
      continue;
    bocpy_completion_queue_forget((PyObject *)self, owner);
    if (PyList_Append(list, owner) < 0)
      status = -1;
    Py_DECREF(owner);
  }
  end_taking(queue);
  if (lane && PyList_Append(list, Py_None) < 0)
    status = -1;
  return status;
}

/* take(most=all of them) */
static PyObject *queue_take(queue_object *self, PyObject *args) {
  Py_ssize_t most = PY_SSIZE_T_MAX;
  if (!PyArg_ParseTuple(args, "|n:take", &most))
    return NULL;
  PyObject *list = require_open(self) ? PyList_New(0) : NULL;
  if (list && queue_collect(self, (size_t)most, list) < 0)
    Py_CLEAR(list);
  return list;
}

static PyObject *queue_wait(queue_object *self, PyObject *seconds) {
  int64_t timeout;
  bocpy_completion_queue *queue = require_open(self);
  if (!queue || bocpy_parse_timeout(seconds, "wait()", &timeout) < 0)
    return NULL;
  if (!queue->waiter) {
    PyErr_SetString(PyExc_RuntimeError, "this queue belongs to an event loop");
    return NULL;
  }
  int status = bocpy_pump_wait(queue->waiter, timeout);
  if (status == 0)
    /* makes the descriptor readable again for take() */
    bocpy_waiter_signal(queue->waiter);
  return status < 0 ? NULL : PyBool_FromLong(status == 0);
}

static PyObject *queue_fileno(queue_object *self, PyObject *unused) {
  (void)unused;
  bocpy_completion_queue *queue = require_open(self);
  if (!queue)
    return NULL;
  return PyLong_FromLongLong(queue->waiter ? queue->waiter->handles[0]
                                           : queue->descriptor);
}

static PyObject *queue_listen(queue_object *self, PyObject *unused) {
  (void)unused;
  bocpy_completion_queue *queue = require_open(self);
  if (!queue)
    return NULL;
  bocpy_pump_listen(tell_lane, queue);
  Py_RETURN_NONE;
}

static PyObject *queue_close(queue_object *self, PyObject *unused) {
  (void)unused;
  queue_shut(self);
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"take", (PyCFunction)queue_take, METH_VARARGS, NULL},
    {"wait", (PyCFunction)queue_wait, METH_O, NULL},
    {"fileno", (PyCFunction)queue_fileno, METH_NOARGS, NULL},
    {"listen", (PyCFunction)queue_listen, METH_NOARGS, NULL},
    {"close", (PyCFunction)queue_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(queue_object, weakrefs), Py_READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A list of completions with one descriptor."},
    {Py_tp_new, queue_new},
    {Py_tp_traverse, queue_traverse},
    {Py_tp_clear, queue_clear},
    {Py_tp_dealloc, queue_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

PyType_Spec bocpy_completion_queue_spec = {
    .name = "bocpy._core._CompletionQueue",
    .basicsize = sizeof(queue_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
