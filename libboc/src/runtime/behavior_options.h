/* Extras: the scope of a behavior, and who is told when it is over. */
#ifndef BOCI_EXTRAS_H
#define BOCI_EXTRAS_H

#include "behavior.h"

/* Calls `body` in the behavior's scope, unless that is cancelled. */
void boci_call_with_extras(boc_behavior *behavior,
                           void (*body)(boc_behavior *behavior));

/* The behavior is over and its cowns handed on. Nothing to do without extras. */
void boci_end_extras_slow(boc_behavior *behavior);
static inline void boci_end_extras(boc_behavior *behavior) {
  if (behavior->block.flags & BOCI_BEHAVIOR_EXTRAS)
    boci_end_extras_slow(behavior);
}

/* It was never scheduled. */
void boci_forget_extras(boc_behavior *behavior);

#endif
