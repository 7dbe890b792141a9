/* Behavior: building, two-phase linking, counting down, ending. Knows no scheduler.
 *
 * Threads: `init` and `link` by the thread that schedules; `resolve` by whoever grants
 * a request; `end` by who ran it. Each is the only one at its time. Ordering: [R4] each
 * count-down publishes what its thread acquired with the cown; [A4] the one that
 * reaches zero, or finds itself the last, acquires all of it.
 */
#include "behavior.h"

#include <string.h>

#include "sort.h"

/* After sorting by cown, equals are neighbours: the first stands for the others. */
static uint32_t merge(boci_request *requests, uint32_t count) {
  uint32_t unique = 0;
  boci_request *kept = NULL;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t at = requests[i].order;
    boci_request *request = &requests[at];
    if (kept && boci_request_cown(kept) == boci_request_cown(request)) {
      if (!boci_request_reads(request))
        kept->target &= ~BOCI_READS;
      request->target |= BOCI_MERGED;
      boci_init(&request->word, kept->index);
    } else {
      kept = request;
      requests[unique++].order = at;
    }
  }
  return unique;
}

static void init_request(boci_request *request, const boc_access *access, uint32_t i) {
  request->target =
      (uintptr_t)access->cown | (access->mode == BOC_READ ? BOCI_READS : 0);
  boci_init(&request->word, 0);
  request->index = i;
  request->order = i;
}

/* Takes over what a special cown demands: its lane, and that hooks run. */
static boc_status adopt(boc_behavior *behavior, const boc_cown *cown,
                        const struct boc_lane **lane) {
  if (cown->special & BOCI_COWN_HOOKS)
    behavior->block.flags |= BOCI_BEHAVIOR_HOOKS;
  const struct boc_lane *its = boci_cown_lane(cown);
  if (!its)
    return BOC_OK;
  if (*lane && *lane != its)
    return BOC_BAD_ARGUMENT;
  *lane = its;
  behavior->block.flags |= BOCI_BEHAVIOR_PINNED;
  return BOC_OK;
}

static boc_status init_requests(boc_behavior *behavior, const boc_access *accesses,
                                uint32_t count) {
  const struct boc_lane *lane = NULL;
  boci_request *requests = boci_behavior_requests(behavior);
  for (uint32_t i = 0; i < count; i++) {
    init_request(&requests[i], &accesses[i], i);
    if (!accesses[i].cown->special)
      continue;
    const boc_status status = adopt(behavior, accesses[i].cown, &lane);
    if (status != BOC_OK)
      return status;
  }
  return BOC_OK;
}

static uint32_t sort_and_merge(boci_request *requests, uint32_t count) {
  if (count < 2)
    return count;
  boci_sort_requests(requests, count);
  return merge(requests, count);
}

boc_status boci_behavior_init(boc_behavior *behavior, const boc_behavior_type *type,
                              size_t env_size, const boc_access *accesses, size_t count,
                              const boci_extras *extras) {
  behavior->type = type;
  behavior->count = (uint32_t)count;
  behavior->block.flags = extras ? BOCI_BEHAVIOR_EXTRAS : 0;
  if (extras)
    *boci_behavior_extras(behavior) = *extras;
  const boc_status status = init_requests(behavior, accesses, (uint32_t)count);
  if (status != BOC_OK)
    return status;
  const uint32_t unique =
      sort_and_merge(boci_behavior_requests(behavior), (uint32_t)count);
  behavior->block.number = unique;
  boci_init(&behavior->pending, unique);
  if (env_size > 0)
    memset(boci_behavior_env(behavior), 0, env_size);
  return BOC_OK;
}

void boci_behavior_resolve(boc_behavior *behavior, uint32_t granted,
                           const boci_executor *to) {
  if (boci_load_acquire(&behavior->pending) != granted &&       /* [A4] */
      boci_sub_acq_rel(&behavior->pending, granted) != granted) /* [R4] [A4] */
    return;
  boci_store_relaxed(&behavior->pending, 0); /* owner: nobody else counts any more */
  to->ready(to->ctx, behavior);
}

static void link_many(boc_behavior *behavior, const boci_executor *to) {
  boci_request *requests = boci_behavior_requests(behavior);
  const uint32_t unique = boci_behavior_unique(behavior);
  uint32_t granted = 1;
  boci_init(&behavior->pending, unique + 1);
  for (uint32_t i = 0; i < unique; i++) {
    boci_request *request = &requests[requests[i].order];
    granted += boci_request_link(request, request, to);
  }
  for (uint32_t i = 0; i < unique; i++)
    boci_request_set_ready(&requests[requests[i].order]);
  boci_behavior_resolve(behavior, granted, to);
}

void boci_behavior_link(boc_behavior *behavior, const boci_executor *to) {
  const uint32_t unique = boci_behavior_unique(behavior);
  if (unique > 1) {
    link_many(behavior, to);
    return;
  }
  if (unique == 1) {
    boci_request *requests = boci_behavior_requests(behavior);
    if (!boci_request_link_only(&requests[requests[0].order], to))
      return;
    boci_init(&behavior->pending, 0);
  }
  to->ready(to->ctx, behavior);
}

/* Links a run of requests of different behaviors for one cown to each other. Nobody
 * else sees them yet. */
static void chain(boci_request *const *run, size_t length) {
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
    chain(run, length);
    if (boci_request_link(run[0], run[length - 1], to))
      boci_behavior_resolve(boci_request_behavior(run[0]), 1, to);
    at += length;
  }
  for (size_t i = 0; i < total; i++)
    boci_request_set_ready(all[i]);
}

static size_t gather(boc_behavior *const *behaviors, size_t count, boci_request **all) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    boci_request *requests = boci_behavior_requests(behaviors[i]);
    for (uint32_t k = 0; k < boci_behavior_unique(behaviors[i]); k++, total++)
      if (all)
        all[total] = &requests[requests[k].order];
  }
  return total;
}

/* All requests, and as many again for the merge. */
size_t boci_behavior_scratch(boc_behavior *const *behaviors, size_t count) {
  return 2 * gather(behaviors, count, NULL);
}

void boci_behavior_link_all(boc_behavior *const *behaviors, size_t count,
                            boci_request **scratch, const boci_executor *to) {
  const size_t total = gather(behaviors, count, scratch);
  boci_sort_by_cown(scratch, scratch + total, total);
  for (size_t i = 0; i < count; i++)
    boci_init(&behaviors[i]->pending, boci_behavior_unique(behaviors[i]) + 1);
  link_runs(scratch, total, to);
  for (size_t i = 0; i < count; i++)
    boci_behavior_resolve(behaviors[i], 1, to);
}

void boci_behavior_end(boc_behavior *behavior, const boci_executor *to) {
  boci_request *requests = boci_behavior_requests(behavior);
  if (behavior->type->drop)
    behavior->type->drop(boci_behavior_env(behavior));
  const uint32_t unique = boci_behavior_unique(behavior);
  for (uint32_t i = 0; i < unique; i++)
    boci_request_release(&requests[requests[i].order], to);
}

void *boc_behavior_env(boc_behavior *behavior) { return boci_behavior_env(behavior); }

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
