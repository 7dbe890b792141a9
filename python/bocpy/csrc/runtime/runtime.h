/* Runtime: the one runtime of the process: its state, its workers, scheduling on it.
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
 * After the end of the program (program_end.c), a thread that still schedules a
 * behavior waits for it, and ends the workers again.
 *
 * Threads: attached, unless a function says otherwise.
 */
#ifndef BOCPY_RUNTIME_H
#define BOCPY_RUNTIME_H

#include "state.h"
#include "status.h"

#include <boc/runtime.h>

/* Calls of the runtime to the files above it: fork.c, start_and_quiesce.c,
 * program_end.c. */
typedef struct bocpy_runtime_callbacks {
  /* Called before the first worker with an interpreter of its own, and before the first
   * timer: from then on forks can be refused. -1 with an exception. */
  int (*watch_forks)(void);
  /* Called before the workers of a PAUSED runtime end, because start() asked for
   * others. -1 with an exception: then they stay. */
  int (*before_restart)(void);
  /* A behavior was scheduled after the end of the program. */
  void (*after_the_end)(void);
} bocpy_runtime_callbacks;

/* Process-wide; -1 with an exception. */
int bocpy_runtime_init(const bocpy_runtime_callbacks *given);
int bocpy_runtime_watch_forks(void); /* calls watch_forks */

/* ---- scheduling ------------------------------------------------------------------ */

/* The runtime to schedule on; starts workers if there are none. Valid until
 * bocpy_runtime_leave. `open`: makes it RUNNING, as the first behavior does; otherwise
 * it may be PAUSED. NULL with an exception. */
boc_runtime *bocpy_runtime_enter(bool open);
void bocpy_runtime_leave(void);

/* Called after something was scheduled, outside of enter and leave: at the end of the
 * program, waits for it. */
void bocpy_runtime_settle(void);

/* The runtime, for a thread that waits for it or reads counters; valid until
 * bocpy_runtime_unuse. NULL if it is STOPPED: then there is nothing to undo. Any
 * thread. */
boc_runtime *bocpy_runtime_use(void);
void bocpy_runtime_unuse(void);

/* The slots of all workers, between use and unuse. */
const bocpy_worker_slot *bocpy_runtime_slots(unsigned *out_count);

/* The runtime of the body that this thread runs. */
boc_runtime *bocpy_runtime_now(void);

/* Whether behaviors can be scheduled at once. Any thread. */
bool bocpy_runtime_is_running(void);

/* The same, for a call that needs a runtime which was started: if a fork has ended its
 * workers, starts them again. -1 with an exception. Any thread. */
int bocpy_runtime_resume(void);

/* How many threads that bodies have started in workers' interpreters still run, and
 * have to be waited for when the program ends. Attached to the main interpreter, while
 * no thread ends workers and none of them is busy for long. */
long bocpy_runtime_threads_of_bodies(void);

/* Whether the end of the program has begun. */
bool bocpy_runtime_is_leaving(void);

/* ---- for start_and_quiesce.c, program_end.c and fork.c --------------------------- */

/* Makes the lock, at first and in the child of a fork. -1 with an exception. */
int bocpy_runtime_lock_make(void);

/* Takes the lock under which the state changes. -1 with RuntimeError if this thread has
 * it, or one for which it stands in. `what` names the calling function. */
int bocpy_runtime_lock(const char *what);
void bocpy_runtime_unlock(void);

/* -1 with RuntimeError, for a start that would wait for this thread itself. */
int bocpy_start_refuse_in_wait(void);
int bocpy_start_refuse_inside(void);

/* From here on (or no longer) this thread works for one that has the lock, and waits:
 * `bocpy_runtime_lock` refuses it. */
void bocpy_runtime_stand_in(bool begins);

/* _locked_here(): whether this thread has the lock. _stand_in(): this thread works for
 * one that has it, and waits. */
PyObject *bocpy_locked_here(PyObject *module, PyObject *unused);
PyObject *bocpy_stand_in(PyObject *module, PyObject *unused);

/* For start(): makes it RUNNING with that many workers and that backend; with the
 * existing ones if `any_count`. -1 with an exception. */
int bocpy_runtime_start(unsigned count, bool any_count, bool threads, bool any_backend);

/* Whether it is not STOPPED. Any thread. */
bool bocpy_runtime_has_workers(void);

/* Under the lock. */
void bocpy_runtime_pause(void); /* RUNNING becomes PAUSED: the workers stay parked */
void bocpy_runtime_end_workers(void); /* STOPPED; it must be quiescent */

/* Under the lock: closes the runtime, waits until no thread outside of bodies uses it,
 * and returns it; NULL if there is none. `reopen` undoes this. */
boc_runtime *bocpy_runtime_close(void);
void bocpy_runtime_reopen(void);

/* Ends the workers of the runtime that `close` has closed, if there is one. If it was
 * open, its next use starts workers again. */
void bocpy_runtime_end_for_fork(void);

/* The end of the program begins: from here on no daemon thread schedules, so that the
 * wait for quiescence ends. -1 with an exception. */
int bocpy_runtime_begin_leaving(void);

/* The program has ended, without workers. */
void bocpy_runtime_has_left(void);

/* In the child of a fork: STOPPED, without the operations of the parent's threads. -1
 * with an exception. */
int bocpy_runtime_forget(void);

/* Entries for the module's method table. */
PyObject *bocpy_running(PyObject *module, PyObject *unused);
PyObject *bocpy_backend(PyObject *module, PyObject *unused);

#endif
