/* In flight: the names of behaviors that run or wait, for the errors of waits that time
 * out.
 *
 * Each worker stores the code of the body that it runs (worker_slot.h), and each value
 * the code of the behavior that was scheduled last over its cown. Both are hints:
 * relaxed stores, which cost nothing. Readers look them up under the lock of the
 * records (code.h).
 *
 * Threads: any that is attached, unless a function says otherwise.
 */
#ifndef BOCPY_IN_FLIGHT_H
#define BOCPY_IN_FLIGHT_H

#include "value.h"

#include <boc/behavior.h>

/* Notes that `code` is scheduled over the cown of `value`; NULL for behaviors without
 * Python code. */
static inline void bocpy_in_flight_note(bocpy_value *value, const bocpy_code *code) {
  atomic_store_explicit(&value->scheduled, code, memory_order_relaxed); /* hint */
}

static inline const bocpy_code *bocpy_in_flight_last(const bocpy_value *value) {
  return atomic_load_explicit(&value->scheduled, memory_order_relaxed); /* hint */
}

/* Notes that `code`, and all behaviors before it, have ended. */
static inline void bocpy_in_flight_over(bocpy_value *value, const bocpy_code *code) {
  /* relaxed (hint): unless another behavior was scheduled meanwhile */
  atomic_compare_exchange_strong_explicit(&value->scheduled, &code, NULL,
                                          memory_order_relaxed, memory_order_relaxed);
}

/* Notes that the worker of `slot` runs `code`; returns what it ran before. Only the
 * worker calls it. */
static inline const bocpy_code *bocpy_in_flight_run(bocpy_worker_slot *slot,
                                                    const bocpy_code *code) {
  /* relaxed (owner, hint): only the worker writes it */
  const bocpy_code *outer = atomic_load_explicit(&slot->running, memory_order_relaxed);
  atomic_store_explicit(&slot->running, code, memory_order_relaxed);
  return outer;
}

/* Notes that the main thread runs the pinned behavior of `code`; NULL: it runs none any
 * more. */
void bocpy_in_flight_run_pinned(const bocpy_code *code);

/* What `self`, which was scheduled, waits for: ": 'f' (m.py:3) has it, on
 * bocpy-worker-1; ...", or an empty str. `before`: for each of its cowns, the behavior
 * that was scheduled last over it, as bocpy_in_flight_last returned it earlier. NULL
 * with an exception. */
PyObject *bocpy_in_flight_ahead(const boc_behavior *self,
                                const bocpy_code *const *before);

/* The same for a behavior whose only cown is `core`. */
PyObject *bocpy_in_flight_on(boc_cown *core, const bocpy_code *before);

/* The behaviors that run at the moment and the timers that are due first, in the same
 * form: entry for the module's method table. */
PyObject *bocpy_in_flight(PyObject *module, PyObject *unused);

/* What a timer will run. */
typedef struct bocpy_timer_info {
  const bocpy_code *code; /* for bocpy_code_describe only */
  uint64_t due;           /* a time of the clock boc_now */
} bocpy_timer_info;

/* Stores the pending timers that are due first, `most` at most, in their order. Returns
 * how many it stored. */
typedef size_t (*bocpy_soonest_timers)(bocpy_timer_info *out_infos, size_t most,
                                       size_t *out_pending);

/* Has the texts name timers, which are above this layer. Called before there are
 * other threads. */
void bocpy_in_flight_name_timers(bocpy_soonest_timers soonest);

/* The names of the threads that hold `core` by acquire(), or any cown if it is NULL: a
 * list, or NULL with an exception. */
typedef PyObject *(*bocpy_holder_names)(const boc_cown *core);

/* Has the texts name these threads, as above. */
void bocpy_in_flight_name_holders(bocpy_holder_names names);

#endif
