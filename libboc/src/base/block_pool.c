/* Block pool: size classes of 32 bytes, carved from chunks. See block_pool.h. */
#include "block_pool.h"

#include <string.h>

#include "alloc.h"
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
enum { SMALLEST_CHUNK = 2048, LARGEST_CHUNK = 8192, STRIPE = 16, CARVE_BYTES = 128 };
#else
enum {
  SMALLEST_CHUNK = 64 * 1024,
  LARGEST_CHUNK = 16 * 1024 * 1024,
  STRIPE = 2048,
  CARVE_BYTES = 2048
};
#endif

/* A pool below this is not worth looking through. */
#if defined(BOC_TINY)
enum { GIVE_BACK_FROM = 4 * LARGEST_CHUNK };
#else
enum { GIVE_BACK_FROM = 4 * 1024 * 1024 };
#endif

enum { CACHE_LINE = 64, PREFIX = 16 };

typedef struct boci_chunk {
  struct boci_chunk *next;
  size_t size;
  size_t carved; /* blocks */
  size_t home;   /* blocks, while they are counted */
} boci_chunk;

void boci_block_pool_init(boci_block_pool *pool, void *owner,
                          const boc_allocator *allocator) {
  *pool = (boci_block_pool){.owner = owner, .allocator = allocator};
  for (unsigned steps = 0; steps <= BOCI_BLOCK_POOL_CLASSES; steps++)
    boci_init(&pool->returned[steps], NULL);
}

void boci_block_pool_fini(boci_block_pool *pool) {
  for (boci_chunk *chunk = pool->chunks, *next; chunk; chunk = next) {
    next = chunk->next;
    boci_release(pool->allocator, chunk, chunk->size);
  }
}

static size_t free_list_length(const boci_free *list) {
  size_t blocks = 0;
  for (; list; list = list->next)
    blocks++;
  return blocks;
}

/* How many blocks are free and on their owner's lists. */
static size_t count_blocks_home(boci_block_pool *pool) {
  size_t blocks = 0;
  for (unsigned steps = 1; steps <= BOCI_BLOCK_POOL_CLASSES; steps++) {
    blocks += free_list_length(pool->classes[steps]);
    for (const boci_free *batch = pool->batches[steps]; batch; batch = batch->ahead)
      blocks += free_list_length(batch);
    const boci_free *batch = boci_load_acquire(&pool->returned[steps]); /* [A5] */
    for (; batch; batch = batch->ahead)
      blocks += free_list_length(batch);
  }
  return blocks;
}

void boci_block_pool_trim(boci_block_pool *pool) {
  if (!pool->chunks || count_blocks_home(pool) < pool->carved)
    return;
  boci_block_pool_fini(pool);
  const size_t lead = pool->lead;
  boci_block_pool_init(pool, pool->owner, pool->allocator);
  pool->lead = lead;
}

/* All batches that have come home, which are newest first, as a list that is oldest
 * first. */
static boci_free *reverse_batches(boci_free *newest) {
  boci_free *first = NULL;
  for (boci_free *batch = newest, *older; batch; batch = older) {
    older = batch->ahead;
    batch->ahead = first;
    first = batch;
  }
  return first;
}

/* For an empty class: takes the batch that came home first. */
static bool take_batch(boci_block_pool *pool, size_t steps) {
  boci_free **batches = &pool->batches[steps];
  if (!*batches &&
      boci_load_relaxed(&pool->returned[steps])) /* hint: the swap decides */
    *batches =
        reverse_batches(boci_swap_acquire(&pool->returned[steps], NULL)); /* [A5] */
  boci_free *first = *batches;
  if (!first)
    return false;
  *batches = first->ahead;
  first->ahead = first->next ? first->next->next : NULL;
  pool->classes[steps] = first;
  return true;
}

/* ---- giving back ----------------------------------------------------------------- */

static size_t count_bytes(const boci_block_pool *pool) {
  size_t bytes = 0;
  for (const boci_chunk *chunk = pool->chunks; chunk; chunk = chunk->next)
    bytes += chunk->size;
  return bytes;
}

