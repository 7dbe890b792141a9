/* Extension move: instances of types that move on every backend
 * (BOCPY_MOVES_EVERYWHERE), such as Matrix.
 *
 * When a cown takes an object by reference, the caller must not keep such an instance.
 * This file makes a new instance for the cown, moves the native part into it, and
 * leaves the caller's instance empty.
 *
 * It looks at the object, and at the elements of an exact list, tuple or dict. A list
 * or dict stays the same object and gets the new instances; a tuple is replaced by a
 * new tuple. The order is: refuse, make, move, put in place; only the steps before the
 * move can fail.
 */
#include "extension.h"

/* An instance, and the new one that gets its native part. */
typedef struct exchange {
  PyObject *from, *to; /* held */
  const bocpy_hooked *hooked;
} exchange;

typedef struct exchanges {
  bocpy_codec_state *state;
  exchange *all;
  size_t count, capacity;
  bool copies; /* one instance was busy: it kept its native part, the new has a copy */
} exchanges;

static void **moved_native_slot(const bocpy_hooked *hooked, PyObject *object) {
  return (void **)((char *)object + hooked->hooks.native);
}

/* ---- what moves ------------------------------------------------------------------ */

/* The hooks of an object that moves on every backend, or NULL. */
static const bocpy_hooked *hooks_for_move(bocpy_codec_state *state, PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  unsigned count = atomic_load_explicit(&state->moving_count, memory_order_acquire);
  bool found = count > BOCPY_MOVING_MAX;
  for (unsigned i = 0; i < count && !found; i++)
    found = atomic_load_explicit(&state->moving[i], memory_order_relaxed) == type;
  if (!found)
    return NULL;
  const bocpy_hooked *hooked = bocpy_hooked_of(state, type);
  return hooked && hooked->hooks.flags & BOCPY_MOVES_EVERYWHERE ? hooked : NULL;
}

static bool is_here(const bocpy_hooked *hooked, PyObject *object) {
  bool here;
  Py_BEGIN_CRITICAL_SECTION(object);
  here = *moved_native_slot(hooked, object) != NULL;
  Py_END_CRITICAL_SECTION();
  return here;
}

static int require_here(const bocpy_hooked *hooked, PyObject *object) {
  if (is_here(hooked, object))
    return 0;
  PyErr_Format(PyExc_RuntimeError,
               "a '%s' that has been moved elsewhere cannot be put into a cown: the "
               "current interpreter does not own it",
               Py_TYPE(object)->tp_name);
  return -1;
}

int bocpy_check_here(PyObject *object) {
  bocpy_codec_state *state = bocpy_codec_state_get();
  const bocpy_hooked *hooked = state ? hooks_for_move(state, object) : NULL;
  return !state || (hooked && require_here(hooked, object) < 0) ? -1 : 0;
}

/* ---- one instance ---------------------------------------------------------------- */

/* Takes the native part out; of a busy instance, a copy. NULL with an exception. */
static void *moved_native_take(const bocpy_hooked *hooked, PyObject *object) {
  void *native, **slot = moved_native_slot(hooked, object);
  bool moved = false;
  Py_BEGIN_CRITICAL_SECTION(object);
  native = *slot;
  moved = native == NULL;
  if (native && hooked->hooks.busy && hooked->hooks.busy(object))
    native = hooked->hooks.copy(native);
  else
    *slot = NULL;
  Py_END_CRITICAL_SECTION();
  if (!native && moved)
    require_here(hooked, object);
  else if (!native)
    PyErr_NoMemory();
  return native;
}

/* Borrowed: the new instance, if `object` occurred earlier in the value; else NULL. */
static PyObject *exchanged_object(const exchanges *e, PyObject *object) {
  for (size_t i = 0; i < e->count; i++)
    if (e->all[i].from == object)
      return e->all[i].to;
  return NULL;
}

