/* In flight: which behaviors run or wait, by name, for the errors of waits whose time
 * is over.
 *
 * Each worker has the code of the body that it runs (slot.h), and each value the code
 * of the behavior that was scheduled last over its cown. Both are hints: plain stores,
 * which cost nothing, and looked up under the lock of the records (code.h).
 *
 * Threads: any that is attached, unless a function says otherwise.
 */
#ifndef BOCPY_IN_FLIGHT_H
#define BOCPY_IN_FLIGHT_H

#include "value.h"

#include <boc/behavior.h>

/* `code` (NULL: what is no behavior of Python) is scheduled over the cown of `value`.
 */
static inline void bocpy_in_flight_note(bocpy_value *value, const bocpy_code *code) {
  atomic_store_explicit(&value->scheduled, code, memory_order_relaxed); /* hint */
}

static inline const bocpy_code *bocpy_in_flight_last(const bocpy_value *value) {
  return atomic_load_explicit(&value->scheduled, memory_order_relaxed); /* hint */
}

/* All behaviors before `code`, and that one, are over. */
static inline void bocpy_in_flight_over(bocpy_value *value, const bocpy_code *code) {
  /* relaxed (hint): unless another behavior was scheduled meanwhile */
  atomic_compare_exchange_strong_explicit(&value->scheduled, &code, NULL,
                                          memory_order_relaxed, memory_order_relaxed);
}

/* The worker of `slot` runs `code`; what it ran before. The worker itself. */
static inline const bocpy_code *bocpy_in_flight_run(bocpy_slot *slot,
                                                    const bocpy_code *code) {
  /* relaxed (owner, hint): only the worker writes it */
  const bocpy_code *outer = atomic_load_explicit(&slot->running, memory_order_relaxed);
  atomic_store_explicit(&slot->running, code, memory_order_relaxed);
  return outer;
}

/* The main thread runs the pinned behavior of `code`; NULL: none any more. */
void bocpy_in_flight_run_pinned(const bocpy_code *code);

/* What `self`, which was scheduled and waits, waits for: ": 'f' (m.py:3) has it, on
 * bocpy-worker-1; ...", or an empty str. `before`: for each of its cowns, what was
 * scheduled last over it, as bocpy_in_flight_last returned it before. NULL with an
 * exception. */
PyObject *bocpy_in_flight_ahead(const boc_behavior *self,
                                const bocpy_code *const *before);

/* The same for one that is over the cown `core` alone. */
PyObject *bocpy_in_flight_on(boc_cown *core, const bocpy_code *before);

/* What runs at the moment, in the same form: entry for the module's method table. */
PyObject *bocpy_in_flight(PyObject *module, PyObject *unused);

#endif
