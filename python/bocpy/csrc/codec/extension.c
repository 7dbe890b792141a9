/* Extension types: see extension.h. The process's table, and each interpreter's part of
 * it. */
#include "extension.h"

#include "sync.h"

#include <string.h>

#define CAPSULE "bocpy._core._api"

/* Append-only. Guarded by `ext_table_lock`, which is held for a search or an append. */
static bocpy_lock ext_table_lock;
static const bocpy_hooked **ext_table;
static uint32_t ext_table_count, ext_table_capacity;

int bocpy_hooks_init(void) {
  return ext_table_lock ? 0 : bocpy_lock_init(&ext_table_lock);
}

/* ---- the process ----------------------------------------------------------------- */

static bool ext_type_is_same(const bocpy_hooked *hooked, const char *module,
                             const char *qualname, const bocpy_hooks *hooks) {
  const bocpy_hooks *known = &hooked->hooks;
  return strcmp(hooked->reference, module) == 0 &&
         strcmp(hooked->qualname, qualname) == 0 && known->encode == hooks->encode &&
         known->decode == hooks->decode && known->native == hooks->native &&
         known->copy == hooks->copy && known->drop == hooks->drop &&
         known->busy == hooks->busy && known->flags == hooks->flags;
}

static bocpy_hooked *ext_type_new(const char *module, const char *qualname,
                                  const bocpy_hooks *hooks) {
  size_t first = strlen(module) + 1, second = strlen(qualname) + 1;
  bocpy_hooked *hooked = PyMem_RawMalloc(sizeof *hooked + first + second);
  if (!hooked)
    return NULL;
  hooked->hooks = *hooks;
  memcpy(hooked->reference, module, first);
  hooked->qualname = memcpy(hooked->reference + first, qualname, second);
  return hooked;
}

static bool ext_table_grow_locked(void) {
  if (ext_table_count < ext_table_capacity)
    return true;
  uint32_t capacity = ext_table_capacity ? 2 * ext_table_capacity : 8;
  const bocpy_hooked **larger =
      PyMem_RawRealloc((void *)ext_table, capacity * sizeof *larger);
  if (!larger)
    return false;
  ext_table = larger;
  ext_table_capacity = capacity;
  return true;
}

static const bocpy_hooked *ext_type_intern_locked(const char *module,
                                                  const char *qualname,
                                                  const bocpy_hooks *hooks) {
  for (uint32_t i = 0; i < ext_table_count; i++)
    if (ext_type_is_same(ext_table[i], module, qualname, hooks))
      return ext_table[i];
  bocpy_hooked *hooked =
      ext_table_grow_locked() ? ext_type_new(module, qualname, hooks) : NULL;
  if (!hooked)
    return NULL;
  hooked->id = ext_table_count;
  ext_table[ext_table_count++] = hooked;
  return hooked;
}

static const bocpy_hooked *ext_type_intern(const char *module, const char *qualname,
                                           const bocpy_hooks *hooks) {
  bocpy_lock_take(&ext_table_lock);
  const bocpy_hooked *hooked = ext_type_intern_locked(module, qualname, hooks);
  bocpy_lock_give(&ext_table_lock);
  if (!hooked)
    PyErr_NoMemory();
  return hooked;
}

const bocpy_hooked *bocpy_hooked_at(uint32_t id) {
  bocpy_lock_take(&ext_table_lock);
  const bocpy_hooked *hooked = ext_table[id];
  bocpy_lock_give(&ext_table_lock);
  return hooked;
}

/* ---- one interpreter ------------------------------------------------------------- */

static int ext_type_keep_locked(bocpy_codec_state *state, uint32_t id,
                                PyTypeObject *type, PyTypeObject **out_old) {
  *out_old = NULL;
  if (id >= state->hooked_capacity) {
    uint32_t capacity = 2 * id + 8;
    PyTypeObject **larger =
        PyMem_RawRealloc(state->hooked, capacity * sizeof(PyTypeObject *));
    if (!larger)
      return -1;
    memset(larger + state->hooked_capacity, 0,
           (capacity - state->hooked_capacity) * sizeof(PyTypeObject *));
    state->hooked = larger;
    state->hooked_capacity = capacity;
  }
  *out_old = state->hooked[id];
  state->hooked[id] = (PyTypeObject *)Py_NewRef((PyObject *)type);
  return 0;
}

/* For types beyond the array's capacity, bocpy_hooked_of is called. */
static void ext_type_note_moving_locked(bocpy_codec_state *state, PyTypeObject *type) {
  /* relaxed (owner): written under the mutex */
  unsigned count = atomic_load_explicit(&state->moving_count, memory_order_relaxed);
  if (count < BOCPY_MOVING_MAX)
    atomic_store_explicit(&state->moving[count], type, memory_order_relaxed);
  atomic_store_explicit(&state->moving_count, count + 1, memory_order_release);
}

static int ext_type_keep(bocpy_codec_state *state, const bocpy_hooked *hooked,
                         PyTypeObject *type) {
  PyTypeObject *old;
  if (bocpy_class_hook(state, type, hooked) < 0)
    return -1;
  bocpy_mutex_lock(&state->mutex);
  int status = ext_type_keep_locked(state, hooked->id, type, &old);
  if (status == 0 && hooked->hooks.flags & BOCPY_MOVES_EVERYWHERE)
    ext_type_note_moving_locked(state, type);
  bocpy_mutex_unlock(&state->mutex);
  Py_XDECREF(old);
  if (status < 0)
    PyErr_NoMemory();
  return status;
}

