/* Lent handle: a Cown that is an argument of a body, made without counting.
 *
 * While a body runs, its behavior has a reference to each of its cowns. A handle that
 * does not outlive the call borrows that one; only a handle that something has kept is
 * given one of its own, at the end of the call. The worker uses what came back again.
 *
 * Threads: the worker that runs the behavior, attached to its interpreter. Not without
 * a GIL, where no thread can tell whether a handle was kept.
 */
#ifndef BOCPY_LENT_HANDLE_H
#define BOCPY_LENT_HANDLE_H

#include "cown_core.h"
#include "worker_slot.h"

/* A handle of `core`, which is not pinned: a new reference, to be given back. NULL with
 * MemoryError. */
PyObject *bocpy_lend_handle(bocpy_worker_slot *slot, boc_cown *core);

/* After the call, before the behavior gives up its cowns. Steals the reference. */
void bocpy_return_handle(bocpy_worker_slot *slot, PyObject *handle);

/* The end of a worker. */
void bocpy_idle_handles_clear(bocpy_worker_slot *slot);

#endif
