/* Idle policy: how long a worker without work searches, when it parks, for how long.
 *
 * A worker searches for the time `spin` of the runtime's options if there are not too
 * many searchers; then it parks, unless there is work that no other worker will take.
 * It wakes up by itself at the deadline of a timer that it keeps, and as a monitor
 * (parked_workers.h); a monitor may leave work to busy workers a few times before it
 * searches.
 *
 * Threads: the worker.
 */
#ifndef BOCI_IDLE_POLICY_H
#define BOCI_IDLE_POLICY_H

#include "scheduler.h"

/* Spins, steals, parks. NULL if the scheduler stops, or the worker was poked. Calls the
 * embedder's before_park first and after_park last. `*out_overdue`: the behavior comes
 * from the inbox of a worker that was too busy for it. */
boc_behavior *boci_find_or_park(boci_worker *worker, bool *out_overdue);

#endif
