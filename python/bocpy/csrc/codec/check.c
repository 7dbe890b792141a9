/* Check: refuses values early that could not be shipped later.
 *
 * A breadth-first walk over the first objects of a value. It tries a type that the
 * codec does not know once: object.__reduce_ex__ and similar methods refuse without
 * side effects. A value that seems to be refused, or is nested deeply, is encoded in
 * full, which either raises the exception or shows that it can be shipped. The walk
 * does not call reductions that are written in Python.
 */
#include "extension.h"

#define WALK_MAX 256u
/* a deeper value may be too deep: the walk visits WALK_MAX objects only */
#define WALK_DEEP 128u

struct check_walk {
  bocpy_codec_state *state;
  uint32_t count, next;
  uint16_t depth[WALK_MAX];  /* of the objects in the queue */
  PyObject *queue[WALK_MAX]; /* held */
};

static bool is_scalar(PyObject *value) {
  PyTypeObject *type = Py_TYPE(value);
  return type == &PyUnicode_Type || type == &PyLong_Type || value == Py_None ||
         type == &PyFloat_Type || type == &PyBool_Type || type == &PyBytes_Type ||
         type == &PyComplex_Type || type == &PyByteArray_Type ||
         type == &PyRange_Type || type == &PySlice_Type || value == Py_Ellipsis ||
         value == Py_NotImplemented;
}

static void walk_push(struct check_walk *check_walk, PyObject *value) {
  if (check_walk->count == WALK_MAX || is_scalar(value))
    return;
  uint32_t at = check_walk->count++, parent = check_walk->next;
  check_walk->queue[at] = Py_NewRef(value);
  check_walk->depth[at] = parent ? (uint16_t)(check_walk->depth[parent - 1] + 1) : 0;
}

static void walk_push_values(struct check_walk *check_walk, PyObject *dict) {
  Py_ssize_t at = 0;
  PyObject *key, *value;
  Py_BEGIN_CRITICAL_SECTION(dict);
  for (uint32_t i = 0; i < WALK_MAX && PyDict_Next(dict, &at, &key, &value); i++) {
    walk_push(check_walk, key);
    walk_push(check_walk, value);
  }
  Py_END_CRITICAL_SECTION();
}

static void walk_push_items(struct check_walk *check_walk, PyObject *sequence) {
  Py_BEGIN_CRITICAL_SECTION(sequence);
  Py_ssize_t size = PySequence_Fast_GET_SIZE(sequence);
  for (Py_ssize_t i = 0; i < size && i < (Py_ssize_t)WALK_MAX; i++)
    walk_push(check_walk, PySequence_Fast_GET_ITEM(sequence, i));
  Py_END_CRITICAL_SECTION();
}

/* ---- types that the codec does not know ------------------------------------------ */

/* 1 if a method that pickles instances of the type is written in Python. */
static int is_reduced_in_python(PyTypeObject *type) {
  static const char *const names[] = {"__reduce_ex__", "__reduce__", "__getstate__"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    PyObject *method;
    int found = PyObject_GetOptionalAttrString((PyObject *)type, names[i], &method);
    if (found < 0)
      return -1;
    int custom = found && PyFunction_Check(method);
    Py_XDECREF(method);
    if (custom)
      return 1;
  }
  return 0;
}

/* 1 if pickle seems to take the object, 0 if it seems to refuse it, -1 with an
 * exception. */
static int check_try_reduce(PyObject *value) {
  int custom = is_reduced_in_python(Py_TYPE(value));
  if (custom)
    return custom;
  PyObject *reduced = PyObject_CallMethod(value, "__reduce_ex__", "i", 5);
  Py_XDECREF(reduced);
  if (reduced)
    return 1;
  if (!PyErr_ExceptionMatches(PyExc_Exception) ||
      PyErr_ExceptionMatches(PyExc_MemoryError))
    return -1;
  PyErr_Clear();
  return 0;
}

static bool is_by_name(PyObject *value) {
  return PyType_Check(value) || PyFunction_Check(value) || PyCFunction_Check(value) ||
         PyModule_Check(value);
}

static int walk_push_slots(struct check_walk *check_walk, PyObject *value,
                           const bocpy_layout *layout) {
  for (uint32_t i = 0; i < layout->shape->count; i++) {
    PyObject *part;
    if (PyObject_GetOptionalAttr(value, layout->names[i], &part) < 0)
      return -1;
    if (part)
      walk_push(check_walk, part);
    Py_XDECREF(part);
  }
  return 1;
}

static int walk_visit_instance(struct check_walk *check_walk, PyObject *value) {
  if (is_by_name(value) || bocpy_cown_core(value))
    return 1;
  bocpy_class *known = bocpy_class_of(check_walk->state, Py_TYPE(value));
  if (!known)
    return -1;
  if (known->hooked)
    return bocpy_native_is_here(known->hooked, value);
  if (known->encoding == BOCPY_ENCODING_SLOTTED)
    return walk_push_slots(check_walk, value, known->layouts[0]);
  if (known->encoding == BOCPY_ENCODING_NAMED) {
    walk_push_items(check_walk, value);
    return 1;
  }
  if (bocpy_class_is_whole(known))
    return 1;
  if (known->encoding == BOCPY_ENCODING_PLAIN) {
    PyObject *dict = PyObject_GenericGetDict(value, NULL);
    if (dict)
      walk_push_values(check_walk, dict);
    Py_XDECREF(dict);
    return dict ? 1 : -1;
  }
  if (bocpy_class_pickles(check_walk->state, known, false))
    return 1;
  int status = check_try_reduce(value);
  if (status > 0)
    bocpy_class_pickles(check_walk->state, known, true);
  return status;
}

/* Visits the next object in the queue. 1: it seems shippable. 0: it seems refused. -1
 * with an exception. */
static int walk_visit_next(struct check_walk *check_walk) {
  PyObject *value = check_walk->queue[check_walk->next];
  if (check_walk->depth[check_walk->next++] >= WALK_DEEP)
    return 0;
  PyTypeObject *type = Py_TYPE(value);
  if (type == &PyTuple_Type || type == &PyList_Type) {
    walk_push_items(check_walk, value);
    return 1;
  }
  if (type == &PyDict_Type) {
    walk_push_values(check_walk, value);
    return 1;
  }
  if (type == &PySet_Type || type == &PyFrozenSet_Type) {
    PyObject *elements = PySequence_Tuple(value);
    if (elements)
      walk_push_items(check_walk, elements);
    Py_XDECREF(elements);
    return elements ? 1 : -1;
  }
  return walk_visit_instance(check_walk, value);
}

int bocpy_check_shippable(PyObject *value, const char *root) {
  if (is_scalar(value))
    return 0;
  struct check_walk check_walk;
  check_walk.state = bocpy_codec_state_get();
  check_walk.count = check_walk.next = 0;
  if (!check_walk.state)
    return -1;
  walk_push(&check_walk, value);
  int status = 1;
  while (status > 0 && check_walk.next < check_walk.count)
    status = walk_visit_next(&check_walk);
  while (check_walk.count)
    Py_DECREF(check_walk.queue[--check_walk.count]);
  return status > 0 ? 0 : status < 0 ? -1 : bocpy_encode_tried(value, root);
}
