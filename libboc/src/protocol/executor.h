/* Executor: where behaviors go once they hold all their cowns.
 *
 * The protocol (request.c, behavior.c) knows nothing else of what runs behaviors: tests
 * give it a list, the scheduler its queues, a lane one of its own.
 */
#ifndef BOCI_EXECUTOR_H
#define BOCI_EXECUTOR_H

#include <boc/behavior.h>

typedef struct boci_executor {
  /* `behavior` holds its cowns and belongs to the executor. Must not run it at once:
   * the caller is in the middle of the protocol. */
  void (*ready)(void *ctx, boc_behavior *behavior);
  void *ctx;
} boci_executor;

#endif
