/* Elsewhere: calls that a body of a cluster's behavior makes, which its executor
 * answers.
 *
 * In a worker of a cluster, `bocpy.distributed` sets one Python function. It is asked
 * first: on a thread that runs such a body, `when` is recorded for the driver instead
 * of scheduled here, and what belongs to one process is refused with the reason. In
 * every other process the function is not set, and a call costs one comparison.
 *
 * Threads: attached to the interpreter of `state`.
 */
#ifndef BOCPY_ELSEWHERE_H
#define BOCPY_ELSEWHERE_H

#include "state.h"

/* 1: `*out_result` is the answer. 0: nobody elsewhere; go on here. -1: an exception. */
int bocpy_elsewhere(bocpy_state *state, const char *name, PyObject *const *args,
                    Py_ssize_t count, PyObject **out_result);
/* Whether the call is refused here: an exception is set. */
bool bocpy_elsewhere_refuses(PyObject *module, const char *name);

/* For Python: sets the function, or None. */
PyObject *bocpy_set_elsewhere(PyObject *module, PyObject *function);

#endif
