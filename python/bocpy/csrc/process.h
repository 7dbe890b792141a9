/* Process: the end of the program, forks, and what a child of a fork forgets.
 *
 * This file stands above all rooms, since the end and a fork concern them all.
 *
 * Threads: attached to the main interpreter.
 */
#ifndef BOCPY_PROCESS_H
#define BOCPY_PROCESS_H

#include "runtime.h"

extern const bocpy_runtime_callbacks bocpy_process_callbacks;

/* Entries for the module's method table. */
PyObject *bocpy_finish(PyObject *module, PyObject *unused);
PyObject *bocpy_before_fork(PyObject *module, PyObject *unused);
PyObject *bocpy_after_fork_in_parent(PyObject *module, PyObject *unused);
PyObject *bocpy_after_fork_in_child(PyObject *module, PyObject *unused);

#endif
