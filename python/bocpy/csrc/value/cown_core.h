/* Cown core: the boc_cown behind a handle. Its payload is a bocpy_value. Any thread. */
#ifndef BOCPY_COWN_CORE_H
#define BOCPY_COWN_CORE_H

#include "value.h"

/* A new core with the value None and one reference. `pinned`: its value has to stay on
 * the main thread. NULL with MemoryError. Attached. */
boc_cown *bocpy_cown_core_new(bool pinned);

/* Once, before other cowns: -1 with SystemError if a cown's payload is not where
 * bocpy_value_of looks for it. */
int bocpy_cown_core_init(void);

#endif
