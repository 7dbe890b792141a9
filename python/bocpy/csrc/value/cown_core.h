/* Cown core: the boc_cown behind a handle. Its payload is a bocpy_value. Any thread. */
#ifndef BOCPY_COWN_CORE_H
#define BOCPY_COWN_CORE_H

#include "value.h"

static inline bocpy_value *bocpy_value_of(boc_cown *core) {
  return (bocpy_value *)boc_cown_payload(core);
}

/* A new core with the value None and one reference. `pinned`: its value has to stay on
 * the main thread. NULL with MemoryError. Attached. */
boc_cown *bocpy_cown_core_new(bool pinned);

#endif