static bool is_in_chunk(const boci_chunk *chunk, const void *place) {
  return (uintptr_t)place - (uintptr_t)chunk < chunk->size;
}

/* Blocks that follow each other in a list mostly lie in one chunk: `guess`, or NULL. */
static boci_chunk *chunk_of(const boci_block_pool *pool, const void *block,
                            boci_chunk *guess) {
  if (guess && is_in_chunk(guess, block))
    return guess;
  boci_chunk *chunk = pool->chunks;
  while (!is_in_chunk(chunk, block))
    chunk = chunk->next;
  return chunk;
}

static bool is_chunk_home(const boci_chunk *chunk) {
  return chunk->home == chunk->carved;
}

/* Appends a list where `end` leads to, and counts its blocks: the new end. */
static boci_free **append_home(boci_block_pool *pool, boci_free **end,
                               boci_free *list) {
  boci_chunk *chunk = NULL;
  *end = list;
  for (boci_free *block; (block = *end); end = &block->next) {
    BOCI_PREFETCH(block->ahead);
    chunk = chunk_of(pool, block, chunk);
    chunk->home++;
  }
  return end;
}

/* All blocks of a class that are home become one list, in the order of their use. */
static void gather_home(boci_block_pool *pool, size_t steps) {
  boci_free **end = append_home(pool, &pool->classes[steps], pool->classes[steps]);
  boci_free *batches[] = {
      pool->batches[steps],
      reverse_batches(boci_swap_acquire(&pool->returned[steps], NULL)), /* [A5] */
  };
  pool->batches[steps] = NULL;
  for (unsigned i = 0; i < 2; i++)
    for (boci_free *batch = batches[i], *next; batch; batch = next) {
      next = batch->ahead;
      end = append_home(pool, end, batch);
    }
}

static void gather_all_home(boci_block_pool *pool) {
  for (boci_chunk *chunk = pool->chunks; chunk; chunk = chunk->next)
    chunk->home = 0;
  for (unsigned steps = 1; steps <= BOCI_BLOCK_POOL_CLASSES; steps++)
    gather_home(pool, steps);
}

/* Takes the blocks of chunks that go out of a class; each other one leads ahead to the
 * next but one that stays. */
static void keep_others(boci_block_pool *pool, size_t steps) {
  boci_chunk *chunk = NULL;
  boci_free *last = NULL, *before = NULL;
  boci_free **end = &pool->classes[steps];
  for (boci_free *block = *end; block; block = block->next) {
    BOCI_PREFETCH(block->ahead);
    chunk = chunk_of(pool, block, chunk);
    if (is_chunk_home(chunk))
      continue;
    *end = block;
    end = &block->next;
    if (before)
      before->ahead = block;
    before = last;
    last = block;
  }
  *end = NULL;
  if (before)
    before->ahead = NULL;
  if (last)
    last->ahead = NULL;
}

static void release_home_chunks(boci_block_pool *pool) {
  boci_chunk **place = &pool->chunks;
  for (boci_chunk *chunk; (chunk = *place);) {
    if (!is_chunk_home(chunk)) {
      place = &chunk->next;
      continue;
    }
    if (place == &pool->chunks)
      pool->fresh = pool->fresh_end = NULL;
    if (pool->stripe_chunk == chunk)
      pool->stripe = NULL;
    pool->carved -= chunk->carved;
    *place = chunk->next;
    boci_release(pool->allocator, chunk, chunk->size);
  }
}

void boci_block_pool_give_back(boci_block_pool *pool) {
  const size_t bytes = count_bytes(pool);
  if (bytes < GIVE_BACK_FROM || bytes < pool->give_back_from)
    return;
  gather_all_home(pool);
  for (unsigned steps = 1; steps <= BOCI_BLOCK_POOL_CLASSES; steps++)
    keep_others(pool, steps);
  release_home_chunks(pool);
  pool->give_back_from = 2 * count_bytes(pool);
}

/* ---- carving --------------------------------------------------------------------- */

