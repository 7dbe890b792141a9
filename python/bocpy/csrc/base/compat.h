/* Compat: one spelling of the CPython API for every version that is supported.
 *
 * Only this file tests PY_VERSION_HEX. The extension uses the newer names throughout;
 * where a version lacks one, this file defines it with the same contract, from public
 * API alone. BOCPY_HAVE_ macros say what a version lacks altogether:
 *
 *   BOCPY_FREE_THREADED      1 if the interpreter runs without a GIL, else 0
 *   BOCPY_HAVE_OWN_GIL       1 if sub-interpreters may have a GIL of their own, else 0
 *   BOCPY_HAVE_NATIVE_BYTES  1 if the C API converts ints to bytes and back, else 0
 *   BOCPY_HAVE_WAKEUP_FD     1 if libpython exports PySignal_SetWakeupFd, else 0
 *   BOCPY_MODULE_SLOTS       the slots by which a module declares that it needs no GIL,
 *                            works under one of its own; comma-terminated, perhaps
 *                            empty
 */
#ifndef BOCPY_COMPAT_H
#define BOCPY_COMPAT_H

#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>
#include <stdbool.h>

#if PY_VERSION_HEX < 0x030A0000
#error "CPython 3.10 or newer is needed"
#endif

#ifdef Py_GIL_DISABLED
#define BOCPY_FREE_THREADED 1
#else
#define BOCPY_FREE_THREADED 0
#endif

#if PY_VERSION_HEX >= 0x030C0000 && !BOCPY_FREE_THREADED
#define BOCPY_HAVE_OWN_GIL 1
#else
#define BOCPY_HAVE_OWN_GIL 0
#endif

#define BOCPY_HAVE_SHARED_KWNAMES (BOCPY_HAVE_OWN_GIL && PY_VERSION_HEX < 0x030D0000)

/* CPython 3.12's frozen modules, importlib among them, are code objects that all
 * interpreters share, and running them writes to them. So bocpy starts no interpreter
 * while another one imports. */
#define BOCPY_HAVE_SHARED_CODE (BOCPY_HAVE_OWN_GIL && PY_VERSION_HEX < 0x030D0000)

/* Before CPython 3.15 tracemalloc attaches each thread that allocates, also where a
 * thread makes an interpreter, under a lock that attaching takes. */
#define BOCPY_HAVE_HANGING_TRACEMALLOC                                                 \
  (BOCPY_HAVE_OWN_GIL && PY_VERSION_HEX < 0x030F0000)

#define BOCPY_HAVE_WAKEUP_FD (PY_VERSION_HEX >= 0x030D0000)
#define BOCPY_HAVE_NATIVE_BYTES (PY_VERSION_HEX >= 0x030D0000)
#if BOCPY_HAVE_NATIVE_BYTES
#define BOCPY_NATIVE_BYTES Py_ASNATIVEBYTES_LITTLE_ENDIAN
#endif

#if PY_VERSION_HEX >= 0x030D0000
#define BOCPY_MODULE_SLOTS                                                             \
  {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},                \
      {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#elif PY_VERSION_HEX >= 0x030C0000
#define BOCPY_MODULE_SLOTS                                                             \
  {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#else
#define BOCPY_MODULE_SLOTS
#endif

/* ---- member types ---------------------------------------------------------------- */

#if PY_VERSION_HEX < 0x030C0000
#include <structmember.h>
#define Py_T_SHORT T_SHORT
#define Py_T_INT T_INT
#define Py_T_LONG T_LONG
#define Py_T_FLOAT T_FLOAT
#define Py_T_DOUBLE T_DOUBLE
#define Py_T_STRING T_STRING
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_T_CHAR T_CHAR
#define Py_T_BYTE T_BYTE
#define Py_T_UBYTE T_UBYTE
#define Py_T_USHORT T_USHORT
#define Py_T_UINT T_UINT
#define Py_T_ULONG T_ULONG
#define Py_T_BOOL T_BOOL
#define Py_T_LONGLONG T_LONGLONG
#define Py_T_ULONGLONG T_ULONGLONG
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_READONLY READONLY
#endif

/* A member that reads as None while it is NULL: CPython deprecated T_OBJECT and has no
 * replacement. */
#if PY_VERSION_HEX >= 0x030C0000
#define BOCPY_T_OBJECT _Py_T_OBJECT
#else
#define BOCPY_T_OBJECT T_OBJECT
#endif

/* ---- 3.11 ------------------------------------------------------------------------ */

#if PY_VERSION_HEX < 0x030B0000
static inline PyObject *PyType_GetQualName(PyTypeObject *type) {
  return PyObject_GetAttrString((PyObject *)type, "__qualname__");
}

static inline PyObject *PyType_GetName(PyTypeObject *type) {
  return PyObject_GetAttrString((PyObject *)type, "__name__");
}

static inline PyObject *PyCode_GetFreevars(PyCodeObject *code) {
  return PyObject_GetAttrString((PyObject *)code, "co_freevars");
}

static inline PyObject *PyCode_GetVarnames(PyCodeObject *code) {
  return PyObject_GetAttrString((PyObject *)code, "co_varnames");
}

/* Borrowed: the first module on the resolution order whose definition is `def`. */
static inline PyObject *PyType_GetModuleByDef(PyTypeObject *type,
                                              struct PyModuleDef *def) {
  PyObject *mro = type->tp_mro;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); i++) {
    PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(mro, i);
    if (!(base->tp_flags & Py_TPFLAGS_HEAPTYPE))
      continue;
    PyObject *module = ((PyHeapTypeObject *)base)->ht_module;
    if (module && PyModule_GetDef(module) == def)
      return module;
  }
  PyErr_Format(PyExc_TypeError, "'%s' is of another module", type->tp_name);
  return NULL;
}
#endif

