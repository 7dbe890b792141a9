/* Cown pool: where cowns come from whose type has no allocator of its own.
 *
 * A cown may outlive the runtime and the thread that it was made on, so the pools of
 * cowns outlive both: a worker borrows one for its life; later a worker of the next
 * runtime gets it, with all blocks that have come home meanwhile. Threads that are no
 * workers share one pool. They never wait for it: a thread that finds it in use takes
 * memory from malloc. So a process that was forked while another thread used the pool
 * goes on.
 *
 * These pools, and the flag of the shared one, are the library's only process-wide
 * mutable state beside the thread-local context.
 *
 * Threads: any.
 * Ordering:
 *   [R28] giving back publishes what the owner did with a pool; [A28] the next owner
 *     acquires it.
 */
#ifndef BOCI_COWN_POOL_H
#define BOCI_COWN_POOL_H

#include "block_pool.h"

/* A pool for a worker, or NULL: no memory. */
boci_block_pool *boci_cown_pool_borrow(void);
/* Frees its memory if no cown uses it any more; else keeps it for the next borrower.
 * NULL is fine. */
void boci_cown_pool_give_back(boci_block_pool *pool);

/* A block of `size` bytes that begins with its home; a NULL home: it is malloc's. NULL:
 * no memory. `own`: the pool of the calling thread, or NULL. */
void *boci_cown_pool_alloc(boci_block_pool *own, size_t size);
/* Takes back a block of `size` bytes, which still begins with its home. */
void boci_cown_pool_free(boci_block_pool *own, void *memory, size_t size);

#endif
