/* Blocking: compensating workers, which replace workers whose bodies block.
 *
 * A runtime keeps `workers` bodies running. A body that is about to block on something
 * that the runtime does not know (a message, a file) calls boc_worker_block_begin, and
 * a compensating worker starts: a retired one, or a new thread. When bodies no longer
 * block, the compensating workers retire at the ends of their bodies. A compensating
 * worker works like all others (it steals, and others steal from it). Other workers
 * steal from the run queue of the blocked worker.
 *
 *   active compensating workers <= blocked workers, but for those about to retire
 *
 * Threads: `boc_worker_block_begin` and `_end` by a worker in a body; `retire` by a
 * compensating worker between two bodies; `stop` by the thread that stops the runtime.
 * Invariants:
 *   1. All fields are under the mutex, but for `excess`, which a worker may see late.
 *   2. Worker structs below `started` never move.
 * Ordering:
 *   [R13] a compensating worker's struct is published by `started`; [A13] a worker that
 *     looks at other workers.
 */
#ifndef BOCI_BLOCKING_H
#define BOCI_BLOCKING_H

#include "atomic.h"
#include "park.h"

#include <boc/runtime.h>

struct boci_scheduler;
struct boci_worker;

typedef struct boci_blocking {
  boci_mutex mutex;
  uint32_t blocked; /* workers whose bodies block */
  uint32_t active;  /* compensating workers that have not retired */
  bool stopped;
  boci_atomic_u32 excess; /* active ones that are not needed */
  struct boci_worker *retired;
} boci_blocking;

boc_status boci_blocking_init(boci_blocking *blocking);
void boci_blocking_fini(boci_blocking *blocking);

/* The first step of a compensating worker's thread: waits until its struct is
 * published.
 */
void boci_blocking_wait_until_published(struct boci_worker *worker);

/* A compensating worker that is not needed sleeps here until it is needed or the
 * runtime stops. Returns at once if it is needed. */
void boci_blocking_retire(struct boci_worker *worker);

/* Wakes a retired worker so that it answers its poke. Does nothing to others. */
void boci_blocking_poke(struct boci_worker *worker);

/* The start hook of a compensating worker has failed: it does not count as one. */
void boci_blocking_start_failed(struct boci_worker *worker);

/* Changes the number of ordinary workers. Nothing may be in flight. Refusals:
 * BOC_NO_THREAD, BOC_NO_MEMORY, or the status that a start hook returned. */
boc_status boci_blocking_resize(struct boci_scheduler *scheduler, uint32_t workers);

/* From now on no compensating worker starts or retires; retired ones return. */
void boci_blocking_stop(struct boci_scheduler *scheduler);

#endif
