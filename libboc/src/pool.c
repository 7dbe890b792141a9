/* Pool: size classes of 32 bytes, carved from chunks. See pool.h. */
#include "pool.h"

#include "memory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOL_BYPASS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||               \
    __has_feature(memory_sanitizer)
#define POOL_BYPASS 1
#endif
#endif
#ifndef POOL_BYPASS
#define POOL_BYPASS 0
#endif

#if defined(BOC_TINY)
enum { CHUNK = 2048 };
#else
enum { CHUNK = 64 * 1024 };
#endif

enum { HEADER = 64, LARGEST = BOCI_POOL_STEP * BOCI_POOL_CLASSES };

typedef struct boci_free {
  boci_block block;
  struct boci_free *next;
} boci_free;

typedef struct boci_chunk {
  struct boci_chunk *next;
} boci_chunk;

void boci_pool_init(boci_pool *pool, const boc_allocator *allocator) {
  *pool = (boci_pool){.allocator = allocator};
  boci_init(&pool->returned, NULL);
}

void boci_pool_fini(boci_pool *pool) {
  for (boci_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
    next = chunk->next;
    boci_release(pool->allocator, chunk, CHUNK);
  }
}

static size_t class_of(size_t size) { return (size - 1) / BOCI_POOL_STEP; }

static void put(boci_pool *pool, boci_free *block) {
  boci_free **list = &pool->classes[class_of(block->block.size)];
  block->next = *list;
  *list = block;
}

/* True if anything came home. */
static bool take_returned(boci_pool *pool) {
  if (!boci_load_relaxed(&pool->returned)) return false; /* hint: the swap decides */
  boci_free *block = boci_swap_acquire(&pool->returned, NULL); /* [A5] */
  for (boci_free *next; block; block = next) {
    next = block->next;
    put(pool, block);
  }
  return true;
}

static boci_free *take(boci_pool *pool, size_t size) {
  boci_free **list = &pool->classes[class_of(size)];
  boci_free *block = *list;
  if (block) *list = block->next;
  return block;
}

static bool new_chunk(boci_pool *pool) {
  boci_chunk *chunk = boci_allocate(pool->allocator, CHUNK);
  if (!chunk) return false;
  chunk->next = pool->chunks;
  pool->chunks = chunk;
  pool->fresh = (char *)chunk + HEADER;
  pool->fresh_end = (char *)chunk + CHUNK;
  return true;
}

/* What is left of the chunk before is lost to the pool: less than one block. */
static boci_free *carve(boci_pool *pool, size_t size) {
  if ((size_t)(pool->fresh_end - pool->fresh) < size && !new_chunk(pool)) return NULL;
  boci_free *block = (boci_free *)pool->fresh;
  pool->fresh += size;
  block->block = (boci_block){.home = pool, .size = size};
  return block;
}

static void *alloc_slow(boci_pool *pool, size_t size) {
  boci_free *block = take_returned(pool) ? take(pool, size) : NULL;
  return block ? block : carve(pool, size);
}

static void *alloc_large(const boci_pool *pool, size_t size) {
  boci_block *block = boci_allocate(pool->allocator, size);
  if (block) *block = (boci_block){.home = NULL, .size = size};
  return block;
}

void *boci_pool_alloc(boci_pool *pool, size_t size) {
  if (POOL_BYPASS || size > LARGEST) return alloc_large(pool, size);
  const size_t rounded = (class_of(size) + 1) * BOCI_POOL_STEP;
  boci_free *block = take(pool, rounded);
  return block ? block : alloc_slow(pool, rounded);
}

void boci_pool_flush(boci_pool *pool) {
  if (!pool->stray_home) return;
  void *head = boci_load_relaxed(&pool->stray_home->returned); /* hint: the CAS decides */
  do
    pool->stray_last->next = head;
  while (!boci_cas_weak_release(&pool->stray_home->returned, &head, /* [R5] */
                                pool->stray_first));
  pool->stray_home = NULL;
  pool->stray_count = 0;
}

static void stray(boci_pool *pool, boci_free *block) {
  if (pool->stray_home != block->block.home || pool->stray_count >= BOCI_POOL_BATCH)
    boci_pool_flush(pool);
  if (!pool->stray_home) {
    pool->stray_home = block->block.home;
    pool->stray_first = pool->stray_last = block;
  } else {
    block->next = pool->stray_first;
    pool->stray_first = block;
  }
  pool->stray_count++;
}

void boci_pool_free(boci_pool *pool, void *memory) {
  boci_free *block = memory;
  if (block->block.home == pool)
    put(pool, block);
  else if (block->block.home)
    stray(pool, block);
  else
    boci_release(pool->allocator, block, block->block.size);
}