/* ---- 3.12 ------------------------------------------------------------------------ */

#if PY_VERSION_HEX < 0x030C0000
static inline PyObject *PyErr_GetRaisedException(void) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (!type)
    return NULL;
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback)
    PyException_SetTraceback(value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return value;
}

static inline void PyErr_SetRaisedException(PyObject *exception) {
  if (!exception) {
    PyErr_Clear();
    return;
  }
  PyErr_Restore(Py_NewRef((PyObject *)Py_TYPE(exception)), exception,
                PyException_GetTraceback(exception));
}

static inline PyObject *PyException_GetArgs(PyObject *exception) {
  return Py_NewRef(((PyBaseExceptionObject *)exception)->args);
}
#endif

/* ---- 3.13 ------------------------------------------------------------------------ */

#if PY_VERSION_HEX < 0x030D0000
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#define Py_BEGIN_CRITICAL_SECTION2(first, second) {
#define Py_END_CRITICAL_SECTION2() }

/* 1 found, 0 absent (NULL, no exception), -1 an exception. */
static inline int PyDict_GetItemRef(PyObject *dict, PyObject *key,
                                    PyObject **out_item) {
  PyObject *item = PyDict_GetItemWithError(dict, key);
  *out_item = item ? Py_NewRef(item) : NULL;
  return item ? 1 : PyErr_Occurred() ? -1 : 0;
}

static inline int PyDict_GetItemStringRef(PyObject *dict, const char *key,
                                          PyObject **out_item) {
  PyObject *name = PyUnicode_FromString(key);
  *out_item = NULL;
  if (!name)
    return -1;
  int found = PyDict_GetItemRef(dict, name, out_item);
  Py_DECREF(name);
  return found;
}

/* 1 `key` was there, 0 `fallback` has been stored, -1 an exception. */
static inline int PyDict_SetDefaultRef(PyObject *dict, PyObject *key,
                                       PyObject *fallback, PyObject **out_item) {
  PyObject *old;
  int found = PyDict_GetItemRef(dict, key, &old);
  if (found == 0 && PyDict_SetItem(dict, key, fallback) < 0)
    found = -1;
  if (out_item)
    *out_item = found < 0 ? NULL : found ? Py_NewRef(old) : Py_NewRef(fallback);
  Py_XDECREF(old);
  return found;
}

/* 1 removed, 0 absent, -1 an exception. */
static inline int PyDict_Pop(PyObject *dict, PyObject *key, PyObject **out_item) {
  PyObject *item;
  int found = PyDict_GetItemRef(dict, key, &item);
  if (found > 0 && PyDict_DelItem(dict, key) < 0) {
    Py_CLEAR(item);
    found = -1;
  }
  if (out_item)
    *out_item = item;
  else
    Py_XDECREF(item);
  return found;
}

static inline PyObject *PyList_GetItemRef(PyObject *list, Py_ssize_t index) {
  PyObject *item = PyList_GetItem(list, index);
  return item ? Py_NewRef(item) : NULL;
}

/* 1 alive, 0 dead (NULL), -1 an exception. */
static inline int PyWeakref_GetRef(PyObject *ref, PyObject **out_object) {
  PyObject *object = PyWeakref_GetObject(ref);
  *out_object = NULL;
  if (!object)
    return -1;
  if (object == Py_None)
    return 0;
  *out_object = Py_NewRef(object);
  return 1;
}

/* 1 found, 0 no such attribute (NULL, no exception), -1 an exception. */
static inline int PyObject_GetOptionalAttr(PyObject *object, PyObject *name,
                                           PyObject **out_attribute) {
  *out_attribute = PyObject_GetAttr(object, name);
  if (*out_attribute)
    return 1;
  if (!PyErr_ExceptionMatches(PyExc_AttributeError))
    return -1;
  PyErr_Clear();
  return 0;
}

static inline int PyObject_GetOptionalAttrString(PyObject *object, const char *name,
                                                 PyObject **out_attribute) {
  *out_attribute = PyObject_GetAttrString(object, name);
  if (*out_attribute)
    return 1;
  if (!PyErr_ExceptionMatches(PyExc_AttributeError))
    return -1;
  PyErr_Clear();
  return 0;
}

/* Takes the reference to `value` in any case. If `value` is NULL, its exception stays
 * set. */
static inline int PyModule_Add(PyObject *module, const char *name, PyObject *value) {
  int status = PyModule_AddObjectRef(module, name, value);
  Py_XDECREF(value);
  return status;
}
#endif

