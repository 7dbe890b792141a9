/* Classes: see shapes.h. Which types have plain instances, and their layouts. */
#include "shapes.h"

bool bocpy_type_is_bare(PyTypeObject *type) {
  Py_ssize_t size = (Py_ssize_t)sizeof(PyObject);
  if (type->tp_dictoffset > 0)
    size += (Py_ssize_t)sizeof(PyObject *);
  if (type->tp_weaklistoffset > 0)
    size += (Py_ssize_t)sizeof(PyObject *);
  return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_dictoffset != 0 &&
         type->tp_basicsize == size && type->tp_itemsize == 0 &&
         type->tp_new == PyBaseObject_Type.tp_new &&
         type->tp_alloc == PyType_GenericAlloc;
}

bool bocpy_type_is_slotted(PyTypeObject *type, uint32_t slots) {
  Py_ssize_t size = (Py_ssize_t)sizeof(PyObject);
  size += (Py_ssize_t)bocpy_shape_named(slots) * (Py_ssize_t)sizeof(PyObject *);
  if (type->tp_weaklistoffset > 0)
    size += (Py_ssize_t)sizeof(PyObject *);
  return (type->tp_flags & Py_TPFLAGS_HEAPTYPE) && type->tp_dictoffset == 0 &&
         type->tp_basicsize == size && type->tp_itemsize == 0 &&
         type->tp_new == PyBaseObject_Type.tp_new &&
         type->tp_alloc == PyType_GenericAlloc;
}

bool bocpy_instance_may_be_shared(PyObject *value) {
  Py_ssize_t offset = Py_TYPE(value)->tp_weaklistoffset;
  return BOCPY_FREE_THREADED || Py_REFCNT(value) > 2 || !offset ||
         *(PyObject **)(uintptr_t)((char *)value + offset);
}

/* 1 if `name` means the same for instances of `type` as for plain objects, 0 if not. */
static int type_is_inherited(PyTypeObject *type, const char *name) {
  PyObject *ours = NULL, *plain = NULL;
  int status =
      PyObject_GetOptionalAttrString((PyObject *)&PyBaseObject_Type, name, &plain);
  if (status >= 0)
    status = PyObject_GetOptionalAttrString((PyObject *)type, name, &ours);
  Py_XDECREF(ours);
  Py_XDECREF(plain);
  return status < 0 ? -1 : ours == plain;
}

/* 1 if copyreg has no reduction registered for `type`, 0 if it has. */
static int type_is_unregistered(bocpy_codec_state *state, PyTypeObject *type) {
  PyObject *table = bocpy_python_get(state->python, BOCPY_PY_COPYREG_TABLE);
  int found = table ? PySequence_Contains(table, (PyObject *)type) : -1;
  return found < 0 ? -1 : !found;
}

static int type_reduces_plainly(bocpy_codec_state *state, PyTypeObject *type) {
  static const char *const names[] = {
      "__reduce_ex__",  "__reduce__",        "__getstate__", "__setstate__",
      "__getnewargs__", "__getnewargs_ex__", "__del__"};
  if (!bocpy_type_is_bare(type) || type->tp_getattro != PyObject_GenericGetAttr)
    return 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int same = type_is_inherited(type, names[i]);
    if (same <= 0)
      return same;
  }
  return type_is_unregistered(state, type);
}

/* Publishes the class for other interpreters, and fills in its place. 1; or 0 if its
 * name refers to another object now. */
static int class_export(bocpy_codec_state *state, bocpy_class *known) {
  PyObject *reference = bocpy_python_call(state->python, BOCPY_PY_SHIP_EXPORT_CLASS,
                                          "(O)", (PyObject *)known->type);
  const char *text = reference ? PyUnicode_AsUTF8(reference) : NULL;
  uint32_t count = bocpy_class_is_whole(known) ? BOCPY_WHOLE : BOCPY_ANY;
  const bocpy_shape *shape = text ? bocpy_shape_intern(text, count, NULL) : NULL;
  Py_XDECREF(reference);
  if (!shape || bocpy_place_init(&known->place, shape) < 0)
    return -1;
  return bocpy_place_has(&known->place, known->type);
}

/* Whether the exception that is set would be raised for this type again, and is worth
 * caching. Out of memory and interrupts are not. */
