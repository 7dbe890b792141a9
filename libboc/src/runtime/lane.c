/* Lane: see the public lane.h.
 *
 * Whoever makes the lane non-empty tells its owner in three ways: the callback, the
 * parker of boc_lane_wait, and the bell behind the descriptor if one was asked for.
 *
 * Threads: `push` by any; the rest by the owner, of whom `pumping` makes sure that
 * there is one. A lane serves behaviors of any runtime. Invariants: 1. A lane that is
 * not empty has been announced since it was last empty. A pump that leaves some rings
 * again. 2. The bell is silenced before the queue is looked at, never after: who pushes
 * afterwards rings. Ordering: [R12] the bell is published, [A12] a push that finds one.
 * [R17] a pump ends, [A17] the next begins. [F5] store-load: who fills the lane looks
 * for a bell afterwards, who makes the bell looks at the lane afterwards.
 */
#include "lane.h"

#include "behavior.h"
#include "wakeup_fd.h"
#include "alloc.h"
#include "runtime.h"

struct boc_lane {
  boci_shared_queue queue;
  boci_parker parker;
  boci_atomic_u32 pumping;
  boci_atomic_ptr bell; /* NULL until somebody asks for the descriptor */
  boci_bell bell_memory;
  boc_lane_options options;
  boc_allocator allocator_copy;
};

static const boc_allocator *allocator_of(boc_lane *lane) {
  return lane->options.allocator ? &lane->allocator_copy : NULL;
}

static boc_status init(boc_lane *lane, const boc_lane_options *options) {
  *lane = (boc_lane){.options = *options};
  if (options->allocator)
    lane->allocator_copy = *options->allocator;
  boci_init(&lane->pumping, 0);
  boci_init(&lane->bell, NULL);
  boc_status status = boci_shared_queue_init(&lane->queue);
  if (status != BOC_OK)
    return status;
  status = boci_parker_init(&lane->parker);
  if (status != BOC_OK)
    boci_shared_queue_fini(&lane->queue);
  return status;
}

boc_status boc_lane_new(const boc_lane_options *options, boc_lane **out_lane) {
  const boc_lane_options none = {0};
  if (!options)
    options = &none;
  boc_lane *lane = boci_allocate(options->allocator, sizeof *lane);
  if (!lane)
    return BOC_NO_MEMORY;
  const boc_status status = init(lane, options);
  if (status == BOC_OK)
    *out_lane = lane;
  else
    boci_release(options->allocator, lane, sizeof *lane);
  return status;
}

void boc_lane_free(boc_lane *lane) {
  BOCI_REQUIRE(boci_shared_queue_length(&lane->queue) == 0);
  const bool own = allocator_of(lane) != NULL;
  const boc_allocator allocator = lane->allocator_copy;
  if (boci_load_acquire(&lane->bell))
    boci_bell_fini(&lane->bell_memory); /* [A12] */
  boci_parker_fini(&lane->parker);
  boci_shared_queue_fini(&lane->queue);
  boci_release(own ? &allocator : NULL, lane, sizeof *lane);
}

boc_status boc_cown_pin(boc_cown *cown, boc_lane *lane) {
  if (boci_cown_lane(cown))
    return BOC_BAD_STATE;
  cown->special |= (uintptr_t)lane;
  return BOC_OK;
}

/* The lane has been filled, maybe while its owner gets the descriptor. */
static void announce(boc_lane *lane) {
  boci_fence_seq_cst();                             /* [F5] */
  boci_bell *bell = boci_load_acquire(&lane->bell); /* [A12] */
  if (bell)
    boci_bell_ring(bell);
  boci_parker_unpark(&lane->parker);
  if (lane->options.filled)
    lane->options.filled(lane->options.ctx);
}

static boc_lane *lane_of(const boc_behavior *behavior) {
  const boci_request *requests = boci_behavior_requests(behavior);
  uint32_t i = 0;
  while (!boci_cown_lane(boci_request_cown(&requests[i])))
    i++;
  return boci_cown_lane(boci_request_cown(&requests[i]));
}

void boci_lane_push(boc_behavior *behavior) {
  boc_lane *lane = lane_of(behavior);
  if (boci_shared_queue_push(&lane->queue, behavior, behavior, 1))
    announce(lane);
}

static bool start_pumping(boc_lane *lane) {
  uint32_t expected = 0;
  return !boci_worker_current() &&
         boci_cas_strong_acquire(&lane->pumping, &expected, 1); /* [A17] */
}

static bool passed(uint64_t deadline) {
  return deadline != BOCI_NEVER && boci_os_now() >= deadline;
}

static size_t run_some(boc_lane *lane, uint64_t deadline, size_t most) {
  boc_behavior *behavior;
  size_t ran = 0;
  while (ran < most && boci_shared_queue_take(&lane->queue, 1, &behavior)) {
    boci_run_outside(behavior);
    ran++;
    if (passed(deadline))
      break;
  }
  return ran;
}

/* What a body of another lane pumps is not in that body's scope. */
static size_t run_apart(boc_lane *lane, uint64_t deadline, size_t most) {
  void *around = boci_tls_get();
  boci_tls_set(NULL);
  const size_t ran = run_some(lane, deadline, most);
  boci_tls_set(around);
  return ran;
}

boc_status boc_lane_pump(boc_lane *lane, int64_t timeout, size_t most,
                         size_t *out_ran) {
  if (!start_pumping(lane))
    return BOC_BAD_STATE;
  const uint64_t deadline = boci_os_deadline(timeout);
  if (boci_load_acquire(&lane->bell))
    boci_bell_silence(&lane->bell_memory); /* [A12] */
  const size_t ran = run_apart(lane, deadline, most);
  const bool more = boci_shared_queue_length(&lane->queue) > 0;
  if (more)
    announce(lane);
  boci_store_release(&lane->pumping, 0); /* [R17] */
  if (out_ran)
    *out_ran = ran;
  return more && ran < most && passed(deadline) ? BOC_TIMEOUT : BOC_OK;
}

boc_status boc_lane_wait(boc_lane *lane, int64_t timeout) {
  const uint64_t deadline = boci_os_deadline(timeout);
  while (boci_shared_queue_length(&lane->queue) == 0)
    if (!boci_parker_park(&lane->parker, deadline))
      return BOC_TIMEOUT;
  return BOC_OK;
}

size_t boc_lane_length(boc_lane *lane) {
  return boci_shared_queue_length(&lane->queue);
}

boc_status boc_lane_descriptor(boc_lane *lane, int *out_descriptor) {
  if (!boci_load_acquire(&lane->bell)) { /* [A12] */
    const boc_status status = boci_bell_init(&lane->bell_memory);
    if (status != BOC_OK)
      return status;
    boci_swap_acq_rel(&lane->bell, &lane->bell_memory); /* [R12] */
    boci_fence_seq_cst(); /* [F5]: who pushed and saw no bell is seen by this look */
    if (boci_shared_queue_length(&lane->queue) > 0)
      boci_bell_ring(&lane->bell_memory);
  }
  *out_descriptor = lane->bell_memory.listen;
  return BOC_OK;
}
