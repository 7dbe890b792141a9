/* Overlay: the globals of a body as they were when it was scheduled.
 *
 * A behavior by reference runs in the interpreter that scheduled it, whose module-level
 * names go on changing: a loop at module level binds its variable again before the body
 * of the round before has run. The names that a body reads itself and that hold data
 * (not modules, and not functions or classes under their own name) are therefore put
 * into a snapshot, as the contents of a closure are, and its function runs over a dict
 * of its own. What the body assigns goes back to the module when it is over.
 *
 * Functions that the body calls see the module itself: that a name which they read has
 * been bound anew while the behavior was pending is warned of.
 *
 * A snapshot is a tuple: the names, a `bocpy._body.Names`, and the values of those that
 * are kept and of those that are read through functions.
 *
 * Threads: attached.
 */
#ifndef BOCPY_OVERLAY_H
#define BOCPY_OVERLAY_H

#include "state.h"

/* Whether a body with that snapshot needs a dict of its own. */
bool bocpy_overlay_is_needed(PyObject *snapshot);

/* Warns, for the code at `file` and `line`, of the first name that a function reads
 * which the body calls, and that is bound to something else than in the snapshot: the
 * function does not see what it was when the behavior was scheduled. */
void bocpy_overlay_warn(PyObject *snapshot, PyObject *globals, const char *qualname,
                        const char *file, int line);

/* The values in `globals` of what `names` wants kept: a new snapshot. */
PyObject *bocpy_overlay_snapshot(PyObject *names, PyObject *globals);

/* The code that a function over an overlay runs: borrowed. */
PyObject *bocpy_overlay_code(PyObject *snapshot);

/* The dict that a function with those globals is to run over: new. */
PyObject *bocpy_overlay_new(PyObject *snapshot, PyObject *globals);

/* Lets the module have what the body assigned. 0, or -1 with an exception. */
int bocpy_overlay_end(PyObject *overlay, PyObject *snapshot);

/* The module's globals that `globals` is an overlay of, borrowed; or `globals`. */
PyObject *bocpy_overlay_origin(PyObject *globals);

#endif
