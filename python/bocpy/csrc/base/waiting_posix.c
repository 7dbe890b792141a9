/* Waiting on POSIX: the event is a byte in a pipe.
 *
 * All signals are blocked before the last look for pending ones and let through only
 * while the thread sleeps: there is no moment in which one could come too late to be
 * seen and too early to wake the sleeper. */
#if !defined(_WIN32)
#include "waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(sigset_t) <= sizeof(bocpy_signal_guard), "a mask must fit");

static bool event_prepare_fd(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1 &&
         fcntl(fd, F_SETFD, FD_CLOEXEC) != -1;
}

bool bocpy_event_init(bocpy_waiter *waiter) {
  int fds[2];
  if (pipe(fds) != 0)
    return false;
  waiter->handles[0] = fds[0];
  waiter->handles[1] = fds[1];
  if (event_prepare_fd(fds[0]) && event_prepare_fd(fds[1]))
    return true;
  bocpy_event_fini(waiter);
  return false;
}

void bocpy_event_fini(bocpy_waiter *waiter) {
  close((int)waiter->handles[0]);
  close((int)waiter->handles[1]);
}

void bocpy_event_set(bocpy_waiter *waiter) {
  int fd = (int)waiter->handles[1];
  while (write(fd, "", 1) < 0 && errno == EINTR)
    continue;
}

void bocpy_descriptor_write(intptr_t descriptor) {
  while (write((int)descriptor, "", 1) < 0 && errno == EINTR)
    continue;
}

bool bocpy_event_take(bocpy_waiter *waiter) {
  char byte;
  ssize_t got;
  do
    got = read((int)waiter->handles[0], &byte, 1);
  while (got < 0 && errno == EINTR);
  return got == 1;
}

void bocpy_signals_block(bocpy_signal_guard *guard) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  memcpy(guard->mask, &before, sizeof(before));
}

void bocpy_signals_restore(const bocpy_signal_guard *guard) {
  sigset_t before;
  memcpy(&before, guard->mask, sizeof(before));
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool bocpy_event_is_set(bocpy_waiter *waiter) {
  struct pollfd entry = {.fd = (int)waiter->handles[0], .events = POLLIN};
  return poll(&entry, 1, 0) == 1;
}

void bocpy_event_sleep(bocpy_waiter *waiter, bocpy_waiter *bell, int64_t timeout,
                       const bocpy_signal_guard *guard) {
  struct pollfd entries[2] = {{.fd = (int)waiter->handles[0], .events = POLLIN},
                              {.fd = -1, .events = POLLIN}};
  nfds_t count = bell ? 2 : 1;
  if (bell)
    entries[1].fd = (int)bell->handles[0];
  struct timespec limit = {(time_t)(timeout / 1000000000),
                           (long)(timeout % 1000000000)};
  struct timespec *until = timeout < 0 ? NULL : &limit;
  sigset_t mask;
  if (guard)
    memcpy(&mask, guard->mask, sizeof(mask));
#if defined(__linux__) || defined(__FreeBSD__) || defined(__OpenBSD__)
  ppoll(entries, count, until, guard ? &mask : NULL);
#else
  fd_set set;
  int highest = entries[0].fd > entries[1].fd ? entries[0].fd : entries[1].fd;
  if (highest >= FD_SETSIZE) {
    int slice = timeout >= 0 && timeout < 50000000 ? (int)(timeout / 1000000) + 1 : 50;
    poll(entries, count, slice);
    return;
  }
  FD_ZERO(&set);
  for (nfds_t i = 0; i < count; i++)
    FD_SET(entries[i].fd, &set);
  pselect(highest + 1, &set, NULL, NULL, until, guard ? &mask : NULL);
#endif
}

#endif
