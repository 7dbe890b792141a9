/* Stats snapshot: what boc_runtime_stats copies, the workers' counters read one by one.
 * <boc/stats.h> lists the counters; each is counted where the thing happens. */
#include <boc/stats.h>

#include <string.h>

#include "runtime.h"

static void read_worker_stats(boci_worker *worker, boc_worker_stats *out_stats) {
#define READ(name, text)                                                               \
  out_stats->name = boci_load_relaxed(&worker->counters.name); /* count */
  BOC_STATS_MAP(READ)
#undef READ
  out_stats->finished = boci_load_acquire(&worker->in_flight.finished); /* [A9] */
  out_stats->scheduled =
      boci_load_relaxed(&worker->in_flight.scheduled); /* count: no less, by [A9] */
}

/* The caller's struct has `size` bytes: it may be of an older or a newer version. */
static void write_worker_stats(boci_worker *worker, size_t size, char *out) {
  boc_worker_stats ours;
  read_worker_stats(worker, &ours);
  memset(out, 0, size);
  memcpy(out, &ours, size < sizeof ours ? size : sizeof ours);
}

size_t boc_runtime_stats(const boc_runtime *runtime, size_t size,
                         boc_worker_stats *out_stats, size_t capacity) {
  BOCI_REQUIRE(runtime != NULL);
  boci_scheduler *scheduler = (boci_scheduler *)&runtime->scheduler;
  const uint32_t started = boci_scheduler_started(scheduler);
  for (size_t i = 0; i < capacity && i < started; i++)
    write_worker_stats(&scheduler->worker[i], size, (char *)out_stats + i * size);
  return started;
}

uint64_t boc_runtime_scheduled_outside(const boc_runtime *runtime) {
  BOCI_REQUIRE(runtime != NULL);
  return boci_external_scheduled(&runtime->scheduler.external);
}
