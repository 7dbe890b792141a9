/* Deadline: the time of a scope, after which the scope is cancelled.
 *
 * The thread of a block watches the deadline (bocpy._scope). But that thread may be
 * running a pinned body, or not be at the end of the block yet. So bodies that ask
 * whether they are cancelled watch the deadline, too. The first body that finds it
 * passed notes which bodies ran then, for the error of the block, and cancels.
 *
 * Threads: any.
 */
#ifndef BOCPY_DEADLINE_H
#define BOCPY_DEADLINE_H

#include "scope_data.h"

/* Sets it to `seconds` from now; None sets none. -1 with an exception. */
int bocpy_deadline_set(bocpy_scope *scope, PyObject *seconds);

/* Whether the scope is cancelled. Cancels it first, and the scopes around it, if their
 * time is over. */
bool bocpy_deadline_cancelled(boc_scope *core);

/* How many behaviors were pending when a body found that the deadline had passed, or
 * None. */
PyObject *bocpy_deadline_late(const bocpy_scope *scope);

/* As bocpy_scope_running_locked, of the bodies that ran at that moment. */
size_t bocpy_deadline_running_locked(const bocpy_scope *scope,
                                     const bocpy_code **codes);

/* At the end of the scope. */
void bocpy_deadline_drop(bocpy_scope *scope);

#endif
