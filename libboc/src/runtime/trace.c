/* Trace: see trace.h. */
#include "trace.h"

#include <string.h>

#include "behavior.h"
#include "alloc.h"
#include "os.h"
#include "runtime.h"

boc_status boci_trace_init(boci_trace *trace, size_t capacity,
                           const boc_allocator *allocator) {
  boci_init(&trace->count, 0);
  trace->capacity = 0;
  trace->records = NULL;
  if (capacity == 0)
    return BOC_OK;
  if (capacity > SIZE_MAX / sizeof(boci_record))
    return BOC_NO_MEMORY;
  trace->records = boci_allocate(allocator, capacity * sizeof(boci_record));
  if (!trace->records)
    return BOC_NO_MEMORY;
  memset(trace->records, 0, capacity * sizeof(boci_record));
  trace->capacity = capacity;
  return BOC_OK;
}

void boci_trace_fini(boci_trace *trace, const boc_allocator *allocator) {
  if (trace->records)
    boci_release(allocator, trace->records, trace->capacity * sizeof(boci_record));
}

/* All relaxed stores here: owner, the ring has one writer. */
static void append(boci_trace *trace, uint64_t now, boc_trace_kind kind,
                   const boc_behavior *behavior, const boc_cown *cown) {
  const uintptr_t count = boci_load_relaxed(&trace->count); /* owner */
  boci_record *record = &trace->records[count % trace->capacity];
  const char *name = behavior ? behavior->type->name : NULL;
  boci_store_relaxed(&record->time_low, (uintptr_t)(now & UINT32_MAX)); /* owner */
  boci_store_relaxed(&record->time_high, (uintptr_t)(now >> 32));       /* owner */
  boci_store_relaxed(&record->behavior, (uintptr_t)behavior);           /* owner */
  boci_store_relaxed(&record->cown, (uintptr_t)cown);                   /* owner */
  boci_store_relaxed(&record->name, (uintptr_t)name);                   /* owner */
  boci_store_relaxed(&record->kind, (uintptr_t)kind);                   /* owner */
  boci_store_release(&trace->count, count + 1);                         /* [R16] */
}

/* Whether it is neither the first cown nor one that is there twice. */
static bool one_more(const boci_request *requests, uint32_t i) {
  return !(requests[i].target & BOCI_MERGED) &&
         boci_request_cown(&requests[i]) != boci_request_cown(&requests[0]);
}

void boci_trace_record(boci_trace *trace, boc_trace_kind kind,
                       const boc_behavior *behavior) {
  const uint64_t now = boci_os_now();
  const uint32_t cowns = behavior ? behavior->count : 0;
  const boci_request *requests = behavior ? boci_behavior_requests(behavior) : NULL;
  append(trace, now, kind, behavior, cowns > 0 ? boci_request_cown(requests) : NULL);
  if (kind != BOC_TRACE_started)
    return;
  for (uint32_t i = 1; i < cowns; i++)
    if (one_more(requests, i))
      append(trace, now, BOC_TRACE_cown, behavior, boci_request_cown(&requests[i]));
}

void boci_trace_outside(boc_runtime *runtime, boc_trace_kind kind,
                        const boc_behavior *behavior) {
  if (runtime->outside_trace.capacity == 0)
    return;
  boci_mutex_lock(&runtime->outside_mutex);
  boci_trace_record(&runtime->outside_trace, kind, behavior);
  boci_mutex_unlock(&runtime->outside_mutex);
}

void boci_trace_here(boc_runtime *runtime, boc_trace_kind kind,
                     const boc_behavior *behavior) {
  boci_worker *worker = boci_worker_current();
  if (worker && worker->runtime == runtime)
    boci_trace_note(&worker->trace, kind, behavior);
  else
    boci_trace_outside(runtime, kind, behavior);
}

typedef struct reading {
  void (*see)(void *ctx, const boc_trace_event *event);
  void *ctx;
} reading;

static boc_trace_event read_record(boci_record *record, int worker) {
  const uint64_t high = boci_load_relaxed(&record->time_high); /* hint: see trace.h */
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
static bool intact(boci_trace *trace, uintptr_t i) {
  boci_fence_acquire(); /* [A16]: the fields before the count */
  return boci_load_relaxed(&trace->count) - i < trace->capacity; /* hint: see trace.h */
}

static void read_ring(boci_trace *trace, int worker, const reading *to) {
  const uintptr_t count = boci_load_acquire(&trace->count); /* [A16] */
  const uintptr_t first = count >= trace->capacity ? count - trace->capacity + 1 : 0;
  for (uintptr_t i = first; i < count; i++) {
    const boc_trace_event event =
        read_record(&trace->records[i % trace->capacity], worker);
    if (intact(trace, i))
      to->see(to->ctx, &event);
  }
}

boc_status boc_trace_read(boc_runtime *runtime,
                          void (*see)(void *ctx, const boc_trace_event *event),
                          void *ctx) {
  const reading to = {see, ctx};
  if (runtime->outside_trace.capacity == 0)
    return BOC_BAD_STATE;
  read_ring(&runtime->outside_trace, -1, &to);
  for (uint32_t i = 0; i < boci_runtime_started(runtime); i++)
    read_ring(&runtime->worker[i].trace, (int)i, &to);
  return BOC_OK;
}
