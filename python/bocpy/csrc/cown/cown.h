/* Cown: the type of handles (handle.h): their life, their value, waiting for them.
 *
 * Threads: attached.
 */
#ifndef BOCPY_COWN_H
#define BOCPY_COWN_H

#include "cown_core.h"

/* The core of a Cown (borrowed); NULL with RuntimeError if it has no value yet. */
boc_cown *bocpy_cown_require(PyObject *self);

/* Whether this thread may change the value: -1 with RuntimeError that begins with
 * `what` if it may not. */
int bocpy_cown_require_held(const bocpy_cown *self, const char *what);

/* The mode in which the running task holds the cown: a boc_mode, or -1 if it does
 * not. */
int bocpy_cown_task_mode(const bocpy_cown *self);

extern PyType_Spec bocpy_cown_spec;

#endif
