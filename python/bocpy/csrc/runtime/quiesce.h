/* Quiesce: waiting until nothing is scheduled any more.
 *
 * The main thread runs pinned behaviors while it waits.
 *
 * Threads: attached to the main interpreter, outside of bodies.
 */
#ifndef BOCPY_QUIESCE_H
#define BOCPY_QUIESCE_H

#include "runtime.h"

/* 0: quiescent. 1: not within `timeout` ns (negative: no limit). -1 with an exception.
 * The caller keeps `runtime` alive. */
int bocpy_wait_quiescent(boc_runtime *runtime, int64_t timeout);

/* For waits that block no thread: calls node->done once, when no behavior is scheduled
 * or running; at once if none is. The caller has to call `unwatch` before it frees the
 * node: true if the node was not notified and will not be. */
void bocpy_quiesce_watch(boc_quiesce_node *node);
bool bocpy_quiesce_unwatch(boc_quiesce_node *node);

/* Whether no behavior is scheduled or running: entry for the module's method table. */
PyObject *bocpy_is_idle(PyObject *module, PyObject *unused);

#endif
