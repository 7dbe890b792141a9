/* When arguments: the arguments of `when`, checked and flattened. See when.h. */
#include "when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"

const char *bocpy_call_name(const char *what, char room[BOCPY_CALL_NAME_MAX]) {
  /* PyErr_Format knows no precision from an argument before Python 3.12 */
  snprintf(room, BOCPY_CALL_NAME_MAX, "%.*s", (int)strcspn(what, "("), what);
  return room;
}

/* Whether the call returns a decorator, which takes the function. */
static bool is_decorator(const char *what) {
  return !strncmp(what, "when()", 6) || !strncmp(what, "after()", 7) ||
         !strncmp(what, "at()", 4);
}

int bocpy_when_args_check_body(const bocpy_when_args *when_args, PyObject *body) {
  char name[BOCPY_CALL_NAME_MAX];
  if (PyCallable_Check(body))
    return 0;
  PyErr_Format(PyExc_TypeError,
               "%s(): a behavior is a callable, not '%s': pass the function itself, "
               "without calling it",
               bocpy_call_name(when_args->what, name), Py_TYPE(body)->tp_name);
  return -1;
}

/* Raises the error for an argument that is not a usable cown. A Cown is refused only if
 * it has no core. */
static int when_args_refuse(bocpy_state *state, const char *what, PyObject *argument,
                            Py_ssize_t position, Py_ssize_t inside) {
  char name[BOCPY_CALL_NAME_MAX];
  bocpy_call_name(what, name);
  if (PyObject_HasAttrString((PyObject *)Py_TYPE(argument), "_bocpy_read"))
    PyErr_Format(PyExc_TypeError,
                 "%s %zd is a cown of a cluster: use the `when` of its "
                 "connection; one behavior has either local cowns or distributed ones",
                 what, position + 1);
  else if (bocpy_cown_check(state, argument))
    PyErr_Format(PyExc_TypeError,
                 "%s %zd is a Cown without a value: its class must call "
                 "super().__init__(value)",
                 what, position + 1);
  else if (inside < 0 && PyFunction_Check(argument) && is_decorator(what))
    PyErr_Format(PyExc_TypeError,
                 "%s %zd must be a Cown, or a list or tuple of them, not 'function': "
                 "give the function to what %s() returns, as @%s(...) or "
                 "%s(...)(function)",
                 what, position + 1, name, name, name);
  else if (inside < 0)
    PyErr_Format(PyExc_TypeError,
                 "%s %zd must be a Cown, or a list or tuple of them, not '%s'", what,
                 position + 1, Py_TYPE(argument)->tp_name);
  else
    PyErr_Format(PyExc_TypeError,
                 "%s %zd: item %zd of the group must be a Cown, not '%s'", what,
                 position + 1, inside, Py_TYPE(argument)->tp_name);
  return -1;
}

static bool is_initialized_cown(bocpy_state *state, PyObject *object) {
  return bocpy_cown_check(state, object) && ((bocpy_cown *)object)->core;
}

static bool is_group(PyObject *object) {
  return PyList_Check(object) || PyTuple_Check(object);
}

/* Copies groups to tuples, so that no thread changes them while they are counted.
 * `out_cowns` is the number of cowns in all. NULL with an exception. */
static PyObject *when_args_freeze(PyObject *const *args, Py_ssize_t count,
                                  Py_ssize_t *out_cowns) {
  PyObject *frozen = PyTuple_New(count);
  Py_ssize_t cowns = 0;
  for (Py_ssize_t i = 0; frozen && i < count; i++) {
    PyObject *item = is_group(args[i]) ? PySequence_Tuple(args[i]) : Py_NewRef(args[i]);
    if (!item) {
      Py_CLEAR(frozen);
      break;
    }
    cowns += PyTuple_Check(item) ? PyTuple_GET_SIZE(item) : 1;
    PyTuple_SET_ITEM(frozen, i, item);
  }
  *out_cowns = cowns;
  return frozen;
}

