/* Steal back-off: see steal_backoff.h. */
#include "steal_backoff.h"

#include <stddef.h>

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
