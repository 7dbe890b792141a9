/* Changes: events of CPython that tell of changes inside a global which behaviors read.
 *
 * A dict, a class or a function that is watched moves a counter of the process when it
 * changes; a shipment that was made before is then looked through again. Older
 * versions than 3.12 have no such events, and no workers that need them.
 *
 * Threads: attached.
 */
#ifndef BOCPY_CHANGES_H
#define BOCPY_CHANGES_H

#include "state.h"

/* How often anything changed that was watched. */
size_t bocpy_changes(void);

/* Entry for the module's method table: watches a dict, a class, or all functions (for
 * None). Whether it is watched: if not, it is to be compared. */
PyObject *bocpy_changes_count(PyObject *module, PyObject *unused);
PyObject *bocpy_changes_watch(PyObject *module, PyObject *object);

/* Gives the interpreter's watchers back. */
void bocpy_changes_clear(bocpy_state *state);

#endif
