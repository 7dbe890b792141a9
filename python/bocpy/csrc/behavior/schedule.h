/* Schedule: from a function, cowns and captures to behaviors.
 *
 * A call is prepared, which may fail, and then launched. If one function is scheduled
 * many times, the first call is the pattern of the others.
 *
 * Threads: attached.
 */
#ifndef BOCPY_SCHEDULE_H
#define BOCPY_SCHEDULE_H

#include "bound_args.h"
#include "when.h"

/* Whether a behavior over them goes by reference: see when.h. */
bool bocpy_call_is_local(const bocpy_when_args *when_args);

/* A call whose behavior is not allocated yet: the future environment. */
typedef struct bocpy_prepared_call {
  bocpy_call call;
  union {
    bocpy_buffer *buffer;
    PyObject *objects;
    unsigned char bytes[BOCPY_CALL_INLINE];
  };
  PyObject *context;
} bocpy_prepared_call;

/* Prepares a call, and adds a snapshot of globals to `bound`. Call it once for each
 * `bound`. -1 with an exception. */
int bocpy_call_prepare(bocpy_prepared_call *prepared, bocpy_state *state,
                       bocpy_bound_args *bound, const bocpy_when_args *when_args);

/* Prepares the same call for other cowns, from one that was prepared with `bound`; both
 * or neither are local. -1 with an exception: then there is nothing to clear. */
int bocpy_call_copy(bocpy_prepared_call *prepared, const bocpy_prepared_call *pattern,
                    const bocpy_bound_args *bound, const bocpy_when_args *when_args);

/* Ends a call that is not launched. */
void bocpy_prepared_call_clear(bocpy_prepared_call *prepared);

/* Launches a call; returns the result's handle. Takes over what is prepared, also if it
 * fails. In a batch, adds the behavior to the batch. NULL with an exception. */
PyObject *bocpy_call_launch(bocpy_state *state, boc_runtime *runtime,
                            bocpy_prepared_call *prepared,
                            const bocpy_bound_args *bound,
                            const bocpy_when_args *when_args, boc_scope *scope);

/* Captures that are small immutables, encoded. */
typedef struct bocpy_inline_captures {
  uint32_t count;
  uint8_t size; /* 0 if there are none */
  unsigned char bytes[BOCPY_CALL_INLINE];
} bocpy_inline_captures;

/* Whether behaviors over `when_args` that are in no scope and have inline captures may
 * be launched by the next function. */
bool bocpy_call_goes_plainly(const bocpy_when_args *when_args);

/* Fast path: launches a call of shipped code, whose captures follow its cowns. Returns
 * the result's handle; NULL with an exception. */
PyObject *bocpy_call_launch_plainly(bocpy_state *state, boc_runtime *runtime,
                                    const bocpy_code *code,
                                    const bocpy_inline_captures *captures,
                                    const bocpy_when_args *when_args);

/* Refuses a behavior over two or more cowns that would wait for the result of a timer
 * and hold it back. 0, or -1 with RuntimeError. */
int bocpy_call_check_cycle(const bocpy_when_args *when_args);
static inline int bocpy_call_refuse_cycle(const bocpy_when_args *when_args) {
  return when_args->cowns < 2 ? 0 : bocpy_call_check_cycle(when_args);
}

/* Schedules `callable` over `when_args`, with a tuple of captures or NULL, in a scope
 * (a _Scope, or NULL for the current one). Returns the result's handle; NULL with an
 * exception: then nothing is scheduled. */
PyObject *bocpy_schedule(bocpy_state *state, PyObject *callable,
                         const bocpy_when_args *when_args, PyObject *captures,
                         PyObject *given);

#endif