static size_t next_chunk_size(const boci_block_pool *pool) {
  const size_t smallest = pool->lead ? 2 * (STRIPE + 1) * CACHE_LINE : SMALLEST_CHUNK;
  const size_t size = pool->chunks ? 2 * pool->chunks->size : smallest;
  return size < LARGEST_CHUNK ? size : LARGEST_CHUNK;
}

/* The first line that begins at this address or behind it. */
static uintptr_t begin_line(uintptr_t at) {
  const uintptr_t line = CACHE_LINE - 1;
  return (at + line) & ~line;
}

static bool new_chunk(boci_block_pool *pool) {
  const size_t size = next_chunk_size(pool);
  boci_chunk *chunk = boci_allocate(pool->allocator, size);
  if (!chunk)
    return false;
  boci_os_huge_pages(chunk, size);
  *chunk = (boci_chunk){.next = pool->chunks, .size = size};
  pool->chunks = chunk;
  pool->fresh = (char *)begin_line((uintptr_t)(chunk + 1));
  pool->fresh_end = (char *)chunk + size;
  return true;
}

static char *place_in_chunk(const boci_block_pool *pool, size_t size) {
  if (size % CACHE_LINE)
    return pool->fresh;
  return (char *)(begin_line((uintptr_t)pool->fresh - pool->lead) + pool->lead);
}

/* `size` bytes of the newest chunk, or of a new one. The pool loses the rest of the
 * previous chunk. */
static char *cut_from_chunk(boci_block_pool *pool, size_t size) {
  char *at = place_in_chunk(pool, size);
  if (!pool->fresh || (uintptr_t)pool->fresh_end < (uintptr_t)at + size) {
    if (!new_chunk(pool))
      return NULL;
    at = place_in_chunk(pool, size);
  }
  pool->fresh = at + size;
  return at;
}

/* A place for a block that shares a line with each of its neighbors. Different threads
 * often use cowns together that were made together. So the even lines of a stripe are
 * used first, and the odd ones afterwards. */
static char *cut_from_stripe(boci_block_pool *pool) {
  if (!pool->stripe || pool->stripe_used == STRIPE) {
    /* one more line, for the end of the last block */
    pool->stripe = cut_from_chunk(pool, (size_t)(STRIPE + 1) * CACHE_LINE);
    pool->stripe_used = 0;
    pool->stripe_chunk = pool->chunks;
  }
  if (!pool->stripe)
    return NULL;
  const unsigned i = pool->stripe_used++;
  const unsigned line = i < STRIPE / 2 ? 2 * i : 2 * (i - STRIPE / 2) + 1;
  return pool->stripe + (size_t)line * CACHE_LINE;
}

static bool shares_lines(const boci_block_pool *pool, size_t size) {
  return pool->lead > 0 && size == CACHE_LINE;
}

/* How many blocks of `size` to cut at once: as many as the newest chunk has room for,
 * but no more than a few lines, which are written before they are used. At least 1. An
 * even number fills whole lines, and so begins a line: fewer blocks straddle lines. */
static size_t blocks_to_cut(const boci_block_pool *pool, size_t size) {
  const char *at = place_in_chunk(pool, size);
  if (!pool->fresh || at + size > pool->fresh_end)
    return 1;
  const size_t room = (size_t)(pool->fresh_end - at) / size;
  const size_t most = size < CARVE_BYTES ? CARVE_BYTES / size : 1;
  const size_t count = room < most ? room : most;
  return count > 1 ? count & ~(size_t)1 : 1;
}

static boci_free *init_carved(boci_block_pool *pool, void *memory, size_t steps) {
  boci_free *block = memory;
  block->block = (boci_block){.home = pool, .steps = (uint16_t)steps};
  return block;
}

/* For an empty class: cuts blocks, returns the first, and makes the others free. */
static boci_free *carve_blocks(boci_block_pool *pool, size_t steps) {
  const size_t size = steps * BOCI_BLOCK_POOL_STEP;
  const bool shares = shares_lines(pool, size);
  const size_t count = shares ? 1 : blocks_to_cut(pool, size);
  char *memory = shares ? cut_from_stripe(pool) : cut_from_chunk(pool, count * size);
  if (!memory)
    return NULL;
  pool->carved += count;
  (shares ? pool->stripe_chunk : pool->chunks)->carved += count;
  boci_free *next = NULL, *ahead = NULL; /* from the last block to the first */
  for (char *at = memory + count * size; (at -= size) != memory;) {
    boci_free *block = init_carved(pool, at, steps);
    block->next = next;
    block->ahead = ahead;
    ahead = next;
    next = block;
  }
  pool->classes[steps] = next;
  return init_carved(pool, memory, steps);
}

