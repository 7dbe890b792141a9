/* Statistics: the workers' counters, read one by one. */
#include <boc/stats.h>

#include "runtime.h"

static void read_worker(boci_worker *worker, boc_worker_stats *out_stats) {
#define READ(name, text)                                                               \
  out_stats->name = boci_load_relaxed(&worker->counters.name); /* count */
  BOC_STATS_MAP(READ)
#undef READ
  out_stats->finished = boci_load_acquire(&worker->tally.finished); /* [A9] */
  out_stats->scheduled =
      boci_load_relaxed(&worker->tally.scheduled); /* count: after [A9], so no less */
}

size_t boc_runtime_stats(const boc_runtime *runtime, boc_worker_stats *out_stats,
                         size_t capacity) {
  const uint32_t started = boci_runtime_started((boc_runtime *)runtime);
  for (size_t i = 0; i < capacity && i < started; i++)
    read_worker(&runtime->worker[i], &out_stats[i]);
  return started;
}

uint64_t boc_runtime_scheduled_outside(const boc_runtime *runtime) {
  boc_runtime *quiet = (boc_runtime *)runtime;
  return boci_load_relaxed(&quiet->outside.scheduled); /* count */
}
