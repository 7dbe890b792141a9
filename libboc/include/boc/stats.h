/* Counters of a runtime's workers.
 *
 * A snapshot is taken while workers go on: each counter is exact for some moment during
 * the call, and all are exact when the runtime is quiescent.
 */
#ifndef BOC_STATS_H
#define BOC_STATS_H

#include <boc/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The one list of counters: X(name, text). All count from the runtime's start. Later
 * versions only add to its end. */
#define BOC_STATS_MAP(X)                                                               \
  X(scheduled, "behaviors scheduled by this worker's bodies")                          \
  X(finished, "behaviors finished on this worker")                                     \
  X(handed_off, "bodies run straight after the one that made them ready")              \
  X(stolen, "behaviors taken from other workers' queues")                              \
  X(injected, "behaviors taken from the injector, or from the overflow")               \
  X(overflowed, "behaviors moved out of the own queue because it was full")            \
  X(forwarded, "behaviors sent to another worker's inbox")                             \
  X(rescued, "overdue behaviors taken from another worker's inbox")                    \
  X(parked, "times the worker parked")                                                 \
  X(woken, "times this worker woke another one")

typedef struct boc_worker_stats {
#define BOC_STATS_FIELD(name, text) uint64_t name;
  BOC_STATS_MAP(BOC_STATS_FIELD)
#undef BOC_STATS_FIELD
} boc_worker_stats;

/** Writes the counters of up to `capacity` workers and returns how many workers there
 * are. `out_stats` may be NULL if `capacity` is 0. `size` is sizeof(boc_worker_stats)
 * in the caller's build. If that struct is longer than the library's, the fields that
 * the library does not count are 0. Any thread. */
BOC_API size_t boc_runtime_stats(const boc_runtime *runtime, size_t size,
                                 boc_worker_stats *out_stats, size_t capacity);

/** How many behaviors were scheduled by threads that are no workers of this runtime. */
BOC_API uint64_t boc_runtime_scheduled_outside(const boc_runtime *runtime);

#ifdef __cplusplus
}
#endif

#endif
