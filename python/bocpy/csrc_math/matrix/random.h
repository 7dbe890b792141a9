/* Random: numbers of one generator per interpreter. */
#ifndef MX_RANDOM_H
#define MX_RANDOM_H

#include "../base/state.h"

/* Seeds from the operating system's entropy; -1 with an exception. */
int mx_random_init(mx_state *state);

#endif
