/* Pace: see steal_backoff.h. */
#include "steal_backoff.h"

#include <stddef.h>

#include "runtime.h"

#define TINY UINT64_C(2000)       /* ns a behavior, as slow as contention makes it */
#define PATIENCE UINT64_C(200000) /* ns */
/* ns between looks at the maker, each a cache line that it has to get back: */
#define SOONEST UINT64_C(2000)
#define LATEST UINT64_C(16000)
#define BUSY UINT64_C(1000) /* ns a behavior: a maker that is worth waiting for */

enum { SELDOM = 64 /* times without patience after one that was in vain, at most */ };

static bool is_outside(const boc_runtime *runtime, const boci_pool *home) {
  return home == &runtime->first_pool || home == &runtime->outside_pool;
}

static uintptr_t scheduled_by(const boc_runtime *runtime, boci_pool *home) {
  if (is_outside(runtime, home))
    return boci_runtime_scheduled_outside((boc_runtime *)runtime);
  const boci_worker *maker =
      (boci_worker *)((char *)home - offsetof(boci_worker, pool));
  return boci_load_relaxed(&maker->tally.scheduled); /* hint */
}

static uintptr_t finished_by(const boci_worker *worker) {
  return boci_load_relaxed(&worker->tally.finished); /* owner */
}

void boci_pace_begin(boci_worker *worker) {
  boci_pace *pace = &worker->pace;
  pace->others = 0;
  pace->finished = finished_by(worker);
  pace->since = boci_os_now();
  pace->until = 0;
}

/* Whether most of what it ran was others', and tiny. */
static bool has_caught_up(const boci_worker *worker, uint64_t now) {
  const boci_pace *pace = &worker->pace;
  const uintptr_t run = finished_by(worker) - pace->finished;
  return run > 0 && 2 * pace->others >= run && now - pace->since <= run * TINY;
}

static void look_at_maker(boci_worker *worker, uint64_t now, uint64_t interval) {
  boci_pace *pace = &worker->pace;
  pace->made = scheduled_by(worker->runtime, pace->home);
  pace->interval = interval;
  pace->glance = now + interval;
}

void boci_pace_end(boci_worker *worker) {
  boci_pace *pace = &worker->pace;
  const uint64_t now = boci_os_now();
  if (worker->runtime->spin == 0 || !has_caught_up(worker, now))
    return;
  if (pace->skip > 0) {
    pace->skip--;
    return;
  }
  pace->until = now + PATIENCE;
  look_at_maker(worker, now, SOONEST);
}

static void lose_patience(boci_pace *pace, bool in_vain) {
  pace->until = 0;
  pace->doubt = in_vain ? 2 * pace->doubt + 1 : 0;
  if (pace->doubt > SELDOM)
    pace->doubt = SELDOM;
  pace->skip = pace->doubt;
}

bool boci_pace_patient(boci_worker *worker) {
  boci_pace *pace = &worker->pace;
  if (pace->until == 0)
    return false;
  const uint64_t now = boci_os_now();
  if (now < pace->glance)
    return true;
  const uintptr_t made = pace->made;
  const uint64_t interval = pace->interval;
  look_at_maker(worker, now, interval < LATEST ? 2 * interval : interval);
  const bool busy = (pace->made - made) * BUSY >= interval;
  if (busy && now < pace->until)
    return true;
  lose_patience(pace, !busy);
  return false;
}

bool boci_pace_waits_for_outside(const boci_worker *worker) {
  return is_outside(worker->runtime, worker->pace.home);
}
