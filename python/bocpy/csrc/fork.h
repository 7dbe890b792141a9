/* Fork: what happens before, what goes on in the parent, what the child forgets.
 *
 * This file stands above all rooms, since a fork concerns them all.
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
