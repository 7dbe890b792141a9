/* The end of the program: what was scheduled is finished, then the workers end.
 *
 * This file stands above all rooms, since the end concerns them all.
 *
 * Threads: attached to the main interpreter.
 */
#ifndef BOCPY_PROGRAM_END_H
#define BOCPY_PROGRAM_END_H

#include "compat.h"

/* A behavior was scheduled when the program had ended: the caller waits for it. */
void bocpy_after_the_end(void);

/* Entry for the module's method table. */
PyObject *bocpy_finish(PyObject *module, PyObject *unused);

#endif
