/* Pool: blocks for behaviors, made on one thread and often freed on another.
 *
 * A pool belongs to one thread at a time (a worker; or whoever holds the lock of the
 * runtime's outside pool). Its owner takes from it and gives back to it without any atomic
 * operation. A block that ends on another thread goes home in batches:
 *
 *   other worker: stray list --(32 of one home, or going idle)--> home->returned --> owner
 *
 * Threads: `alloc`, `free`, `flush` by the owner of `pool`; the push to another pool's
 *   `returned` by any thread.
 * Invariants: 1. A block's `home` never changes. 2. Pools live as long as the runtime.
 * Ordering: [R5] a batch is published on `returned`; [A5] its owner takes them all.
 *
 * Under AddressSanitizer and ThreadSanitizer every block is its own allocation, so that a
 * stale pointer is seen.
 */
#ifndef BOCI_POOL_H
#define BOCI_POOL_H

#include "atomic.h"

#include <boc/base.h>

typedef struct boci_pool boci_pool;

/* At the start of each block. */
typedef struct boci_block {
  boci_pool *home; /* NULL: straight from the allocator */
  size_t size;     /* of the block as allocated */
} boci_block;

enum { BOCI_POOL_STEP = 32, BOCI_POOL_CLASSES = 16, BOCI_POOL_BATCH = 32 };

struct boci_pool {
  struct boci_free *classes[BOCI_POOL_CLASSES];
  char *fresh, *fresh_end; /* the rest of the newest chunk */
  struct boci_chunk *chunks;
  const boc_allocator *allocator;
  boci_pool *stray_home; /* blocks of one other pool on their way home */
  struct boci_free *stray_first, *stray_last;
  unsigned stray_count;
  char apart[64]; /* what others write is on a cache line of its own */
  boci_atomic_ptr returned;
};

void boci_pool_init(boci_pool *pool, const boc_allocator *allocator);
/* Frees all chunks, and so all blocks that came from the pool. */
void boci_pool_fini(boci_pool *pool);

/* A block of `size` bytes with its `boci_block` filled in, or NULL. */
void *boci_pool_alloc(boci_pool *pool, size_t size);

/* Gives back a block that came from any pool. */
void boci_pool_free(boci_pool *pool, void *block);

/* Sends strays home now. */
void boci_pool_flush(boci_pool *pool);

#endif
