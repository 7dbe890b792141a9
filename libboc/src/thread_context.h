/* Thread context: what a thread is to libboc, behind a thread-local pointer. Behind a
 * second one is the worker of the context, which each behavior asks for twice.
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

/* `context` is NULL, or lives until the thread sets another one. */
static inline void boci_thread_context_set(boci_thread_context *context) {
  boci_tls_set(context);
#if defined(BOCI_TLS_HAS_WORKER)
  boci_tls_set_worker(context ? context->worker : NULL);
#endif
}

/* The worker that the calling thread is, or NULL. */
static inline struct boci_worker *boci_thread_context_worker(void) {
#if defined(BOCI_TLS_HAS_WORKER)
  return boci_tls_get_worker();
#else
  const boci_thread_context *context = boci_thread_context_current();
  return context ? context->worker : NULL;
#endif
}

static inline bool boci_thread_context_is_worker(void) {
  return boci_thread_context_worker() != NULL;
}

static inline struct boc_scope *boci_thread_context_scope(void) {
  const boci_thread_context *context = boci_thread_context_current();
  return context ? context->scope : NULL;
}

#endif
