/* Wake-up descriptor: readable from `signal` until `clear`, for poll and similar calls.
 * wakeup_fd_posix.c; wakeup_fd_none.c where the system has no such thing. */
#ifndef BOCI_WAKEUP_FD_H
#define BOCI_WAKEUP_FD_H

#include <boc/base.h>

typedef struct boci_wakeup_fd {
  int read_fd;
  int write_fd;
} boci_wakeup_fd;

/* Refusals: BOC_NO_MEMORY (no descriptor left); BOC_NOT_FOUND (not on this system). */
boc_status boci_wakeup_fd_init(boci_wakeup_fd *wakeup);
void boci_wakeup_fd_fini(boci_wakeup_fd *wakeup);
void boci_wakeup_fd_signal(boci_wakeup_fd *wakeup);
void boci_wakeup_fd_clear(boci_wakeup_fd *wakeup);

#endif
