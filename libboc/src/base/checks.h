/* Checks: find uses of a behavior, a cown or a scope that was freed, or that ends
 * twice. Only builds with -Dchecks=true have them; in all others the macros are empty,
 * and no struct is larger.
 *
 * A dead object stays in *quarantine* for a while before its memory is used again, so
 * that a stale pointer finds a dead object, and not another one.
 *
 * Threads: any.
 * Ordering:
 *   [R29] memory goes into quarantine; [A29] the thread that drives it out acquires it.
 */
#ifndef BOCI_CHECKS_H
#define BOCI_CHECKS_H

#include "os.h"

#if defined(BOC_CHECKS)
#define BOCI_QUARANTINES 1

#include "atomic.h"

/* `text` says what must hold */
#define BOCI_CHECK(condition, text)                                                    \
  ((condition) ? (void)0 : boci_panic(__FILE__, __LINE__, text))

enum { BOCI_QUARANTINE_CAPACITY = 256 };

typedef struct boci_quarantine {
  boci_atomic_ptr memory[BOCI_QUARANTINE_CAPACITY];
  boci_atomic_word next;
} boci_quarantine;

/* Takes `memory`, and returns the oldest memory in quarantine, which may be used again;
 * NULL while there is room. With NULL, returns them one by one, until none is left. */
static inline void *boci_quarantine_swap(boci_quarantine *quarantine, void *memory) {
  const uintptr_t at = boci_add_relaxed(&quarantine->next, 1); /* count */
  return boci_swap_acq_rel(&quarantine->memory[at % BOCI_QUARANTINE_CAPACITY],
                           memory); /* [R29] [A29] */
}

#else
#define BOCI_QUARANTINES 0
#define BOCI_CHECK(condition, text) ((void)0)
#endif

#endif
