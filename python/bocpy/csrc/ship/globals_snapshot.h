/* Globals snapshot: the globals of a body as they were when it was scheduled.
 *
 * A behavior by reference runs in the interpreter that scheduled it, whose module-level
 * names go on changing: a loop at module level binds its variable again before the body
 * of the previous round has run. Scheduling therefore copies the names that a body
 * reads itself and that are bound to data (not to modules, and not to functions or
 * classes under their own name) to a snapshot, as it copies the contents of a closure.
 * The function then runs over a dict of its own, the overlay. The names that the body
 * assigned are copied to the module at its end; a warning names one that somebody else
 * has bound meanwhile.
 *
 * Functions that the body calls see the module itself. The body, too, reads the names
 * there that those functions assign: the overlay then is a LiveGlobals of
 * bocpy._snapshotted_globals. A warning tells if a name that is read from the module
 * was bound again while the behavior was pending.
 *
 * A snapshot is a tuple: the names (a `bocpy._snapshotted_globals.Names`), the values
 * of the names that are kept, and the values of those that are read from the module.
 *
 * Threads: attached.
 */
#ifndef BOCPY_GLOBALS_SNAPSHOT_H
#define BOCPY_GLOBALS_SNAPSHOT_H

#include "state.h"

/* Whether a body with that snapshot needs a dict of its own. */
bool bocpy_globals_snapshot_is_needed(PyObject *snapshot);

/* Warns of the first name that the behavior reads from the module and that is bound to
 * another object than in the snapshot: the behavior does not see the value from the
 * time of scheduling. */
void bocpy_globals_snapshot_warn(PyObject *snapshot, PyObject *globals,
                                 const bocpy_code *code);

/* A new snapshot: the values in `globals` of the names that `names` says to keep. */
PyObject *bocpy_globals_snapshot_take(PyObject *names, PyObject *globals);

/* The code of the function that runs over an overlay: borrowed. */
PyObject *bocpy_globals_snapshot_code(PyObject *snapshot);

/* A new dict, over which a function with those globals runs. */
PyObject *bocpy_globals_snapshot_dict(PyObject *snapshot, PyObject *globals);

/* Copies what the body assigned to the module. 0, or -1 with an exception. */
int bocpy_globals_snapshot_write_back(PyObject *overlay, PyObject *snapshot,
                                      const bocpy_code *code);

/* The module's globals of which `globals` is an overlay, borrowed; or `globals`
 * itself. */
PyObject *bocpy_globals_snapshot_origin(PyObject *globals);

#endif
