/* Acquired cowns: what acquire(a, b) returns, several cowns that a thread holds at
 * once.
 *
 * The thread holds them from the call on. A `with` block yields the values, and
 * releases the cowns at its end.
 */
#ifndef BOCPY_ACQUIRED_COWNS_H
#define BOCPY_ACQUIRED_COWNS_H

#include "state.h"

extern PyType_Spec bocpy_acquired_cowns_spec;

/* Entry for the module's method table. */
PyObject *bocpy_acquire_cowns(PyObject *module, PyObject *const *args, Py_ssize_t count,
                              PyObject *names);
extern const char bocpy_acquire_cowns_doc[];

#endif