static int exchanges_grow(exchanges *e) {
  if (e->count < e->capacity)
    return 0;
  size_t capacity = e->capacity ? 2 * e->capacity : 8;
  exchange *larger = PyMem_RawRealloc(e->all, capacity * sizeof *larger);
  if (!larger) {
    PyErr_NoMemory();
    return -1;
  }
  e->all = larger;
  e->capacity = capacity;
  return 0;
}

/* Makes a new instance of the type, which gets the native part. */
static int exchange_one(exchanges *e, const bocpy_hooked *hooked, PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  if (exchanges_grow(e) < 0)
    return -1;
  PyObject *to = type->tp_alloc(type, 0);
  void *native = to ? moved_native_take(hooked, object) : NULL;
  if (!native) {
    Py_XDECREF(to);
    return -1;
  }
  *moved_native_slot(hooked, to) = native;
  e->copies = e->copies || is_here(hooked, object);
  e->all[e->count++] = (exchange){Py_NewRef(object), to, hooked};
  return 0;
}

/* A busy instance has kept its native part: then nothing has to be undone. */
static void exchange_undo(const exchange *one) {
  void **from = moved_native_slot(one->hooked, one->from);
  void **to = moved_native_slot(one->hooked, one->to);
  Py_BEGIN_CRITICAL_SECTION2(one->from, one->to);
  if (!*from) {
    *from = *to;
    *to = NULL;
  }
  Py_END_CRITICAL_SECTION2();
}

static void exchanges_fini(exchanges *e, bool undo) {
  while (e->count) {
    exchange *one = &e->all[--e->count];
    if (undo)
      exchange_undo(one);
    Py_DECREF(one->from);
    Py_DECREF(one->to);
  }
  PyMem_RawFree(e->all);
}

/* ---- the elements of a container ------------------------------------------------- */

static int exchange_all(exchanges *e, PyObject *elements) {
  Py_ssize_t count = PyTuple_GET_SIZE(elements);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *object = PyTuple_GET_ITEM(elements, i);
    const bocpy_hooked *hooked = hooks_for_move(e->state, object);
    if (hooked && require_here(hooked, object) < 0)
      return -1;
  }
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *object = PyTuple_GET_ITEM(elements, i);
    const bocpy_hooked *hooked = hooks_for_move(e->state, object);
    if (!hooked ||
        ((e->copies || !is_here(hooked, object)) && exchanged_object(e, object)))
      /* the second occurrence in the same value: both get the same new instance */
      continue;
    if (exchange_one(e, hooked, object) < 0)
      return -1;
  }
  return 0;
}

static bool any_moves(bocpy_codec_state *state, PyObject *const *items,
                      Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; i++)
    if (hooks_for_move(state, items[i]))
      return true;
  return false;
}

static PyObject *tuple_of_list(bocpy_codec_state *state, PyObject *list) {
  bool any;
  Py_BEGIN_CRITICAL_SECTION(list);
  any = any_moves(state, ((PyListObject *)list)->ob_item, PyList_GET_SIZE(list));
  Py_END_CRITICAL_SECTION();
  return any ? PyList_AsTuple(list) : PyTuple_New(0);
}

static PyObject *tuple_of_values(bocpy_codec_state *state, PyObject *dict) {
  bool any = false;
  PyObject *key, *value;
  Py_ssize_t at = 0;
  Py_BEGIN_CRITICAL_SECTION(dict);
  while (!any && PyDict_Next(dict, &at, &key, &value))
    any = hooks_for_move(state, value) != NULL;
  Py_END_CRITICAL_SECTION();
  PyObject *values = any ? PyDict_Values(dict) : NULL;
  PyObject *tuple = !any ? PyTuple_New(0) : values ? PyList_AsTuple(values) : NULL;
  Py_XDECREF(values);
  return tuple;
}

/* Replaces the items that are still in the list. `e` holds a reference to each old one,
 * so that no item is freed here. */
static void list_replace(const exchanges *e, PyObject *list) {
  Py_BEGIN_CRITICAL_SECTION(list);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
    PyObject *object = PyList_GET_ITEM(list, i), *to = NULL;
    if (hooks_for_move(e->state, object))
      to = exchanged_object(e, object);
    if (to) {
      PyList_SET_ITEM(list, i, Py_NewRef(to));
      Py_DECREF(object); /* not the last reference: `e` has one */
    }
  }
  Py_END_CRITICAL_SECTION();
}

