/* Parker: the object on which one thread sleeps until another one wakes it.
 *
 * It has at most one token: unpark leaves the token, and park takes it, or waits for it
 * until the deadline. What was written before unpark is visible after the park that
 * took its token. Workers that sleep are in the list of parked_workers.h.
 *
 * Threads: `park` by the owner, `unpark` by any thread.
 */
#ifndef BOCI_PARKER_H
#define BOCI_PARKER_H

#include "park.h"

typedef struct boci_parker {
  boci_mutex mutex;
  boci_cond cond;
  bool token;
  int token_from;   /* the processor of the thread that left the token; or -1 */
  int latest_waker; /* the same of the latest token that was taken; only the owner's */
} boci_parker;

boc_status boci_parker_init(boci_parker *parker);
void boci_parker_fini(boci_parker *parker);

/* Returns false if no token came in time. */
bool boci_parker_park(boci_parker *parker, uint64_t deadline);
void boci_parker_unpark(boci_parker *parker);

/* Whether the owner, which calls this, runs on the processor on which the thread ran
 * that woke it last: that thread can go on only when the owner is off the processor.
 * False where the system does not tell. */
bool boci_parker_shares_processor(const boci_parker *parker);

#endif
