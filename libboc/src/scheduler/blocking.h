/* Spare: workers that stand in for others whose bodies block.
 *
 * A runtime keeps `workers` bodies running. If one of them is going to block on
 * something that is no business of the runtime's (a message, a file), it says so, and a
 * spare worker comes: a retired one, or a new thread. Once nobody blocks any more the
 * spares retire at the end of their bodies. A spare is a worker like all others (it
 * steals, and is stolen from); what the blocked one has in its run queue is there to
 * steal already.
 *
 *   spares awake <= blocked workers, but for those that have not noticed yet
 *
 * Threads: `begin` and `end` by a worker in a body; `rest` by a spare between two
 * bodies; `stop` by who stops the runtime. Invariants: 1. All fields under the mutex,
 * but for `excess`, which a spare may see late. 2. Worker structs below `started` never
 * move. Ordering: [R13] a spare's struct is published by `started`; [A13] whoever looks
 * at others.
 */
#ifndef BOCI_SPARE_H
#define BOCI_SPARE_H

#include "atomic.h"
#include "park.h"

#include <boc/runtime.h>

struct boci_worker;

typedef struct boci_spares {
  boci_mutex mutex;
  uint32_t blocked;
  uint32_t awake;
  bool stopped;
  boci_atomic_u32 excess; /* awake spares that nobody needs */
  struct boci_worker *retired;
} boci_spares;

boc_status boci_spares_init(boci_spares *spares);
void boci_spares_fini(boci_spares *spares);

/* The first step of a spare's thread: waits until its struct is published. */
void boci_spare_enter(struct boci_worker *worker);

/* A spare without need for it sleeps here until it is needed or the runtime stops. */
void boci_spare_rest(struct boci_worker *worker);

/* Wakes a resting spare so that it sees its poke. */
void boci_spare_poke(struct boci_worker *worker);

/* The start hook of a spare has failed: it is none. */
void boci_spare_lost(struct boci_worker *worker);

/* No spare comes or retires any more; those that rest get up. */
void boci_spares_stop(boc_runtime *runtime);

#endif
