/* bocpy.h: how the values of your C extension's types move between interpreters.
 *
 * On the backend `interpreters` each worker is an interpreter of its own, and an object
 * never leaves the interpreter that made it. What travels is what your type says of
 * itself, in one of two ways:
 *
 *   by value   `encode` gives a Python object that stands for yours (numbers, bytes,
 *              tuples, other values that can be shipped), `decode` makes yours of it
 *   by move    your object is a handle of something native behind one pointer; the
 *              pointer changes hands, nothing is copied, and the object where it came
 *              from is empty afterwards: its pointer is NULL
 *
 * A module says so when it is imported, in each interpreter for that interpreter's own
 * type: call bocpy_register_type in the Py_mod_exec slot. A type that has not been
 * registered is pickled, or refused if it cannot be. On the backend `threads` nothing
 * travels and no hook is called, but for a type that says BOCPY_MOVES_EVERYWHERE: what a
 * cown or a message takes is then empty where it came from on every backend, at once.
 *
 * C11 and C++17. Needs no source file and no library: it finds bocpy when it runs.
 * Threads: functions need an attached thread state; what hooks may do stands with them.
 */
#ifndef BOCPY_BOCPY_H
#define BOCPY_BOCPY_H

#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of what this header declares. It grows by additions only: a module that
 * was built with an older header works with every newer bocpy. */
#define BOCPY_API_VERSION 2

/* By move, on the backend `threads` too: an instance that becomes the value of a cown, a
 * result or a message, or is in a list, a tuple or a dict that does, gives its native part
 * to a new instance there and then. `busy` and the taking are under the object's critical
 * section where there is no GIL. */
#define BOCPY_MOVES_EVERYWHERE 1u

/* Either `encode` and `decode` are set, or `native`, `copy` and `drop` are; all else is
 * zero. It is copied when the type is registered. */
typedef struct bocpy_hooks {
  /* By value. A new reference to what stands for `object`, which is left as it is; or
   * NULL with an exception. */
  PyObject *(*encode)(PyObject *object);
  /* A new reference to an instance of `type`, this interpreter's; or NULL with an
   * exception. */
  PyObject *(*decode)(PyTypeObject *type, PyObject *state);

  /* By move. The offset of a `void *` in your object's struct. NULL is an empty object,
   * which an instance must be as tp_alloc makes it. What it points to belongs to no
   * interpreter: no Python object, no memory of PyMem_Malloc or PyObject_Malloc. */
  Py_ssize_t native;
  /* A copy for one more reader (`read(c)`), or NULL without memory. Perhaps called by
   * several threads at once, and while others read `native`. */
  void *(*copy)(void *native);
  /* The end of one that nobody took. Any thread, attached to an interpreter or not. */
  void (*drop)(void *native);
  /* Optional: 1 if `object` cannot give its native part away, since buffers of it are
   * exported for example; then what travels is a copy. */
  int (*busy)(PyObject *object);
  /* Since version 2. BOCPY_MOVES_EVERYWHERE, or 0. */
  unsigned flags;
} bocpy_hooks;

/* What bocpy gives to extensions; use the functions below. */
typedef struct bocpy_api {
  uint32_t version;
  int (*register_type)(PyTypeObject *type, const bocpy_hooks *hooks, size_t size);
} bocpy_api;

/* bocpy's functions, which are imported first if need be. NULL with ImportError if
 * there is no bocpy, or one that is older than this header. */
static inline const bocpy_api *bocpy_import(void) {
  const bocpy_api *api = (const bocpy_api *)PyCapsule_Import("bocpy._core._api", 0);
  if (api && api->version < BOCPY_API_VERSION) {
    PyErr_Format(PyExc_ImportError,
                 "this module needs version %d of bocpy's C API, and the bocpy that is "
                 "installed has version %d: install a newer bocpy",
                 BOCPY_API_VERSION, (int)api->version);
    return NULL;
  }
  return api;
}

/* Says how instances of `type` move, from and to the interpreter that this thread is
 * attached to. `type` is a heap type (PyType_FromModuleAndSpec) that is found under its
 * name by importing its module; instances of subclasses are not meant. 0, or -1 with an
 * exception: ImportError as above, TypeError for a static type, ValueError for hooks
 * that are neither of the two kinds. */
static inline int bocpy_register_type(PyTypeObject *type, const bocpy_hooks *hooks) {
  const bocpy_api *api = bocpy_import();
  return api ? api->register_type(type, hooks, sizeof *hooks) : -1;
}

#ifdef __cplusplus
}
#endif

#endif
