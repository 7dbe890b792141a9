/* Watch: see watch.h.
 *
 * _Watch(queue, "quiescence"), _Watch(queue, "tags", tags), _Watch(queue, "empty",
 * scope), _Watch(queue, "room", scope). The queue's take() returns the watch once its
 * condition holds. `watch_object_end` takes the watch back, and may be called at any
 * time.
 *
 * The notifier has a reference of its own until it has notified, or the watch is taken
 * back.
 */
#include "watch.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox.h"
#include "quiesce.h"
#include "scope.h"

#include <boc/message.h>

typedef struct watch {
  bocpy_completion completion; /* first */
  atomic_int references;
  size_t forks; /* the number of forks when it was made */
  boc_quiesce_node node;
  boc_mailbox_waiter mail;
  boc_scope *scope; /* held, or NULL */
  /* Takes it back. BOC_WOULD_BLOCK if it has not notified and will not. */
  boc_status (*end)(struct watch *self);
} watch;

static void drop_watch(watch *self) {
  if (atomic_fetch_sub(&self->references, 1) != 1)
    return;
  bocpy_completion_queue_drop(self->completion.queue);
  boc_scope_drop(self->scope);
  free(self);
}

static void watch_completion_drop(bocpy_completion *self) { drop_watch((watch *)self); }

/* Takes over the notifier's reference. */
static void watch_notify(void *ctx) {
  bocpy_completion_push(&((watch *)ctx)->completion);
}

/* ---- kinds ----------------------------------------------------------------------- */

static boc_status end_quiescence(watch *self) {
  return bocpy_quiesce_unwatch(&self->node) ? BOC_WOULD_BLOCK : BOC_OK;
}

static int begin_quiescence(watch *self) {
  self->node = (boc_quiesce_node){.done = watch_notify, .ctx = self};
  self->end = end_quiescence;
  bocpy_quiesce_watch(&self->node);
  return 0;
}

static boc_status end_tags(watch *self) {
  return bocpy_mailbox_remove_waiter(&self->mail);
}

static int begin_tags(watch *self, PyObject *tags) {
  self->mail = (boc_mailbox_waiter){.notify = watch_notify, .ctx = self};
  self->end = end_tags;
  return bocpy_mailbox_add_waiter(tags, &self->mail);
}

static boc_status end_empty(watch *self) {
  return boc_scope_on_empty_cancel(self->scope, &self->node) ? BOC_WOULD_BLOCK : BOC_OK;
}

static boc_status end_room(watch *self) {
  return boc_scope_on_room_cancel(self->scope, &self->node) ? BOC_WOULD_BLOCK : BOC_OK;
}

static int begin_scope(watch *self, PyObject *object, bool room) {
  bocpy_state *state = bocpy_state_get();
  boc_scope *core = state ? bocpy_scope_of(state, object) : NULL;
  if (!core)
    return -1;
  self->scope = boc_scope_hold(core);
  self->node = (boc_quiesce_node){.done = watch_notify, .ctx = self};
  self->end = room ? end_room : end_empty;
  if (room)
    boc_scope_on_room(core, bocpy_scope_limit(core), &self->node);
  else
    boc_scope_on_empty(core, &self->node);
  return 0;
}

/* ---- the object ------------------------------------------------------------------ */

typedef struct watch_object {
  PyObject_HEAD watch *watch; /* NULL if it has ended */
  PyObject *queue;
  PyObject *token;
  PyObject *weakrefs;
} watch_object;

static watch *new_watch(bocpy_completion_queue *queue) {
  watch *made = calloc(1, sizeof(*made));
  if (!made) {
    PyErr_NoMemory();
    return NULL;
  }
  made->completion.queue = bocpy_completion_queue_hold(queue);
  made->completion.drop = watch_completion_drop;
  made->forks = atomic_load(&bocpy_forks);
  atomic_store(&made->references, 2);
  return made;
}

static int watch_object_begin(watch_object *self, const char *kind, PyObject *what) {
  if (bocpy_completion_queue_expect(self->queue, (PyObject *)self) < 0)
    return -1;
  bocpy_completion_own(&self->watch->completion, (PyObject *)self);
  if (strcmp(kind, "quiescence") == 0)
    return begin_quiescence(self->watch);
  if (strcmp(kind, "tags") == 0)
    return begin_tags(self->watch, what);
  if (strcmp(kind, "empty") == 0 || strcmp(kind, "room") == 0)
    return begin_scope(self->watch, what, kind[0] == 'r');
  PyErr_Format(PyExc_ValueError, "no such watch: %s", kind);
  return -1;
}

/* Frees a watch that has not begun. */
static void give_up(watch_object *self) {
  PyObject *pending = PyErr_GetRaisedException();
  bocpy_completion_queue_forget(self->queue, (PyObject *)self);
  bocpy_completion_disown(&self->watch->completion);
  drop_watch(self->watch);
  drop_watch(self->watch);
  self->watch = NULL;
  PyErr_SetRaisedException(pending);
}

static PyObject *watch_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  PyObject *queue_object, *what = Py_None;
  const char *kind;
  bocpy_state *state = bocpy_state_get();
  (void)kwargs;
  if (!state || !PyArg_ParseTuple(args, "Os|O:_Watch", &queue_object, &kind, &what))
    return NULL;
  bocpy_completion_queue *queue = bocpy_completion_queue_of(state, queue_object);
  watch_object *self = queue ? (watch_object *)type->tp_alloc(type, 0) : NULL;
  if (!self)
    return NULL;
  self->queue = Py_NewRef(queue_object);
  self->watch = new_watch(queue);
  if (self->watch && watch_object_begin(self, kind, what) < 0)
    give_up(self);
  if (!self->watch)
    Py_CLEAR(self);
  return (PyObject *)self;
}

static boc_status watch_object_end(watch_object *self) {
  watch *ended = self->watch;
  self->watch = NULL;
  if (!ended)
    return BOC_OK;
  bocpy_completion_disown(&ended->completion);
  boc_status status =
      ended->forks == atomic_load(&bocpy_forks) ? ended->end(ended) : BOC_OK;
  if (status == BOC_WOULD_BLOCK)
    drop_watch(ended);
  drop_watch(ended);
  if (self->queue)
    bocpy_completion_queue_forget(self->queue, (PyObject *)self);
  return status;
}

static PyObject *watch_end(watch_object *self, PyObject *unused) {
  (void)unused;
  if (watch_object_end(self) != BOC_NOT_FOUND)
    Py_RETURN_NONE;
  PyErr_SetString(PyExc_RuntimeError,
                  "receive(): set_tags() took away a tag that it waited for");
  return NULL;
}

static int watch_traverse(watch_object *self, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(self->queue);
  Py_VISIT(self->token);
  return 0;
}

static int watch_clear(watch_object *self) {
  Py_CLEAR(self->token);
  return 0;
}

static void watch_dealloc(watch_object *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (self->weakrefs)
    PyObject_ClearWeakRefs((PyObject *)self);
  watch_object_end(self);
  Py_CLEAR(self->queue);
  Py_CLEAR(self->token);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"end", (PyCFunction)watch_end, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"token", BOCPY_T_OBJECT, offsetof(watch_object, token), 0, NULL},
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(watch_object, weakrefs), Py_READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"What an event loop waits for that is no cown."},
    {Py_tp_new, watch_new},
    {Py_tp_traverse, watch_traverse},
    {Py_tp_clear, watch_clear},
    {Py_tp_dealloc, watch_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

PyType_Spec bocpy_watch_spec = {
    .name = "bocpy._core._Watch",
    .basicsize = sizeof(watch_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
