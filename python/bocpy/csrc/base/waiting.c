/* Waiting: see waiting.h. Waiters are kept in a small pool, as each costs system calls.
 */
#include "waiting.h"

#include <math.h>
#include <stdlib.h>

#include <boc/base.h>

#define WAITER_POOL_MAX 16

static bocpy_lock
    waiter_pool_lock; /* a real one: workers' interpreters have GILs of their own */
static bocpy_waiter *waiter_pool; /* under `waiter_pool_lock` */
static unsigned waiter_pooled;    /* under `waiter_pool_lock` */

int bocpy_waiting_init(void) {
  return waiter_pool_lock ? 0 : bocpy_lock_init(&waiter_pool_lock);
}

static bocpy_waiter *waiter_pool_take(void) {
  bocpy_lock_take(&waiter_pool_lock);
  bocpy_waiter *waiter = waiter_pool;
  if (waiter) {
    waiter_pool = waiter->next;
    waiter_pooled--;
  }
  bocpy_lock_give(&waiter_pool_lock);
  return waiter;
}

static bool waiter_pool_give(bocpy_waiter *waiter) {
  bocpy_lock_take(&waiter_pool_lock);
  bool room = waiter_pooled < WAITER_POOL_MAX;
  if (room) {
    waiter->next = waiter_pool;
    waiter_pool = waiter;
    waiter_pooled++;
  }
  bocpy_lock_give(&waiter_pool_lock);
  return room;
}

bocpy_waiter *bocpy_waiter_new(void) {
  bocpy_waiter *waiter = waiter_pool_take();
  if (waiter)
    return waiter;
  waiter = malloc(sizeof(*waiter));
  if (!waiter) {
    PyErr_NoMemory();
    return NULL;
  }
  if (bocpy_event_init(waiter))
    return waiter;
  PyErr_SetFromErrno(PyExc_OSError);
  free(waiter);
  return NULL;
}

void bocpy_waiter_free(bocpy_waiter *waiter) {
  while (bocpy_event_take(waiter))
    continue;
  if (waiter_pool_give(waiter))
    return;
  bocpy_event_fini(waiter);
  free(waiter);
}

int bocpy_waiters_forget(void) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  waiter_pool_lock =
      fresh; /* another thread of the parent may hold the one that there was */
  for (bocpy_waiter *waiter; (waiter = waiter_pool_take());) {
    bocpy_event_fini(waiter);
    free(waiter);
  }
  return 0;
}

void bocpy_waiter_signal(bocpy_waiter *waiter) { bocpy_event_set(waiter); }

bool bocpy_waiter_take(bocpy_waiter *waiter) { return bocpy_event_take(waiter); }

/* One look and one sleep: 0 signalled, 1 not yet, 2 the bell is, -1 with an exception.
 */
static int waiter_wait_once(bocpy_waiter *waiter, bocpy_waiter *bell, int64_t timeout) {
  bocpy_signal_guard guard;
  int status = 1;
  bocpy_signals_block(&guard);
  if (PyErr_CheckSignals() < 0) {
    status = -1;
  } else if (bocpy_event_take(waiter)) {
    status = 0;
  } else if (bell && bocpy_event_is_set(bell)) {
    status = 2;
  } else {
    Py_BEGIN_ALLOW_THREADS
    bocpy_event_sleep(waiter, bell, timeout, &guard);
    Py_END_ALLOW_THREADS
  }
  bocpy_signals_restore(&guard);
  return status;
}

int bocpy_waiter_wait_or(bocpy_waiter *waiter, bocpy_waiter *bell, int64_t timeout) {
  uint64_t begun = timeout > 0 ? boc_now() : 0;
  int64_t left = timeout;
  for (;;) {
    int status = waiter_wait_once(waiter, bell, left);
    if (status != 1)
      return status;
    if (timeout < 0)
      continue;
    uint64_t passed = timeout ? boc_now() - begun : 0;
    if (passed >= (uint64_t)timeout)
      return bocpy_event_take(waiter) ? 0 : PyErr_CheckSignals() < 0 ? -1 : 1;
    left = timeout - (int64_t)passed;
  }
}

int bocpy_waiter_wait(bocpy_waiter *waiter, int64_t timeout) {
  return bocpy_waiter_wait_or(waiter, NULL, timeout);
}

void bocpy_waiter_settle(bocpy_waiter *waiter) {
  bocpy_signal_guard guard;
  Py_BEGIN_ALLOW_THREADS
  bocpy_signals_block(&guard);
  while (!bocpy_event_take(waiter))
    bocpy_event_sleep(waiter, NULL, -1, NULL);
  bocpy_signals_restore(&guard);
  Py_END_ALLOW_THREADS
}

int bocpy_parse_timeout(PyObject *seconds, int64_t *out_timeout) {
  if (seconds == Py_None) {
    *out_timeout = BOC_FOREVER;
    return 0;
  }
  double number = PyFloat_AsDouble(seconds);
  if (number == -1.0 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_TypeError))
      PyErr_Format(PyExc_TypeError,
                   "timeout must be a number of seconds or None, not '%s'",
                   Py_TYPE(seconds)->tp_name);
    return -1;
  }
  if (isnan(number)) {
    PyErr_SetString(PyExc_ValueError, "timeout must be a number of seconds, not NaN");
    return -1;
  }
  double ns = number * 1e9;
  *out_timeout = ns <= 0 ? 0 : ns >= 9e18 ? BOC_FOREVER : (int64_t)ns;
  return 0;
}
