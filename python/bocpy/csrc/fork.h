/* Fork: what happens before it and in the parent, and what the child forgets.
 *
 * This file stands above all folders, since a fork concerns them all.
 *
 * Threads: attached to the main interpreter.
 */
#ifndef BOCPY_FORK_H
#define BOCPY_FORK_H

#include "compat.h"

/* Installs, once, the audit hook that refuses forks which would wait for themselves. 0,
 * or -1 with an exception. */
int bocpy_watch_forks(void);

/* Entries for the module's method table. */
PyObject *bocpy_before_fork(PyObject *module, PyObject *unused);
PyObject *bocpy_after_fork_in_parent(PyObject *module, PyObject *unused);
PyObject *bocpy_after_fork_in_child(PyObject *module, PyObject *unused);

#endif
