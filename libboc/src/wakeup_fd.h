/* Bell: a pollable descriptor that is readable from `ring` until `silence`.
 * wakeup_fd_posix.c; wakeup_fd_none.c where there is no such thing. */
#ifndef BOCI_BELL_H
#define BOCI_BELL_H

#include <boc/base.h>

typedef struct boci_bell {
  int listen;
  int strike;
} boci_bell;

/* Refusals: BOC_NO_MEMORY (no descriptor left); BOC_NOT_FOUND (not on this system). */
boc_status boci_bell_init(boci_bell *bell);
void boci_bell_fini(boci_bell *bell);
void boci_bell_ring(boci_bell *bell);
void boci_bell_silence(boci_bell *bell);

#endif
