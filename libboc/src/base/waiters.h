/* Waiters: nodes that are notified, once, when a condition holds.
 *
 * Threads: any. The `done` of a node runs under the mutex: a cancel that comes too late
 *   returns only when that call is over.
 * Ordering:
 *   [F1] a waiter registers, then checks the condition; a thread that makes it hold
 *     changes its counters, then checks for waiters. Where the counters are not changed
 *     under the mutex, both need a fence in between.
 */
#ifndef BOCI_WAITERS_H
#define BOCI_WAITERS_H

#include "atomic.h"
#include "park.h"

#include <boc/runtime.h>

typedef struct boci_waiters {
  boci_atomic_u32 waiting; /* 0: `first` is NULL */
  boci_mutex mutex;
  boc_quiesce_node *first;
} boci_waiters;

boc_status boci_waiters_init(boci_waiters *waiters);
void boci_waiters_fini(boci_waiters *waiters);

/* The caller has to check the condition afterwards. */
void boci_waiters_add(boci_waiters *waiters, boc_quiesce_node *node);

/* True: `node` is the caller's again and will not be notified. False: it has been. */
bool boci_waiters_cancel(boci_waiters *waiters, boc_quiesce_node *node);

/* Notifies all if `holds(ctx)`. Costs one load if nobody waits. */
void boci_waiters_check(boci_waiters *waiters, bool (*holds)(void *ctx), void *ctx);
void boci_waiters_check_locked(boci_waiters *waiters, bool (*holds)(void *ctx),
                               void *ctx);

/* Adds a waiter of its own with `add(ctx, node)`, and waits for it. Outcomes: BOC_OK,
 * BOC_TIMEOUT. Refusal: BOC_NO_MEMORY. */
boc_status boci_waiters_wait(boci_waiters *waiters, int64_t timeout,
                             void (*add)(void *ctx, boc_quiesce_node *node), void *ctx);

#endif