const bocpy_hooked *bocpy_hooked_of(bocpy_codec_state *state, PyTypeObject *type) {
  if (!state->hooked_capacity)
    return NULL;
  bocpy_class *known = bocpy_class_of(state, type);
  if (!known)
    PyErr_Clear();
  return known ? known->hooked : NULL;
}

static PyTypeObject *ext_type_here(bocpy_codec_state *state,
                                   const bocpy_hooked *hooked) {
  bocpy_mutex_lock(&state->mutex);
  PyTypeObject *type =
      hooked->id < state->hooked_capacity ? state->hooked[hooked->id] : NULL;
  bocpy_mutex_unlock(&state->mutex);
  return type;
}

static int ext_import_module(bocpy_codec_state *state, const char *name) {
  PyObject *module =
      bocpy_python_call(state->python, BOCPY_PY_NAMESPACES_IMPORT, "(s)", name);
  Py_XDECREF(module);
  return module ? 0 : -1;
}

PyTypeObject *bocpy_hooked_type(bocpy_codec_state *state, const bocpy_hooked *hooked) {
  PyTypeObject *type = ext_type_here(state, hooked);
  if (type || ext_import_module(state, hooked->reference) < 0)
    return type;
  type = ext_type_here(state, hooked);
  if (!type)
    PyErr_Format(PyExc_TypeError,
                 "a '%s.%s' cannot come to this interpreter: importing '%s' has not "
                 "registered the type here; call bocpy_register_type in the module's "
                 "Py_mod_exec slot",
                 hooked->reference, hooked->qualname, hooked->reference);
  return type;
}

int bocpy_hooked_traverse(bocpy_codec_state *state, visitproc visit, void *arg) {
  for (uint32_t i = 0; i < state->hooked_capacity; i++)
    Py_VISIT(state->hooked[i]);
  return 0;
}

void bocpy_hooked_clear(bocpy_codec_state *state) {
  PyTypeObject **hooked = state->hooked;
  uint32_t capacity = state->hooked_capacity;
  state->hooked = NULL;
  state->hooked_capacity = 0;
  for (uint32_t i = 0; i < capacity; i++)
    Py_XDECREF(hooked[i]);
  PyMem_RawFree(hooked);
}

/* ---- what extensions call -------------------------------------------------------- */

static bool hooks_are_by_value(const bocpy_hooks *hooks) {
  return hooks->encode && hooks->decode && !hooks->native && !hooks->copy &&
         !hooks->drop && !hooks->busy;
}

static bool hooks_are_by_move(const bocpy_hooks *hooks, const PyTypeObject *type) {
  return !hooks->encode && !hooks->decode && hooks->copy && hooks->drop &&
         hooks->native >= (Py_ssize_t)sizeof(PyObject) &&
         hooks->native + (Py_ssize_t)sizeof(void *) <= type->tp_basicsize;
}

static int ext_type_check_flags(PyTypeObject *type, const bocpy_hooks *hooks) {
  if (!(hooks->flags & ~BOCPY_MOVES_EVERYWHERE) && (!hooks->flags || hooks->drop))
    return 0;
  PyErr_Format(
      PyExc_ValueError,
      "the hooks of %s have flags %u: BOCPY_MOVES_EVERYWHERE is for what moves, "
      "and there is no other flag",
      type->tp_name, hooks->flags);
  return -1;
}

static int ext_type_check(PyTypeObject *type, const bocpy_hooks *hooks) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE)) {
    PyErr_Format(PyExc_TypeError,
                 "%s is a static type, which interpreters cannot have each their own "
                 "of: make it by PyType_FromModuleAndSpec",
                 type->tp_name);
    return -1;
  }
  if (hooks_are_by_value(hooks) || hooks_are_by_move(hooks, type))
    return ext_type_check_flags(type, hooks);
  PyErr_Format(PyExc_ValueError,
               "the hooks of %s are of neither kind: set encode and decode, or copy, "
               "drop and native, the offset of a pointer in its instances",
               type->tp_name);
  return -1;
}

static int register_named(PyTypeObject *type, const bocpy_hooks *hooks) {
  PyObject *module = PyObject_GetAttrString((PyObject *)type, "__module__");
  PyObject *qualname = module ? PyType_GetQualName(type) : NULL;
  const char *first = qualname ? PyUnicode_AsUTF8(module) : NULL;
  const char *second = first ? PyUnicode_AsUTF8(qualname) : NULL;
  const bocpy_hooked *hooked = second ? ext_type_intern(first, second, hooks) : NULL;
  bocpy_codec_state *state = hooked ? bocpy_codec_state_get() : NULL;
  int status = state ? ext_type_keep(state, hooked, type) : -1;
  Py_XDECREF(qualname);
  Py_XDECREF(module);
  return status;
}

/* `size` is the size of the hooks in the caller's header: later fields are zero. */
static int register_type(PyTypeObject *type, const bocpy_hooks *hooks, size_t size) {
  bocpy_hooks all = {0};
  memcpy(&all, hooks, size < sizeof all ? size : sizeof all);
  return ext_type_check(type, &all) < 0 ? -1 : register_named(type, &all);
}

static const bocpy_api ext_api = {BOCPY_API_VERSION, register_type};

int bocpy_hooks_publish(PyObject *module) {
  return PyModule_Add(module, "_api", PyCapsule_New((void *)&ext_api, CAPSULE, NULL));
}
