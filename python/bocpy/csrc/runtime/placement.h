/* Placement: chooses where a behavior runs, so that its values need not be moved.
 *
 * Threads: a worker with backend `interpreters`, attached, that is about to run it.
 */
#ifndef BOCPY_PLACEMENT_H
#define BOCPY_PLACEMENT_H

#include "compat.h"

#include <stdbool.h>

#include <boc/behavior.h>

/* The answer of `admit` for a behavior that needs the values of its first `cowns`
 * cowns: to run here, or to go to the worker with which most of them live. `reads`:
 * some may be read only. Fetches the values that are available at once. */
int bocpy_admit(boc_behavior *self, uint32_t cowns, bool reads, bool overdue);

#endif