static bool exception_is_verdict(void) {
  return PyErr_ExceptionMatches(PyExc_Exception) &&
         !PyErr_ExceptionMatches(PyExc_MemoryError);
}

Py_ssize_t bocpy_slot_offset(PyTypeObject *type, PyObject *name) {
  PyObject *found = PyObject_GetAttr((PyObject *)type, name);
  Py_ssize_t offset = 0;
  if (!found) {
    PyErr_Clear();
  } else if (Py_IS_TYPE(found, &PyMemberDescr_Type) &&
             PyType_IsSubtype(type, PyDescr_TYPE(found))) {
    const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
    if (member->type == Py_T_OBJECT_EX && !(member->flags & Py_READONLY))
      offset = member->offset;
  }
  Py_XDECREF(found);
  return offset;
}

/* A new layout of the slots in `names`. NULL with an exception. */
static bocpy_layout *slots_layout(const bocpy_class *known, PyObject *names) {
  const char *texts[BOCPY_ATTRIBUTES_MAX];
  Py_ssize_t count = PyTuple_GET_SIZE(names);
  if (count > (Py_ssize_t)BOCPY_ATTRIBUTES_MAX) {
    PyErr_SetString(PyExc_TypeError, "too many slots");
    return NULL;
  }
  for (Py_ssize_t i = 0; i < count; i++)
    if (!(texts[i] = PyUnicode_AsUTF8(PyTuple_GET_ITEM(names, i))))
      return NULL;
  const bocpy_shape *shape =
      bocpy_shape_intern(known->place.shape->reference, (uint32_t)count, texts);
  bocpy_layout *layout =
      shape ? PyMem_Malloc(sizeof *layout + bocpy_slots_size((size_t)count)) : NULL;
  if (!layout) {
    if (shape)
      PyErr_NoMemory();
    return NULL;
  }
  Py_ssize_t *offsets = bocpy_slot_offsets(layout->names, (uint32_t)count);
  for (Py_ssize_t i = 0; i < count; i++) {
    layout->names[i] = Py_NewRef(PyTuple_GET_ITEM(names, i));
    offsets[i] = bocpy_slot_offset(known->type, layout->names[i]);
  }
  layout->shape = shape;
  return layout;
}

/* Fills in what the encoding needs besides the class's place. 1, or -1 with an
 * exception. */
static int class_equip(bocpy_class *known, PyObject *names) {
  if (known->encoding == BOCPY_ENCODING_SLOTTED) {
    known->layouts[0] = slots_layout(known, names);
    known->layout_count = known->layouts[0] ? 1 : 0;
    return known->layouts[0] ? 1 : -1;
  }
  if (known->encoding != BOCPY_ENCODING_REDUCED)
    return 1;
  PyObject *name = PyTuple_GET_ITEM(names, 0);
  known->by_protocol = PyUnicode_CompareWithASCIIString(name, "__reduce_ex__") == 0;
  known->reduce = PyObject_GetAttr((PyObject *)known->type, name);
  return known->reduce ? 1 : -1;
}

/* Asks Python for the encoding of a type that is not plain. 1; or 0 if only pickle can
 * encode it. */
static int class_find_encoding(bocpy_codec_state *state, bocpy_class *known) {
  int encoding;
  PyObject *names, *found = bocpy_python_call(state->python, BOCPY_PY_CODEC_ENCODING_OF,
                                              "(O)", (PyObject *)known->type);
  int status = found && PyArg_ParseTuple(found, "iO!", &encoding, &PyTuple_Type, &names)
                   ? encoding != BOCPY_ENCODING_PICKLED
                   : -1;
  if (status > 0) {
    known->encoding = (bocpy_class_encoding)encoding;
    status = class_export(state, known);
  }
  if (status > 0)
    status = class_equip(known, names);
  Py_XDECREF(found);
  return status;
}

static int class_classify(bocpy_codec_state *state, bocpy_class *known) {
  int status = type_reduces_plainly(state, known->type);
  if (status > 0) {
    known->encoding = BOCPY_ENCODING_PLAIN;
    status = class_export(state, known);
  } else if (status == 0) {
    status = class_find_encoding(state, known);
  }
  if (status < 0) {
    if (!exception_is_verdict())
      return -1;
    PyErr_Clear();
  }
  if (status <= 0)
    known->encoding = BOCPY_ENCODING_PICKLED;
  return 0;
}

