/* OS: the parts that are the same on every system: deadlines, the thread's slot,
 * panic. */
#include "os.h"

#include <stdio.h>
#include <stdlib.h>

#include "atomic.h"
#include "compiler.h"
#include "park.h"
#include "perturb.h"
#if !defined(BOC_SYSTEMATIC) && !defined(BOC_RELACY)
BOCI_THREAD_LOCAL void *boci_tls_slot;
BOCI_THREAD_LOCAL void *boci_tls_worker;
BOCI_THREAD_LOCAL uint32_t boci_tls_number;
static boci_atomic_u32 threads_numbered;

/* It starts again at 1 after 2^32 threads. */
BOCI_NOINLINE uint32_t boci_thread_number_first(void) {
  do
    boci_tls_number = boci_add_relaxed(&threads_numbered, 1) + 1; /* count */
  while (boci_tls_number == 0);
  return boci_tls_number;
}
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
