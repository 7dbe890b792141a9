/* Plan: the arguments of `when`, checked and flattened. See when.h. */
#include "when.h"

#include <stdlib.h>

#include "runtime.h"

/* A Cown can only be refused for being empty. */
static int refuse(bocpy_state *state, PyObject *argument, Py_ssize_t position,
                  Py_ssize_t inside) {
  if (bocpy_cown_check(state, argument))
    PyErr_Format(PyExc_TypeError,
                 "when() argument %zd is a Cown without a value: its class must call "
                 "super().__init__(value)",
                 position + 1);
  else if (inside < 0)
    PyErr_Format(
        PyExc_TypeError,
        "when() argument %zd must be a Cown, or a list or tuple of them, not '%s'",
        position + 1, Py_TYPE(argument)->tp_name);
  else
    PyErr_Format(PyExc_TypeError,
                 "when() argument %zd: item %zd of the group must be a Cown, not '%s'",
                 position + 1, inside, Py_TYPE(argument)->tp_name);
  return -1;
}

static bool is_cown(bocpy_state *state, PyObject *object) {
  return bocpy_cown_check(state, object) && ((bocpy_cown *)object)->core;
}

static bool is_group(PyObject *object) {
  return PyList_Check(object) || PyTuple_Check(object);
}

/* Groups become tuples, so that nobody changes them while we count; `out_cowns` is how
 * many cowns there are in all. NULL with an exception. */
static PyObject *freeze(PyObject *const *args, Py_ssize_t count,
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

static int make_room(bocpy_plan *plan, Py_ssize_t items, Py_ssize_t cowns,
                     bool grouped) {
  plan->handles = plan->few;
  plan->modes = plan->few_modes;
  if (cowns > BOCPY_PLAN_FEW) {
    plan->handles = malloc((size_t)cowns * sizeof(PyObject *));
    plan->modes = malloc((size_t)cowns * sizeof(bool));
  }
  if (grouped)
    plan->shape = items > BOCPY_PLAN_FEW ? malloc((size_t)items * sizeof(int32_t))
                                         : plan->few_items;
  if (plan->handles && plan->modes && (!grouped || plan->shape))
    return 0;
  PyErr_NoMemory();
  return -1;
}

static int add_cown(bocpy_plan *plan, bocpy_state *state, PyObject *object,
                    Py_ssize_t position, Py_ssize_t inside) {
  PyObject *read = bocpy_reading_cown(state, object);
  if (read)
    object = read;
  if (!is_cown(state, object))
    return refuse(state, object, position, inside);
  plan->reads = plan->reads || read;
  plan->special = plan->special || !bocpy_cown_is_plain(state, object);
  plan->pinned = plan->pinned || ((bocpy_cown *)object)->value->pinned;
  plan->modes[plan->cowns] = read != NULL;
  plan->handles[plan->cowns++] = Py_NewRef(object);
  return 0;
}

static int add_item(bocpy_plan *plan, bocpy_state *state, PyObject *item,
                    Py_ssize_t position) {
  bool group = PyTuple_Check(item);
  Py_ssize_t size = group ? PyTuple_GET_SIZE(item) : 1;
  plan->shape[position] = group ? (int32_t)size : -1;
  if (!group)
    return add_cown(plan, state, item, position, -1);
  for (Py_ssize_t i = 0; i < size; i++)
    if (add_cown(plan, state, PyTuple_GET_ITEM(item, i), position, i) < 0)
      return -1;
  return 0;
}

static int init_grouped(bocpy_plan *plan, bocpy_state *state, PyObject *const *args,
                        Py_ssize_t count) {
  Py_ssize_t cowns;
  PyObject *frozen = freeze(args, count, &cowns);
  if (!frozen)
    return -1;
  int status = make_room(plan, count, cowns, true);
  for (Py_ssize_t i = 0; status == 0 && i < count; i++)
    status = add_item(plan, state, PyTuple_GET_ITEM(frozen, i), i);
  Py_DECREF(frozen);
  return status;
}

/* It is over nothing, and what is in `few` does not matter. */
static void forget(bocpy_plan *plan) {
  plan->cowns = 0;
  plan->handles = NULL;
  plan->modes = NULL;
  plan->shape = NULL;
}

int bocpy_plan_init(bocpy_plan *plan, bocpy_state *state, PyObject *const *args,
                    Py_ssize_t count) {
  bool grouped = false;
  forget(plan);
  plan->items = (uint32_t)count;
  plan->reads = plan->pinned = plan->special = false;
  for (Py_ssize_t i = 0; i < count; i++)
    grouped = grouped || is_group(args[i]);
  int status = grouped ? init_grouped(plan, state, args, count)
                       : make_room(plan, count, count, false);
  for (Py_ssize_t i = 0; !grouped && status == 0 && i < count; i++)
    status = add_cown(plan, state, args[i], i, -1);
  if (status < 0)
    bocpy_plan_fini(plan);
  return status;
}

void bocpy_plan_fini(bocpy_plan *plan) {
  for (uint32_t i = 0; i < plan->cowns; i++)
    Py_DECREF(plan->handles[i]);
  if (plan->handles != plan->few)
    free(plan->handles);
  if (plan->modes != plan->few_modes)
    free(plan->modes);
  if (plan->shape != plan->few_items)
    free(plan->shape);
  forget(plan);
}