static void class_free(bocpy_class *known) {
  for (uint32_t i = 0; i < known->layout_count; i++) {
    bocpy_layout *layout = known->layouts[i];
    for (uint32_t k = 0; k < layout->shape->count; k++)
      Py_DECREF(layout->names[k]);
    PyMem_Free(layout);
  }
  bocpy_place_fini(&known->place);
  Py_XDECREF(known->reduce);
  Py_XDECREF(known->ref);
  PyMem_Free(known);
}

/* A type with hooks is not classified: its hooks encode it. */
static bocpy_class *class_new(bocpy_codec_state *state, PyTypeObject *type,
                              const struct bocpy_hooked *hooked) {
  bocpy_class *known = PyMem_Calloc(1, sizeof *known);
  if (!known) {
    PyErr_NoMemory();
    return NULL;
  }
  known->type = type;
  known->hooked = hooked;
  known->encoding = BOCPY_ENCODING_PICKLED;
  known->ref = PyWeakref_NewRef((PyObject *)type, NULL);
  if (!known->ref || (!hooked && class_classify(state, known) < 0)) {
    class_free(known);
    return NULL;
  }
  return known;
}

/* ---- the map --------------------------------------------------------------------- */

static bool class_is_alive(const bocpy_class *known) {
  PyObject *type = NULL;
  int alive = PyWeakref_GetRef(known->ref, &type);
  Py_XDECREF(type);
  return alive > 0;
}

/* Frees the entries of types that are freed. Returns false without memory: the entries
 * stay. */
static bool class_sweep_locked(bocpy_codec_state *state) {
  bocpy_address_map *map = &state->classes, alive = {0};
  for (size_t i = 0; i < map->capacity; i++) {
    bocpy_class *known = (bocpy_class *)(uintptr_t)map->entries[i].word;
    if (map->entries[i].key && class_is_alive(known) &&
        !bocpy_address_map_put_pointer(&alive, known->type, known)) {
      bocpy_address_map_fini(&alive);
      return false;
    }
  }
  for (size_t i = 0; i < map->capacity; i++)
    if (map->entries[i].key && !bocpy_address_map_find(&alive, map->entries[i].key))
      class_free((bocpy_class *)(uintptr_t)map->entries[i].word);
  bocpy_address_map_fini(map);
  *map = alive;
  return true;
}

static bocpy_class *class_find_locked(bocpy_codec_state *state, PyTypeObject *type) {
  bocpy_class *known = bocpy_address_map_pointer(&state->classes, type);
  return known && class_is_alive(known) ? known : NULL;
}

/* Puts `fresh` into the map, or returns the entry that is there by now. */
static bocpy_class *class_insert_locked(bocpy_codec_state *state, bocpy_class *fresh,
                                        bocpy_class **out_spare) {
  *out_spare = fresh;
  bocpy_class *known = class_find_locked(state, fresh->type);
  if (known)
    return known;
  bocpy_address_map *map = &state->classes;
  if (2 * (map->count + 1) > map->capacity && map->capacity &&
      !class_sweep_locked(state))
    return NULL;
  bocpy_class *dead = bocpy_address_map_pointer(map, fresh->type);
  if (!bocpy_address_map_put_pointer(map, fresh->type, fresh))
    return NULL;
  *out_spare = dead;
  return fresh;
}

static bocpy_class *class_get(bocpy_codec_state *state, PyTypeObject *type,
                              const struct bocpy_hooked *hooked) {
  bocpy_mutex_lock(&state->mutex);
  bocpy_class *known = class_find_locked(state, type);
  if (known && hooked)
    known->hooked = hooked;
  bocpy_mutex_unlock(&state->mutex);
  if (known)
    return known;
  bocpy_class *spare, *fresh = class_new(state, type, hooked);
  if (!fresh)
    return NULL;
  bocpy_mutex_lock(&state->mutex);
  known = class_insert_locked(state, fresh, &spare);
  bocpy_mutex_unlock(&state->mutex);
  if (spare)
    class_free(spare);
  if (!known)
    PyErr_NoMemory();
  return known;
}

