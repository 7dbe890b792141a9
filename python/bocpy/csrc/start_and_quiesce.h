/* Start and quiesce: what Python calls to start the runtime, wait for it and close it.
 *
 * Threads: attached to the main interpreter.
 */
#ifndef BOCPY_START_AND_QUIESCE_H
#define BOCPY_START_AND_QUIESCE_H

#include "runtime.h"

/* Waits for everything that is scheduled; the runtime, if there is one, stays open. 0:
 * quiescent. 1: not within `timeout` ns. -1 with an exception. `report`: reports the
 * failures that no code can read any more. `what` names the call in messages. */
int bocpy_quiesce_all(const char *what, int64_t timeout, bool report);

/* Whether the calling thread holds a cown outside of bodies: by acquire(), or because a
 * task of its event loop holds one. */
bool bocpy_thread_holds(void);

/* -1 with RuntimeError if a task of this thread's event loop holds a cown. */
int bocpy_refuse_task(const char *what);

/* -1 with RuntimeError if `what` would wait for a cown that this thread has
 * acquired. */
int bocpy_refuse_holder(const char *what);

/* Whether start() may replace the workers. 0, or -1 with RuntimeError. */
int bocpy_before_restart(void);

/* Entries for the module's method table. */
PyObject *bocpy_start(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_quiesce(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_pause(PyObject *module, PyObject *unused);

#endif
