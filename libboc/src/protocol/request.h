/* Request: one behavior's place in the queue of one cown.
 *
 * Other threads only ever see the word of a request, which is an address and three
 * bits:
 *
 *   part         meaning                                set by
 *   READY        all requests of its behavior are in    its linker, in phase two; from
 *                their queues                           then on others link behind it
 *   GRANTED      (readers) its behavior may read the    its predecessor, or its own
 *                cown                                   linker
 *   successor    the next request in the queue, in      the successor's linker, once it
 *                the upper bits                         saw READY
 *   WRITER_NEXT  the successor writes                   the successor's linker, with
 *                                                       the address
 *
 * Contended: GRANTED of a reader against its successor's link. Each of the two threads
 * adds its part with one read-modify-write; the one that comes second grants the
 * successor if that is a reader too. A writer's word has one writer at a time (its
 * linker, then its successor's linker), so plain stores suffice.
 *
 * WRITER_NEXT stands in the word because a reader must not touch a reading successor,
 * which may have been granted, run and been freed already.
 */
#ifndef BOCI_REQUEST_H
#define BOCI_REQUEST_H

#include "compiler.h"
#include "cown.h"
#include "executor.h"

#define BOCI_READY ((uintptr_t)1)
#define BOCI_GRANTED ((uintptr_t)2)
#define BOCI_WRITER_NEXT ((uintptr_t)4)
#define BOCI_REQUEST_BITS ((uintptr_t)7)

/* Bits of `target`, beside the address of the cown. */
#define BOCI_READS ((uintptr_t)BOC_READ)
#define BOCI_MERGED ((uintptr_t)2) /* another request of the behavior represents it */

typedef struct boci_request {
  _Alignas(8) uintptr_t target;
  boci_atomic_word word; /* if merged: the index of the request that represents it */
  uint32_t index;        /* its place among its behavior's requests */
  uint32_t order;        /* requests[i].order: the index of the i-th to link */
} boci_request;

/* The i-th request of its behavior, which is also the i-th to link until they are
 * sorted.
 */
static inline void boci_request_init(boci_request *request, const boc_access *access,
                                     uint32_t i) {
  request->target =
      (uintptr_t)access->cown | (access->mode == BOC_READ ? BOCI_READS : 0);
  boci_init(&request->word, 0);
  request->index = i;
  request->order = i;
}

/* The same for a plain access (behavior.h). */
static inline void boci_request_init_plain(boci_request *request,
                                           const boc_access *access, uint32_t i) {
  request->target = (uintptr_t)access->cown | (uintptr_t)access->mode;
  boci_init(&request->word, 0);
  request->index = i;
  request->order = i;
}

static inline boc_cown *boci_request_cown(const boci_request *request) {
  return (boc_cown *)(request->target & ~BOCI_REQUEST_BITS);
}

static inline bool boci_request_reads(const boci_request *request) {
  return (request->target & BOCI_READS) != 0;
}

/* The part that linking `request` adds to its predecessor's word. */
static inline uintptr_t boci_request_as_successor(const boci_request *request) {
  return (uintptr_t)request | (boci_request_reads(request) ? 0 : BOCI_WRITER_NEXT);
}

/* Whether both write: then no other thread changes the word, and one store links
 * them. */
static inline bool boci_request_simply_follows(boci_request *previous,
                                               const boci_request *first) {
  return !((previous->target | first->target) & BOCI_READS) &&
         (boci_load_acquire(&previous->word) & BOCI_READY); /* [A2] */
}

static inline void boci_request_follow_simply(boci_request *previous,
                                              const boci_request *first) {
  boci_store_release(&previous->word, /* [R2] */
                     (uintptr_t)first | BOCI_WRITER_NEXT | BOCI_READY);
}

bool boci_request_link_slow(boci_request *previous, boci_request *first,
                            const boci_executor *to);

/* Phase one: appends the run of requests from `first` to `last`, which are linked to
 * each other already, to the queue of their cown. Waits for the predecessor's phase
 * two. Returns true if `first` has the cown now; then the caller counts that for its
 * behavior. */
static inline bool boci_request_link(boci_request *first, boci_request *last,
                                     const boci_executor *to) {
  boc_cown *cown = boci_request_cown(first);
  boci_request *previous = boci_swap_acq_rel(&cown->tail, last); /* [A1] [R2] */
  if (!previous || !boci_request_simply_follows(previous, first))
    return boci_request_link_slow(previous, first, to);
  boci_request_follow_simply(previous, first);
  return false;
}

/* Both phases at once, for a behavior's only request, in two steps: this one swaps the
 * tail. */
static inline boci_request *boci_request_append_only(boci_request *request) {
  boc_cown *cown = boci_request_cown(request);
  return boci_swap_acq_rel(&cown->tail, request); /* [A1] [R2] */
}

/* Sets READY after the predecessor's READY (invariant 1), and before the link: after
 * the link another thread may run and free the behavior. Returns false, with nothing
 * changed, if boci_request_link_only_slow has to link. */
static inline bool boci_request_link_only_simply(boci_request *previous,
                                                 boci_request *request) {
  if (!previous || !boci_request_simply_follows(previous, request))
    return false;
  boci_store_release(&request->word, BOCI_READY); /* [R2] */
  boci_request_follow_simply(previous, request);
  return true;
}
bool boci_request_link_only_slow(boci_request *previous, boci_request *request,
                                 const boci_executor *to);

/* Both steps. Returns true if the request has the cown now. If it returns false, the
 * behavior may have run and been freed. */
static inline bool boci_request_link_only(boci_request *request,
                                          const boci_executor *to) {
  boci_request *previous = boci_request_append_only(request);
  return !boci_request_link_only_simply(previous, request) &&
         boci_request_link_only_slow(previous, request, to);
}

/* Both phases for a cown that no other thread knows: the request has it. The store that
 * publishes the cown publishes the request, too. */
static inline void boci_request_link_fresh(boci_request *request) {
  boc_cown *cown = boci_request_cown(request);
  const uint32_t references = boci_load_relaxed(&cown->references); /* owner */
  boci_store_relaxed(&cown->references, references + 1);            /* owner */
  boci_store_relaxed(&request->word, BOCI_READY);                   /* owner */
  boci_store_relaxed(&cown->tail, request);                         /* owner */
}

/* Phase two: lets successors link behind `request`. */
static inline void boci_request_set_ready(boci_request *request) {
  if (boci_request_reads(request)) {
    boci_add_release(&request->word, BOCI_READY); /* [R2] */
    return;
  }
  const uintptr_t word =
      boci_load_relaxed(&request->word);                 /* owner: nothing links yet */
  boci_store_release(&request->word, word | BOCI_READY); /* [R2] */
}

/* Releases the cown to the successor. `request` is dead afterwards. */
void boci_request_release(boci_request *request, const boci_executor *to);

#endif
