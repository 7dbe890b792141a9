/* Keyword names of 3.12: see py312_kwnames.h. `guard` guards the notes; the snapshot that frees look at
 * changes only while there are no workers. */
#include "py312_kwnames.h"

#if BOCPY_HAVE_STRAYS

#include <stdlib.h>
#include <string.h>

typedef struct range {
  uintptr_t begin, end;
} range;

typedef struct ranges {
  range *items;
  size_t count, capacity;
} ranges;

static bocpy_lock guard;
static ranges noted;    /* under `guard` */
static ranges snapshot; /* sorted */
static PyObjectArenaAllocator arenas_before;
static PyMemAllocatorEx objects_before, memory_before;
static bool keeping;

/* ---- notes --------------------------------------------------------------------------
 */

static bool add(ranges *to, range added) {
  if (to->count == to->capacity) {
    size_t capacity = to->capacity ? 2 * to->capacity : 64;
    range *grown = realloc(to->items, capacity * sizeof(*grown));
    if (!grown)
      return false;
    to->items = grown;
    to->capacity = capacity;
  }
  to->items[to->count++] = added;
  return true;
}

static void *allocate_arena(void *ctx, size_t size) {
  (void)ctx;
  char *arena = arenas_before.alloc(arenas_before.ctx, size);
  if (!arena || PyInterpreterState_Get() == PyInterpreterState_Main())
    return arena;
  bocpy_lock_take(&guard);
  bool done = add(&noted, (range){(uintptr_t)arena, (uintptr_t)arena + size});
  bocpy_lock_give(&guard);
  if (done)
    return arena;
  arenas_before.free(arenas_before.ctx, arena, size);
  return NULL;
}

static void free_arena(void *ctx, void *arena, size_t size) {
  (void)ctx;
  bocpy_lock_take(&guard);
  size_t i = 0;
  while (i < noted.count && noted.items[i].begin != (uintptr_t)arena)
    i++;
  if (i < noted.count)
    noted.items[i] = noted.items[--noted.count];
  bocpy_lock_give(&guard);
  arenas_before.free(arenas_before.ctx, arena, size);
}

int bocpy_arenas_init(void) {
  if (guard)
    return 0;
  if (bocpy_lock_init(&guard) < 0)
    return -1;
  PyObjectArenaAllocator ours = {NULL, allocate_arena, free_arena};
  PyObject_GetArenaAllocator(&arenas_before);
  PyObject_SetArenaAllocator(&ours);
  return 0;
}

/* ---- the end ------------------------------------------------------------------------
 */

static bool is_stray(const void *memory) {
  uintptr_t address = (uintptr_t)memory;
  size_t low = 0, high = snapshot.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (snapshot.items[middle].end <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low < snapshot.count && snapshot.items[low].begin <= address;
}

static void *allocate(void *ctx, size_t size) {
  PyMemAllocatorEx *before = ctx;
  return before->malloc(before->ctx, size);
}

static void *allocate_zeroed(void *ctx, size_t count, size_t size) {
  PyMemAllocatorEx *before = ctx;
  return before->calloc(before->ctx, count, size);
}

static void *reallocate(void *ctx, void *memory, size_t size) {
  PyMemAllocatorEx *before = ctx;
  return before->realloc(before->ctx, memory, size);
}

static void release(void *ctx, void *memory) {
  PyMemAllocatorEx *before = ctx;
  if (memory && !is_stray(memory))
    before->free(before->ctx, memory);
}

static void wrap(PyMemAllocatorDomain domain, PyMemAllocatorEx *before) {
  PyMemAllocatorEx ours = {before, allocate, allocate_zeroed, reallocate, release};
  PyMem_GetAllocator(domain, before);
  PyMem_SetAllocator(domain, &ours);
}

static int compare(const void *left, const void *right) {
  uintptr_t a = ((const range *)left)->begin, b = ((const range *)right)->begin;
  return (a > b) - (a < b);
}

void bocpy_arenas_keep(void) {
  snapshot.count = 0;
  bocpy_lock_take(&guard);
  bool complete = true;
  for (size_t i = 0; i < noted.count; i++)
    complete = complete && add(&snapshot, noted.items[i]);
  bocpy_lock_give(&guard);
  if (!snapshot.count || !complete)
    return;
  qsort(snapshot.items, snapshot.count, sizeof(range), compare);
  if (keeping)
    return;
  keeping = true;
  wrap(PYMEM_DOMAIN_OBJ, &objects_before);
  wrap(PYMEM_DOMAIN_MEM, &memory_before);
}

#else

int bocpy_arenas_init(void) { return 0; }

void bocpy_arenas_keep(void) {}

#endif
