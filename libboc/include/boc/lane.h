/* Lanes: ready behaviors that a thread of the program runs, and no worker.
 *
 * A cown can be pinned to a lane. A behavior with a pinned cown becomes ready as all
 * others do, then waits in the lane until its owner pumps it: a GUI thread, an event
 * loop, the main thread. The rest of its cowns are held meanwhile, so pump often.
 *
 * The owner of a lane is the thread that pumps it: any thread that is not a worker, one
 * at a time.
 */
#ifndef BOC_LANE_H
#define BOC_LANE_H

#include <boc/behavior.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A lane. Opaque. */
typedef struct boc_lane boc_lane;

/** Options of a lane. Start from BOC_LANE_OPTIONS_INIT and change what matters. */
typedef struct boc_lane_options {
  /** sizeof of this struct: how later versions know it. */
  size_t size;
  /** Called when the lane was empty and has got its first behavior, by the thread that
   * pushed it, in the middle of its work: it must not block, pump or schedule. May be
   * NULL. */
  void (*filled)(void *ctx);
  /** Passed to `filled`. */
  void *ctx;
  /** Copied; NULL: malloc and free. */
  const boc_allocator *allocator;
} boc_lane_options;

/** The defaults of boc_lane_options. */
#define BOC_LANE_OPTIONS_INIT {sizeof(boc_lane_options), NULL, NULL, NULL}

/** A lane without behaviors. `options` may be NULL. Any thread.
 * Refusals: BOC_NO_MEMORY, BOC_BAD_ARGUMENT. */
BOC_API boc_status boc_lane_new(const boc_lane_options *options, boc_lane **out_lane);

/** Ends a lane. No cown that is pinned to it may be scheduled any more, it is empty,
 * and every runtime that has pushed to it has been quiescent since. */
BOC_API void boc_lane_free(boc_lane *lane);

/** Pins a cown: from here on its behaviors run on `lane`. The maker of the cown calls
 * it before the first behavior over it. Refusals: BOC_BAD_STATE if it is pinned
 * already. */
BOC_API boc_status boc_cown_pin(boc_cown *cown, boc_lane *lane);

/** Runs the behaviors in the lane, and those that come meanwhile, until it is empty,
 * `most` behaviors have run, or `timeout` has passed (checked between two behaviors;
 * at least one runs if there is one). `out_ran` gets the number; it may be NULL.
 * Outcomes: BOC_OK; BOC_TIMEOUT if the timeout left some. Refusals: BOC_BAD_STATE on a
 * worker, or if the lane is being pumped already, by another thread or a body further
 * up. */
BOC_API boc_status boc_lane_pump(boc_lane *lane, int64_t timeout, size_t most,
                                 size_t *out_ran);

/** Waits until there is something to pump. Outcomes: BOC_OK, BOC_TIMEOUT. The owner. */
BOC_API boc_status boc_lane_wait(boc_lane *lane, int64_t timeout);

/** How many behaviors are in the lane: a hint. Any thread. */
BOC_API size_t boc_lane_length(boc_lane *lane);

/** A descriptor for poll, select and the like, readable while the lane is not empty
 * (sometimes for a moment longer). It belongs to the lane: do not read or close it.
 * The owner. Refusals: BOC_NOT_FOUND where the system has no such thing;
 * BOC_NO_MEMORY. */
BOC_API boc_status boc_lane_descriptor(boc_lane *lane, int *out_descriptor);

#ifdef __cplusplus
}
#endif

#endif
