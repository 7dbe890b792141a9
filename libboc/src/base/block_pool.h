/* Block pool: memory for behaviors and cowns, which often ends on another thread.
 *
 * A pool belongs to one thread at a time (a worker, or the thread that has a lock). Its
 * owner takes blocks from it and gives them back without any atomic operation. Blocks
 * that are freed on another thread return in batches:
 *
 *   other worker   remote batch: up to 64 blocks of one home pool and size class;
 *                  pushed to home->returned when it is full, or the worker is idle
 *   owner          when a size class is empty: the oldest batch that has come home
 *
 * The order matters: a thread that makes behaviors while another runs them would
 * otherwise take one cache miss for each block. So blocks keep the order in which they
 * were freed, which is about their order in memory. The oldest, no longer in the other
 * core's cache, are used first. And each free block has the address of the one some
 * steps behind it, so that its line is prefetched in time.
 *
 * Rejected: the same order for blocks that their owner frees. If there are more than a
 * cache holds, the oldest block is never in the cache; half of the latest are.
 *
 * Threads: `alloc`, `free`, `flush`, `trim`, `give_back` by the owner of `pool`; any
 *   thread pushes to `returned`; `owner` and `allocator` never change.
 * Invariants:
 *   1. A block's `home` never changes.
 *   2. A pool lives as long as its blocks.
 *   3. The `ahead` of a batch's first block leads to the next batch, or an older one,
 *      as long as the batch has not been taken.
 * Ordering:
 *   [R5] a batch is published on `returned`; [A5] its owner takes them all.
 *
 * Under the sanitizers every block is its own allocation, so that they see a stale
 * pointer.
 */
#ifndef BOCI_BLOCK_POOL_H
#define BOCI_BLOCK_POOL_H

#include "atomic.h"
#include "compiler.h"

#include <boc/base.h>

typedef struct boci_block_pool boci_block_pool;

/* At the start of each block; the last two fields are for the user of the block. */
typedef struct boci_block {
  boci_block_pool *home;
  /* its size in units of BOCI_BLOCK_POOL_STEP; 0 if it is larger than all classes */
  uint16_t steps;
  uint16_t flags;
  uint32_t number;
} boci_block;

enum {
  BOCI_BLOCK_POOL_STEP = 32,
  BOCI_BLOCK_POOL_CLASSES = 16,
  BOCI_BLOCK_POOL_BATCH = 64,
  BOCI_BLOCK_POOL_AHEAD = 8
};

/* Blocks of one class of another pool, which were freed here and return in one
 * batch. */
typedef struct boci_remote_batch {
  struct boci_free *first, *last; /* undefined if `count` is 0 */
  struct boci_free *behind;       /* the next block whose `ahead` is to be set */
  unsigned count;
} boci_remote_batch;

struct boci_block_pool {
  void *owner; /* for the pool's user: the scheduler, of behaviors */
  const boc_allocator *allocator;
  /* blocks of whole cache lines begin this many bytes after the start of a line */
  size_t lead;
  /* only the owner writes the following fields, on cache lines of their own */
  char apart[40];
  struct boci_free
      *classes[BOCI_BLOCK_POOL_CLASSES + 1]; /* by steps; [0] stays empty */
  char *fresh, *fresh_end;                   /* the unused rest of the newest chunk */
  char *stripe; /* where blocks that share lines are carved from; see block_pool.c */
  unsigned stripe_used;            /* how many blocks were carved from there */
  struct boci_chunk *stripe_chunk; /* the chunk that contains the stripe */
  /* bytes: a smaller pool is not searched for chunks to free, because the last search
   * freed too little */
  size_t give_back_from;
  size_t carved; /* how many blocks all chunks have */
  struct boci_chunk *chunks;
  boci_remote_batch remote[BOCI_BLOCK_POOL_CLASSES + 1];
  bool has_remote;
  struct boci_free
      /* batches that have come home, the oldest first */
      *batches[BOCI_BLOCK_POOL_CLASSES + 1];
  /* other threads write the following fields */
  char apart_too[64];
  boci_atomic_ptr returned[BOCI_BLOCK_POOL_CLASSES + 1];
};

/* A free block. `ahead` comes some steps behind it, and is only for prefetching. */
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
/* Frees each chunk whose blocks are all home, if the pool is large. Reads every block
 * that is home. After that it does nothing until the pool has grown to twice what
 * remained. */
void boci_block_pool_give_back(boci_block_pool *pool);
/* Frees all chunks, and so all blocks of the pool except large ones. */
void boci_block_pool_fini(boci_block_pool *pool);

void *boci_block_pool_alloc_slow(boci_block_pool *pool, size_t size);
void boci_block_pool_free_slow(boci_block_pool *pool, void *memory);

/* As boci_block_pool_alloc, for a size that has a class. NULL if the list of that class
 * is empty. */
static inline void *boci_block_pool_alloc_ready(boci_block_pool *pool, size_t size) {
  const size_t steps = (size + BOCI_BLOCK_POOL_STEP - 1) / BOCI_BLOCK_POOL_STEP;
  boci_free *block = pool->classes[steps];
  if (!block)
    return NULL;
  pool->classes[steps] = block->next;
  BOCI_PREFETCH(block->ahead);
  BOCI_PREFETCH((void *)((uintptr_t)block->ahead + size - 1));
  return block;
}

/* A block of `size` bytes with `home` and `steps` filled in, or NULL. Aligned to 16, or
 * to what the allocator aligns to if that is less, which is enough for any object. */
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

/* Frees a block, which may be of any pool. */
static inline void boci_block_pool_free(boci_block_pool *pool, void *memory) {
  boci_free *block = memory;
  if (block->block.home != pool || block->block.steps == 0) {
    boci_block_pool_free_slow(pool, memory);
    return;
  }
  boci_free_push(&pool->classes[block->block.steps], block);
}

void boci_block_pool_flush_slow(boci_block_pool *pool);

/* Returns one block of another thread's pool at once. */
void boci_block_pool_send_home(void *memory);

/* Restores the fields at the start of a block of `size` bytes, except `home`, which its
 * user has overwritten. */
void boci_block_pool_restore(void *memory, size_t size);

/* Returns all remote batches now. */
static inline void boci_block_pool_flush(boci_block_pool *pool) {
  if (pool->has_remote)
    boci_block_pool_flush_slow(pool);
}

#endif
