/* Wake-up descriptor on POSIX: a pipe that never blocks. A full pipe is readable. */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _POSIX_C_SOURCE 200809L
#endif
#include "wakeup_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include "os.h"

static bool prepare_descriptor(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 &&
         fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

boc_status boci_wakeup_fd_init(boci_wakeup_fd *wakeup) {
  int ends[2];
  if (pipe(ends) != 0)
    return BOC_NO_MEMORY;
  *wakeup = (boci_wakeup_fd){.read_fd = ends[0], .write_fd = ends[1]};
  BOCI_REQUIRE(prepare_descriptor(ends[0]) && prepare_descriptor(ends[1]));
  return BOC_OK;
}

void boci_wakeup_fd_fini(boci_wakeup_fd *wakeup) {
  close(wakeup->read_fd);
  close(wakeup->write_fd);
}

void boci_wakeup_fd_signal(boci_wakeup_fd *wakeup) {
  const char byte = 1;
  const ssize_t written = write(wakeup->write_fd, &byte, 1);
  (void)written; /* full: it is readable */
}

void boci_wakeup_fd_clear(boci_wakeup_fd *wakeup) {
  char bytes[64];
  while (read(wakeup->read_fd, bytes, sizeof bytes) > 0)
    continue;
}
