/* Admission: where a behavior runs, so that its values need not be moved.
 *
 * Threads: a worker with backend `interpreters`, attached, that is about to run it.
 */
#ifndef BOCPY_ADMISSION_H
#define BOCPY_ADMISSION_H

#include "compat.h"

#include <stdbool.h>

#include <boc/behavior.h>

/* The answer of `admit` for a behavior whose first `cowns` cowns have values that it
 * will look at: here, or the worker that most of them live with. `reads`: some may be
 * for reading. What can be had at once is fetched. */
int bocpy_admit(boc_behavior *self, uint32_t cowns, bool reads, bool overdue);

#endif
