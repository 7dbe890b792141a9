/* Waiting: see waiting.h. Waiters are kept in a small pool, as each costs system calls.
 *
 * Signal handlers of Python run on the main thread, while the system may deliver the
 * signal to any. So the main thread does not sleep on its waiter alone, but on
 * `signal_event` too, to which CPython's C handler writes on whichever thread it runs.
 * No signal is ever blocked for that: children of this process would inherit the mask.
 */
#include "waiting.h"

#include <math.h>
#include <stdlib.h>

#include <boc/base.h>

#include "state.h"

#define WAITER_POOL_MAX 16

static bocpy_lock
    waiter_pool_lock; /* a real one: workers' interpreters have GILs of their own */
static bocpy_waiter *waiter_pool; /* under `waiter_pool_lock` */
static unsigned waiter_pooled;    /* under `waiter_pool_lock` */

static bocpy_waiter signal_event;       /* the main thread's */
static atomic_bool signal_event_exists; /* likewise */

int bocpy_waiting_init(void) {
  return waiter_pool_lock ? 0 : bocpy_lock_init(&waiter_pool_lock);
}

/* ---- the main thread ------------------------------------------------------------- */

/* 1, 0, or -1 with an exception. */
static int waits_on_main(void) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main())
    return 0;
  return bocpy_main_thread_find() < 0 ? -1 : bocpy_main_thread_is_here();
}

/* 0, or -1 with OSError. */
static int signal_event_make(void) {
  if (atomic_load(&signal_event_exists))
    return 0;
  if (!bocpy_event_init(&signal_event)) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  atomic_store(&signal_event_exists, true);
  return 0;
}

/* ---- waiters --------------------------------------------------------------------- */

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
  if (atomic_exchange(&signal_event_exists, false))
    bocpy_event_fini(&signal_event);
  return 0;
}

void bocpy_waiter_signal(bocpy_waiter *waiter) { bocpy_event_set(waiter); }

bool bocpy_waiter_take(bocpy_waiter *waiter) { return bocpy_event_take(waiter); }

/* One look and one sleep: 0 signalled, 1 not yet, 2 `wakeup` is, -1 with an exception.
 * `signals` is NULL but on the main thread. */
static int waiter_wait_once(bocpy_waiter *waiter, bocpy_waiter *wakeup,
                            bocpy_waiter *signals, int64_t timeout) {
  if (PyErr_CheckSignals() < 0)
    return -1;
  if (bocpy_event_take(waiter))
    return 0;
  if (wakeup && bocpy_event_is_set(wakeup))
    return 2;
  Py_BEGIN_ALLOW_THREADS
  bocpy_event_sleep(waiter, wakeup, signals, timeout);
  Py_END_ALLOW_THREADS
  return 1;
}

/* A signal that comes after the look for it is written to the event, which ends the
 * sleep. */
static int waiter_wait_once_on_main(bocpy_waiter *waiter, bocpy_waiter *wakeup,
                                    int64_t timeout) {
  if (signal_event_make() < 0)
    return -1;
  bocpy_signals before = bocpy_signals_to(&signal_event);
  int status = waiter_wait_once(waiter, wakeup, &signal_event, timeout);
  bocpy_signals_back(&signal_event, before);
  return status;
}

int bocpy_waiter_wait_or(bocpy_waiter *waiter, bocpy_waiter *wakeup, int64_t timeout) {
  int on_main = waits_on_main();
  if (on_main < 0)
    return -1;
  uint64_t begun = timeout > 0 ? boc_now() : 0;
  int64_t left = timeout;
  for (;;) {
    int status = on_main ? waiter_wait_once_on_main(waiter, wakeup, left)
                         : waiter_wait_once(waiter, wakeup, NULL, left);
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
  Py_BEGIN_ALLOW_THREADS
  while (!bocpy_event_take(waiter))
    bocpy_event_sleep(waiter, NULL, NULL, -1);
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
