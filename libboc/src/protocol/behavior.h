/* Behavior: header, requests, environment, in one block of memory.
 *
 *   +--------+-----------+-----+-----------+----------+-----------------+
 *   | header | request 0 | ... | request n | (options) | env, aligned 16 |
 *   +--------+-----------+-----+-----------+----------+-----------------+
 *
 * A request and its behavior know each other: see request.c.
 *
 * `pending` counts what a behavior waits for, and later what its end waits for:
 *   new        unset, also while a timer has the behavior
 *   linking    its unique requests that are not granted, and one for the linking itself
 *   waiting    its unique requests that are not granted; zero makes it ready
 *   running    0
 *   deferred   2: the end of the body and boc_behavior_complete; the second finishes it
 */
#ifndef BOCI_BEHAVIOR_H
#define BOCI_BEHAVIOR_H

#include <string.h>

#include "block_pool.h"
#include "checks.h"
#include "os.h"
#include "request.h"

/* Flags: a cown's type has acquire or release hooks; boc_behavior_defer was called; a
 * cown is pinned; the behavior has options; its last cown is fresh; it has, or had, a
 * timer; it was withdrawn before its time, and holds no cown but the fresh one; its
 * scheduler records what happens to it. */
enum {
  BOCI_BEHAVIOR_HOOKS = 1,
  BOCI_BEHAVIOR_DEFERRED = 2,
  BOCI_BEHAVIOR_PINNED = 4,
  BOCI_BEHAVIOR_OPTIONS = 8,
  BOCI_BEHAVIOR_FRESH = 16,
  BOCI_BEHAVIOR_TIMED = 32,
  BOCI_BEHAVIOR_WITHDRAWN = 64,
  BOCI_BEHAVIOR_TRACED = 128
};

