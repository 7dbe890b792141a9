/* Steal back-off: see steal_backoff.h. */
#include "steal_backoff.h"

#include <stddef.h>

#include "find_work.h"
#include "scheduler.h"

/* In ns. A tiny behavior takes no longer, however slow contention makes it. */
#define TINY_NS UINT64_C(2000)
#define BACKOFF_NS UINT64_C(200000)
/* Between two reads of the maker's counter, each of which takes a cache line from
 * it. */
#define MIN_INTERVAL_NS UINT64_C(2000)
#define MAX_INTERVAL_NS UINT64_C(16000)
/* A maker makes a behavior in this time at most, or is not worth waiting for. */
#define BUSY_NS UINT64_C(1000)

enum { MAX_SKIPS = 64 };

/* Behaviors that a worker runs between two looks at its pace; how many in flight are
 * few, and how many are enough; and for how many workers counting them is cheap. */
enum {
  PACE_TURNS = 4,
  PACE_RUN = PACE_TURNS * BOCI_COMMON_EVERY,
  FEW_IN_FLIGHT = 512,
  ENOUGH_IN_FLIGHT = 4096,
  MAX_COUNTED = 16
};
/* In ns. Tiny behaviors that take longer wait for other cores' lines. */
#define SLOW_NS UINT64_C(100)
#define REST_NS UINT64_C(400000)
#define REST_STEP_NS UINT64_C(2000) /* a maker that makes nothing for so long stops */

static uintptr_t scheduled_by(const boci_scheduler *scheduler, boci_block_pool *pool) {
  if (boci_external_has_pool(&scheduler->external, pool))
    return boci_external_scheduled(&scheduler->external);
  const boci_worker *maker =
      (boci_worker *)((char *)pool - offsetof(boci_worker, pool));
  return boci_load_relaxed(&maker->in_flight.scheduled); /* hint */
}

static uintptr_t finished_by(const boci_worker *worker) {
  return boci_load_relaxed(&worker->in_flight.finished); /* owner */
}

void boci_steal_backoff_found_work(boci_worker *worker) {
  boci_steal_backoff *backoff = &worker->backoff;
  backoff->others_run = 0;
  backoff->finished_before = finished_by(worker);
  backoff->since = boci_os_now();
  backoff->until = 0;
}

/* Whether most behaviors that the worker ran were made by others, and tiny. */
static bool has_caught_up(const boci_worker *worker, uint64_t now) {
  const boci_steal_backoff *backoff = &worker->backoff;
  const uintptr_t run = finished_by(worker) - backoff->finished_before;
  return run > 0 && 2 * backoff->others_run >= run &&
         now - backoff->since <= run * TINY_NS;
}

static void look_at_maker(boci_worker *worker, uint64_t now, uint64_t interval) {
  boci_steal_backoff *backoff = &worker->backoff;
  backoff->maker_scheduled = scheduled_by(worker->scheduler, backoff->maker_pool);
  backoff->interval = interval;
  backoff->next_check = now + interval;
}

void boci_steal_backoff_out_of_work(boci_worker *worker) {
  boci_steal_backoff *backoff = &worker->backoff;
  const uint64_t now = boci_os_now();
  if (worker->scheduler->spin == 0 || !has_caught_up(worker, now))
    return;
  if (backoff->skips > 0) {
    backoff->skips--;
    return;
  }
  backoff->until = now + BACKOFF_NS;
  look_at_maker(worker, now, MIN_INTERVAL_NS);
}

static void stop_backoff(boci_steal_backoff *backoff, bool useless) {
  backoff->until = 0;
  backoff->misses = useless ? 2 * backoff->misses + 1 : 0;
  if (backoff->misses > MAX_SKIPS)
    backoff->misses = MAX_SKIPS;
  backoff->skips = backoff->misses;
}

bool boci_steal_backoff_active(boci_worker *worker) {
  boci_steal_backoff *backoff = &worker->backoff;
  if (backoff->until == 0)
    return false;
  const uint64_t now = boci_os_now();
  if (now < backoff->next_check)
    return true;
  const uintptr_t before = backoff->maker_scheduled;
  const uint64_t interval = backoff->interval;
  look_at_maker(worker, now, interval < MAX_INTERVAL_NS ? 2 * interval : interval);
  const bool busy = (backoff->maker_scheduled - before) * BUSY_NS >= interval;
  if (busy && now < backoff->until)
    return true;
  stop_backoff(backoff, !busy);
  return false;
}

bool boci_steal_backoff_from_external(const boci_worker *worker) {
  return boci_external_has_pool(&worker->scheduler->external,
                                worker->backoff.maker_pool);
}

/* ---- keeping a distance ---------------------------------------------------------- */

static uintptr_t count_in_flight(boci_scheduler *scheduler) {
  const boci_external_threads *external = &scheduler->external;
  uintptr_t count = boci_external_scheduled(external) -
                    boci_load_relaxed(&external->in_flight.finished); /* hint */
  const uint32_t started = boci_scheduler_started(scheduler);
  for (uint32_t i = 0; i < started; i++) {
    const boci_in_flight *in_flight = &scheduler->worker[i].in_flight;
    count += boci_load_relaxed(&in_flight->scheduled) - /* hint */
             boci_load_relaxed(&in_flight->finished);   /* hint */
  }
  return count;
}

/* Whether, since the last look, the worker ran what others made, and made little. */
static bool only_consumes_others(boci_worker *worker) {
  boci_steal_backoff *backoff = &worker->backoff;
  const uintptr_t scheduled =
      boci_load_relaxed(&worker->in_flight.scheduled); /* owner */
  const uintptr_t run = backoff->others_run - backoff->pace.others_run;
  const uintptr_t made = scheduled - backoff->pace.scheduled;
  backoff->pace.others_run = backoff->others_run; /* it begins anew at times */
  backoff->pace.scheduled = scheduled;
  return run <= PACE_RUN && 2 * run >= PACE_RUN && 4 * made <= PACE_RUN;
}

static bool is_slow(boci_worker *worker) {
  const uint64_t now = boci_os_now();
  const uint64_t took = now - worker->backoff.pace.at;
  worker->backoff.pace.at = now;
  return took >= PACE_RUN * SLOW_NS && took <= PACE_RUN * TINY_NS;
}

static void wait_for(uint64_t end) {
  do
    boci_pause();
  while (boci_os_now() < end);
}

static void rest_near_maker(boci_worker *worker, uintptr_t in_flight) {
  const uint64_t begin = boci_os_now();
  uint64_t now = begin;
  uintptr_t before;
  do {
    before = in_flight;
    wait_for(now + REST_STEP_NS);
    now = boci_os_now();
    in_flight = count_in_flight(worker->scheduler);
  } while (in_flight > before && in_flight < ENOUGH_IN_FLIGHT &&
           now - begin < REST_NS && !boci_called_away(worker));
  worker->backoff.pace.at = now;
}

bool boci_steal_backoff_keep_distance(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  if (++worker->backoff.pace.turns % PACE_TURNS != 0 || !only_consumes_others(worker) ||
      scheduler->spin == 0 || boci_scheduler_started(scheduler) > MAX_COUNTED ||
      !is_slow(worker))
    return false;
  const uintptr_t in_flight = count_in_flight(scheduler);
  if (in_flight >= FEW_IN_FLIGHT)
    return false;
  rest_near_maker(worker, in_flight);
  return true;
}
