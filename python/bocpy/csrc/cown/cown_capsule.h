/* Cown capsule: `Cown.impl` of version 0.14, an object whose `disown` empties the cown
 * and releases it.
 *
 * Threads: attached.
 */
#ifndef BOCPY_COWN_CAPSULE_H
#define BOCPY_COWN_CAPSULE_H

#include "cown.h"

extern PyType_Spec bocpy_capsule_spec;

/* The getter of `Cown.impl`. */
PyObject *bocpy_cown_get_impl(bocpy_cown *self, void *unused);

#endif
