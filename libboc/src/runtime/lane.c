/* Lane: a queue of ready behaviors that its owner pumps. See the public lane.h.
 *
 * A cown is pinned to the lane's executor (see cown.h), so the scheduler pushes to a
 * lane without knowing what a lane is. A push that makes the lane non-empty announces
 * that in three ways: the `filled` callback, the parker of boc_lane_wait, and the
 * wake-up descriptor if the owner has asked for one.
 *
 * Threads: any thread pushes; only the owner does the rest, and `pumping` makes sure
 * that there is one owner at a time. A lane serves behaviors of any runtime.
 * Invariants:
 *   1. A lane that is not empty has been announced since it was last empty. A pump that
 *      leaves some behaviors announces again.
 *   2. The descriptor is cleared before the queue is read, never after: a push after
 *      the read signals again.
 * Ordering:
 *   [R12] the descriptor is published; [A12] a push that finds one.
 *   [R17] a pump ends; [A17] the next one begins.
 *   [F5] store-load: a push fills the lane, then looks for a descriptor; the owner
 *     makes the descriptor, then looks at the lane.
 */
#include <boc/lane.h>

#include "alloc.h"
#include "options.h"
#include "parker.h"
#include "run.h"
#include "thread_context.h"
#include "wakeup_fd.h"

struct boc_lane {
  boci_executor executor; /* pinned cowns point to this */
  boci_injector queue;
  boci_parker parker;
  boci_atomic_u32 pumping;
  boci_atomic_ptr wakeup; /* NULL until the owner asks for the descriptor */
  boci_wakeup_fd wakeup_memory;
  boc_lane_options options;
  boc_allocator allocator_copy;
};

/* ---- pushing --------------------------------------------------------------------- */

static void announce_lane(boc_lane *lane) {
  boci_fence_seq_cst();                                      /* [F5] */
  boci_wakeup_fd *wakeup = boci_load_acquire(&lane->wakeup); /* [A12] */
  if (wakeup)
    boci_wakeup_fd_signal(wakeup);
  boci_parker_unpark(&lane->parker);
  if (lane->options.filled)
    lane->options.filled(lane->options.ctx);
}

static void push_to_lane(void *ctx, boc_behavior *behavior) {
  boc_lane *lane = ctx;
  if (boci_injector_push(&lane->queue, behavior, behavior, 1))
    announce_lane(lane);
}

boc_status boc_cown_pin(boc_cown *cown, boc_lane *lane) {
  BOCI_REQUIRE(cown != NULL && lane != NULL);
  if (boci_cown_pinned_to(cown))
    return BOC_BAD_STATE;
  boci_cown_pin(cown, &lane->executor);
  return BOC_OK;
}

/* ---- beginning and end ----------------------------------------------------------- */

static boc_status init_lane(boc_lane *lane, const boc_lane_options *options) {
  *lane = (boc_lane){.executor = {push_to_lane, lane}, .options = *options};
  if (options->allocator)
    lane->allocator_copy = *options->allocator;
  boci_init(&lane->pumping, 0);
  boci_init(&lane->wakeup, NULL);
  boc_status status = boci_injector_init(&lane->queue);
  if (status != BOC_OK)
    return status;
  status = boci_parker_init(&lane->parker);
  if (status != BOC_OK)
    boci_injector_fini(&lane->queue);
  return status;
}

boc_status boc_lane_new(const boc_lane_options *options, boc_lane **out_lane) {
  BOCI_REQUIRE(out_lane != NULL);
  boc_lane_options own = BOC_LANE_OPTIONS_INIT;
  if (!boci_options_read(&own, sizeof own, options))
    return BOC_BAD_ARGUMENT;
  boc_lane *lane = boci_allocate(own.allocator, sizeof *lane);
  if (!lane)
    return BOC_NO_MEMORY;
  const boc_status status = init_lane(lane, &own);
  if (status == BOC_OK)
    *out_lane = lane;
  else
    boci_release(own.allocator, lane, sizeof *lane);
  return status;
}

