/* Trace ring: see trace_ring.h. */
#include "trace_ring.h"

#include <string.h>

#include "alloc.h"
#include "scheduler.h"

boc_status boci_trace_ring_init(boci_trace_ring *ring, size_t capacity,
                                const boc_allocator *allocator) {
  boci_init(&ring->count, 0);
  ring->capacity = 0;
  ring->records = NULL;
  if (capacity == 0)
    return BOC_OK;
  if (capacity > SIZE_MAX / sizeof(boci_trace_record))
    return BOC_NO_MEMORY;
  ring->records = boci_allocate(allocator, capacity * sizeof(boci_trace_record));
  if (!ring->records)
    return BOC_NO_MEMORY;
  memset(ring->records, 0, capacity * sizeof(boci_trace_record));
  ring->capacity = capacity;
  return BOC_OK;
}

void boci_trace_ring_fini(boci_trace_ring *ring, const boc_allocator *allocator) {
  if (ring->records)
    boci_release(allocator, ring->records, ring->capacity * sizeof(boci_trace_record));
}

/* ---- writing --------------------------------------------------------------------- */

/* The ring has one writer, so all its relaxed stores belong to the owner. */
static void append_record(boci_trace_ring *ring, uint64_t now, boc_trace_kind kind,
                          const boc_behavior *behavior, const boc_cown *cown) {
  const uintptr_t count = boci_load_relaxed(&ring->count); /* owner */
  boci_trace_record *record = &ring->records[count % ring->capacity];
  const char *name = behavior ? behavior->type->name : NULL;
  boci_store_relaxed(&record->time_low, (uintptr_t)(now & UINT32_MAX)); /* owner */
  boci_store_relaxed(&record->time_high, (uintptr_t)(now >> 32));       /* owner */
  boci_store_relaxed(&record->behavior, (uintptr_t)behavior);           /* owner */
  boci_store_relaxed(&record->cown, (uintptr_t)cown);                   /* owner */
  boci_store_relaxed(&record->name, (uintptr_t)name);                   /* owner */
  boci_store_relaxed(&record->kind, (uintptr_t)kind);                   /* owner */
  boci_store_release(&ring->count, count + 1);                          /* [R16] */
}

/* Whether it is neither the first cown nor one that came earlier. */
static bool is_further_cown(const boci_request *requests, uint32_t i) {
  return !(requests[i].target & BOCI_MERGED) &&
         boci_request_cown(&requests[i]) != boci_request_cown(&requests[0]);
}

void boci_trace_record_event(boci_trace_ring *ring, boc_trace_kind kind,
                             const boc_behavior *behavior) {
  const uint64_t now = boci_os_now();
  const uint32_t cowns = behavior ? behavior->count : 0;
  const boci_request *requests = behavior ? boci_behavior_requests(behavior) : NULL;
  append_record(ring, now, kind, behavior,
                cowns > 0 ? boci_request_cown(requests) : NULL);
  if (kind != BOC_TRACE_STARTED)
    return;
  for (uint32_t i = 1; i < cowns; i++)
    if (is_further_cown(requests, i))
      append_record(ring, now, BOC_TRACE_COWN, behavior,
                    boci_request_cown(&requests[i]));
}

void boci_trace_external(boci_scheduler *scheduler, boc_trace_kind kind,
                         const boc_behavior *behavior) {
  boci_external_threads *external = &scheduler->external;
  if (external->trace.capacity == 0)
    return;
  boci_mutex_lock(&external->mutex);
  boci_trace_record_event(&external->trace, kind, behavior);
  boci_mutex_unlock(&external->mutex);
}

void boci_trace_here(boci_scheduler *scheduler, boc_trace_kind kind,
                     const boc_behavior *behavior) {
  boci_worker *worker = boci_scheduler_own_worker(scheduler);
  if (worker)
    boci_trace_note(&worker->trace, kind, behavior);
  else
    boci_trace_external(scheduler, kind, behavior);
}

/* ---- reading --------------------------------------------------------------------- */

static boc_trace_event read_record(boci_trace_record *record, int worker) {
  const uint64_t high = boci_load_relaxed(&record->time_high); /* hint: see intact */
  return (boc_trace_event){
      .time = high << 32 | boci_load_relaxed(&record->time_low), /* hint */
      .behavior = boci_load_relaxed(&record->behavior),          /* hint */
      .cown = boci_load_relaxed(&record->cown),                  /* hint */
      .name = (const char *)boci_load_relaxed(&record->name),    /* hint */
      .kind = (boc_trace_kind)boci_load_relaxed(&record->kind),  /* hint */
      .worker = worker,
  };
}

/* Whether record `i` cannot have been overwritten while it was read. */
static bool record_is_intact(boci_trace_ring *ring, uintptr_t i) {
  boci_fence_acquire(); /* [A16]: the fields before the count */
  return boci_load_relaxed(&ring->count) - i < ring->capacity; /* hint: see the fence */
}

void boci_trace_ring_read(boci_trace_ring *ring, int worker,
                          void (*see)(void *ctx, const boc_trace_event *event),
                          void *ctx) {
  const uintptr_t count = boci_load_acquire(&ring->count); /* [A16] */
  const uintptr_t first = count >= ring->capacity ? count - ring->capacity + 1 : 0;
  for (uintptr_t i = first; i < count; i++) {
    const boc_trace_event event =
        read_record(&ring->records[i % ring->capacity], worker);
    if (record_is_intact(ring, i))
      see(ctx, &event);
  }
}