static int when_args_make_room(bocpy_when_args *when_args, Py_ssize_t items,
                               Py_ssize_t cowns, bool grouped) {
  when_args->handles = when_args->few;
  when_args->modes = when_args->few_modes;
  if (cowns > BOCPY_WHEN_ARGS_FEW) {
    when_args->handles = malloc((size_t)cowns * sizeof(PyObject *));
    when_args->modes = malloc((size_t)cowns * sizeof(bool));
  }
  if (grouped)
    when_args->shape = items > BOCPY_WHEN_ARGS_FEW
                           ? malloc((size_t)items * sizeof(int32_t))
                           : when_args->few_items;
  if (when_args->handles && when_args->modes && (!grouped || when_args->shape))
    return 0;
  PyErr_NoMemory();
  return -1;
}

/* A cown that is neither pinned nor only read. */
static bool is_ordinary_cown(bocpy_state *state, PyObject *object) {
  return bocpy_cown_is_plain(state, object) && ((bocpy_cown *)object)->core;
}

static void when_args_push(bocpy_when_args *when_args, PyObject *cown, bool read) {
  when_args->modes[when_args->cowns] = read;
  when_args->handles[when_args->cowns++] = Py_NewRef(cown);
}

static int when_args_add_cown(bocpy_when_args *when_args, bocpy_state *state,
                              PyObject *object, Py_ssize_t position,
                              Py_ssize_t inside) {
  if (is_ordinary_cown(state, object)) {
    when_args_push(when_args, object, false);
    return 0;
  }
  PyObject *read = bocpy_reading_cown(state, object);
  if (read)
    object = read;
  if (!is_initialized_cown(state, object))
    return when_args_refuse(state, when_args->what, object, position, inside);
  when_args->reads = when_args->reads || read;
  when_args->special = when_args->special || !bocpy_cown_is_plain(state, object);
  when_args->pinned =
      when_args->pinned || bocpy_cown_core_is_pinned(((bocpy_cown *)object)->core);
  when_args_push(when_args, object, read != NULL);
  return 0;
}

static int when_args_add_item(bocpy_when_args *when_args, bocpy_state *state,
                              PyObject *item, Py_ssize_t position) {
  bool group = PyTuple_Check(item);
  Py_ssize_t size = group ? PyTuple_GET_SIZE(item) : 1;
  when_args->shape[position] = group ? (int32_t)size : -1;
  if (!group)
    return when_args_add_cown(when_args, state, item, position, -1);
  for (Py_ssize_t i = 0; i < size; i++)
    if (when_args_add_cown(when_args, state, PyTuple_GET_ITEM(item, i), position, i) <
        0)
      return -1;
  return 0;
}

static int when_args_init_grouped(bocpy_when_args *when_args, bocpy_state *state,
                                  PyObject *const *args, Py_ssize_t count) {
  Py_ssize_t cowns;
  PyObject *frozen = when_args_freeze(args, count, &cowns);
  if (!frozen)
    return -1;
  int status = when_args_make_room(when_args, count, cowns, true);
  for (Py_ssize_t i = 0; status == 0 && i < count; i++)
    status = when_args_add_item(when_args, state, PyTuple_GET_ITEM(frozen, i), i);
  Py_DECREF(frozen);
  return status;
}

/* Empties it; the contents of `few` are then undefined. */
static void when_args_reset(bocpy_when_args *when_args) {
  when_args->cowns = 0;
  when_args->handles = NULL;
  when_args->modes = NULL;
  when_args->shape = NULL;
}

/* Fast path: a few ordinary cowns, none of them only read. Returns false, with nothing
 * changed, for other arguments. */
static bool when_args_init_plain(bocpy_when_args *when_args, bocpy_state *state,
                                 PyObject *const *args, Py_ssize_t count) {
  if (count > BOCPY_WHEN_ARGS_FEW)
    return false;
  for (Py_ssize_t i = 0; i < count; i++)
    if (!is_ordinary_cown(state, args[i]))
      return false;
  for (Py_ssize_t i = 0; i < count; i++) {
    when_args->few[i] = Py_NewRef(args[i]);
    when_args->few_modes[i] = false;
  }
  when_args->handles = when_args->few;
  when_args->modes = when_args->few_modes;
  when_args->cowns = (uint32_t)count;
  return true;
}

/* Whether it is a list or tuple that no other thread can change meanwhile, and whose
 * iteration runs no Python code. */
