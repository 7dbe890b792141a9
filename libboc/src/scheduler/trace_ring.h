/* Trace ring: the latest events of one worker, or of all threads that are no workers.
 *
 * A ring has one writer at a time: its worker, or the thread that has the mutex of
 * external_threads.h. Threads read it while the runtime is quiescent (see the public
 * trace.h). But workers park and wake in a quiescent runtime, too, and record that
 * while others read. So every field is an atomic, and the reader leaves out a record
 * that may have been overwritten meanwhile.
 *
 * Ordering:
 *   [R16] the count publishes a record; [A16] the reader, before and after it reads.
 */
#ifndef BOCI_TRACE_RING_H
#define BOCI_TRACE_RING_H

#include "atomic.h"

#include <boc/trace.h>

struct boci_scheduler;

typedef struct boci_trace_record {
  boci_atomic_word time_low, time_high, behavior, cown, name, kind;
} boci_trace_record;

typedef struct boci_trace_ring {
  boci_atomic_word count; /* events so far; the ring has the latest `capacity` */
  size_t capacity;
  boci_trace_record *records;
} boci_trace_ring;

/* Refusal: BOC_NO_MEMORY. With capacity 0 the ring is empty, and nothing is
 * recorded. */
boc_status boci_trace_ring_init(boci_trace_ring *ring, size_t capacity,
                                const boc_allocator *allocator);
void boci_trace_ring_fini(boci_trace_ring *ring, const boc_allocator *allocator);

/* Records an event; with BOC_TRACE_STARTED, also the further cowns. */
void boci_trace_record_event(boci_trace_ring *ring, boc_trace_kind kind,
                             const boc_behavior *behavior);

/* The same, in the ring of all threads that are not workers. Takes its mutex. */
void boci_trace_external(struct boci_scheduler *scheduler, boc_trace_kind kind,
                         const boc_behavior *behavior);

/* The same, in the ring that the calling thread writes. */
void boci_trace_here(struct boci_scheduler *scheduler, boc_trace_kind kind,
                     const boc_behavior *behavior);

/* Passes each event that is still in the ring to `see`, the oldest first. */
void boci_trace_ring_read(boci_trace_ring *ring, int worker,
                          void (*see)(void *ctx, const boc_trace_event *event),
                          void *ctx);

static inline void boci_trace_note(boci_trace_ring *ring, boc_trace_kind kind,
                                   const boc_behavior *behavior) {
  if (ring->capacity != 0)
    boci_trace_record_event(ring, kind, behavior);
}

#endif
