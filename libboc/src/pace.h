/* Pace: when running another worker's behaviors at once would only slow both down.
 *
 * A behavior that runs on another core than it was made on moves cache lines there and
 * back, its own and its cowns'. For tiny bodies, and while the maker is still busy
 * scheduling on the same cowns, two cores can be slower than one. Nobody can tell from
 * the behaviors; so a worker tries it. After a burst of another's tiny behaviors it
 * pauses for a moment. If the maker gets more done in that time than both together
 * before, the worker goes on in bursts with long pauses, and lets a backlog grow.
 * Otherwise it goes on at full speed, and tries again after ever longer times. A pause
 * ends as soon as the maker stops.
 *
 * Threads: the worker itself. It reads the maker's tally.
 */
#ifndef BOCI_PACE_H
#define BOCI_PACE_H

#include "pool.h"

struct boci_worker;

enum { BOCI_BURST = 64 };

typedef struct boci_pace {
  boci_pool *home;  /* whose behaviors the burst is of */
  uint32_t run;     /* how many of them so far */
  uint32_t skip;    /* bursts until the next pause */
  uint32_t doubt;   /* bursts that were skipped before this pause; 0: pausing pays */
  uint64_t since;   /* when the burst began, ns */
  uintptr_t before; /* what its maker had scheduled then */
} boci_pace;

void boci_pace_burst(struct boci_worker *worker, boci_pool *home);

/* `worker` has run a behavior of `home`, another worker's pool or the outside one. */
static inline void boci_pace_note(struct boci_worker *worker, boci_pace *pace,
                                  boci_pool *home) {
  if (pace->home != home || ++pace->run >= BOCI_BURST)
    boci_pace_burst(worker, home);
}

#endif
