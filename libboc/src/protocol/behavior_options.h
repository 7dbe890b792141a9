/* Behavior options: the scope of a behavior, and the `done` callback for its end. */
#ifndef BOCI_BEHAVIOR_OPTIONS_H
#define BOCI_BEHAVIOR_OPTIONS_H

#include "behavior.h"

/* Calls `body` in the scope of the behavior, which has options. False: the scope is
 * cancelled, and `body` was not called. */
bool boci_call_with_options(boc_behavior *behavior,
                            void (*body)(boc_behavior *behavior));

/* The behavior has ended and its cowns are handed on. Does nothing for a behavior that
 * has neither options nor had a timer. */
void boci_end_options_slow(boc_behavior *behavior);
static inline void boci_end_options(boc_behavior *behavior) {
  if (behavior->block.flags & (BOCI_BEHAVIOR_OPTIONS | BOCI_BEHAVIOR_TIMED))
    boci_end_options_slow(behavior);
}

/* The behavior, which has options, was never scheduled. */
void boci_drop_options(boc_behavior *behavior);

#endif
