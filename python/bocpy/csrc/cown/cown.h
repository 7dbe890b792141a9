/* Cown: the Python handle of a core cown.
 *
 * The core is a boc_cown whose payload is a bocpy_value (value.h). It is process-wide
 * and outlives the interpreters that use it; a handle belongs to one interpreter and
 * holds one reference. Many handles may lead to one core: they are equal and hash
 * alike.
 */
#ifndef BOCPY_COWN_H
#define BOCPY_COWN_H

#include "value.h"

typedef struct bocpy_cown {
  PyObject_HEAD boc_cown *core; /* NULL until __init__ */
  bocpy_value *value;
  PyObject *dict;
  PyObject *weakrefs;
} bocpy_cown;

extern PyType_Spec bocpy_cown_spec, bocpy_capsule_spec;
extern const boc_cown_type bocpy_cown_kind;

static inline bool bocpy_cown_check(bocpy_state *state, PyObject *object) {
  return Py_IS_TYPE(object, state->cown_type) ||
         PyObject_TypeCheck(object, state->cown_type);
}

/* Whether there is nothing about a handle that another one of the core has not. */
static inline bool bocpy_cown_is_plain(bocpy_state *state, PyObject *cown) {
  return Py_IS_TYPE(cown, state->cown_type) && !((bocpy_cown *)cown)->dict;
}

static inline bocpy_value *bocpy_value_of(boc_cown *core) {
  return (bocpy_value *)boc_cown_payload(core);
}

/* A new core with the value None and one reference. NULL with MemoryError. */
boc_cown *bocpy_core_new(void);

/* A new handle that takes over the caller's reference to `core`; NULL with an
 * exception: the reference is given up too. */
PyObject *bocpy_cown_adopt(bocpy_state *state, boc_cown *core);

#endif
