/* Runtime: the handle that programs use. Its scheduler does the work. */
#ifndef BOCI_RUNTIME_H
#define BOCI_RUNTIME_H

#include "scheduler.h"

#include <boc/runtime.h>

struct boc_runtime {
  boci_scheduler scheduler; /* first: see boci_runtime_of */
  boci_atomic_u32 closing;  /* only bodies may still schedule */
  uint64_t process;         /* the process whose threads the workers are */
  boc_allocator allocator_copy;
};

static inline boc_runtime *boci_runtime_of(boci_scheduler *scheduler) {
  return (boc_runtime *)scheduler; /* the scheduler is its first member */
}

/* Whether this is the child of a fork: it has the memory of the workers, but not the
 * threads. A thread that waited for them would wait forever. */
static inline bool boci_runtime_is_of_parent(const boc_runtime *runtime) {
  return runtime->process != boci_os_process();
}

/* The calling thread as a worker of `runtime`, or NULL. */
static inline boci_worker *boci_runtime_own_worker(const boc_runtime *runtime) {
  return boci_scheduler_own_worker(&runtime->scheduler);
}

#endif
