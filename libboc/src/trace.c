/* Trace: see trace.h. The JSON is the "JSON Array Format" of Chrome's trace events. */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "behavior.h"
#include "memory.h"
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
void boci_trace_record(boci_trace *trace, boc_trace_kind kind,
                       const boc_behavior *behavior) {
  const uintptr_t count = boci_load_relaxed(&trace->count); /* owner */
  boci_record *record = &trace->records[count % trace->capacity];
  const uint64_t now = boci_os_now();
  const boc_cown *cown = behavior && behavior->count > 0
                             ? boci_request_cown(boci_behavior_requests(behavior))
                             : NULL;
  const char *name = behavior ? behavior->type->name : NULL;
  boci_store_relaxed(&record->time_low, (uintptr_t)(now & UINT32_MAX)); /* owner */
  boci_store_relaxed(&record->time_high, (uintptr_t)(now >> 32));       /* owner */
  boci_store_relaxed(&record->behavior, (uintptr_t)behavior);           /* owner */
  boci_store_relaxed(&record->cown, (uintptr_t)cown);                   /* owner */
  boci_store_relaxed(&record->name, (uintptr_t)name);                   /* owner */
  boci_store_relaxed(&record->kind, (uintptr_t)kind);                   /* owner */
  boci_store_release(&trace->count, count + 1);                         /* [R16] */
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

static const char *const kind_names[] = {
#define KIND_NAME(name, text) #name,
    BOC_TRACE_MAP(KIND_NAME)
#undef KIND_NAME
};

typedef struct writing {
  void (*write)(void *ctx, const char *text, size_t size);
  void *ctx;
  bool any;
} writing;

/* A name of the program's inside a JSON string: what would end it becomes a question
 * mark. */
static void clean(const char *name, char *out, size_t size) {
  size_t i = 0;
  for (; name && name[i] && i + 1 < size; i++)
    out[i] = (unsigned char)name[i] < ' ' || strchr("\"\\", name[i]) ? '?' : name[i];
  out[i] = '\0';
}

static void write_event(void *ctx, const boc_trace_event *event) {
  writing *to = ctx;
  char name[64], line[320];
  const bool begins = event->kind == BOC_TRACE_started;
  const bool ends = event->kind == BOC_TRACE_finished;
  const char *phase = begins ? "B" : ends ? "E" : "i";
  clean(begins || ends ? event->name : kind_names[event->kind], name, sizeof name);
  const int size = snprintf(
      line, sizeof line,
      "%s{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"%s\",\"ts\":%" PRIu64
      ".%03u,\"pid\":0,"
      "\"tid\":%d,\"args\":{\"behavior\":\"%" PRIxPTR "\",\"cown\":\"%" PRIxPTR "\"}}",
      to->any ? ",\n" : "[\n", name[0] ? name : "behavior", kind_names[event->kind],
      phase, event->time / 1000, (unsigned)(event->time % 1000), event->worker,
      event->behavior, event->cown);
  to->any = true;
  to->write(to->ctx, line, (size_t)size);
}

boc_status boc_trace_write(boc_runtime *runtime,
                           void (*write)(void *ctx, const char *text, size_t size),
                           void *ctx) {
  writing to = {write, ctx, false};
  const boc_status status = boc_trace_read(runtime, write_event, &to);
  if (status != BOC_OK)
    return status;
  const char *end = to.any ? "\n]\n" : "[]\n";
  write(ctx, end, strlen(end));
  return BOC_OK;
}
