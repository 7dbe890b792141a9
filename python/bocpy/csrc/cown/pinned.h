/* Pinned: cowns whose value stays on the main thread.
 *
 * The value of a pinned cown is an OBJECT (value.h) on either backend and is never
 * encoded. Its core is pinned to the lane (pump.h), so that every behavior over it runs
 * on the main thread. Handles are shipped like those of any cown.
 */
#ifndef BOCPY_PINNED_H
#define BOCPY_PINNED_H

#include "cown.h"

extern PyType_Spec bocpy_pinned_spec;

/* 0, or -1 with RuntimeError if the cown is pinned and this is not the main thread. */
int bocpy_pinned_require_here(const bocpy_value *value, const char *what);

#endif
