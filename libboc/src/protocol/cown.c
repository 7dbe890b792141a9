/* Cown: making, counting references, dropping.
 *
 * Ordering:
 *   [R18] each drop releases its thread's uses of the payload; [A18] the last drop
 *     acquires all of them before the drop hook runs.
 */
#include "cown.h"

#include <string.h>

#include "alloc.h"
#include "checks.h"
#include "cown_pool.h"
#include "os.h"
#include "thread_context.h"

/* The pool of the calling worker; NULL if the thread is not a worker, or has no
 * memory. */
static boci_block_pool *own_cown_pool(void) {
  boci_thread_context *context = boci_thread_context_current();
  if (!context || !context->worker)
    return NULL;
  if (!context->cowns)
    context->cowns = boci_cown_pool_borrow();
  return context->cowns;
}

/* Zero bytes, except `home`. */
static boc_cown *allocate_cown(const boc_allocator *allocator, size_t size) {
  boc_cown *cown = allocator ? boci_allocate(allocator, size)
                             : boci_cown_pool_alloc(own_cown_pool(), size);
  if (!cown)
    return NULL;
  boci_block_pool *home = allocator ? NULL : cown->home;
  memset(cown, 0, size);
  cown->home = home;
  return cown;
}

boc_status boc_cown_new(const boc_cown_type *type, boc_cown **out_cown) {
  BOCI_REQUIRE(type != NULL && out_cown != NULL);
  if (type->payload_size > SIZE_MAX / 2)
    return BOC_NO_MEMORY;
  boc_cown *cown =
      allocate_cown(type->allocator, BOCI_COWN_HEADER + type->payload_size);
  if (!cown)
    return BOC_NO_MEMORY;
  boci_init(&cown->tail, NULL);
  boci_init(&cown->references, 1);
  boci_init(&cown->readers, 0);
  cown->type = type;
  if (type->acquire || type->release)
    cown->special = BOCI_COWN_HOOKS;
  *out_cown = cown;
  return BOC_OK;
}

void *boc_cown_payload(boc_cown *cown) { return boci_cown_payload(cown); }

boc_cown *boc_cown_of_payload(void *payload) {
  return (boc_cown *)((char *)payload - BOCI_COWN_HEADER);
}

uint32_t boc_cown_references(const boc_cown *cown) {
  BOCI_REQUIRE(cown != NULL);
  return boci_load_acquire(&((boc_cown *)cown)->references); /* [A18] */
}

const boc_cown_type *boc_cown_type_of(const boc_cown *cown) {
  BOCI_REQUIRE(cown != NULL);
  return cown->type;
}

boc_cown *boc_cown_hold(boc_cown *cown) {
  BOCI_REQUIRE(boci_cown_is_live(cown) && "a cown that somebody holds");
  boci_cown_hold(cown);
  return cown;
}

boc_cown *boc_cown_try_hold(boc_cown *cown) {
  BOCI_REQUIRE(cown != NULL);
  uint32_t seen = boci_load_relaxed(&cown->references); /* hint: the CAS checks it */
  while (seen)
    if (boci_cas_weak_relaxed(&cown->references, &seen, seen + 1)) /* count */
      return cown;
  return NULL;
}

/* How many drop hooks may run within each other. A hook may drop the next cown of a
 * chain that is longer than a stack is deep. */
enum { DROP_DEPTH_MAX = 32 };

/* Keeps the size in `special`, which a dead cown does not need. */
static void free_pooled_cown(boc_cown *cown, size_t size) {
#if defined(BOC_CHECKS)
  static boci_quarantine quarantine;
  cown->special = size;
  cown = boci_quarantine_swap(&quarantine, cown);
  if (!cown)
    return;
  size = cown->special;
#endif
  boci_cown_pool_free(own_cown_pool(), cown, size);
}

static void free_cown(boc_cown *cown) {
  const boc_cown_type *type = cown->type;
  cown->type = NULL;
  const size_t size = BOCI_COWN_HEADER + type->payload_size;
  if (type->allocator)
    boci_release(type->allocator, cown, size);
  else
    free_pooled_cown(cown, size);
}

static void run_drop_hook(boc_cown *cown) {
  cown->type->drop(cown, boci_cown_payload(cown));
  free_cown(cown);
}

/* Links the cown by `writer`, which a dead cown does not need. */
static void defer_end(boci_thread_context *context, boc_cown *cown) {
  cown->writer = (struct boci_request *)context->dropped;
  context->dropped = cown;
}

static void end_deferred(boci_thread_context *context) {
  while (context->dropped) {
    boc_cown *cown = context->dropped;
    context->dropped = (boc_cown *)cown->writer;
    run_drop_hook(cown);
  }
}

static void end_in_context(boci_thread_context *context, boc_cown *cown) {
  if (context->drop_depth >= DROP_DEPTH_MAX) {
    defer_end(context, cown);
    return;
  }
  context->drop_depth++;
  run_drop_hook(cown);
  if (context->drop_depth == 1)
    end_deferred(context);
  context->drop_depth--;
}

static void end_cown(boc_cown *cown) {
  boci_thread_context *context = boci_thread_context_current();
  if (!cown->type->drop) {
    free_cown(cown);
  } else if (context) {
    end_in_context(context, cown);
  } else {
    boci_thread_context own = {.worker = NULL};
    boci_thread_context_set(&own);
    end_in_context(&own, cown);
    boci_thread_context_set(NULL);
  }
}

void boc_cown_drop(boc_cown *cown) {
  BOCI_REQUIRE(boci_cown_is_live(cown) && "a cown that somebody holds");
  if (boci_sub_acq_rel(&cown->references, 1) == 1) /* [R18] [A18] */
    end_cown(cown);
}

bool boc_cown_busy(const boc_cown *cown) {
  BOCI_REQUIRE(cown != NULL);
  boc_cown *quiet = (boc_cown *)cown;
  return boci_load_acquire(&quiet->tail) ||  /* [A1] */
         boci_load_acquire(&quiet->readers); /* [A3] */
}
