/* State: what the module knows in one interpreter. */
#ifndef MX_STATE_H
#define MX_STATE_H

#include "compat.h"

typedef struct mx_state {
  PyTypeObject *matrix, *view, *indexer, *iterator;
  PyObject *unpickle; /* bocpy._math._matrix_unpickle */
#ifdef Py_GIL_DISABLED
  _Atomic uint64_t random; /* relaxed (count): each thread that adds gets another number
                            */
#else
  uint64_t random;
#endif
} mx_state;

/* Whether the object is of one of the module's own types. */
static inline mx_state *mx_state_of(PyTypeObject *type) {
  return (mx_state *)PyType_GetModuleState(type);
}

#endif
