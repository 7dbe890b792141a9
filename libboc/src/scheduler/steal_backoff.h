/* Steal back-off: when taking another worker's behaviors would slow both workers down.
 *
 * A behavior that runs on another core than the one that made it moves cache lines
 * there and back: its own and those of its cowns. With a backlog the two cores work far
 * apart. But a thief that has caught up with a maker of tiny behaviors takes each one
 * as soon as it is made, and both wait for the same lines all the time. So a worker
 * that ran out of a maker's tiny behaviors backs off: for up to 200 us it takes nothing
 * that this maker has queued, and lets a backlog grow. It stops when the maker slows
 * down, or when the worker is needed for something else. After useless attempts it
 * skips 1, 3, 7, up to 64 occasions.
 *
 * A worker may also follow a maker closely and never run out of work: in a chain, the
 * next behavior is made while it runs one. Each behavior that the maker links then
 * writes lines that the worker is using. So a worker that makes nothing itself, and is
 * slow although what it runs is tiny, counts from time to time how many behaviors are
 * in flight. If they are few, it rests until they are many, the maker stops, or 400 us
 * have passed. (Behaviors over eight cowns, each of which waits for the one before it:
 * where the processors are far apart, two workers took 290 to 470 ns, and take 240; one
 * worker takes 137.)
 *
 * Threads: the worker itself. It reads the maker's counters, rarely.
 */
#ifndef BOCI_STEAL_BACKOFF_H
#define BOCI_STEAL_BACKOFF_H

#include "block_pool.h"

struct boci_worker;

typedef struct boci_steal_backoff {
  boci_block_pool
      /* the maker of the latest behavior that it ran and had not made itself */
      *maker_pool;
  uintptr_t others_run;      /* behaviors of other makers run since it found work */
  uintptr_t finished_before; /* its `finished` when it found work */
  uint64_t since;            /* the time of that, ns */
  uint64_t until;            /* when it stops backing off; 0 if it does not back off */
  uint64_t next_check;       /* when to read the maker's counter again */
  uint64_t interval;         /* the time between the last two reads */
  uintptr_t maker_scheduled; /* how many the maker had scheduled at the last read */
  uint32_t misses; /* occasions to skip after the next miss; doubles with each miss */
  uint32_t skips;  /* occasions that are still to be skipped */
  struct {
    uint32_t turns;       /* how many turns there were */
    uint64_t at;          /* the time of the last look at the worker's pace, ns */
    uintptr_t others_run; /* as above, and how many the worker had scheduled, then */
    uintptr_t scheduled;
  } pace;
} boci_steal_backoff;

/* The worker has found work; it has none any more. */
void boci_steal_backoff_found_work(struct boci_worker *worker);
void boci_steal_backoff_out_of_work(struct boci_worker *worker);

/* Called at each turn (find_work.h): rests if the worker follows a maker too closely.
 * Returns whether it has rested. */
bool boci_steal_backoff_keep_distance(struct boci_worker *worker);

/* Whether the worker should leave the maker's queue alone. */
bool boci_steal_backoff_active(struct boci_worker *worker);
/* Whether that maker is a thread other than the workers. */
bool boci_steal_backoff_from_external(const struct boci_worker *worker);

/* Notes that the worker has run a behavior of `pool`, which belongs to another worker
 * or to outside threads. */
static inline void boci_steal_backoff_note(boci_steal_backoff *backoff,
                                           boci_block_pool *pool) {
  backoff->maker_pool = pool;
  backoff->others_run++;
}

#endif
