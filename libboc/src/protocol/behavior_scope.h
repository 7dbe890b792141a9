/* Behavior scope: a behavior runs in its scope, or not, if that is cancelled. When it
 * has ended, its `done` is called, and it leaves the scope. */
#ifndef BOCI_BEHAVIOR_SCOPE_H
#define BOCI_BEHAVIOR_SCOPE_H

#include "behavior.h"

/* Calls `body` in the scope of the behavior, which has options. Returns false if the
 * scope is cancelled: then `body` was not called. */
bool boci_call_with_options(boc_behavior *behavior,
                            void (*body)(boc_behavior *behavior));

/* For a behavior that has ended and released its cowns. Does nothing for one without
 * options that had no timer. */
void boci_end_options_slow(boc_behavior *behavior);
static inline void boci_end_options(boc_behavior *behavior) {
  if (behavior->block.flags & (BOCI_BEHAVIOR_OPTIONS | BOCI_BEHAVIOR_TIMED))
    boci_end_options_slow(behavior);
}

/* For a behavior with options that was never scheduled. */
void boci_drop_options(boc_behavior *behavior);

#endif
