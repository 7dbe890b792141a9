/* OS: the parts that are the same on every system: deadlines, the thread's slot,
 * panic. */
#include "os.h"

#include <stdio.h>
#include <stdlib.h>

#include "park.h"
#include "perturb.h"
#if !defined(BOC_SYSTEMATIC) && !defined(BOC_RELACY)
BOCI_THREAD_LOCAL void *boci_tls_slot;
#endif

uint64_t boci_os_deadline(int64_t timeout) {
  if (timeout < 0)
    return BOCI_NEVER;
  uint64_t now = boci_os_now();
  uint64_t span = (uint64_t)timeout;
  return span >= BOCI_NEVER - now ? BOCI_NEVER - 1 : now + span;
}

_Noreturn void boci_panic(const char *file, int line, const char *text) {
  fprintf(stderr, "libboc: broken invariant at %s:%d: %s\n", file, line, text);
#if defined(BOC_SYSTEMATIC)
  boci_systematic_report();
#endif
  fflush(stderr);
  abort();
}
