/* Runtime: the one runtime of the process, as Python sees it.
 *
 *   state    workers  set by                     leads to
 *   STOPPED  none     the beginning, fork        RUNNING
 *   RUNNING  yes      start, the first behavior  PAUSED, CLOSED, LEAVING, STOPPED
 *   PAUSED   parked   wait                       RUNNING, CLOSED, LEAVING, STOPPED
 *   CLOSED   yes      fork: only bodies may      STOPPED, or what was before
 *                     schedule, others wait
 *   LEAVING  yes      the end of the program:    PAUSED, STOPPED
 *                     daemon threads may not
 *                     schedule
 *
 * Once the program is at its end (`finish`), what is scheduled all the same is waited
 * for by who schedules it, and the workers end with it.
 *
 * Threads: attached, unless a function says otherwise.
 */
#ifndef BOCPY_RUNTIME_H
#define BOCPY_RUNTIME_H

#include "state.h"
#include "status.h"

#include <boc/runtime.h>

int bocpy_runtime_init(void); /* process-wide; -1 with an exception */

/* The runtime to schedule on, with workers, made if need be; it stays until
 * bocpy_runtime_leave. `open`: as the first behavior does, so that it is RUNNING; else
 * it may be PAUSED. NULL with an exception. */
boc_runtime *bocpy_runtime_enter(bool open);
void bocpy_runtime_leave(void);

/* Whether behaviors can be scheduled at once. Any thread. */
bool bocpy_runtime_is_running(void);

/* Whether the program is being ended, or at its end. */
bool bocpy_runtime_is_leaving(void);

/* The runtime of the body that this thread runs. */
boc_runtime *bocpy_runtime_now(void);

/* Once the program is at its end: finishes what was scheduled, by whoever schedules it.
 */
void bocpy_runtime_settle(void);

/* Entries for the module's method table. */
PyObject *bocpy_start(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_quiesce(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_pause(PyObject *module, PyObject *unused);
PyObject *bocpy_stats(PyObject *module, PyObject *unused);
PyObject *bocpy_running(PyObject *module, PyObject *unused);
PyObject *bocpy_backend(PyObject *module, PyObject *unused);
PyObject *bocpy_finish(PyObject *module, PyObject *unused);
PyObject *bocpy_before_fork(PyObject *module, PyObject *unused);
PyObject *bocpy_after_fork_in_parent(PyObject *module, PyObject *unused);
PyObject *bocpy_after_fork_in_child(PyObject *module, PyObject *unused);

#endif
