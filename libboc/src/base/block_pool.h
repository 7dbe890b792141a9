/* Pool: blocks for behaviors and cowns, made on one thread and often freed on another.
 *
 * A pool belongs to one thread at a time (a worker; or whoever holds a lock). Its owner
 * takes from it and gives back to it without any atomic operation. A block that ends on
 * another thread goes home in batches:
 *
 *   other worker: remote --(64 of one home and class, or going idle)--> home->returned
 *   owner, when the class and the batches are empty: all of `returned`, the oldest first
 *   owner, when the class is empty: the next batch
 *
 * Order is speed: a thread that makes behaviors while another runs them would get their
 * memory back one cache miss at a time. So blocks keep the order in which they ended,
 * which is about that in which they lie in memory; the oldest, no longer in the other
 * core's cache, come first; and each block says which one follows some steps behind it,
 * for its line to be fetched in time.
 *
 * Rejected: the same for blocks that end on their owner. When there are more than a cache
 * holds, the oldest one is never in it; the latest half is.
 *
 * Threads: `alloc`, `free`, `flush`, `trim` by the owner of `pool`; the push to another
 *   pool's `returned` by any thread; `owner` and `allocator` never change.
 * Invariants: 1. A block's `home` never changes. 2. A pool lives as long as its blocks.
 *   3. In a batch the first block's `ahead` leads to the next batch, or older one, as
 *   long as nobody has taken it.
 * Ordering: [R5] a batch is published on `returned`; [A5] its owner takes them all.
 *
 * Under the sanitizers every block is its own allocation, so that a stale pointer is
 * seen.
 */
#ifndef BOCI_BLOCK_POOL_H
#define BOCI_BLOCK_POOL_H

#include "atomic.h"
#include "compiler.h"

#include <boc/base.h>

typedef struct boci_block_pool boci_block_pool;

/* At the start of each block; the last two fields are for whoever uses it. */
typedef struct boci_block {
  boci_block_pool *home;
  uint16_t
      steps; /* its size in BOCI_BLOCK_POOL_STEP; 0: larger than the classes, see block_pool.c */
  uint16_t flags;
  uint32_t number;
} boci_block;

enum {
  BOCI_BLOCK_POOL_STEP = 32,
  BOCI_BLOCK_POOL_CLASSES = 16,
  BOCI_BLOCK_POOL_BATCH = 64,
  BOCI_BLOCK_POOL_AHEAD = 8
};

/* Blocks of one class of one other pool, on their way home. */
typedef struct boci_remote_batch {
  struct boci_free *first, *last; /* of `count`; undefined if there are none */
  struct boci_free *behind;       /* the next one to learn who is ahead of it */
  unsigned count;
} boci_remote_batch;

struct boci_block_pool {
  void *owner; /* its user's: the runtime of behaviors */
  const boc_allocator *allocator;
  size_t lead; /* blocks of whole cache lines begin this far behind the start of one */
  char apart[40]; /* what the owner writes is on cache lines of its own */
  struct boci_free
      *classes[BOCI_BLOCK_POOL_CLASSES + 1]; /* by steps; [0] stays empty */
  char *fresh, *fresh_end;                   /* the rest of the newest chunk */
  char *field; /* where blocks that share lines are carved from; see block_pool.c */
  unsigned planted; /* carved from there */
  size_t carved;    /* blocks, of all chunks */
  struct boci_chunk *chunks;
  boci_remote_batch remote[BOCI_BLOCK_POOL_CLASSES + 1];
  bool has_remote;
  struct boci_free
      *batches[BOCI_BLOCK_POOL_CLASSES + 1]; /* came home, the oldest first */
  char apart_too[64];                        /* and so is what others write */
  boci_atomic_ptr returned[BOCI_BLOCK_POOL_CLASSES + 1];
};

/* A block that nobody has. `ahead` comes some steps behind it, for fetching only. */
typedef struct boci_free {
  boci_block block;
  struct boci_free *next;
  struct boci_free *ahead;
} boci_free;

static inline void boci_free_push(boci_free **list, boci_free *block) {
  boci_free *next = *list;
  block->next = next;
  block->ahead = next ? next->next : NULL;
  *list = block;
}

void boci_block_pool_init(boci_block_pool *pool, void *owner,
                          const boc_allocator *allocator);
/* Frees all chunks if all blocks are home; else keeps all of them. */
void boci_block_pool_trim(boci_block_pool *pool);
/* Frees all chunks, and so all blocks that came from the pool, but for large ones. */
void boci_block_pool_fini(boci_block_pool *pool);

void *boci_block_pool_alloc_slow(boci_block_pool *pool, size_t size);
void boci_block_pool_free_slow(boci_block_pool *pool, void *memory);

/* A block of `size` bytes with home and steps filled in; or NULL. Aligned to 16, but
 * where the allocator does not care: there as its memory is, for any object. */
static inline void *boci_block_pool_alloc(boci_block_pool *pool, size_t size) {
  const size_t steps = (size + BOCI_BLOCK_POOL_STEP - 1) / BOCI_BLOCK_POOL_STEP;
  if (steps > BOCI_BLOCK_POOL_CLASSES || !pool->classes[steps])
    return boci_block_pool_alloc_slow(pool, size);
  boci_free *block = pool->classes[steps];
  pool->classes[steps] = block->next;
  BOCI_PREFETCH(block->ahead);
  BOCI_PREFETCH((void *)((uintptr_t)block->ahead + size - 1));
  return block;
}

/* Gives back a block that came from any pool. */
static inline void boci_block_pool_free(boci_block_pool *pool, void *memory) {
  boci_free *block = memory;
  if (block->block.home != pool || block->block.steps == 0) {
    boci_block_pool_free_slow(pool, memory);
    return;
  }
  boci_free_push(&pool->classes[block->block.steps], block);
}

void boci_block_pool_flush_slow(boci_block_pool *pool);

/* Gives one block back at once that came from another thread's pool. */
void boci_block_pool_send_home(void *memory);

/* Says again at the start of a block of `size` bytes what stood there, but for its home,
 * for a user that had overwritten it. */
void boci_block_pool_restore(void *memory, size_t size);

/* Sends remote home now. */
static inline void boci_block_pool_flush(boci_block_pool *pool) {
  if (pool->has_remote)
    boci_block_pool_flush_slow(pool);
}

#endif
