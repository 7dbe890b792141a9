/* Spin: waits for another thread to finish a few instructions. It checks again at once;
 * after some tries it yields, since the other thread may have lost its processor. */
#ifndef BOCI_SPIN_H
#define BOCI_SPIN_H

#include "atomic.h"
#include "os.h"

#define BOCI_SPIN_PAUSES 64u

static inline void boci_spin_once(unsigned *tries) {
  if (++*tries % BOCI_SPIN_PAUSES != 0)
    boci_pause();
  else
    boci_os_yield();
}

#endif