#if defined(BOC_CHECKS)
/* `stage`: values that memory has by chance only rarely. */
enum {
  BOCI_STAGE_NEW = 0x0b0c0001,
  BOCI_STAGE_SCHEDULED,
  BOCI_STAGE_RUNNING,
  BOCI_STAGE_COMPLETED, /* boc_behavior_complete was called */
  BOCI_STAGE_OVER
};
#define BOCI_SET_STAGE(behavior, now)                                                  \
  boci_store_relaxed(&(behavior)->stage, BOCI_STAGE_##now)         /* assert */
#define BOCI_STAGE(behavior) boci_load_relaxed(&(behavior)->stage) /* assert */
#define BOCI_CHECK_STAGE(behavior, before, text)                                       \
  BOCI_CHECK(BOCI_STAGE(behavior) == BOCI_STAGE_##before, text)
#else
#define BOCI_SET_STAGE(behavior, now) ((void)0)
#define BOCI_CHECK_STAGE(behavior, before, text) ((void)0)
#endif

/* Fields that few behaviors have, between the requests and the environment. */
typedef struct boci_stored_options {
  struct boc_scope *scope;
  void (*done)(void *ctx, bool ran);
  void *ctx;
  bool ran;
} boci_stored_options;

/* With one request it fills one cache line. */
struct boc_behavior {
  boci_block
      /* its `flags`, see above; its `number`: how many requests are not merged into
       * another */
      block;
  const boc_behavior_type *type;
  boc_behavior *next; /* in the queue or list that has the behavior */
  boci_atomic_u32 pending;
  uint32_t count; /* how many requests it has */
#if defined(BOC_CHECKS)
  boci_atomic_u32 stage;
#endif
};

/* The owner of its memory's pool: the scheduler that runs it. */
static inline void *boci_behavior_owner(const boc_behavior *behavior) {
  return behavior->block.home->owner;
}

static inline uint32_t boci_behavior_unique(const boc_behavior *behavior) {
  return behavior->block.number;
}

/* How many requests have to be linked: all, but not the last if that is for a fresh
 * cown. */
static inline uint32_t boci_behavior_linked(const boc_behavior *behavior) {
  return behavior->block.number - (behavior->block.flags & BOCI_BEHAVIOR_FRESH ? 1 : 0);
}

/* Requests are aligned to 8 everywhere: three bits of their addresses are free. */
#define BOCI_REQUESTS_AT ((sizeof(struct boc_behavior) + 7) & ~(size_t)7)

static inline boci_request *boci_behavior_requests(const boc_behavior *behavior) {
  return (boci_request *)((char *)behavior + BOCI_REQUESTS_AT);
}

static inline size_t boci_behavior_options_at(size_t count) {
  return BOCI_ALIGN(BOCI_REQUESTS_AT + count * sizeof(boci_request));
}

static inline size_t boci_behavior_env_at(size_t count, bool options) {
  return boci_behavior_options_at(count) +
         (options ? BOCI_ALIGN(sizeof(boci_stored_options)) : 0);
}

static inline boci_stored_options *
boci_behavior_stored_options(const boc_behavior *behavior) {
  return (boci_stored_options *)((char *)behavior +
                                 boci_behavior_options_at(behavior->count));
}

static inline void *boci_behavior_env(boc_behavior *behavior) {
  const bool options = (behavior->block.flags & BOCI_BEHAVIOR_OPTIONS) != 0;
  return (char *)behavior + boci_behavior_env_at(behavior->count, options);
}

/* The environment of a behavior without options. */
static inline void *boci_behavior_plain_env(boc_behavior *behavior) {
  return (char *)behavior + boci_behavior_env_at(behavior->count, false);
}

static inline boc_behavior *boci_request_behavior(boci_request *request) {
  return (boc_behavior *)((char *)(request - request->index) - BOCI_REQUESTS_AT);
}

/* Prefetches the successor's request, if there is one, and the header before it if the
 * request is the first of its behavior. */
static inline void boci_prefetch_successor(const boci_request *request) {
  const uintptr_t word = boci_load_relaxed(&request->word); /* hint */
  const char *next = (const char *)(word & ~BOCI_REQUEST_BITS);
  if (!next)
    return;
  BOCI_PREFETCH(next - BOCI_REQUESTS_AT);
  BOCI_PREFETCH(next);
}

/* The size of a behavior's block; 0 if it does not fit a size_t or the counts. */
static inline size_t boci_behavior_size(size_t count, bool options, size_t env_size) {
  const size_t limit = SIZE_MAX / 4;
  if (count > UINT32_MAX / 2 || count > limit / sizeof(boci_request) ||
      env_size > limit)
    return 0;
  return boci_behavior_env_at(count, options) + env_size;
}

/* Sets the flags for special cowns: pinned, hooks. Refusal: BOC_BAD_ARGUMENT if two of
 * them are pinned to different executors. */
boc_status boci_behavior_adopt(boc_behavior *behavior);

/* The executor to which one of its cowns is pinned. For behaviors that are pinned. */
const boci_executor *boci_behavior_pinned_to(const boc_behavior *behavior);

/* Orders the first `count` requests, at least two, by cown, and merges those for one
 * cown. Returns how many are left. */
uint32_t boci_behavior_sort_and_merge(boc_behavior *behavior, uint32_t count);

/* Orders two requests. Returns false, with nothing done, if they are for one cown. */
static inline bool boci_behavior_order_two(boci_request *requests) {
  const boc_cown *cowns[] = {boci_request_cown(&requests[0]),
                             boci_request_cown(&requests[1])};
  if (cowns[0] == cowns[1])
    return false;
  const uint32_t first = cowns[0] > cowns[1];
  requests[0].order = first;
  requests[1].order = 1 - first;
  return true;
}

/* Puts the requests into their linking order; the fresh one is last. */
static inline void boci_behavior_order(boc_behavior *behavior, uint32_t count,
                                       uint32_t fresh) {
  behavior->block.number = count;
  if (count - fresh < 2)
    return;
  if (count == 2 && boci_behavior_order_two(boci_behavior_requests(behavior)))
    return;
  const uint32_t unique = boci_behavior_sort_and_merge(behavior, count - fresh);
  behavior->block.number = unique + fresh;
  if (fresh)
    boci_behavior_requests(behavior)[unique].order = count - 1;
}

/* Fills in a block of at least boci_behavior_size bytes that came from a pool;
 * `options` may be NULL. Refusal: as boci_behavior_adopt; also a fresh cown that is not
 * the last. */
static inline boc_status boci_behavior_init(boc_behavior *behavior,
                                            const boc_behavior_type *type,
                                            size_t env_size, const boc_access *accesses,
                                            size_t count,
                                            const boci_stored_options *options) {
  BOCI_SET_STAGE(behavior, NEW);
  behavior->type = type;
  behavior->count = (uint32_t)count;
  behavior->block.flags = options ? BOCI_BEHAVIOR_OPTIONS : 0;
  if (options)
    *boci_behavior_stored_options(behavior) = *options;
  boci_request *requests = boci_behavior_requests(behavior);
  uintptr_t special = 0;
  uint32_t fresh = 0;
  for (size_t i = 0; i < count; i++) {
    if (fresh)
      return BOC_BAD_ARGUMENT;
    BOCI_PREFETCH(accesses[i].cown); /* as boci_access_is_plain */
    BOCI_REQUIRE(boci_cown_is_live(accesses[i].cown) && "a cown that somebody holds");
    boci_request_init(&requests[i], &accesses[i], (uint32_t)i);
    special |= accesses[i].cown->special;
    fresh = accesses[i].mode == BOC_FRESH;
  }
  if (fresh)
    behavior->block.flags |= BOCI_BEHAVIOR_FRESH;
  if (special && boci_behavior_adopt(behavior) != BOC_OK)
    return BOC_BAD_ARGUMENT;
  boci_behavior_order(behavior, (uint32_t)count, fresh);
  boci_init(&behavior->pending, boci_behavior_linked(behavior));
  if (env_size > 0)
    memset(boci_behavior_env(behavior), 0, env_size);
  return BOC_OK;
}

/* Whether a behavior over the cown, which somebody holds, needs no flag. Linking will
 * write the cown's line, which another core may have: fetches the lines of all cowns of
 * the behavior at the same time. */
static inline bool boci_access_is_plain(const boc_access *access) {
  BOCI_PREFETCH(access->cown);
  return boci_cown_is_live(access->cown) && !access->cown->special &&
         (unsigned)access->mode <= BOC_READ;
}

static inline bool boci_accesses_are_plain(const boc_access *accesses, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!boci_access_is_plain(&accesses[i]))
      return false;
  return true;
}

/* Inline, in steps of 16 bytes: an environment begins at a multiple of 16, and its
 * block ends at one. */
static inline void boci_behavior_clear_env(void *env, size_t size) {
  typedef struct step {
    uint64_t low, high;
  } step;
  step *steps = env;
  for (size_t i = 0; i * sizeof *steps < size; i++) {
    steps[i] = (step){0, 0};
    /* NOLINTNEXTLINE(portability-no-assembler) */
    BOCI_STAY_LOOP();
  }
}

/* As boci_behavior_init, for plain accesses and no options. `flags`: none, or
 * BOCI_BEHAVIOR_TRACED. */
BOCI_ALWAYS_INLINE void boci_behavior_init_plain(boc_behavior *behavior,
                                                 const boc_behavior_type *type,
                                                 size_t env_size,
                                                 const boc_access *accesses,
                                                 uint32_t count, uint16_t flags) {
  boci_request *requests = boci_behavior_requests(behavior);
  behavior->type = type;
  behavior->count = count;
  behavior->block.flags = flags;
  BOCI_SET_STAGE(behavior, NEW);
  for (uint32_t i = 0; i < count; i++)
    boci_request_init_plain(&requests[i], &accesses[i], i);
  boci_behavior_clear_env((char *)behavior + boci_behavior_env_at(count, false),
                          env_size);
  boci_behavior_order(behavior, count, 0);
  boci_init(&behavior->pending, behavior->block.number);
}

/* Counts `pending` down by `granted`. */
static inline void boci_behavior_resolve(boc_behavior *behavior, uint32_t granted,
                                         const boci_executor *to) {
  if (boci_load_acquire(&behavior->pending) != granted &&       /* [A4] */
      boci_sub_acq_rel(&behavior->pending, granted) != granted) /* [R4] [A4] */
    return;
  boci_store_relaxed(&behavior->pending, 0); /* owner: all have counted */
  to->ready(to->ctx, behavior);
}

void boci_behavior_link_many(boc_behavior *behavior, const boci_executor *to);

/* Makes the behavior hold its fresh cown, if it has one, before another thread knows
 * that cown. */
static inline void boci_behavior_link_fresh(boc_behavior *behavior) {
  if (behavior->block.flags & BOCI_BEHAVIOR_FRESH)
    boci_request_link_fresh(&boci_behavior_requests(behavior)[behavior->count - 1]);
}

/* Links the requests for all cowns except the fresh one. The behavior may be freed on
 * return. */
static inline void boci_behavior_link_rest(boc_behavior *behavior,
                                           const boci_executor *to) {
  const uint32_t linked = boci_behavior_linked(behavior);
  if (linked > 1) {
    boci_behavior_link_many(behavior, to);
    return;
  }
  boci_request *requests = boci_behavior_requests(behavior);
  if (linked == 1 && !boci_request_link_only(&requests[requests[0].order], to))
    return;
  boci_store_relaxed(&behavior->pending, 0); /* owner: it has all it waits for */
  to->ready(to->ctx, behavior);
}

/* Links the behavior, which may be freed on return. */
static inline void boci_behavior_link(boc_behavior *behavior, const boci_executor *to) {
  boci_behavior_link_fresh(behavior);
  boci_behavior_link_rest(behavior, to);
}

/* For a behavior with a timer: it holds its fresh cown from now on, and keeps the
 * others alive until its end. boci_behavior_link_rest schedules it later. */
void boci_behavior_arm(boc_behavior *behavior);

/* Instead of that: the behavior becomes ready with its fresh cown alone, to be
 * cancelled. */
void boci_behavior_withdraw(boc_behavior *behavior);

/* Releases the cowns of a behavior that had a timer. */
void boci_behavior_disarm(boc_behavior *behavior);

/* Links several as one step. `scratch` has room for boci_behavior_scratch pointers. */
size_t boci_behavior_scratch(boc_behavior *const *behaviors, size_t count);
void boci_behavior_link_all(boc_behavior *const *behaviors, size_t count,
                            boci_request **scratch, const boci_executor *to);

/* Releases a cown to its successor; inline if one writer follows another and is linked
 * already. */
static inline void boci_behavior_hand_on(boci_request *request,
                                         const boci_executor *to) {
  const uintptr_t word =
      boci_request_reads(request) ? 0 : boci_load_acquire(&request->word); /* [A2] */
  if (word & BOCI_WRITER_NEXT) {
    boci_request *successor = (boci_request *)(word & ~BOCI_REQUEST_BITS);
    boci_behavior_resolve(boci_request_behavior(successor), 1, to);
  } else {
    boci_request_release(request, to);
  }
}

/* Releases all cowns. */
void boci_behavior_hand_on_all(boc_behavior *behavior, const boci_executor *to);

/* Drops the environment and releases the cowns. The caller frees the block. */
static inline void boci_behavior_end(boc_behavior *behavior, const boci_executor *to) {
  boci_request *requests = boci_behavior_requests(behavior);
  if (behavior->type->drop)
    behavior->type->drop(boci_behavior_env(behavior));
  const uint32_t unique = boci_behavior_unique(behavior);
  if (unique > 1)
    boci_behavior_hand_on_all(behavior, to);
  else if (unique == 1)
    boci_behavior_hand_on(&requests[requests[0].order], to);
}

#endif
