/* Request: linking, granting and hand-off; the heart of the protocol.
 *
 * A cown's requests form an MCS queue: `tail` names the last, each word its successor.
 *
 *     cown.tail ------------------------------+
 *     [writer A]--->[reader B]--->[reader C]--->[writer D]
 *      running       waits         waits         waits
 *
 * A releases: B is granted, and C with it; D waits in cown.writer for both. Readers may
 * release in any order. The reader with a writer behind it puts that writer into
 * cown.writer; the reader that takes the count of readers to zero grants it.
 *
 * A request and its behavior know each other (behavior.h): granting a request counts
 * down its behavior, ending a behavior releases its requests. That recursion is the
 * protocol.
 *
 * Threads: any. A request stays alive while it is in a queue: its release either finds
 * it as the tail, or waits for the successor whose thread has swapped the tail and not
 * linked yet.
 * Invariants:
 *   1. A request that is not READY has nothing linked behind it, and no request is
 *      READY before its predecessor is. So behaviors that share several cowns have the
 *      same order on all of them, directly or through others.
 *   2. At most one writer is in cown.writer: the head of the queue.
 *   3. `readers` counts granted, unreleased readers.
 * Ordering:
 *   [R1] a release of the tail or of a word publishes the body's writes to the payload;
 *     [A1] the swap or load that finds it acquires them.
 *   [R2] READY and successor publish the request behind them; [A2] the thread that
 *     follows the word acquires it.
 *   [R3] each reader's leaving; [A3] the writer that finds the count at zero.
 * Source: Mellor-Crummey and Scott, "Algorithms for Scalable Synchronization on
 * Shared-Memory Multiprocessors" (1991) and "Scalable Reader-Writer Synchronization"
 * (1991); Cheeseman et al. (2023) for the two phases.
 */
#include "request.h"

#include "behavior.h"
#include "compiler.h"
#include "spin.h"

static boci_request *word_successor(uintptr_t word) {
  return (boci_request *)(word & ~BOCI_REQUEST_BITS);
}

static void wait_predecessor_ready(boci_request *request) {
  for (unsigned tries = 0;
       !(boci_load_acquire(&request->word) & BOCI_READY);) /* [A2] */
    boci_spin_once(&tries);
}

/* `request` is READY, so the thread that swapped the tail links within a few
 * instructions. */
static uintptr_t wait_successor(boci_request *request) {
  uintptr_t word;
  for (unsigned tries = 0;
       !word_successor(word = boci_load_acquire(&request->word));) /* [A2] */
    boci_spin_once(&tries);
  return word;
}

/* Grants `reader`. Returns the reader behind it, which has to be granted too. NULL if a
 * writer follows: the reader's release grants it. `reader` may be freed any time after
 * the add: do not touch it. */
static boci_request *mark_granted(boci_request *reader) {
  boc_cown *cown = boci_request_cown(reader);
  boci_cown_hold(cown);
  boci_add_relaxed(&cown->readers,
                   BOCI_READER); /* owner: a reader is taken out later */
  const uintptr_t word =
      boci_add_acq_rel(&reader->word, BOCI_GRANTED); /* [A1] [R1] [A2] */
  return word & BOCI_WRITER_NEXT ? NULL : word_successor(word);
}

/* Grants `reader`, if it is not NULL, and the readers behind it. */
BOCI_NOINLINE static void grant_run(boci_request *reader, const boci_executor *to) {
  while (reader) {
    boci_request *next = mark_granted(reader);
    boci_behavior_resolve(boci_request_behavior(reader), 1, to);
    reader = next;
  }
}

static void grant_request(boci_request *request, const boci_executor *to) {
  if (boci_request_reads(request))
    grant_run(request, to);
  else
    boci_behavior_resolve(boci_request_behavior(request), 1, to);
}

static bool enter_reader(boci_request *reader, const boci_executor *to) {
  grant_run(mark_granted(reader), to);
  return true;
}

