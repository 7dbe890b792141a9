/* Cown pool: where cowns come from whose type has no allocator of its own.
 *
 * A cown may outlive the runtime and the thread that it was made on, so the pools of
 * cowns outlive both: a worker borrows one for its life, and the next runtime's worker
 * gets it with all that has come home meanwhile. Threads that are no workers share one.
 * It is never waited for: who finds it taken has its memory from malloc, so a process
 * that was forked while another thread had it goes on.
 *
 * Threads: any.
 * Ordering: [R28] giving back publishes what the owner did with a pool; [A28] the next
 *   one acquires it.
 */
#ifndef BOCI_COWN_POOL_H
#define BOCI_COWN_POOL_H

#include "block_pool.h"

/* A pool for a worker, or NULL: no memory. */
boci_block_pool *boci_cown_pool_borrow(void);
/* All but what is still used is free memory, or the next borrower's. NULL is fine. */
void boci_cown_pool_give_back(boci_block_pool *pool);

/* A block of `size` bytes at whose start its home is; NULL there: it is malloc's. NULL: no
 * memory. `own`: the pool of the calling thread, or NULL. */
void *boci_cown_pool_alloc(boci_block_pool *own, size_t size);
/* Takes back what began as a block of `size` bytes and has its home at its start still. */
void boci_cown_pool_free(boci_block_pool *own, void *memory, size_t size);

#endif
