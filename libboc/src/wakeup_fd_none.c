/* Wake-up descriptor on systems that cannot poll a pipe together with other
 * descriptors. */
#include "wakeup_fd.h"

boc_status boci_wakeup_fd_init(boci_wakeup_fd *wakeup) {
  (void)wakeup;
  return BOC_NOT_FOUND;
}

void boci_wakeup_fd_fini(boci_wakeup_fd *wakeup) { (void)wakeup; }
void boci_wakeup_fd_signal(boci_wakeup_fd *wakeup) { (void)wakeup; }
void boci_wakeup_fd_clear(boci_wakeup_fd *wakeup) { (void)wakeup; }
