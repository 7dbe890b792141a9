/* Thread context: what a thread is to libboc, behind its one thread-local pointer.
 *
 * A worker's context lies in its struct, for good. Any other thread has one, on its
 * stack, only while it runs a body with a scope (of a lane), or a drop hook. */
#ifndef BOCI_THREAD_CONTEXT_H
#define BOCI_THREAD_CONTEXT_H

#include "os.h"

struct boc_scope;
struct boci_block_pool;
struct boci_worker;

typedef struct boci_thread_context {
  struct boci_worker *worker;    /* NULL: the thread is no worker */
  struct boc_scope *scope;       /* of the body that runs; NULL: none */
  struct boci_block_pool *cowns; /* a worker's pool of cowns; NULL: none yet */
  unsigned drop_depth;           /* drop hooks that run, one within the other */
  struct boc_cown *dropped;      /* cowns that end when the outermost of them is over */
} boci_thread_context;

static inline boci_thread_context *boci_thread_context_current(void) {
  return boci_tls_get();
}

static inline bool boci_thread_context_is_worker(void) {
  const boci_thread_context *context = boci_thread_context_current();
  return context && context->worker;
}

static inline struct boc_scope *boci_thread_context_scope(void) {
  const boci_thread_context *context = boci_thread_context_current();
  return context ? context->scope : NULL;
}

#endif
