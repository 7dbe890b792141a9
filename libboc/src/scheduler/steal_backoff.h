/* Pace: when running another worker's behaviors at once would only slow both down.
 *
 * A behavior that runs on another core than it was made on moves cache lines there and
 * back, its own and its cowns'. With a backlog the two cores work far apart; but who has
 * caught up with a maker of tiny behaviors takes each one out of its hands, and both wait
 * for the same lines all the time. So a worker that ran out of another's tiny behaviors
 * is patient: for a moment it leaves what that one has queued alone, and lets a backlog
 * grow. Its patience ends when the maker slows down, or when somebody wants the worker;
 * and where that happens, it is patient ever more seldom.
 *
 * Threads: the worker itself. It reads the maker's tally, rarely.
 */
#ifndef BOCI_PACE_H
#define BOCI_PACE_H

#include "block_pool.h"

struct boci_worker;

typedef struct boci_pace {
  boci_pool *home;    /* whose behaviors it ran last, of others' */
  uintptr_t others;   /* others' behaviors that it ran since it found work */
  uintptr_t finished; /* its tally when it found work */
  uint64_t since;     /* when that was, ns */
  uint64_t until;     /* its patience ends; 0: it has none */
  uint64_t glance;    /* when to look at the maker again */
  uint64_t interval;  /* from the last look to that */
  uintptr_t made;     /* what the maker had scheduled at the last look */
  uint32_t doubt; /* how often it was not patient, because the last time was in vain */
  uint32_t skip;  /* how often it is still not going to be */
} boci_pace;

/* The worker has found work; it has none any more. */
void boci_pace_begin(struct boci_worker *worker);
void boci_pace_end(struct boci_worker *worker);

/* Whether it had better not take what the maker has queued yet. */
bool boci_pace_patient(struct boci_worker *worker);
/* Whether that maker is outside, or a worker. */
bool boci_pace_waits_for_outside(const struct boci_worker *worker);

/* `worker` has run a behavior of `home`, another worker's pool or an outside one. */
static inline void boci_pace_note(boci_pace *pace, boci_pool *home) {
  pace->home = home;
  pace->others++;
}

#endif
