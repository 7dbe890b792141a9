/* Waiting on POSIX: the event is a byte in a pipe; on Linux it is the counter of an
 * eventfd, except where CPython writes signals.
 *
 * A write to a pipe tells Linux that the writer is about to sleep, so the sleeper is
 * put on the writer's processor. A thread that signals another one goes on running:
 * the other one took its processor from it, and both shared one for a while, even if
 * another one was free.
 *
 * CPython writes a signal's number to its wake-up descriptor from the C handler, on
 * whichever thread that runs. asyncio and others set a descriptor of their own: after
 * each sleep it is set again, and gets the signals that came. */
#if !defined(_WIN32)
#include "state.h"
#include "waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/eventfd.h>
#endif

static bool event_prepare_fd(int fd) {
  int flags = fcntl(fd, F_GETFL);
  return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != -1 &&
         fcntl(fd, F_SETFD, FD_CLOEXEC) != -1;
}

bool bocpy_signal_event_init(bocpy_waiter *waiter) {
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

bool bocpy_event_init(bocpy_waiter *waiter) {
#if defined(__linux__)
  int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  waiter->handles[0] = waiter->handles[1] = fd;
  return fd >= 0;
#else
  return bocpy_signal_event_init(waiter);
#endif
}

void bocpy_event_fini(bocpy_waiter *waiter) {
  close((int)waiter->handles[0]);
  if (waiter->handles[1] != waiter->handles[0])
    close((int)waiter->handles[1]);
}

/* A pipe gets one byte of the number, an eventfd all of it. */
void bocpy_event_set(bocpy_waiter *waiter) {
  const uint64_t one = 1;
  bool is_pipe = waiter->handles[1] != waiter->handles[0];
  size_t size = is_pipe ? 1 : sizeof one;
  while (write((int)waiter->handles[1], &one, size) < 0 && errno == EINTR)
    continue;
}

void bocpy_descriptor_write(intptr_t descriptor) {
  while (write((int)descriptor, "", 1) < 0 && errno == EINTR)
    continue;
}

bool bocpy_event_take(bocpy_waiter *waiter) {
  uint64_t number;
  bool is_pipe = waiter->handles[1] != waiter->handles[0];
  ssize_t got;
  do
    got = read((int)waiter->handles[0], &number, is_pipe ? 1 : sizeof number);
  while (got < 0 && errno == EINTR);
  return got > 0;
}

/* A full descriptor is readable already, so nothing is lost. */
static void signal_numbers_send(int fd, const char *numbers, size_t count) {
  while (write(fd, numbers, count) < 0 && errno == EINTR)
    continue;
}

#if BOCPY_HAVE_WAKEUP_FD
static int signal_set_wakeup_fd(int fd) { return PySignal_SetWakeupFd(fd); }
#else
/* Before 3.13 the C function is declared but not exported. Keeps the exception that is
 * set; -1 if there was no descriptor, or it cannot be set. */
static int signal_set_wakeup_fd(int fd) {
  PyObject *pending = PyErr_GetRaisedException();
  bocpy_state *state = bocpy_state_get();
  PyObject *last = state ? bocpy_python_call(&state->python,
                                             BOCPY_PY_SIGNAL_SET_WAKEUP_FD, "(i)", fd)
                         : NULL;
  int number = last ? (int)PyLong_AsLong(last) : -1;
  Py_XDECREF(last);
  PyErr_Clear();
  PyErr_SetRaisedException(pending);
  return number;
}
#endif

bocpy_signals bocpy_signals_to(bocpy_waiter *event) {
  return signal_set_wakeup_fd((int)event->handles[1]);
}

void bocpy_signals_back(bocpy_waiter *event, bocpy_signals before) {
  int ours = (int)event->handles[1];
  int last = signal_set_wakeup_fd(before);
  if (last != ours) { /* a handler has chosen another one */
    signal_set_wakeup_fd(last);
    before = last;
  }
  char numbers[64];
  ssize_t count;
  while ((count = read((int)event->handles[0], numbers, sizeof numbers)) > 0)
    if (before >= 0 && before != ours)
      signal_numbers_send(before, numbers, (size_t)count);
}

int bocpy_processor(void) {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

bool bocpy_event_is_set(bocpy_waiter *waiter) {
  struct pollfd entry = {.fd = (int)waiter->handles[0], .events = POLLIN};
  return poll(&entry, 1, 0) == 1;
}

/* How long one sleep lasts on a descriptor that select() cannot take. */
enum { SLICE_MS = 50 };

void bocpy_event_sleep(bocpy_waiter *waiter, bocpy_waiter *wakeup,
                       bocpy_waiter *signals, int64_t timeout) {
  struct pollfd entries[3] = {{.fd = (int)waiter->handles[0], .events = POLLIN}};
  nfds_t count = 1;
  if (wakeup)
    entries[count++] = (struct pollfd){.fd = (int)wakeup->handles[0], .events = POLLIN};
  if (signals)
    entries[count++] =
        (struct pollfd){.fd = (int)signals->handles[0], .events = POLLIN};
  struct timespec limit = {(time_t)(timeout / 1000000000),
                           (long)(timeout % 1000000000)};
  struct timespec *until = timeout < 0 ? NULL : &limit;
#if defined(__linux__) || defined(__FreeBSD__) || defined(__OpenBSD__)
  ppoll(entries, count, until, NULL);
#else
  fd_set set;
  int highest = -1;
  for (nfds_t i = 0; i < count; i++)
    if (entries[i].fd > highest)
      highest = entries[i].fd;
  if (highest >= FD_SETSIZE) {
    bool last = timeout >= 0 && timeout < (int64_t)SLICE_MS * 1000000;
    poll(entries, count, last ? (int)(timeout / 1000000) + 1 : SLICE_MS);
    return;
  }
  FD_ZERO(&set);
  for (nfds_t i = 0; i < count; i++)
    FD_SET(entries[i].fd, &set);
  pselect(highest + 1, &set, NULL, NULL, until, NULL);
#endif
}

#endif