/* The queue is empty, but readers that have left it may still hold the cown. */
static bool enter_writer(boci_request *writer) {
  boc_cown *cown = boci_request_cown(writer);
  if (boci_load_acquire(&cown->readers) == 0) /* [A3] */
    return true;
  cown->writer = writer;
  if (boci_add_acq_rel(&cown->readers, BOCI_WRITER_WAITS) != 0) /* [R2] [A3] */
    return false;
  boci_store_relaxed(&cown->readers, 0); /* owner: it has the cown */
  return true;
}

/* Links `first` behind a reader, which may be granted at the same moment. */
static bool follow_reader(boci_request *reader, boci_request *first,
                          const boci_executor *to) {
  const bool reads = boci_request_reads(first); /* `first` may be freed after the add */
  const uintptr_t word =
      boci_add_acq_rel(&reader->word, boci_request_as_successor(first)); /* [R2] [A1] */
  if (!(word & BOCI_GRANTED) || !reads)
    return false;
  return enter_reader(first, to);
}

static bool follow_predecessor(boci_request *previous, boci_request *first,
                               const boci_executor *to) {
  if (boci_request_reads(previous))
    return follow_reader(previous, first, to);
  boci_store_release(&previous->word, /* [R2] */
                     boci_request_as_successor(first) | BOCI_READY);
  return false;
}

static bool enter_queue(boci_request *first, const boci_executor *to) {
  return boci_request_reads(first) ? enter_reader(first, to) : enter_writer(first);
}

static bool link_first(boci_request *first, const boci_executor *to) {
  boci_cown_hold(boci_request_cown(first));
  return enter_queue(first, to);
}

bool boci_request_link_slow(boci_request *previous, boci_request *first,
                            const boci_executor *to) {
  if (!previous)
    return link_first(first, to);
  wait_predecessor_ready(previous);
  return follow_predecessor(previous, first, to);
}

/* The order of the stores: see boci_request_link_only_simply. */
bool boci_request_link_only_slow(boci_request *previous, boci_request *request,
                                 const boci_executor *to) {
  if (previous)
    wait_predecessor_ready(previous);
  boci_store_release(&request->word, BOCI_READY); /* [R2] */
  return previous ? follow_predecessor(previous, request, to) : link_first(request, to);
}

/* Returns the word, which has a successor; or 0 if the queue is empty now and the
 * caller has its reference to the cown. */
static uintptr_t leave_queue(boci_request *request) {
  const uintptr_t word = boci_load_acquire(&request->word); /* [A2] */
  if (word_successor(word))
    return word;
  void *expected = request;
  if (boci_cas_strong_release(&boci_request_cown(request)->tail, &expected,
                              NULL)) /* [R1] */
    return 0;
  return wait_successor(request);
}

BOCI_NOINLINE static void release_reader(boci_request *request,
                                         const boci_executor *to) {
  boc_cown *cown = boci_request_cown(request);
  const uintptr_t word = leave_queue(request);
  uint32_t change = BOCI_READER;
  if (word & BOCI_WRITER_NEXT) {
    cown->writer = word_successor(word);
    change -= BOCI_WRITER_WAITS;
  }
  const uint32_t rest =
      boci_sub_acq_rel(&cown->readers, change) - change; /* [R3] [A3] */
  if (rest == BOCI_WRITER_WAITS) {
    boci_request *writer = cown->writer;
    boci_store_relaxed(&cown->readers, 0); /* owner: no reader is left */
    grant_request(writer, to);
  }
  if (!word)
    boc_cown_drop(cown);
  boc_cown_drop(cown);
}

BOCI_NOINLINE static void release_last(boci_request *request, const boci_executor *to) {
  const uintptr_t word = leave_queue(request);
  if (word)
    grant_request(word_successor(word), to);
  else
    boc_cown_drop(boci_request_cown(request));
}

void boci_request_release(boci_request *request, const boci_executor *to) {
  if (boci_request_reads(request)) {
    release_reader(request, to);
    return;
  }
  const uintptr_t word = boci_load_acquire(&request->word); /* [A2] */
  boci_request *successor = word_successor(word);
  if (successor)
    grant_request(successor, to);
  else
    release_last(request, to);
}
