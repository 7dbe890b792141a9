/* Executor: the destination of behaviors that hold all their cowns.
 *
 * The protocol (request.c, behavior.c) knows nothing else about what runs behaviors.
 * Tests give it a list, the scheduler its queues, a lane its own queue.
 */
#ifndef BOCI_EXECUTOR_H
#define BOCI_EXECUTOR_H

#include <boc/behavior.h>

typedef struct boci_executor {
  /* `behavior` holds its cowns and now belongs to the executor, which must not run it
   * at once: the caller is in the middle of the protocol. */
  void (*ready)(void *ctx, boc_behavior *behavior);
  void *ctx;
} boci_executor;

#endif
