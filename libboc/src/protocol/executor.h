/* Executor: where behaviors go once they hold all their cowns.
 *
 * The protocol (request.c, behavior.c) knows nothing else of what runs behaviors: tests
 * drive it with a list, the scheduler with its queues.
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
