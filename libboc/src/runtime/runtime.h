/* Runtime: the handle that programs have. Its scheduler does the work. */
#ifndef BOCI_RUNTIME_H
#define BOCI_RUNTIME_H

#include "scheduler.h"

#include <boc/runtime.h>

struct boc_runtime {
  boci_scheduler scheduler; /* first: see boci_runtime_of */
  boci_atomic_u32 closing;  /* only bodies may still schedule */
  boc_allocator allocator_copy;
};

static inline boc_runtime *boci_runtime_of(boci_scheduler *scheduler) {
  return (boc_runtime *)scheduler; /* its first member */
}

/* The worker of `runtime` that the calling thread is, or NULL. */
static inline boci_worker *boci_runtime_own_worker(const boc_runtime *runtime) {
  return boci_scheduler_own_worker(&runtime->scheduler);
}

#endif
