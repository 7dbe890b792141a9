/* Bell where no descriptor of ours can be polled together with others. */
#include "wakeup_fd.h"

boc_status boci_bell_init(boci_bell *bell) {
  (void)bell;
  return BOC_NOT_FOUND;
}

void boci_bell_fini(boci_bell *bell) { (void)bell; }
void boci_bell_ring(boci_bell *bell) { (void)bell; }
void boci_bell_silence(boci_bell *bell) { (void)bell; }
