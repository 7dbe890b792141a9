/* Object watchers: CPython's events for changes inside globals that behaviors read.
 *
 * When a watched dict, class or function changes, a counter of the process changes;
 * shipments that were checked before are then checked again. Versions before 3.12 have
 * no such events, and no workers that need them.
 *
 * Threads: attached.
 */
#ifndef BOCPY_OBJECT_WATCHERS_H
#define BOCPY_OBJECT_WATCHERS_H

#include "state.h"

/* How often a watched object has changed. */
size_t bocpy_watchers_changes(void);

/* Entry for the module's method table: watches a dict, a class, or all functions (for
 * None). Returns whether it is watched; if not, the caller has to compare contents. */
PyObject *bocpy_watchers_count(PyObject *module, PyObject *unused);
PyObject *bocpy_watchers_watch(PyObject *module, PyObject *object);

/* Releases the interpreter's watchers. */
void bocpy_watchers_clear(bocpy_state *state);

#endif
