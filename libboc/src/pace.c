/* Pace: see pace.h. */
#include "pace.h"

#include <stddef.h>

#include "runtime.h"

#define TINY                                                                           \
  UINT64_C(                                                                            \
      2000) /* ns, as slow as contention makes them: cheaper behaviors may be      \
                    better off where they were made */
#define LONGEST UINT64_C(400000) /* ns: of a pause */

enum {
  SHARE = 16,  /* how many bursts a pause lasts while pausing pays */
  PROBE = 2,   /* the same for one that only tries */
  SELDOM = 64, /* bursts between pauses that do not pay, at most */
  GLANCE = 64  /* spins between looks at the maker */
};

static uintptr_t scheduled_by(const boc_runtime *runtime, boci_pool *home) {
  if (home == &runtime->first_pool || home == &runtime->outside_pool)
    return boci_runtime_scheduled_outside((boc_runtime *)runtime);
  const boci_worker *maker =
      (boci_worker *)((char *)home - offsetof(boci_worker, pool));
  return boci_load_relaxed(&maker->tally.scheduled); /* hint */
}

/* Until the time is over, the maker stops, or somebody wants this worker. Whether the
 * maker alone got more done than `done` in `took`, for its part of the time. */
static bool pause_pays(boci_worker *worker, boci_pool *home, uint64_t length,
                       uint64_t done, uint64_t took) {
  boc_runtime *runtime = worker->runtime;
  const uint64_t begin = boci_os_now();
  const uintptr_t first = scheduled_by(runtime, home);
  uintptr_t made = first, last;
  uint64_t passed;
  do {
    last = made;
    for (unsigned i = 0; i < GLANCE; i++)
      boci_pause();
    made = scheduled_by(runtime, home);
    passed = boci_os_now() - begin;
  } while (made != last && passed < length && !boci_runtime_stopping(runtime) &&
           !boci_load_relaxed(&worker->poked)); /* hint */
  return (made - first) * took > done * passed;
}

/* Whether another's `made` and our burst are tiny bodies of a maker that is busy. */
static bool worth_a_try(const boci_pace *pace, uint64_t made, uint64_t took) {
  return took <= BOCI_BURST * TINY && made >= BOCI_BURST / 4 && pace->skip == 0;
}

static void try_pause(boci_worker *worker, boci_pool *home, uint64_t made,
                      uint64_t took) {
  boci_pace *pace = &worker->pace;
  const uint64_t length = (pace->doubt ? PROBE : SHARE) * took;
  if (pause_pays(worker, home, length < LONGEST ? length : LONGEST, made + BOCI_BURST,
                 took)) {
    pace->doubt = 0;
    return;
  }
  pace->doubt = pace->doubt ? 2 * pace->doubt : 1;
  if (pace->doubt > SELDOM)
    pace->doubt = SELDOM;
  pace->skip = pace->doubt;
}

static void end_burst(boci_worker *worker, boci_pool *home) {
  boci_pace *pace = &worker->pace;
  const uint64_t took = boci_os_now() - pace->since;
  const uint64_t made = scheduled_by(worker->runtime, home) - pace->before;
  if (worth_a_try(pace, made, took))
    try_pause(worker, home, made, took);
  else if (pace->skip > 0)
    pace->skip--;
}

void boci_pace_burst(boci_worker *worker, boci_pool *home) {
  boci_pace *pace = &worker->pace;
  if (pace->home == home && worker->runtime->spin > 0)
    end_burst(worker, home);
  pace->home = home;
  pace->run = 0;
  pace->since = boci_os_now();
  pace->before = scheduled_by(worker->runtime, home);
}
