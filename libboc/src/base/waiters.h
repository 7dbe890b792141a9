/* Waiters: those who want to be told, once, when something is quiet.
 *
 * Threads: any. `done` of a node runs under the mutex, so a cancel that comes too late
 *   returns only after it.
 * Ordering: [F1] a waiter registers, then looks whether it is quiet; whoever makes it
 * quiet changes its count, then looks for waiters. Where the counts are not changed
 * under the mutex, both need a fence in between.
 */
#ifndef BOCI_WAITERS_H
#define BOCI_WAITERS_H

#include "atomic.h"
#include "park.h"

#include <boc/runtime.h>

typedef struct boci_waiters {
  boci_atomic_u32 waiting; /* whether `first` has any */
  boci_mutex mutex;
  boc_quiesce_node *first;
} boci_waiters;

boc_status boci_waiters_init(boci_waiters *waiters);
void boci_waiters_fini(boci_waiters *waiters);

/* The caller looks whether it is quiet afterwards. */
void boci_waiters_add(boci_waiters *waiters, boc_quiesce_node *node);

/* True: `node` is the caller's again and will not be told. False: it has been told. */
bool boci_waiters_cancel(boci_waiters *waiters, boc_quiesce_node *node);

/* Tells all if `quiet(ctx)`. Costs one load if nobody waits. */
void boci_waiters_check(boci_waiters *waiters, bool (*quiet)(void *ctx), void *ctx);
void boci_waiters_check_locked(boci_waiters *waiters, bool (*quiet)(void *ctx),
                               void *ctx);

/* Adds a waiter of its own by `add(ctx, node)`, and waits for it.
 * Outcomes: BOC_OK, BOC_TIMEOUT. Refusal: BOC_NO_MEMORY. */
boc_status boci_waiters_wait(boci_waiters *waiters, int64_t timeout,
                             void (*add)(void *ctx, boc_quiesce_node *node), void *ctx);

#endif
