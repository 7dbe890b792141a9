/* Shape cache: see shapes.h. The meaning of a buffer's numbers in this
 * interpreter. */
#include "shapes.h"

static void resolved_free(bocpy_resolved_shape *resolved) {
  if (!resolved)
    return;
  const bocpy_shape *shape = resolved->shape;
  for (uint32_t i = 0; i < bocpy_shape_named(shape->count); i++)
    Py_XDECREF(resolved->names[i]);
  bocpy_place_fini(&resolved->place);
  Py_XDECREF(resolved->type);
  PyMem_Free(resolved);
}

/* 1 if storing `name` through an instance could run a descriptor of its type. */
static int attribute_is_data_descriptor(PyTypeObject *type, PyObject *name) {
  PyObject *attribute;
  int found = PyObject_GetOptionalAttr((PyObject *)type, name, &attribute);
  if (found <= 0)
    return found;
  int taken = Py_TYPE(attribute)->tp_descr_set != NULL;
  Py_DECREF(attribute);
  return taken;
}

static int resolved_intern_names(bocpy_resolved_shape *resolved) {
  const bocpy_shape *shape = resolved->shape;
  bool slotted = !resolved->type->tp_dictoffset;
  resolved->through_dict = shape->count == BOCPY_ANY;
  for (uint32_t i = 0; i < bocpy_shape_named(shape->count); i++) {
    PyObject *name = PyUnicode_InternFromString(shape->names[i]);
    int taken = name ? attribute_is_data_descriptor(resolved->type, name) : -1;
    resolved->names[i] = name;
    if (taken < 0)
      return -1;
    resolved->through_dict |= taken && !slotted;
    if (slotted)
      bocpy_slot_offsets(resolved->names, shape->count)[i] =
          bocpy_slot_offset(resolved->type, name);
  }
  return 0;
}

static int resolved_check_bare(const bocpy_resolved_shape *resolved) {
  uint32_t count = resolved->shape->count;
  if (PyType_Check(resolved->type) &&
      (count == BOCPY_WHOLE || bocpy_type_is_bare(resolved->type) ||
       bocpy_type_is_slotted(resolved->type, count)))
    return 0;
  PyErr_Format(PyExc_TypeError,
               "%s is not the class that it is where the value came from",
               resolved->shape->reference);
  return -1;
}

static bocpy_resolved_shape *resolved_new(bocpy_codec_state *state,
                                          const bocpy_shape *shape) {
  size_t count = bocpy_shape_named(shape->count);
  bocpy_resolved_shape *resolved =
      PyMem_Calloc(1, sizeof *resolved + bocpy_slots_size(count));
  if (!resolved) {
    PyErr_NoMemory();
    return NULL;
  }
  resolved->shape = shape;
  if (bocpy_place_init(&resolved->place, shape) == 0)
    resolved->type = (PyTypeObject *)bocpy_place_type(&resolved->place, state);
  if (resolved->type && resolved_check_bare(resolved) == 0 &&
      resolved_intern_names(resolved) == 0)
    return resolved;
  resolved_free(resolved);
  return NULL;
}

static int resolved_store_locked(bocpy_codec_state *state,
                                 bocpy_resolved_shape *fresh) {
  size_t id = fresh->shape->id;
  if (id >= state->resolved_capacity) {
    size_t capacity = 2 * id + 32;
    bocpy_resolved_shape **larger =
        PyMem_Realloc(state->resolved, capacity * sizeof(bocpy_resolved_shape *));
    if (!larger)
      return -1;
    memset(larger + state->resolved_capacity, 0,
           (capacity - state->resolved_capacity) * sizeof(bocpy_resolved_shape *));
    state->resolved = larger;
    state->resolved_capacity = capacity;
  }
  if (state->resolved[id]) {
    state->resolved[id]->next = state->retired;
    state->retired = state->resolved[id];
  }
  state->resolved[id] = fresh;
  return 0;
}

static const bocpy_resolved_shape *resolved_make(bocpy_codec_state *state,
                                                 uint32_t id) {
  bocpy_resolved_shape *fresh = resolved_new(state, bocpy_shape_at(id));
  if (!fresh)
    return NULL;
  bocpy_mutex_lock(&state->mutex);
  int status = resolved_store_locked(state, fresh);
  bocpy_mutex_unlock(&state->mutex);
  if (status == 0)
    return fresh;
  resolved_free(fresh);
  PyErr_NoMemory();
  return NULL;
}

const bocpy_resolved_shape *bocpy_resolve_shape(bocpy_codec_state *state, uint32_t id) {
  bocpy_mutex_lock(&state->mutex);
  const bocpy_resolved_shape *resolved =
      id < state->resolved_capacity ? state->resolved[id] : NULL;
  bocpy_mutex_unlock(&state->mutex);
  int current = resolved ? bocpy_place_has(&resolved->place, resolved->type) : 0;
  if (current > 0)
    return resolved;
  return current < 0 ? NULL : resolved_make(state, id);
}

static int resolved_traverse_one(const bocpy_resolved_shape *resolved, visitproc visit,
                                 void *arg) {
  Py_VISIT(resolved->type);
  return bocpy_place_traverse(&resolved->place, visit, arg);
}

int bocpy_resolved_shapes_traverse(bocpy_codec_state *state, visitproc visit,
                                   void *arg) {
  int status = 0;
  for (size_t i = 0; !status && i < state->resolved_capacity; i++)
    if (state->resolved[i])
      status = resolved_traverse_one(state->resolved[i], visit, arg);
  for (bocpy_resolved_shape *old = state->retired; !status && old; old = old->next)
    status = resolved_traverse_one(old, visit, arg);
  return status;
}

void bocpy_resolved_shapes_clear(bocpy_codec_state *state) {
  bocpy_resolved_shape **resolved = state->resolved, *retired = state->retired;
  size_t capacity = state->resolved_capacity;
  state->resolved = NULL;
  state->retired = NULL;
  state->resolved_capacity = 0;
  for (size_t i = 0; i < capacity; i++)
    resolved_free(resolved[i]);
  PyMem_Free(resolved);
  for (bocpy_resolved_shape *next; retired; retired = next) {
    next = retired->next;
    resolved_free(retired);
  }
}
