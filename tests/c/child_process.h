/* Child process: runs code that ends its program in a child process, and checks how
 * that ends. POSIX, without a sanitizer: those have reports of their own, and their
 * children may start no threads. */
#ifndef TEST_CHILD_PROCESS_H
#define TEST_CHILD_PROCESS_H

#include "harness.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TEST_HAS_CHILD_PROCESS 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(_WIN32)
#undef TEST_HAS_CHILD_PROCESS
#define TEST_HAS_CHILD_PROCESS 0
#endif
#if !defined(TEST_HAS_CHILD_PROCESS)
#define TEST_HAS_CHILD_PROCESS 1
#endif

#if TEST_HAS_CHILD_PROCESS
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* seconds after which a child counts as hanging */
enum { TEST_APART_SECONDS = 30 };

/* Calls `doing(arg)` in a child, which exits with 0 if that returns. Returns the
 * child's status; `text` gets as much of its standard error as fits. */
static inline int test_in_child(void (*doing)(const void *arg), const void *arg,
                                char *text, size_t size) {
  int ends[2], status;
  size_t length = 0;
  ssize_t got = 1;
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    alarm(TEST_APART_SECONDS); /* its signal ends a child that hangs */
    doing(arg);
    _exit(0);
  }
  close(ends[1]);
  while (got > 0 && length + 1 < size) {
    got = read(ends[0], text + length, size - 1 - length);
    length += got > 0 ? (size_t)got : 0;
  }
  text[length] = 0;
  close(ends[0]);
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}
#endif

#endif