bocpy_class *bocpy_class_of(bocpy_codec_state *state, PyTypeObject *type) {
  return class_get(state, type, NULL);
}

int bocpy_class_hook(bocpy_codec_state *state, PyTypeObject *type,
                     const struct bocpy_hooked *hooked) {
  return class_get(state, type, hooked) ? 0 : -1;
}

bool bocpy_class_pickles(bocpy_codec_state *state, bocpy_class *known, bool seen) {
  bocpy_mutex_lock(&state->mutex);
  bool pickles = known->pickles |= seen;
  bocpy_mutex_unlock(&state->mutex);
  return pickles;
}

int bocpy_classes_traverse(bocpy_codec_state *state, visitproc visit, void *arg) {
  const bocpy_address_map *map = &state->classes;
  int status = 0;
  for (size_t i = 0; !status && i < map->capacity; i++) {
    const bocpy_class *known = (bocpy_class *)(uintptr_t)map->entries[i].word;
    if (map->entries[i].key)
      status = bocpy_place_traverse(&known->place, visit, arg);
  }
  return status;
}

void bocpy_classes_clear(bocpy_codec_state *state) {
  bocpy_address_map classes = state->classes;
  state->classes = (bocpy_address_map){0};
  for (size_t i = 0; i < classes.capacity; i++)
    if (classes.entries[i].key)
      class_free((bocpy_class *)(uintptr_t)classes.entries[i].word);
  bocpy_address_map_fini(&classes);
}

/* ---- layouts --------------------------------------------------------------------- */

static bool layout_fits(const bocpy_layout *layout, PyObject *dict) {
  Py_ssize_t at = 0;
  uint32_t i = 0;
  PyObject *name, *value;
  if ((Py_ssize_t)layout->shape->count != PyDict_GET_SIZE(dict))
    return false;
  while (i < layout->shape->count && PyDict_Next(dict, &at, &name, &value))
    if (layout->names[i++] != name)
      return false;
  return true;
}

static const bocpy_shape *class_shape_of(const bocpy_class *known, PyObject *dict) {
  const char *names[BOCPY_ATTRIBUTES_MAX];
  uint32_t count = 0;
  Py_ssize_t at = 0;
  PyObject *name, *value;
  while (count < BOCPY_ATTRIBUTES_MAX && PyDict_Next(dict, &at, &name, &value)) {
    Py_ssize_t size;
    if (!PyUnicode_CheckExact(name))
      return NULL;
    names[count] = PyUnicode_AsUTF8AndSize(name, &size);
    if (!names[count] || strlen(names[count]) != (size_t)size)
      return NULL;
    count++;
  }
  return bocpy_shape_intern(known->place.shape->reference, count, names);
}

static const bocpy_layout *class_add_layout_locked(bocpy_class *known, PyObject *dict) {
  if (known->layout_count == BOCPY_CLASS_SHAPES ||
      PyDict_GET_SIZE(dict) > (Py_ssize_t)BOCPY_ATTRIBUTES_MAX)
    return NULL;
  const bocpy_shape *shape = class_shape_of(known, dict);
  bocpy_layout *layout =
      shape ? PyMem_Malloc(sizeof *layout + shape->count * sizeof(PyObject *)) : NULL;
  if (!layout) {
    PyErr_Clear();
    return NULL;
  }
  Py_ssize_t at = 0;
  uint32_t i = 0;
  PyObject *name, *value;
  while (i < shape->count && PyDict_Next(dict, &at, &name, &value))
    layout->names[i++] = Py_NewRef(name);
  layout->shape = shape;
  return known->layouts[known->layout_count++] = layout;
}

const bocpy_layout *bocpy_class_layout(bocpy_codec_state *state, bocpy_class *known,
                                       PyObject *dict) {
  const bocpy_layout *layout = NULL;
  bocpy_mutex_lock(&state->mutex);
  for (uint32_t i = 0; !layout && i < known->layout_count; i++)
    if (layout_fits(known->layouts[i], dict))
      layout = known->layouts[i];
  if (!layout)
    layout = class_add_layout_locked(known, dict);
  bocpy_mutex_unlock(&state->mutex);
  return layout;
}
