/* Trace: a ring of events for each worker, written by it alone; one under a lock for
 * all outside threads. Read when the runtime is quiescent (see the public trace.h).
 *
 * Sleeping is the one thing that workers do in a quiescent runtime: its events go on
 * being written while others are read, so every field is an atomic, and the reader
 * leaves out a record that may have been overwritten meanwhile.
 *
 * Ordering: [R16] the count publishes a record; [A16] the reader, before and after it
 * reads.
 */
#ifndef BOCI_TRACE_H
#define BOCI_TRACE_H

#include "atomic.h"

#include <boc/trace.h>

typedef struct boci_record {
  boci_atomic_word time_low, time_high, behavior, cown, name, kind;
} boci_record;

typedef struct boci_trace {
  boci_atomic_word count; /* events so far; the ring has the latest `capacity` */
  size_t capacity;
  boci_record *records;
} boci_trace;

/* Refusal: BOC_NO_MEMORY. With capacity 0 there is nothing, and nothing is recorded. */
boc_status boci_trace_init(boci_trace *trace, size_t capacity,
                           const boc_allocator *allocator);
void boci_trace_fini(boci_trace *trace, const boc_allocator *allocator);

/* After a `started`, the further cowns too. */
void boci_trace_record(boci_trace *trace, boc_trace_kind kind,
                       const boc_behavior *behavior);

/* The same, in the ring of all threads that are no workers. */
void boci_trace_outside(boc_runtime *runtime, boc_trace_kind kind,
                        const boc_behavior *behavior);

/* The same, in the ring that the calling thread writes. */
void boci_trace_here(boc_runtime *runtime, boc_trace_kind kind,
                     const boc_behavior *behavior);

static inline void boci_trace_note(boci_trace *trace, boc_trace_kind kind,
                                   const boc_behavior *behavior) {
  if (trace->capacity != 0)
    boci_trace_record(trace, kind, behavior);
}

#endif
