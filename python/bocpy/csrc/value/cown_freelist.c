/* Cown free list: see cown_freelist.h. `depot_lock` guards the depot. All blocks have one size:
 * that of a core. */
#include "cown_freelist.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BYPASS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BYPASS true
#endif
#endif
#ifndef BYPASS
#define BYPASS false
#endif

enum { BATCH = 32, DEPOT = 64 };

typedef struct block {
  struct block *next;
} block;

/* What a thread keeps: a list that is being used, and one batch more or none. */
typedef struct stock {
  block *first;
  block *batch;
  unsigned count; /* in the first list */
  bool keeps;
} stock;

static BOCPY_THREAD_LOCAL stock own_stock;

static bocpy_lock depot_lock;
static block *depot[DEPOT]; /* batches */
static unsigned depot_count;

int bocpy_cown_freelist_init(void) {
  if (depot_lock)
    return 0;
  own_stock.keeps = !BYPASS;
  return bocpy_lock_init(&depot_lock);
}

/* What the depot had is lost: nobody knows whether its lists are whole. */
int bocpy_cown_freelist_forget(void) {
  bocpy_lock fresh;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  depot_lock = fresh;
  depot_count = 0;
  return 0;
}

void bocpy_cown_freelist_enter(void) { own_stock.keeps = !BYPASS; }

/* ---- the depot ------------------------------------------------------------------- */

static block *depot_take(void) {
  bocpy_lock_take(&depot_lock);
  block *batch = depot_count ? depot[--depot_count] : NULL;
  bocpy_lock_give(&depot_lock);
  return batch;
}

static bool depot_put(block *batch) {
  bocpy_lock_take(&depot_lock);
  bool fits = depot_count < DEPOT;
  if (fits)
    depot[depot_count++] = batch;
  bocpy_lock_give(&depot_lock);
  return fits;
}

static void blocks_free(block *first) {
  for (block *next; first; first = next) {
    next = first->next;
    free(first);
  }
}

/* ---- the thread's ---------------------------------------------------------------- */

static bool stock_refill(void) {
  own_stock.first = own_stock.batch ? own_stock.batch : depot_take();
  own_stock.batch = NULL;
  own_stock.count = own_stock.first ? BATCH : 0;
  return own_stock.first;
}

static void *cown_block_allocate(void *ctx, size_t size) {
  (void)ctx;
  if (!own_stock.first && !(own_stock.keeps && stock_refill()))
    return malloc(size);
  block *taken = own_stock.first;
  own_stock.first = taken->next;
  own_stock.count--;
  return taken;
}

/* The first list has become a batch. */
static void stock_set_aside(void) {
  block *older = own_stock.batch;
  own_stock.batch = own_stock.first;
  own_stock.first = NULL;
  own_stock.count = 0;
  if (older && !depot_put(older))
    blocks_free(older);
}

static void cown_block_release(void *ctx, void *memory, size_t size) {
  (void)ctx;
  (void)size;
  if (!own_stock.keeps) {
    free(memory);
    return;
  }
  if (own_stock.count == BATCH)
    stock_set_aside();
  block *given = memory;
  given->next = own_stock.first;
  own_stock.first = given;
  own_stock.count++;
}

void bocpy_cown_freelist_leave(void) {
  blocks_free(own_stock.first);
  blocks_free(own_stock.batch);
  own_stock = (stock){0};
}

const boc_allocator bocpy_cown_freelist = {.allocate = cown_block_allocate,
                                           .release = cown_block_release};
