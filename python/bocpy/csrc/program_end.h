/* The end of the program: finishes what was scheduled, then ends the workers.
 *
 * This file stands above all folders, since the end concerns them all.
 *
 * Threads: attached to the main interpreter.
 */
#ifndef BOCPY_PROGRAM_END_H
#define BOCPY_PROGRAM_END_H

#include "compat.h"

/* A behavior was scheduled after the end of the program: the caller waits for it. */
void bocpy_after_the_end(void);

/* Entry for the module's method table. */
PyObject *bocpy_finish(PyObject *module, PyObject *unused);

#endif
