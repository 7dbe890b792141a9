/* Cown pool: memory of cowns whose type has no allocator of its own.
 *
 * A cown may outlive the runtime and the thread that made it, so the pools of cowns
 * outlive both: a worker borrows one for its life; later a worker of the next runtime
 * gets it, with all blocks that have come home meanwhile. Threads that are not workers
 * share one pool. They never wait for it: a thread that finds it in use takes memory
 * from malloc. So a process can go on if it was forked while another thread used the
 * pool.
 *
 * These pools, the flag of the shared one, and the counter that numbers threads (os.c)
 * are the library's only process-wide mutable state beside thread-local variables.
 *
 * Threads: any.
 * Ordering:
 *   [R28] giving back publishes the owner's changes of a pool; [A28] the next owner
 *     acquires them.
 */
#ifndef BOCI_COWN_POOL_H
#define BOCI_COWN_POOL_H

#include "block_pool.h"

/* A pool for a worker; NULL if there is no memory. */
boci_block_pool *boci_cown_pool_borrow(void);
/* Frees its memory if no cown uses it any more; otherwise keeps it for the next
 * borrower. Accepts NULL. */
void boci_cown_pool_give_back(boci_block_pool *pool);

/* A block of `size` bytes that begins with its home; the home is NULL if malloc made
 * it. NULL if there is no memory. `own`: the pool of the calling thread, or NULL. */
void *boci_cown_pool_alloc(boci_block_pool *own, size_t size);
/* Takes back a block of `size` bytes, which still begins with its home. */
void boci_cown_pool_free(boci_block_pool *own, void *memory, size_t size);

/* Frees unused memory of the pool that threads other than workers share; does nothing
 * while a thread uses that pool. */
void boci_cown_pool_give_back_shared(void);

#endif
