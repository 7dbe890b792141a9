/* Cown free list: see cown_freelist.h. `guard` guards the depot. All blocks have one size:
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

static BOCPY_THREAD_LOCAL stock mine;

static bocpy_lock guard;
static block *depot[DEPOT]; /* batches */
static unsigned batches;

int bocpy_core_memory_init(void) {
  if (guard)
    return 0;
  mine.keeps = !BYPASS;
  return bocpy_lock_init(&guard);
}

/* What the depot had is lost: nobody knows whether its lists are whole. */
int bocpy_core_memory_forget(void) {
  bocpy_lock fresh;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  guard = fresh;
  batches = 0;
  return 0;
}

void bocpy_core_memory_enter(void) { mine.keeps = !BYPASS; }

/* ---- the depot ------------------------------------------------------------------- */

static block *take_batch(void) {
  bocpy_lock_take(&guard);
  block *batch = batches ? depot[--batches] : NULL;
  bocpy_lock_give(&guard);
  return batch;
}

static bool put_batch(block *batch) {
  bocpy_lock_take(&guard);
  bool fits = batches < DEPOT;
  if (fits)
    depot[batches++] = batch;
  bocpy_lock_give(&guard);
  return fits;
}

static void free_all(block *first) {
  for (block *next; first; first = next) {
    next = first->next;
    free(first);
  }
}

/* ---- the thread's ---------------------------------------------------------------- */

static bool refill(void) {
  mine.first = mine.batch ? mine.batch : take_batch();
  mine.batch = NULL;
  mine.count = mine.first ? BATCH : 0;
  return mine.first;
}

static void *allocate(void *ctx, size_t size) {
  (void)ctx;
  if (!mine.first && !(mine.keeps && refill()))
    return malloc(size);
  block *taken = mine.first;
  mine.first = taken->next;
  mine.count--;
  return taken;
}

/* The first list has become a batch. */
static void set_aside(void) {
  block *older = mine.batch;
  mine.batch = mine.first;
  mine.first = NULL;
  mine.count = 0;
  if (older && !put_batch(older))
    free_all(older);
}

static void release(void *ctx, void *memory, size_t size) {
  (void)ctx;
  (void)size;
  if (!mine.keeps) {
    free(memory);
    return;
  }
  if (mine.count == BATCH)
    set_aside();
  block *given = memory;
  given->next = mine.first;
  mine.first = given;
  mine.count++;
}

void bocpy_core_memory_leave(void) {
  free_all(mine.first);
  free_all(mine.batch);
  mine = (stock){0};
}

const boc_allocator bocpy_core_memory = {.allocate = allocate, .release = release};