static bool is_plain_group(PyObject *object) {
  return PyTuple_CheckExact(object) ||
         (!BOCPY_FREE_THREADED && PyList_CheckExact(object));
}

/* Returns false if one is no ordinary cown, or there are too many: then some may have
 * been added. */
static bool when_args_push_plain(bocpy_when_args *when_args, bocpy_state *state,
                                 PyObject *const *cowns, Py_ssize_t count) {
  if (count > BOCPY_WHEN_ARGS_FEW - (Py_ssize_t)when_args->cowns)
    return false;
  for (Py_ssize_t i = 0; i < count; i++) {
    if (!is_ordinary_cown(state, cowns[i]))
      return false;
    when_args_push(when_args, cowns[i], false);
  }
  return true;
}

/* Fast path: the same, with some of the cowns in groups, which are not copied. Returns
 * false, with nothing changed, for other arguments. */
static bool when_args_init_plain_groups(bocpy_when_args *when_args, bocpy_state *state,
                                        PyObject *const *args, Py_ssize_t count) {
  if (count > BOCPY_WHEN_ARGS_FEW)
    return false;
  when_args->handles = when_args->few;
  when_args->modes = when_args->few_modes;
  when_args->shape = when_args->few_items;
  for (Py_ssize_t i = 0; i < count; i++) {
    bool group = is_plain_group(args[i]);
    Py_ssize_t size = group ? PySequence_Fast_GET_SIZE(args[i]) : 1;
    when_args->few_items[i] = group ? (int32_t)size : -1;
    if (!when_args_push_plain(when_args, state,
                              group ? PySequence_Fast_ITEMS(args[i]) : &args[i],
                              size)) {
      bocpy_when_args_fini(when_args);
      return false;
    }
  }
  return true;
}

int bocpy_when_args_init(bocpy_when_args *when_args, bocpy_state *state,
                         const char *what, PyObject *const *args, Py_ssize_t count) {
  bool grouped = false;
  when_args_reset(when_args);
  when_args->what = what;
  when_args->items = (uint32_t)count;
  when_args->reads = when_args->pinned = when_args->special = false;
  when_args->due.kind = BOCPY_DUE_NOW;
  if (when_args_init_plain(when_args, state, args, count) ||
      when_args_init_plain_groups(when_args, state, args, count))
    return 0;
  for (Py_ssize_t i = 0; i < count; i++)
    grouped = grouped || is_group(args[i]);
  int status = grouped ? when_args_init_grouped(when_args, state, args, count)
                       : when_args_make_room(when_args, count, count, false);
  for (Py_ssize_t i = 0; !grouped && status == 0 && i < count; i++)
    if (is_ordinary_cown(state, args[i]))
      when_args_push(when_args, args[i], false);
    else
      status = when_args_add_cown(when_args, state, args[i], i, -1);
  if (status < 0)
    bocpy_when_args_fini(when_args);
  return status;
}

void bocpy_when_args_fini(bocpy_when_args *when_args) {
  for (uint32_t i = 0; i < when_args->cowns; i++)
    Py_DECREF(when_args->handles[i]);
  if (when_args->handles != when_args->few)
    free(when_args->handles);
  if (when_args->modes != when_args->few_modes)
    free(when_args->modes);
  if (when_args->shape != when_args->few_items)
    free(when_args->shape);
  when_args_reset(when_args);
}

PyObject *bocpy_when_args_in_shape(const bocpy_when_args *when_args,
                                   PyObject *(*at)(void *ctx, uint32_t i), void *ctx) {
  PyObject *all = PyTuple_New(when_args->items);
  uint32_t cown = 0;
  for (uint32_t i = 0; all && i < when_args->items; i++) {
    bool group = when_args->shape && when_args->shape[i] >= 0;
    Py_ssize_t size = group ? when_args->shape[i] : 1;
    PyObject *item = group ? PyList_New(size) : NULL;
    for (Py_ssize_t k = 0; k < size && (!group || item); k++) {
      PyObject *one = at(ctx, cown++);
      if (!group)
        item = one;
      else if (one)
        PyList_SET_ITEM(item, k, one);
      else
        Py_CLEAR(item);
    }
    if (item)
      PyTuple_SET_ITEM(all, i, item);
    else
      Py_CLEAR(all);
  }
  return all;
}
