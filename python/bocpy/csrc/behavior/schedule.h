/* Schedule: from a function, cowns and captures to behaviors.
 *
 * A call is prepared, which may be refused, and then launched. When one function is
 * scheduled many times, the first call is the pattern of the others.
 *
 * Threads: attached.
 */
#ifndef BOCPY_SCHEDULE_H
#define BOCPY_SCHEDULE_H

#include "bound_args.h"
#include "when.h"

/* Whether a behavior over them goes by reference: see when.h. */
bool bocpy_call_is_local(const bocpy_when_args *when_args);

/* Fills in what is known of the environment before the behavior is allocated, and adds
 * a snapshot of globals to what is bound: once for a `bound`. -1 with an exception. */
int bocpy_call_prepare(bocpy_call *call, bocpy_state *state, bocpy_bound_args *bound,
                       const bocpy_when_args *when_args);

/* Fills in the same for other cowns, from a call that was prepared with `bound`; both
 * are local, or both are not. -1 with an exception: there is nothing to clear. */
int bocpy_call_copy(bocpy_call *call, const bocpy_call *pattern,
                    const bocpy_bound_args *bound, const bocpy_when_args *when_args);

/* The result's handle; takes over what `call` carries, also if it fails. In a batch the
 * behavior is added to that. NULL with an exception. */
PyObject *bocpy_call_launch(bocpy_state *state, boc_runtime *runtime, bocpy_call *call,
                            const bocpy_bound_args *bound,
                            const bocpy_when_args *when_args, boc_scope *scope);

/* Refuses what would wait for the result of a timer and hold it back: 0, or -1 with
 * RuntimeError. That takes two cowns at least. */
int bocpy_call_check_cycle(const bocpy_when_args *when_args);
static inline int bocpy_call_refuse_cycle(const bocpy_when_args *when_args) {
  return when_args->cowns < 2 ? 0 : bocpy_call_check_cycle(when_args);
}

/* Schedules `callable` over `when_args`, with a tuple of captures or NULL, in a
 * scope (a _Scope; NULL: the current one): the result's handle. NULL with an exception:
 * nothing is scheduled. */
PyObject *bocpy_schedule(bocpy_state *state, PyObject *callable,
                         const bocpy_when_args *when_args, PyObject *captures,
                         PyObject *given);

#endif
