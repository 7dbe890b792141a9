/* Pool: size classes of 32 bytes, carved from chunks. See pool.h. */
#include "pool.h"

#include "memory.h"
#include "os.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define POOL_BYPASS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||             \
    __has_feature(memory_sanitizer)
#define POOL_BYPASS 1
#endif
#endif
#ifndef POOL_BYPASS
#define POOL_BYPASS 0
#endif

/* Chunks grow with the pool, so that a large one lies on few, huge pages. */
#if defined(BOC_TINY)
enum { SMALLEST_CHUNK = 2048, LARGEST_CHUNK = 8192 };
#else
enum { SMALLEST_CHUNK = 64 * 1024, LARGEST_CHUNK = 16 * 1024 * 1024 };
#endif

enum { CACHE_LINE = 64, PREFIX = 16 };

typedef struct boci_free {
  boci_block block;
  struct boci_free *next;
} boci_free;

typedef struct boci_chunk {
  struct boci_chunk *next;
  size_t size;
} boci_chunk;

void boci_pool_init(boci_pool *pool, void *owner, const boc_allocator *allocator) {
  *pool = (boci_pool){.owner = owner, .allocator = allocator};
  boci_init(&pool->returned, NULL);
}

void boci_pool_fini(boci_pool *pool) {
  for (boci_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
    next = chunk->next;
    boci_release(pool->allocator, chunk, chunk->size);
  }
}

static void put(boci_pool *pool, boci_free *block) {
  boci_free **list = &pool->classes[block->block.steps];
  block->next = *list;
  *list = block;
}

/* True if anything came home. */
static bool take_returned(boci_pool *pool) {
  if (!boci_load_relaxed(&pool->returned))
    return false; /* hint: the swap decides */
  boci_free *block = boci_swap_acquire(&pool->returned, NULL); /* [A5] */
  for (boci_free *next; block; block = next) {
    next = block->next;
    put(pool, block);
  }
  return true;
}

static boci_free *take(boci_pool *pool, size_t steps) {
  boci_free *block = pool->classes[steps];
  if (block)
    pool->classes[steps] = block->next;
  return block;
}

static size_t next_chunk_size(const boci_pool *pool) {
  const size_t size = pool->chunks ? 2 * pool->chunks->size : SMALLEST_CHUNK;
  return size < LARGEST_CHUNK ? size : LARGEST_CHUNK;
}

static bool new_chunk(boci_pool *pool) {
  const size_t size = next_chunk_size(pool);
  boci_chunk *chunk = boci_allocate(pool->allocator, size);
  if (!chunk)
    return false;
  boci_os_huge_pages(chunk, size);
  *chunk = (boci_chunk){.next = pool->chunks, .size = size};
  pool->chunks = chunk;
  pool->fresh = (char *)chunk + CACHE_LINE;
  pool->fresh_end = (char *)chunk + size;
  return true;
}

/* Blocks of whole cache lines begin at one. */
static char *place(const boci_pool *pool, size_t size) {
  const uintptr_t line = CACHE_LINE - 1;
  const uintptr_t at = (uintptr_t)pool->fresh;
  return (char *)(size % CACHE_LINE ? at : (at + line) & ~line);
}

/* What is left of the chunk before is lost to the pool: less than two blocks. */
static boci_free *carve(boci_pool *pool, size_t steps) {
  const size_t size = steps * BOCI_POOL_STEP;
  char *at = place(pool, size);
  if (!pool->fresh || (uintptr_t)pool->fresh_end < (uintptr_t)at + size) {
    if (!new_chunk(pool))
      return NULL;
    at = place(pool, size);
  }
  pool->fresh = at + size;
  boci_free *block = (boci_free *)at;
  block->block = (boci_block){.home = pool, .steps = (uint16_t)steps};
  return block;
}

static void *alloc_slow(boci_pool *pool, size_t steps) {
  boci_free *block = take_returned(pool) ? take(pool, steps) : NULL;
  return block ? block : carve(pool, steps);
}

/* A large block remembers its size in a prefix. */
static void *alloc_large(boci_pool *pool, size_t size) {
  char *memory = boci_allocate(pool->allocator, size + PREFIX);
  if (!memory)
    return NULL;
  *(size_t *)memory = size + PREFIX;
  boci_block *block = (boci_block *)(memory + PREFIX);
  *block = (boci_block){.home = pool};
  return block;
}

static void free_large(boci_block *block) {
  char *memory = (char *)block - PREFIX;
  boci_release(block->home->allocator, memory, *(size_t *)memory);
}

void *boci_pool_alloc(boci_pool *pool, size_t size) {
  const size_t steps = (size + BOCI_POOL_STEP - 1) / BOCI_POOL_STEP;
  if (POOL_BYPASS || steps > BOCI_POOL_CLASSES)
    return alloc_large(pool, size);
  boci_free *block = take(pool, steps);
  return block ? block : alloc_slow(pool, steps);
}

void boci_pool_flush(boci_pool *pool) {
  if (!pool->stray_home)
    return;
  void *head =
      boci_load_relaxed(&pool->stray_home->returned); /* hint: the CAS decides */
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
  if (block->block.steps == 0)
    free_large(&block->block);
  else if (block->block.home == pool)
    put(pool, block);
  else
    stray(pool, block);
}
