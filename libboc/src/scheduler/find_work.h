/* Search: what a worker without work does until it has some. */
#ifndef BOCI_SEARCH_H
#define BOCI_SEARCH_H

#include "worker.h"

/* Spins, steals, sleeps. NULL: the runtime stops, or the worker was poked. Calls the
 * embedder's before_park first and after_park last. `*out_overdue`: it was taken from
 * the inbox of a worker that was too busy for it. */
boc_behavior *boci_search(boci_worker *worker, bool *out_overdue);

/* In worker.c: work that is everybody's: one, or, into an empty queue, a share. */
boc_behavior *boci_worker_take_common(boci_worker *worker, bool batch);
/* A share of what came from outside. */
boc_behavior *boci_worker_take_shared(boci_worker *worker);

#endif