void boc_lane_free(boc_lane *lane) {
  BOCI_REQUIRE(lane != NULL);
  BOCI_REQUIRE(boci_injector_length(&lane->queue) == 0);
  const bool own = lane->options.allocator != NULL;
  const boc_allocator allocator = lane->allocator_copy;
  if (boci_load_acquire(&lane->wakeup)) /* [A12] */
    boci_wakeup_fd_fini(&lane->wakeup_memory);
  boci_parker_fini(&lane->parker);
  boci_injector_fini(&lane->queue);
  boci_release(own ? &allocator : NULL, lane, sizeof *lane);
}

/* ---- pumping --------------------------------------------------------------------- */

static bool start_pumping(boc_lane *lane) {
  uint32_t expected = 0;
  return !boci_thread_context_is_worker() &&
         boci_cas_strong_acquire(&lane->pumping, &expected, 1); /* [A17] */
}

static bool has_passed(uint64_t deadline) {
  return deadline != BOCI_NEVER && boci_os_now() >= deadline;
}

static size_t run_from_lane(boc_lane *lane, uint64_t deadline, size_t most) {
  boc_behavior *behavior;
  size_t ran = 0;
  while (ran < most && boci_injector_take(&lane->queue, 1, &behavior)) {
    boci_run_external(behavior);
    ran++;
    if (has_passed(deadline))
      break;
  }
  return ran;
}

/* A body of another lane may pump this one: the behaviors that run then do not belong
 * to that body's scope. */
static size_t run_without_scope(boc_lane *lane, uint64_t deadline, size_t most) {
  boci_thread_context *context = boci_thread_context_current();
  boci_thread_context_set(NULL);
  const size_t ran = run_from_lane(lane, deadline, most);
  boci_thread_context_set(context);
  return ran;
}

boc_status boc_lane_pump(boc_lane *lane, int64_t timeout, size_t most,
                         size_t *out_ran) {
  BOCI_REQUIRE(lane != NULL);
  if (!start_pumping(lane))
    return BOC_BAD_STATE;
  const uint64_t deadline = boci_os_deadline(timeout);
  if (boci_load_acquire(&lane->wakeup)) /* [A12] */
    boci_wakeup_fd_clear(&lane->wakeup_memory);
  const size_t ran = run_without_scope(lane, deadline, most);
  const bool more = boci_injector_length(&lane->queue) > 0;
  if (more)
    announce_lane(lane);
  boci_store_release(&lane->pumping, 0); /* [R17] */
  if (out_ran)
    *out_ran = ran;
  return more && ran < most && has_passed(deadline) ? BOC_TIMEOUT : BOC_OK;
}

boc_status boc_lane_wait(boc_lane *lane, int64_t timeout) {
  BOCI_REQUIRE(lane != NULL);
  const uint64_t deadline = boci_os_deadline(timeout);
  while (boci_injector_length(&lane->queue) == 0)
    if (!boci_parker_park(&lane->parker, deadline))
      return BOC_TIMEOUT;
  return BOC_OK;
}

size_t boc_lane_length(boc_lane *lane) {
  BOCI_REQUIRE(lane != NULL);
  return boci_injector_length(&lane->queue);
}

boc_status boc_lane_descriptor(boc_lane *lane, int *out_descriptor) {
  BOCI_REQUIRE(lane != NULL && out_descriptor != NULL);
  if (!boci_load_acquire(&lane->wakeup)) { /* [A12] */
    const boc_status status = boci_wakeup_fd_init(&lane->wakeup_memory);
    if (status != BOC_OK)
      return status;
    boci_swap_acq_rel(&lane->wakeup, &lane->wakeup_memory); /* [R12] */
    boci_fence_seq_cst(); /* [F5]: this read sees a push that saw no descriptor */
    if (boci_injector_length(&lane->queue) > 0)
      boci_wakeup_fd_signal(&lane->wakeup_memory);
  }
  *out_descriptor = lane->wakeup_memory.read_fd;
  return BOC_OK;
}
