/* Behavior: building, two-phase linking, counting down, ending. It knows no scheduler.
 *
 * Threads: `init` and `link` by the thread that schedules; `resolve` by the thread that
 *   grants a request; `end` by the one that ran it. Each is the only one at its time.
 * Ordering:
 *   [R4] each count-down publishes what its thread acquired with the cown; [A4] the one
 *     that reaches zero, or finds itself the last, acquires all of it.
 */
#include "behavior.h"

#include "sort.h"

boc_status boci_behavior_adopt(boc_behavior *behavior) {
  const boci_executor *pinned_to = NULL;
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < behavior->count; i++) {
    const boc_cown *cown = boci_request_cown(&requests[i]);
    const boci_executor *its = boci_cown_pinned_to(cown);
    if (cown->special & BOCI_COWN_HOOKS)
      behavior->block.flags |= BOCI_BEHAVIOR_HOOKS;
    if (!its)
      continue;
    if (pinned_to && pinned_to != its)
      return BOC_BAD_ARGUMENT;
    pinned_to = its;
    behavior->block.flags |= BOCI_BEHAVIOR_PINNED;
  }
  return BOC_OK;
}

const boci_executor *boci_behavior_pinned_to(const boc_behavior *behavior) {
  const boci_request *requests = boci_behavior_requests(behavior);
  const boci_executor *pinned_to = NULL;
  for (uint32_t i = 0; !pinned_to; i++)
    pinned_to = boci_cown_pinned_to(boci_request_cown(&requests[i]));
  return pinned_to;
}

/* Whether they are in order, and none has to be merged: so are cowns that were made one
 * after another. */
static bool requests_ascend(const boci_request *requests, uint32_t count) {
  for (uint32_t i = 1; i < count; i++)
    if (boci_request_cown(&requests[i - 1]) >= boci_request_cown(&requests[i]))
      return false;
  return true;
}

uint32_t boci_behavior_sort_and_merge(boc_behavior *behavior, uint32_t count) {
  boci_request *requests = boci_behavior_requests(behavior);
  if (requests_ascend(requests, count))
    return count;
  boci_sort_requests(requests, count, behavior->block.home->allocator);
  return boci_merge_requests(requests, count);
}

void boci_behavior_link_many(boc_behavior *behavior, const boci_executor *to) {
  boci_request *requests = boci_behavior_requests(behavior);
  const uint32_t linked = boci_behavior_linked(behavior);
  uint32_t granted = 1;
  boci_init(&behavior->pending, linked + 1);
  for (uint32_t i = 0; i < linked; i++) {
    boci_request *request = &requests[requests[i].order];
    granted += boci_request_link(request, request, to);
  }
  for (uint32_t i = 0; i < linked; i++)
    boci_request_set_ready(&requests[requests[i].order]);
  boci_behavior_resolve(behavior, granted, to);
}

void boci_behavior_hand_on_all(boc_behavior *behavior, const boci_executor *to) {
  boci_request *requests = boci_behavior_requests(behavior);
  const uint32_t unique = boci_behavior_unique(behavior);
  for (uint32_t i = 0; i < unique; i++)
    boci_behavior_hand_on(&requests[requests[i].order], to);
}

static uint32_t kept_by_timer(const boc_behavior *behavior) {
  return behavior->count - (behavior->block.flags & BOCI_BEHAVIOR_FRESH ? 1 : 0);
}

void boci_behavior_arm(boc_behavior *behavior) {
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < kept_by_timer(behavior); i++)
    boci_cown_hold(boci_request_cown(&requests[i]));
  behavior->block.flags |= BOCI_BEHAVIOR_TIMED;
  boci_behavior_link_fresh(behavior);
}

void boci_behavior_withdraw(boc_behavior *behavior) {
  const uint32_t fresh = (behavior->block.flags & BOCI_BEHAVIOR_FRESH) != 0;
  behavior->block.number = fresh;
  if (fresh)
    boci_behavior_requests(behavior)[0].order = behavior->count - 1;
  behavior->block.flags |= BOCI_BEHAVIOR_WITHDRAWN;
  boci_store_relaxed(&behavior->pending, 0); /* owner: no queue has it */
}

void boci_behavior_disarm(boc_behavior *behavior) {
  const boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < kept_by_timer(behavior); i++)
    boc_cown_drop(boci_request_cown(&requests[i]));
}

/* Links requests of different behaviors for one cown to each other. No other thread
 * sees them yet. */
static void chain_run(boci_request *const *run, size_t length) {
  for (size_t i = 0; i + 1 < length; i++)
    boci_init(&run[i]->word, boci_request_as_successor(run[i + 1]));
}

static size_t run_length(boci_request *const *run, size_t most) {
  size_t length = 1;
  while (length < most && boci_request_cown(run[length]) == boci_request_cown(run[0]))
    length++;
  return length;
}

static void link_runs(boci_request **all, size_t total, const boci_executor *to) {
  for (size_t at = 0; at < total;) {
    boci_request **run = all + at;
    const size_t length = run_length(run, total - at);
    chain_run(run, length);
    if (boci_request_link(run[0], run[length - 1], to))
      boci_behavior_resolve(boci_request_behavior(run[0]), 1, to);
    at += length;
  }
  for (size_t i = 0; i < total; i++)
    boci_request_set_ready(all[i]);
}

static size_t gather_requests(boc_behavior *const *behaviors, size_t count,
                              boci_request **all) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    boci_request *requests = boci_behavior_requests(behaviors[i]);
    for (uint32_t k = 0; k < boci_behavior_linked(behaviors[i]); k++, total++)
      if (all)
        all[total] = &requests[requests[k].order];
  }
  return total;
}

/* All requests, and the same number again for the merge. */
size_t boci_behavior_scratch(boc_behavior *const *behaviors, size_t count) {
  return 2 * gather_requests(behaviors, count, NULL);
}

void boci_behavior_link_all(boc_behavior *const *behaviors, size_t count,
                            boci_request **scratch, const boci_executor *to) {
  const size_t total = gather_requests(behaviors, count, scratch);
  boci_sort_by_cown(scratch, scratch + total, total);
  for (size_t i = 0; i < count; i++) {
    boci_behavior_link_fresh(behaviors[i]);
    boci_init(&behaviors[i]->pending, boci_behavior_linked(behaviors[i]) + 1);
  }
  link_runs(scratch, total, to);
  for (size_t i = 0; i < count; i++)
    boci_behavior_resolve(behaviors[i], 1, to);
}

void *boc_behavior_env(boc_behavior *behavior) {
  if (behavior->block.flags & BOCI_BEHAVIOR_OPTIONS)
    return boci_behavior_env(behavior);
  return boci_behavior_plain_env(behavior);
}

size_t boc_behavior_count(const boc_behavior *behavior) { return behavior->count; }

boc_cown *boc_behavior_cown(const boc_behavior *behavior, size_t i) {
  return boci_request_cown(&boci_behavior_requests(behavior)[i]);
}

boc_mode boc_behavior_mode(const boc_behavior *behavior, size_t i) {
  boci_request *requests = boci_behavior_requests(behavior);
  boci_request *request = &requests[i];
  if (request->target & BOCI_MERGED)
    request =
        &requests[boci_load_relaxed(&request->word)]; /* owner: set once, by init */
  return boci_request_reads(request) ? BOC_READ : BOC_WRITE;
}
