/* Acquire: a thread outside of bodies holds a cown.
 *
 * A hold is a behavior over one cown that finishes when it is released. It waits its
 * turn like any other; its body only tells the waiting thread.
 */
#ifndef BOCPY_ACQUIRE_H
#define BOCPY_ACQUIRE_H

#include "cown.h"

int bocpy_acquire_init(void); /* process-wide; -1 with an exception */

/* Makes the calling thread the holder of `core`, waiting up to `timeout` ns. 0 held
 * (also if it was already); 1 not within the timeout; -1 with an exception. */
int bocpy_acquire(boc_cown *core, int64_t timeout);

/* Gives up what the calling thread holds outside of bodies; nothing if nobody holds the
 * cown or a body does that runs on this thread. -1 with RuntimeError if another thread
 * holds it, or with what kept the value from being shipped. */
int bocpy_acquire_release(boc_cown *core);

/* `with` blocks nest: 1 more, 1 less; only the last one out releases. */
int bocpy_acquire_enter(boc_cown *core);
int bocpy_acquire_leave(boc_cown *core);

/* Whether the calling thread holds anything outside of bodies. */
bool bocpy_acquire_any(void);

/* Gives up everything that any thread of this interpreter holds. For the end of it. */
void bocpy_acquire_release_all(void);

/* In the child of a fork: the holds of other threads are no more. */
void bocpy_acquire_forget(void);

#endif
