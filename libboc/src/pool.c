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

typedef struct boci_chunk {
  struct boci_chunk *next;
  size_t size;
} boci_chunk;

void boci_pool_init(boci_pool *pool, void *owner, const boc_allocator *allocator) {
  *pool = (boci_pool){.owner = owner, .allocator = allocator};
  for (unsigned steps = 0; steps <= BOCI_POOL_CLASSES; steps++)
    boci_init(&pool->returned[steps], NULL);
}

void boci_pool_fini(boci_pool *pool) {
  for (boci_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
    next = chunk->next;
    boci_release(pool->allocator, chunk, chunk->size);
  }
}

/* The class is empty: it becomes what has come home, which nobody has to walk. */
static bool take_returned(boci_pool *pool, size_t steps) {
  boci_atomic_ptr *returned = &pool->returned[steps];
  if (!boci_load_relaxed(returned))
    return false;                                           /* hint: the swap decides */
  pool->classes[steps] = boci_swap_acquire(returned, NULL); /* [A5] */
  return true;
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

/* What came home may have a block of the class; else a fresh one. */
void *boci_pool_alloc_slow(boci_pool *pool, size_t size) {
  const size_t steps = (size + BOCI_POOL_STEP - 1) / BOCI_POOL_STEP;
  if (POOL_BYPASS || steps > BOCI_POOL_CLASSES)
    return alloc_large(pool, size);
  return take_returned(pool, steps) ? boci_pool_alloc(pool, size) : carve(pool, steps);
}

static void send_home(boci_strays *strays) {
  boci_atomic_ptr *returned = &strays->home->returned[strays->first->block.steps];
  void *head = boci_load_relaxed(returned); /* hint: the CAS decides */
  do
    strays->last->next = head;
  while (!boci_cas_weak_release(returned, &head, strays->first)); /* [R5] */
  *strays = (boci_strays){0};
}

void boci_pool_flush_slow(boci_pool *pool) {
  pool->has_strays = false;
  for (unsigned steps = 1; steps <= BOCI_POOL_CLASSES; steps++)
    if (pool->strays[steps].home)
      send_home(&pool->strays[steps]);
}

static void stray(boci_pool *pool, boci_free *block) {
  boci_strays *strays = &pool->strays[block->block.steps];
  if (strays->home &&
      (strays->home != block->block.home || strays->count >= BOCI_POOL_BATCH))
    send_home(strays);
  if (!strays->home)
    *strays = (boci_strays){.home = block->block.home, .last = block};
  boci_free_push(&strays->first, block);
  strays->count++;
  pool->has_strays = true;
}

void boci_pool_free_slow(boci_pool *pool, void *memory) {
  boci_free *block = memory;
  if (block->block.steps == 0)
    free_large(&block->block);
  else
    stray(pool, block);
}
