/* Handle: the Python object that stands for a cown.
 *
 * The cown itself is a boc_cown, here called *core*, whose payload is a bocpy_value
 * (value.h). It is process-wide and outlives the interpreters that use it; a handle
 * belongs to one interpreter and holds one reference. Many handles may lead to one
 * core: they are equal and hash alike.
 *
 * Handles stand below all files that ship or hold values: the codec encodes a cown as a
 * reference to its core, and decoding makes a new handle. cown.h has the operations of
 * a Cown.
 *
 * Threads: attached.
 */
#ifndef BOCPY_HANDLE_H
#define BOCPY_HANDLE_H

#include "state.h"

#include <boc/cown.h>

typedef struct bocpy_value bocpy_value;

typedef struct bocpy_cown {
  PyObject_HEAD boc_cown *core; /* NULL until __init__ */
  PyObject *weakrefs;
#if BOCPY_FREE_THREADED
  PyObject *dict; /* elsewhere the attributes are in a map: handle_attributes.h */
#endif
} bocpy_cown;

/* The size of libboc's header of a cown, behind which the payload begins: five pointers
 * and two numbers of 32 bits. (bocpy_cown_core_init checks it; a call of
 * boc_cown_payload for each use costs several times as much as the addition.) */
enum { BOCPY_CORE_HEADER = (5 * sizeof(void *) + 8 + 15) / 16 * 16 };

/* The payload of a core. */
static inline bocpy_value *bocpy_value_of(boc_cown *core) {
  return (bocpy_value *)(void *)((char *)core + BOCPY_CORE_HEADER);
}

/* The payload of the core of a handle that has one. */
static inline bocpy_value *bocpy_cown_value(const bocpy_cown *self) {
  return bocpy_value_of(self->core);
}

/* The type of every core; it says whether handles are Cowns or PinnedCowns. */
typedef struct bocpy_cown_core_type {
  boc_cown_type type; /* first, so that libboc finds the type by its address */
  bool pinned;
} bocpy_cown_core_type;

static inline bool bocpy_cown_core_is_pinned(const boc_cown *core) {
  return ((const bocpy_cown_core_type *)(const void *)boc_cown_type_of(core))->pinned;
}

static inline bool bocpy_cown_check(bocpy_state *state, PyObject *object) {
  return Py_IS_TYPE(object, state->cown_type) ||
         PyObject_TypeCheck(object, state->cown_type);
}

#if BOCPY_FREE_THREADED
static inline PyObject *bocpy_cown_attributes(const bocpy_cown *self) {
  return self->dict;
}
#else
/* Whether the process has ever set an attribute of a plain Cown. */
extern atomic_bool bocpy_attributes_used;
PyObject *bocpy_attributes_find(const bocpy_cown *self);

/* The attributes of a handle whose class gives its instances none, as Cown does:
 * borrowed, or NULL if there are none. */
static inline PyObject *bocpy_cown_attributes(const bocpy_cown *self) {
  /* relaxed (owner): the thread that sets the first one of a handle has the GIL */
  return atomic_load_explicit(&bocpy_attributes_used, memory_order_relaxed)
             ? bocpy_attributes_find(self)
             : NULL;
}
#endif

/* Whether a handle has no state of its own that another handle of its core would
 * lack. */
static inline bool bocpy_cown_is_plain(bocpy_state *state, PyObject *cown) {
  return Py_IS_TYPE(cown, state->cown_type) &&
         !bocpy_cown_attributes((bocpy_cown *)cown);
}

/* Makes the garbage collector know a handle as soon as the handle can be part of a
 * cycle: once some code has had both the handle and its value, `object`. On
 * free-threaded builds, where two threads may do so at once, the collector knows it
 * from its beginning. */
static inline void bocpy_cown_track(PyObject *cown, PyObject *object) {
#if !BOCPY_FREE_THREADED
  if (object && PyObject_IS_GC(object) && !PyObject_GC_IsTracked(cown))
    PyObject_GC_Track(cown);
#else
  (void)cown;
  (void)object;
#endif
}

/* The core of a handle of this interpreter (borrowed), or NULL without an exception. */
boc_cown *bocpy_cown_core(PyObject *object);

/* A new handle that takes over the caller's reference to `core`. NULL with an
 * exception; the reference is released then, too. */
PyObject *bocpy_cown_adopt(bocpy_state *state, boc_cown *core);

/* A new handle of `core`, with a reference of its own. NULL with an exception. */
PyObject *bocpy_cown_wrap(boc_cown *core);

#endif
