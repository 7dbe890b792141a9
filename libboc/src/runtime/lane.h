/* Lane: a queue of ready behaviors, and ways to hear that it is not empty. */
#ifndef BOCI_LANE_H
#define BOCI_LANE_H

#include <boc/lane.h>

/* Puts a ready behavior with a pinned cown into its lane. Any thread. */
void boci_lane_push(boc_behavior *behavior);

#endif
