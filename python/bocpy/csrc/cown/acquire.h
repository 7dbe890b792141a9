/* Acquire: a thread outside of bodies holds a cown (a task of an event loop does so by
 * grant.h, which blocks no thread).
 *
 * An acquisition is a behavior over one or more cowns that finishes when they are
 * released. It waits its turn like any other; its body only notifies the waiting
 * thread. A thread that holds cowns does not wait for more, so that no two threads wait
 * for each other.
 */
#ifndef BOCPY_ACQUIRE_H
#define BOCPY_ACQUIRE_H

#include "cown.h"

#include <boc/behavior.h>

typedef struct bocpy_acquisition bocpy_acquisition;

int bocpy_acquire_init(void); /* process-wide; -1 with an exception */

/* Makes the calling thread the holder of `core`, waiting up to `timeout` ns. 0 held
 * (also if it was already); -1 with an exception: TimeoutError that says what is in
 * flight, RuntimeError if the thread holds another cown. */
int bocpy_acquire(boc_cown *core, int64_t timeout);

/* The same for unwrap(), on a cown that nobody holds: a thread that holds others gets
 * it if it is free. */
int bocpy_acquire_to_take(boc_cown *core, int64_t timeout);

/* Acquires all of them at once, as bocpy_acquire does. *out_acquired is NULL if the
 * thread held them already; otherwise bocpy_acquisition_end ends it. */
int bocpy_acquire_several(const boc_access *accesses, uint32_t count, int64_t timeout,
                          bocpy_acquisition **out_acquired);

/* Releases the cowns, unless they have been, and the caller's reference. */
void bocpy_acquisition_end(bocpy_acquisition *acquired);

/* Adds a reference. */
void bocpy_acquisition_hold(bocpy_acquisition *acquired);

/* Whether the cowns have been released; whether the calling thread acquired them. */
bool bocpy_acquisition_is_over(const bocpy_acquisition *acquired);
bool bocpy_acquisition_is_ours(const bocpy_acquisition *acquired);

/* Whether the calling thread has acquired the cown for reading. */
bool bocpy_acquire_reads(const boc_cown *core);

/* The same for writing. */
bool bocpy_acquire_writes(const boc_cown *core);

/* Releases what the calling thread holds outside of bodies. Does nothing if nobody
 * holds the cown, or if a body does that runs on this thread. -1 with RuntimeError if
 * another thread holds it, or with the exception for a value that cannot be shipped. */
int bocpy_acquire_release(boc_cown *core);

/* `with` blocks nest: these count 1 up and 1 down; only the last one out releases. */
int bocpy_acquire_enter(boc_cown *core);
int bocpy_acquire_leave(boc_cown *core);

/* _release_here(serial): releases all that the calling thread holds, at its end.
 * Returns a list of these cowns. */
PyObject *bocpy_release_here(PyObject *module, PyObject *unused);

/* Whether the calling thread holds any cown outside of bodies. */
bool bocpy_acquire_any(void);

/* Releases everything that threads of this interpreter hold, when it ends. */
void bocpy_acquire_release_all(void);

/* In the child of a fork: forgets the acquisitions of other threads. */
void bocpy_acquire_forget(void);

#endif
