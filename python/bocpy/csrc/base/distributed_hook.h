/* Distributed hook: calls of bocpy that the body of a cluster's behavior makes, and
 * that the cluster's executor answers.
 *
 * In a worker of a cluster, `bocpy.distributed` sets one Python function, which bocpy
 * calls first. On a thread that runs such a body, the function records a `when` for the
 * driver, and refuses what works in one process only, with the reason. In every other
 * process the function is not set, and the check costs one comparison.
 *
 * Threads: attached to the interpreter of `state`.
 */
#ifndef BOCPY_DISTRIBUTED_HOOK_H
#define BOCPY_DISTRIBUTED_HOOK_H

#include "state.h"

/* Calls that function. 1: `*out_result` is its answer. 0: the call goes on in this
 * process. -1: an exception. */
int bocpy_distributed_call(bocpy_state *state, const char *name, PyObject *const *args,
                           Py_ssize_t count, PyObject **out_result);
/* Whether that function refuses the call; an exception is set then. */
bool bocpy_distributed_refuses(PyObject *module, const char *name);

/* For Python: sets the function, or None. */
PyObject *bocpy_set_distributed_hook(PyObject *module, PyObject *function);

#endif
