/* Keyword names of 3.12: see py312_keyword_names.h. `noted_lock` guards the notes. The
 * ranges that the end of the program reads change only while there are no workers. */
#include "py312_keyword_names.h"

#if BOCPY_HAVE_SHARED_KWNAMES

#include <stdlib.h>
#include <string.h>

typedef struct range {
  uintptr_t begin, end;
} range;

typedef struct ranges {
  range *items;
  size_t count, capacity;
} ranges;

static bocpy_lock noted_lock;
static ranges noted_ranges; /* under `noted_lock` */
static ranges kept_ranges;  /* sorted */
static PyObjectArenaAllocator arenas_before;
static PyMemAllocatorEx objects_before, memory_before;
static bool allocators_wrapped;

/* ---- notes ----------------------------------------------------------------------- */

static bool ranges_add(ranges *to, range added) {
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

static void *arena_allocate(void *ctx, size_t size) {
  (void)ctx;
  char *arena = arenas_before.alloc(arenas_before.ctx, size);
  if (!arena || PyInterpreterState_Get() == PyInterpreterState_Main())
    return arena;
  bocpy_lock_take(&noted_lock);
  bool done =
      ranges_add(&noted_ranges, (range){(uintptr_t)arena, (uintptr_t)arena + size});
  bocpy_lock_give(&noted_lock);
  if (done)
    return arena;
  arenas_before.free(arenas_before.ctx, arena, size);
  return NULL;
}

static void arena_free(void *ctx, void *arena, size_t size) {
  (void)ctx;
  bocpy_lock_take(&noted_lock);
  size_t i = 0;
  while (i < noted_ranges.count && noted_ranges.items[i].begin != (uintptr_t)arena)
    i++;
  if (i < noted_ranges.count)
    noted_ranges.items[i] = noted_ranges.items[--noted_ranges.count];
  bocpy_lock_give(&noted_lock);
  arenas_before.free(arenas_before.ctx, arena, size);
}

int bocpy_keyword_names_init(void) {
  if (noted_lock)
    return 0;
  if (bocpy_lock_init(&noted_lock) < 0)
    return -1;
  PyObjectArenaAllocator ours = {NULL, arena_allocate, arena_free};
  PyObject_GetArenaAllocator(&arenas_before);
  PyObject_SetArenaAllocator(&ours);
  return 0;
}

/* ---- the end --------------------------------------------------------------------- */

static bool is_worker_memory(const void *memory) {
  uintptr_t address = (uintptr_t)memory;
  size_t low = 0, high = kept_ranges.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (kept_ranges.items[middle].end <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low < kept_ranges.count && kept_ranges.items[low].begin <= address;
}

static void *wrapped_malloc(void *ctx, size_t size) {
  PyMemAllocatorEx *before = ctx;
  return before->malloc(before->ctx, size);
}

static void *wrapped_calloc(void *ctx, size_t count, size_t size) {
  PyMemAllocatorEx *before = ctx;
  return before->calloc(before->ctx, count, size);
}

static void *wrapped_realloc(void *ctx, void *memory, size_t size) {
  PyMemAllocatorEx *before = ctx;
  return before->realloc(before->ctx, memory, size);
}

static void wrapped_free(void *ctx, void *memory) {
  PyMemAllocatorEx *before = ctx;
  if (memory && !is_worker_memory(memory))
    before->free(before->ctx, memory);
}

static void allocator_wrap(PyMemAllocatorDomain domain, PyMemAllocatorEx *before) {
  PyMemAllocatorEx ours = {before, wrapped_malloc, wrapped_calloc, wrapped_realloc,
                           wrapped_free};
  PyMem_GetAllocator(domain, before);
  PyMem_SetAllocator(domain, &ours);
}

static int range_compare(const void *left, const void *right) {
  uintptr_t a = ((const range *)left)->begin, b = ((const range *)right)->begin;
  return (a > b) - (a < b);
}

void bocpy_keyword_names_keep(void) {
  kept_ranges.count = 0;
  bocpy_lock_take(&noted_lock);
  bool complete = true;
  for (size_t i = 0; i < noted_ranges.count; i++)
    complete = complete && ranges_add(&kept_ranges, noted_ranges.items[i]);
  bocpy_lock_give(&noted_lock);
  if (!kept_ranges.count || !complete)
    return;
  qsort(kept_ranges.items, kept_ranges.count, sizeof(range), range_compare);
  if (allocators_wrapped)
    return;
  allocators_wrapped = true;
  allocator_wrap(PYMEM_DOMAIN_OBJ, &objects_before);
  allocator_wrap(PYMEM_DOMAIN_MEM, &memory_before);
}

#else

int bocpy_keyword_names_init(void) { return 0; }

void bocpy_keyword_names_keep(void) {}

#endif
