/* Worker: a thread of libboc that runs Python bodies, and its slot.
 *
 * With backend `interpreters` a worker makes, uses and ends an interpreter with a GIL
 * of its own, all on its own thread and at the top level of its stack. With `threads`
 * it has a thread state of the main interpreter. It is attached while it has work.
 */
#ifndef BOCPY_WORKER_H
#define BOCPY_WORKER_H

#include "worker_slot.h"

#include <boc/runtime.h>

/* What a new interpreter has to know: a marshalled dict (bocpy._worker). */
struct bocpy_boot {
  size_t size;
  char bytes[];
};

/* The hooks of a runtime whose workers are slots[0..]; `ctx` is the array. */
boc_worker_hooks bocpy_worker_hooks(bocpy_worker_slot *slots);

int bocpy_worker_init(void); /* process-wide; -1 with an exception */

/* Sets up `slots` for a runtime. The caller keeps `boot` until all workers have started
 * (NULL for backend `threads`). */
void bocpy_worker_slots_init(bocpy_worker_slot *slots, unsigned count, bool own_interp,
                             const bocpy_boot *boot);

/* Calls boc_runtime_new, while this thread, attached, imports what it needs to
 * schedule: two cores work at the same time. Sets `*out_status`, and `*out_runtime` if
 * that is BOC_OK. -1 with an exception if the import has failed, whatever the status
 * is. Only one thread at a time may call it. */
int bocpy_workers_start(const boc_runtime_options *options, boc_runtime **out_runtime,
                        boc_status *out_status);

/* Sets another `boot` for workers that start from now on; no worker reads the previous
 * one afterwards. Detached. */
void bocpy_workers_set_boot(bocpy_worker_slot *slots, unsigned count,
                            const bocpy_boot *boot);

/* Called by a worker in a body of libboc: calls `what(ctx)` attached to the main
 * interpreter, where it counts as a body of Python. */
void bocpy_visit_main(void (*what)(void *ctx), void *ctx);

/* In a body that is about to block: boc_worker_block_begin, and a RuntimeWarning of the
 * main interpreter, once for each reason, if no other worker takes this one's place. */
void bocpy_worker_block_begin(bocpy_worker_slot *slot);

/* An entry for the module's method table. */
PyObject *bocpy_blocked(PyObject *module, PyObject *function);

/* Why the last `start` hook failed: malloc'd text that the caller frees, or NULL. */
char *bocpy_worker_take_error(void);

#endif
