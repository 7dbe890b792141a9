/* Cown: a queue of requests, a count of references, and a payload behind them.
 *
 * Only request.c moves `tail`, `readers` and `writer`; its head has the protocol. The
 * cown lives while `references` is above 0. A non-empty queue holds one reference, and
 * each reader that has been granted the cown holds one more.
 *
 * A thread that schedules writes the tail while the thread that runs the latest
 * behavior writes the payload. So a small cown (64 bytes with its payload, on a 64-bit
 * machine) lies across two cache lines: its header ends one, its payload begins the
 * next.
 */
#ifndef BOCI_COWN_H
#define BOCI_COWN_H

#include <boc/cown.h>

#include "atomic.h"
#include "executor.h"

struct boci_block_pool;
struct boci_request;

struct boc_cown {
  /* NULL if the allocator of its type has made the memory */
  struct boci_block_pool *home;
  /* These two overlay the block's size fields; boci_cown_pool_free restores them. */
  boci_atomic_u32 references;
  boci_atomic_u32 readers; /* BOCI_READER for each granted reader; BOCI_WRITER_WAITS */
  /* the last request; NULL if no behavior holds the cown or waits for it */
  boci_atomic_ptr tail;
  struct boci_request
      *writer; /* the request that waits for the readers; published by `readers` */
  const boc_cown_type *type;
  uintptr_t special; /* 0; or the executor that it is pinned to, and BOCI_COWN_HOOKS */
};

/* In `special`: its type has acquire or release hooks. */
#define BOCI_COWN_HOOKS ((uintptr_t)1)

/* Where its behaviors run; NULL: on any worker. Set before the first schedule. */
static inline const boci_executor *boci_cown_pinned_to(const boc_cown *cown) {
  return (const boci_executor *)(cown->special & ~BOCI_COWN_HOOKS);
}

static inline void boci_cown_pin(boc_cown *cown, const boci_executor *executor) {
  cown->special |= (uintptr_t)executor;
}

#define BOCI_WRITER_WAITS UINT32_C(1)
#define BOCI_READER UINT32_C(2)

#define BOCI_ALIGN(size) (((size) + 15u) & ~(size_t)15u)
#define BOCI_COWN_HEADER BOCI_ALIGN(sizeof(struct boc_cown))

static inline void *boci_cown_payload(boc_cown *cown) {
  return (char *)cown + BOCI_COWN_HEADER;
}

/* Returns false for NULL and for freed cowns: the memory of a freed cown stays in its
 * pool for a while, with a type of NULL. */
static inline bool boci_cown_is_live(const boc_cown *cown) {
  return cown != NULL && cown->type != NULL;
}

static inline void boci_cown_hold(boc_cown *cown) {
  boci_add_relaxed(&cown->references, 1); /* count: the caller's own keeps it alive */
}

#endif