/* ---- names of our own where versions differ -------------------------------------- */

/* A hint that `object` will live long: CPython then counts references to it per thread.
 * Call it on the thread that made the object, before any other thread has seen it. */
static inline void bocpy_object_defer(PyObject *object) {
#if PY_VERSION_HEX >= 0x030E0000
  PyUnstable_Object_EnableDeferredRefcount(object);
#else
  (void)object;
#endif
}

/* A lock for state that threads share without a GIL; with a GIL it does nothing. Zeroed
 * memory is an unlocked mutex. */
#if BOCPY_FREE_THREADED
typedef PyMutex bocpy_mutex;
static inline void bocpy_mutex_lock(bocpy_mutex *mutex) { PyMutex_Lock(mutex); }
static inline void bocpy_mutex_unlock(bocpy_mutex *mutex) { PyMutex_Unlock(mutex); }
#else
typedef char bocpy_mutex;
static inline void bocpy_mutex_lock(bocpy_mutex *mutex) { (void)mutex; }
static inline void bocpy_mutex_unlock(bocpy_mutex *mutex) { (void)mutex; }
#endif

/* 1 and the value if `number`, an exact int, is stored in one machine word; 0 for other
 * ints, some of which may still fit into 64 bits. */
static inline int bocpy_int_is_compact(PyObject *number, long long *out_value) {
#if PY_VERSION_HEX >= 0x030C0000
  if (!PyUnstable_Long_IsCompact((PyLongObject *)number))
    return 0;
  *out_value = PyUnstable_Long_CompactValue((PyLongObject *)number);
  return 1;
#else
  (void)number;
  (void)out_value;
  return 0;
#endif
}

/* Whether a module says that it works in an interpreter with a GIL of its own. */
static inline int bocpy_def_has_own_gil(const PyModuleDef *def) {
#if BOCPY_HAVE_OWN_GIL
  for (const PyModuleDef_Slot *slot = def->m_slots; slot && slot->slot; slot++)
    if (slot->slot == Py_mod_multiple_interpreters)
      return slot->value == Py_MOD_PER_INTERPRETER_GIL_SUPPORTED;
#else
  (void)def;
#endif
  return 0;
}

/* Before 3.12 a str can exist without its characters in place. -1 with an exception. */
static inline int bocpy_str_ready(PyObject *text) {
#if PY_VERSION_HEX < 0x030C0000
  return PyUnicode_READY(text);
#else
  (void)text;
  return 0;
#endif
}

/* Whether the caller has the only reference to `object`. Always false on free-threaded
 * builds, where no thread can tell. */
static inline int bocpy_object_is_sole(PyObject *object) {
#if BOCPY_FREE_THREADED
  (void)object;
  return 0;
#else
  return Py_REFCNT(object) == 1;
#endif
}

/* The source position of the instruction at byte `offset` of `code`; -1 where CPython
 * has none. */
static inline void bocpy_code_position(PyCodeObject *code, int offset, int *out_line,
                                       int *out_end_line, int *out_column,
                                       int *out_end_column) {
  *out_end_line = *out_column = *out_end_column = -1;
#if PY_VERSION_HEX >= 0x030B0000
  if (offset >= 0 && PyCode_Addr2Location(code, offset, out_line, out_column,
                                          out_end_line, out_end_column))
    return;
  *out_end_line = *out_column = *out_end_column = -1;
#endif
  *out_line = PyCode_Addr2Line(code, offset);
}

/* Before 3.11 there are no groups. */
static inline bool bocpy_type_is_exception_group(PyTypeObject *type) {
#if PY_VERSION_HEX >= 0x030B0000
  return PyType_IsSubtype(type, (PyTypeObject *)PyExc_BaseExceptionGroup);
#else
  (void)type;
  return false;
#endif
}

#ifndef Py_ALWAYS_INLINE /* before 3.11 */
#define Py_ALWAYS_INLINE
#endif

/* Events of dicts, classes and functions (ship/object_watchers.h). */
#define BOCPY_HAS_WATCHERS (PY_VERSION_HEX >= 0x030C0000)

/* Whether threads that want the GIL while the process ends may crash it. */
#define BOCPY_EXIT_RACES (PY_VERSION_HEX < 0x030B0000)

/* Whether a context variable was ever set in the current context of the thread of
 * `state`. The member is public and the same from 3.7 to 3.15; on other versions this
 * returns true. */
static inline bool bocpy_context_has_values(const PyThreadState *state) {
#if PY_VERSION_HEX < 0x03100000
  return state->context != NULL;
#else
  (void)state;
  return true;
#endif
}

/* A copy of the context that runs, a new reference. Before 3.12 the collector may run
 * in PyContext_CopyCurrent, and a finalizer that sets a variable frees the values that
 * are to be copied (_context_changes.py). */
static inline PyObject *bocpy_context_copy(void) {
#if PY_VERSION_HEX < 0x030C0000
  int collects = PyGC_Disable();
  PyObject *copy = PyContext_CopyCurrent();
  if (collects)
    PyGC_Enable();
  return copy;
#else
  return PyContext_CopyCurrent();
#endif
}

#endif
