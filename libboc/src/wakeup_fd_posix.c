/* Bell on POSIX: a pipe that never blocks. A full one rings already. */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _POSIX_C_SOURCE 200809L
#endif
#include "wakeup_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include "os.h"

static bool prepare(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 &&
         fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

boc_status boci_bell_init(boci_bell *bell) {
  int ends[2];
  if (pipe(ends) != 0)
    return BOC_NO_MEMORY;
  *bell = (boci_bell){.listen = ends[0], .strike = ends[1]};
  BOCI_REQUIRE(prepare(ends[0]) && prepare(ends[1]));
  return BOC_OK;
}

void boci_bell_fini(boci_bell *bell) {
  close(bell->listen);
  close(bell->strike);
}

void boci_bell_ring(boci_bell *bell) {
  const char sound = 1;
  const ssize_t written = write(bell->strike, &sound, 1);
  (void)written; /* full: it rings */
}

void boci_bell_silence(boci_bell *bell) {
  char sounds[64];
  while (read(bell->listen, sounds, sizeof sounds) > 0)
    continue;
}
