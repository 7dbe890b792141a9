/* Cown: the type of handles (handle.h): their life, their value, waiting for them.
 *
 * Threads: attached.
 */
#ifndef BOCPY_COWN_H
#define BOCPY_COWN_H

#include "cown_core.h"

/* The core of a Cown (borrowed); NULL with RuntimeError if it has no value yet. */
boc_cown *bocpy_cown_require(PyObject *self);

extern PyType_Spec bocpy_cown_spec, bocpy_capsule_spec;

#endif