static int dict_replace(const exchanges *e, PyObject *dict) {
  PyObject *items = PyDict_Items(dict);
  int status = items ? 0 : -1;
  for (Py_ssize_t i = 0; items && status == 0 && i < PyList_GET_SIZE(items); i++) {
    PyObject *item = PyList_GET_ITEM(items, i), *to = NULL;
    if (hooks_for_move(e->state, PyTuple_GET_ITEM(item, 1)))
      to = exchanged_object(e, PyTuple_GET_ITEM(item, 1));
    if (to)
      status = PyDict_SetItem(dict, PyTuple_GET_ITEM(item, 0), to);
  }
  Py_XDECREF(items);
  return status;
}

static PyObject *tuple_replace(const exchanges *e, PyObject *tuple) {
  Py_ssize_t count = PyTuple_GET_SIZE(tuple);
  PyObject *made = PyTuple_New(count);
  for (Py_ssize_t i = 0; made && i < count; i++) {
    PyObject *object = PyTuple_GET_ITEM(tuple, i), *to = NULL;
    if (hooks_for_move(e->state, object))
      to = exchanged_object(e, object);
    PyTuple_SET_ITEM(made, i, Py_NewRef(to ? to : object));
  }
  return made;
}

static PyObject *elements_of(bocpy_codec_state *state, PyObject *container) {
  if (PyList_CheckExact(container))
    return tuple_of_list(state, container);
  if (PyDict_CheckExact(container))
    return tuple_of_values(state, container);
  bool any = any_moves(state, ((PyTupleObject *)container)->ob_item,
                       PyTuple_GET_SIZE(container));
  return any ? Py_NewRef(container) : PyTuple_New(0);
}

static PyObject *container_replace(const exchanges *e, PyObject *container) {
  if (PyTuple_CheckExact(container))
    return tuple_replace(e, container);
  if (PyDict_CheckExact(container) && dict_replace(e, container) < 0)
    return NULL;
  if (PyList_CheckExact(container))
    list_replace(e, container);
  return Py_NewRef(container);
}

static PyObject *move_elements(bocpy_codec_state *state, PyObject *container) {
  exchanges e = {.state = state};
  PyObject *elements = elements_of(state, container), *taken = NULL;
  if (!elements)
    return NULL;
  if (PyTuple_GET_SIZE(elements) == 0)
    taken = Py_NewRef(container);
  else if (exchange_all(&e, elements) == 0)
    taken = container_replace(&e, container);
  exchanges_fini(&e, taken == NULL);
  Py_DECREF(elements);
  return taken;
}

/* ---- an object, or a container --------------------------------------------------- */

PyObject *bocpy_move_in(PyObject *object) {
  bocpy_codec_state *state = bocpy_codec_state_get();
  if (!state)
    return NULL;
  if (PyList_CheckExact(object) || PyTuple_CheckExact(object) ||
      PyDict_CheckExact(object))
    return move_elements(state, object);
  const bocpy_hooked *hooked = hooks_for_move(state, object);
  if (!hooked)
    return Py_NewRef(object);
  exchanges e = {.state = state};
  PyObject *taken = NULL;
  if (exchange_one(&e, hooked, object) == 0)
    taken = Py_NewRef(e.all[0].to);
  exchanges_fini(&e, false);
  return taken;
}

/* A list or dict keeps the new instances, which have the native parts: nothing is lost.
 */
void bocpy_move_back(PyObject *object, PyObject *taken) {
  bocpy_codec_state *state = bocpy_codec_state_get();
  if (!state || object == taken)
    return;
  if (!PyTuple_CheckExact(object)) {
    exchange one = {object, taken, hooks_for_move(state, object)};
    if (one.hooked)
      exchange_undo(&one);
    return;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); i++)
    bocpy_move_back(PyTuple_GET_ITEM(object, i), PyTuple_GET_ITEM(taken, i));
}
