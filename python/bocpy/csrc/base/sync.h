/* Sync: the locks and atomic words of the extension.
 *
 * The locks are CPython's own (public, portable, usable without a thread state). A
 * thread holds one for a few instructions and never while Python code runs. A comment
 * at each memory order says with what it pairs.
 */
#ifndef BOCPY_SYNC_H
#define BOCPY_SYNC_H

#include "compat.h"

#include <stdatomic.h>
#include <stdbool.h>

/* initial-exec: one load finds the variable. Only glibc can dlopen a module that has
 * such variables. */
#if defined(__GLIBC__)
#define BOCPY_THREAD_LOCAL __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#define BOCPY_THREAD_LOCAL _Thread_local
#endif

typedef PyThread_type_lock bocpy_lock;

/* 0, or -1 with MemoryError. */
static inline int bocpy_lock_init(bocpy_lock *lock) {
  *lock = PyThread_allocate_lock();
  if (*lock)
    return 0;
  PyErr_NoMemory();
  return -1;
}

static inline void bocpy_lock_fini(bocpy_lock *lock) {
  if (*lock)
    PyThread_free_lock(*lock);
  *lock = NULL;
}

static inline void bocpy_lock_take(bocpy_lock *lock) {
  PyThread_acquire_lock(*lock, WAIT_LOCK);
}

static inline void bocpy_lock_give(bocpy_lock *lock) { PyThread_release_lock(*lock); }

/* For waits that may be long: the thread is detached meanwhile. */
static inline void bocpy_lock_take_detached(bocpy_lock *lock) {
  if (PyThread_acquire_lock(*lock, NOWAIT_LOCK))
    return;
  Py_BEGIN_ALLOW_THREADS
  PyThread_acquire_lock(*lock, WAIT_LOCK);
  Py_END_ALLOW_THREADS
}

#endif
