/* Shapes: see shapes.h. The process's table, and the places to which names lead. */
#include "shapes.h"

#include "sync.h"

#include <string.h>

/* Append-only. Guarded by `shape_table_lock`, which is held for a search or an append.
 */
static bocpy_lock shape_table_lock;
static const bocpy_shape **shape_table;
static uint32_t shape_table_count, shape_table_capacity;

int bocpy_shapes_init(void) {
  return shape_table_lock ? 0 : bocpy_lock_init(&shape_table_lock);
}

static size_t shape_text_size(const char *reference, uint32_t count,
                              const char *const *names) {
  size_t size = strlen(reference) + 1;
  for (uint32_t i = 0; i < count; i++)
    size += strlen(names[i]) + 1;
  return size;
}

static const char *shape_copy_text(char **end, const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = memcpy(*end, text, size);
  *end += size;
  return copy;
}

static bocpy_shape *shape_new(const char *reference, uint32_t count,
                              const char *const *names) {
  uint32_t named = bocpy_shape_named(count);
  size_t head = sizeof(bocpy_shape) + named * sizeof(char *);
  bocpy_shape *shape = PyMem_RawMalloc(head + shape_text_size(reference, named, names));
  if (!shape)
    return NULL;
  char *end = (char *)shape + head;
  shape->count = count;
  shape->reference = shape_copy_text(&end, reference);
  for (uint32_t i = 0; i < named; i++)
    shape->names[i] = shape_copy_text(&end, names[i]);
  return shape;
}

static bool shape_is_same(const bocpy_shape *shape, const char *reference,
                          uint32_t count, const char *const *names) {
  if (shape->count != count || strcmp(shape->reference, reference) != 0)
    return false;
  for (uint32_t i = 0; i < bocpy_shape_named(count); i++)
    if (strcmp(shape->names[i], names[i]) != 0)
      return false;
  return true;
}

static bool shape_table_grow_locked(void) {
  if (shape_table_count < shape_table_capacity)
    return true;
  uint32_t capacity = shape_table_capacity ? 2 * shape_table_capacity : 64;
  if (capacity > BOCPY_SHAPES_MAX)
    return false;
  const bocpy_shape **larger =
      PyMem_RawRealloc((void *)shape_table, capacity * sizeof *larger);
  if (!larger)
    return false;
  shape_table = larger;
  shape_table_capacity = capacity;
  return true;
}

static const bocpy_shape *shape_intern_locked(const char *reference, uint32_t count,
                                              const char *const *names) {
  for (uint32_t i = 0; i < shape_table_count; i++)
    if (shape_is_same(shape_table[i], reference, count, names))
      return shape_table[i];
  if (!shape_table_grow_locked())
    return NULL;
  bocpy_shape *shape = shape_new(reference, count, names);
  if (!shape)
    return NULL;
  shape->id = shape_table_count;
  shape_table[shape_table_count++] = shape;
  return shape;
}

const bocpy_shape *bocpy_shape_intern(const char *reference, uint32_t count,
                                      const char *const *names) {
  bocpy_lock_take(&shape_table_lock);
  const bocpy_shape *shape = shape_intern_locked(reference, count, names);
  bool full = shape_table_count == BOCPY_SHAPES_MAX;
  bocpy_lock_give(&shape_table_lock);
  if (!shape && !full)
    PyErr_NoMemory();
  else if (!shape)
    PyErr_SetString(PyExc_OverflowError, "too many classes have been shipped");
  return shape;
}

const bocpy_shape *bocpy_shape_at(uint32_t id) {
  bocpy_lock_take(&shape_table_lock);
  const bocpy_shape *shape = shape_table[id];
  bocpy_lock_give(&shape_table_lock);
  return shape;
}

/* ---- places ---------------------------------------------------------------------- */

static PyObject *place_follow_qualname(PyObject *module, const char *qualname) {
  PyObject *object = Py_NewRef(module);
  while (object && *qualname) {
    size_t size = strcspn(qualname, ".");
    PyObject *name = PyUnicode_FromStringAndSize(qualname, (Py_ssize_t)size);
    PyObject *part = name ? PyObject_GetAttr(object, name) : NULL;
    Py_XDECREF(name);
    Py_SETREF(object, part);
    qualname += size + (qualname[size] == '.');
  }
  return object;
}

int bocpy_place_init(bocpy_place *place, const bocpy_shape *shape) {
  *place = (bocpy_place){.shape = shape};
  const char *colon = strchr(shape->reference, ':');
  if (!colon)
    return 0;
  PyObject *name =
      PyUnicode_FromStringAndSize(shape->reference, colon - shape->reference);
  place->module_name = name;
  place->module = name ? PyImport_Import(name) : NULL;
  if (place->module && !strchr(colon, '.'))
    place->name = PyUnicode_InternFromString(colon + 1);
  if (!PyErr_Occurred())
    return 0;
  bocpy_place_fini(place);
  return -1;
}

static PyObject *place_find_in_module(const bocpy_place *place) {
  return place_follow_qualname(place->module, strchr(place->shape->reference, ':') + 1);
}

PyObject *bocpy_place_type(const bocpy_place *place, bocpy_codec_state *state) {
  if (place->module)
    return place_find_in_module(place);
  return bocpy_python_call(state->python, BOCPY_PY_SHIP_FIND_CLASS, "(s)",
                           place->shape->reference);
}

static int dict_has_item(PyObject *dict, PyObject *key, PyObject *value) {
  PyObject *item;
  int found = dict ? PyDict_GetItemRef(dict, key, &item) : 0;
  if (found <= 0)
    return found;
  Py_DECREF(item);
  return item == value;
}

int bocpy_place_has(const bocpy_place *place, PyTypeObject *type) {
  if (!place->module)
    return 1;
  int same = dict_has_item(PyImport_GetModuleDict(), place->module_name, place->module);
  if (same <= 0)
    return same;
  if (place->name && PyModule_Check(place->module))
    return dict_has_item(PyModule_GetDict(place->module), place->name,
                         (PyObject *)type);
  PyObject *found = place_find_in_module(place);
  if (!found && !PyErr_ExceptionMatches(PyExc_AttributeError))
    return -1;
  PyErr_Clear();
  Py_XDECREF(found);
  return found == (PyObject *)type;
}

int bocpy_place_traverse(const bocpy_place *place, visitproc visit, void *arg) {
  Py_VISIT(place->module);
  return 0;
}

void bocpy_place_fini(bocpy_place *place) {
  Py_CLEAR(place->module_name);
  Py_CLEAR(place->module);
  Py_CLEAR(place->name);
}