/* The size of a large block stands in front of it. */
static void *alloc_large(boci_block_pool *pool, size_t size) {
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

/* A block of a batch that has come home, or a new one. */
void *boci_block_pool_alloc_slow(boci_block_pool *pool, size_t size) {
  const size_t steps = (size + BOCI_BLOCK_POOL_STEP - 1) / BOCI_BLOCK_POOL_STEP;
  if (POOL_BYPASS || steps > BOCI_BLOCK_POOL_CLASSES)
    return alloc_large(pool, size);
  return take_batch(pool, steps) ? boci_block_pool_alloc(pool, size)
                                 : carve_blocks(pool, steps);
}

static void push_returned(boci_free *batch) {
  boci_atomic_ptr *returned = &batch->block.home->returned[batch->block.steps];
  void *newest = boci_load_relaxed(returned); /* hint: the CAS decides */
  do
    batch->ahead = newest;
  while (!boci_cas_weak_release(returned, &newest, batch)); /* [R5] */
}

static void return_batch(boci_remote_batch *remote) {
  if (remote->count > 0)
    push_returned(remote->first);
  remote->count = 0;
}

/* Returns all but the last blocks: those are the `ahead` of returned ones. */
static void return_batch_head(boci_remote_batch *remote, boci_free *last_to_go) {
  boci_free *rest = last_to_go->next;
  last_to_go->next = NULL;
  push_returned(remote->first);
  remote->first = remote->behind = rest;
  remote->count = BOCI_BLOCK_POOL_AHEAD;
}

void boci_block_pool_send_home(void *memory) {
  boci_free *block = memory;
  if (block->block.steps == 0) {
    free_large(&block->block);
    return;
  }
  block->next = NULL;
  push_returned(block);
}

void boci_block_pool_restore(void *memory, size_t size) {
  const size_t steps = (size + BOCI_BLOCK_POOL_STEP - 1) / BOCI_BLOCK_POOL_STEP;
  boci_block *block = memory;
  *block =
      (boci_block){.home = block->home, .steps = POOL_BYPASS ? 0 : (uint16_t)steps};
}

void boci_block_pool_flush_slow(boci_block_pool *pool) {
  pool->has_remote = false;
  for (unsigned steps = 1; steps <= BOCI_BLOCK_POOL_CLASSES; steps++)
    return_batch(&pool->remote[steps]);
}

/* Blocks return in the order in which they were freed. If that is the order in which
 * they were made, they are made in the same order again, and prefetchers can follow
 * it. */
static void add_remote_free(boci_remote_batch *remote, boci_free *block) {
  block->next = block->ahead = NULL;
  if (remote->count++ == 0)
    remote->first = remote->behind = block;
  else
    remote->last->next = block;
  remote->last = block;
  if (remote->count <= BOCI_BLOCK_POOL_AHEAD)
    return;
  boci_free *behind = remote->behind;
  behind->ahead = block;
  remote->behind = behind->next;
  if (remote->count == BOCI_BLOCK_POOL_BATCH + BOCI_BLOCK_POOL_AHEAD)
    return_batch_head(remote, behind);
}

static void free_remote(boci_block_pool *pool, boci_free *block) {
  boci_remote_batch *remote = &pool->remote[block->block.steps];
  if (remote->count > 0 && remote->first->block.home != block->block.home)
    return_batch(remote);
  add_remote_free(remote, block);
  pool->has_remote = true;
}

void boci_block_pool_free_slow(boci_block_pool *pool, void *memory) {
  boci_free *block = memory;
  if (block->block.steps == 0)
    free_large(&block->block);
  else
    free_remote(pool, block);
}
