/* Context: what a thread is to libboc, behind its one thread-local pointer.
 *
 * A worker's context lives in its struct, for good; another thread has one only while
 * it runs a body (of a lane), on its stack. */
#ifndef BOCI_CONTEXT_H
#define BOCI_CONTEXT_H

#include "os.h"

struct boc_scope;
struct boci_pool;
struct boci_worker;

typedef struct boci_context {
  struct boci_worker *worker; /* NULL: none */
  struct boc_scope *scope;    /* of the body that runs; NULL: none */
  struct boci_pool *cowns;    /* where a worker has its cowns from; NULL: none yet */
} boci_context;

static inline boci_context *boci_context_current(void) { return boci_tls_get(); }

static inline struct boc_scope *boci_context_scope(void) {
  const boci_context *context = boci_context_current();
  return context ? context->scope : NULL;
}

#endif
