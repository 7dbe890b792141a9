/* Waiting: see waiting.h. Waiters are kept in a small pool, as each costs system calls.
 *
 *   state      set by                             a signal
 *   AWAKE      the waiting thread                 sets SIGNALLED: the last look at it
 *   ASLEEP     that thread, before it sleeps      sets SIGNALLED, then the event
 *   SIGNALLED  the signal                         (there is one at most)
 *   POLLED     bocpy_waiter_new_polled, for good  sets the event
 *
 * Signal handlers of Python run on the main thread, while the system may deliver the
 * signal to any. So the main thread does not sleep on its waiter alone, but on
 * `signal_event` too, to which CPython's C handler writes on whichever thread it runs.
 * No signal is ever blocked for that: children of this process would inherit the mask.
 */
#include "waiting.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <boc/base.h>

#include "state.h"

#define WAITER_POOL_MAX 16

enum { AWAKE, ASLEEP, SIGNALLED, POLLED };

/* A wait that ends sooner is short: two wake-ups, and some work between them, such as
 * copying 1 MB. With less, two threads that have both fallen asleep would never get to
 * spinning: what each waits for then takes two wake-ups and the work. */
#define SHORT_NS 300000

#define DURATION_CHECKED 1e9 /* 31 years, in seconds; time.time() is above it */
#define YEAR 31556952.0

/* ns that a thread spins before it sleeps: as long as a wake-up and an answer take. Two
 * threads that wake each other up then go on without sleeping. */
#define SPIN_NS 100000
#define SPINS_SKIPPED_MAX 31

/* One wait in so many spins although the other thread is on this processor: two threads
 * that only sleep in turns are no load that the system would spread. */
#define BESIDE_MAX 32

static bocpy_lock
    /* a lock also with a GIL: workers' interpreters have GILs of their own */
    waiter_pool_lock;
static bocpy_waiter *waiter_pool; /* under `waiter_pool_lock` */
static unsigned waiter_pooled;    /* under `waiter_pool_lock` */

static bool waiter_may_spin; /* another core can signal while this one spins */

static bocpy_waiter signal_event;       /* of the main thread */
static atomic_bool signal_event_exists; /* whether `signal_event` has been made */

int bocpy_waiting_init(void) {
  waiter_may_spin = boc_core_count() > 1;
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
  if (!bocpy_signal_event_init(&signal_event)) {
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

static bocpy_waiter *waiter_make(void) {
  bocpy_waiter *waiter = malloc(sizeof(*waiter));
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

static bocpy_waiter *waiter_new_in(unsigned char state) {
  bocpy_waiter *waiter = waiter_pool_take();
  if (!waiter && !(waiter = waiter_make()))
    return NULL;
  atomic_init(&waiter->state, state);
  atomic_init(&waiter->signalled_on, -1);
  waiter->slept = false;
  return waiter;
}

bocpy_waiter *bocpy_waiter_new(void) { return waiter_new_in(AWAKE); }

bocpy_waiter *bocpy_waiter_new_polled(void) { return waiter_new_in(POLLED); }

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
      fresh; /* another thread of the parent may have held the old lock */
  for (bocpy_waiter *waiter; (waiter = waiter_pool_take());) {
    bocpy_event_fini(waiter);
    free(waiter);
  }
  if (atomic_exchange(&signal_event_exists, false))
    bocpy_event_fini(&signal_event);
  return 0;
}

/* ---- signals --------------------------------------------------------------------- */

/* A waiter that was AWAKE may be freed as soon as it is SIGNALLED; one that was ASLEEP
 * lives until its thread has taken the event. */
void bocpy_waiter_signal(bocpy_waiter *waiter) {
  if (atomic_load(&waiter->state) != POLLED) {
    if (atomic_exchange(&waiter->state, SIGNALLED) != ASLEEP)
      return;
    atomic_store(&waiter->signalled_on, bocpy_processor());
  }
  bocpy_event_set(waiter);
}

/* Whether the thread that signalled it shares this thread's processor. */
static bool waiter_woken_beside(bocpy_waiter *waiter) {
  int there = waiter->slept ? atomic_load(&waiter->signalled_on) : -1;
  return there >= 0 && there == bocpy_processor();
}

/* Returns false while the event of a signal is still to come. */
bool bocpy_waiter_take(bocpy_waiter *waiter) {
  unsigned char state = atomic_load(&waiter->state);
  if (state == POLLED)
    return bocpy_event_take(waiter);
  if (state != SIGNALLED || (waiter->slept && !bocpy_event_take(waiter)))
    return false;
  bocpy_self.woken_beside =
      waiter_woken_beside(waiter) ? (bocpy_self.woken_beside + 1) % BESIDE_MAX : 0;
  waiter->slept = false;
  atomic_store(&waiter->state, AWAKE);
  return true;
}

/* Whether the waiting thread may sleep: the next signal sets the event. */
static bool waiter_fall_asleep(bocpy_waiter *waiter) {
  unsigned char state = AWAKE;
  if (atomic_compare_exchange_strong(&waiter->state, &state, ASLEEP))
    waiter->slept = true;
  return state == POLLED || waiter->slept;
}

/* ---- looking --------------------------------------------------------------------- */

static bool waiter_is_awaited(const bocpy_waiter *waiter, const atomic_bool *other) {
  return atomic_load(&waiter->state) == AWAKE && !(other && atomic_load(other));
}

/* With a shared GIL, the thread that is to signal sleeps until it gets the GIL. */
static bool waiter_needs_gil(void) {
  return !BOCPY_FREE_THREADED && bocpy_by_reference();
}

/* Back-off: counts the waits that do not spin. The count doubles after a spin in vain,
 * since the thread that is to signal may be waiting for this core. */
static bool waiter_spin_skips(void) {
  if (!bocpy_self.spins_to_skip)
    return false;
  bocpy_self.spins_to_skip--;
  return true;
}

static void waiter_spin_note(bool in_vain) {
  unsigned missed = in_vain ? 2u * bocpy_self.spins_missed + 1 : 0;
  bocpy_self.spins_missed = missed < SPINS_SKIPPED_MAX ? missed : SPINS_SKIPPED_MAX;
  bocpy_self.spins_to_skip = bocpy_self.spins_missed;
}

/* Reading the clock separates the looks. The thread does not yield: it could lose the
 * core to another program for milliseconds. */
void bocpy_waiter_spin(const bocpy_waiter *waiter, const atomic_bool *other,
                       int64_t timeout) {
  uint64_t most = timeout < 0 || timeout > SPIN_NS ? SPIN_NS : (uint64_t)timeout;
  if (!waiter_may_spin || !bocpy_self.waits_shortly || waiter_needs_gil() ||
      !waiter_is_awaited(waiter, other) || waiter_spin_skips())
    return;
  Py_BEGIN_ALLOW_THREADS
  uint64_t end = boc_now() + most;
  while (waiter_is_awaited(waiter, other) && boc_now() < end)
    continue;
  Py_END_ALLOW_THREADS
  waiter_spin_note(waiter_is_awaited(waiter, other));
}

/* If the other thread is on this processor, a spin would only keep it from running. */
void bocpy_waiter_note(uint64_t begun, bool signalled) {
  bocpy_self.waits_shortly =
      signalled && !bocpy_self.woken_beside && boc_now() - begun < SHORT_NS;
}

/* ---- sleeping -------------------------------------------------------------------- */

/* Checks once and sleeps once. 0: signalled. 1: not yet. 2: `wakeup` is signalled. -1
 * with an exception. `signals` is NULL except on the main thread. */
static int waiter_wait_once(bocpy_waiter *waiter, bocpy_waiter *wakeup,
                            bocpy_waiter *signals, int64_t timeout) {
  if (PyErr_CheckSignals() < 0)
    return -1;
  if (bocpy_waiter_take(waiter))
    return 0;
  if (wakeup && bocpy_event_is_set(wakeup))
    return 2;
  if (!waiter_fall_asleep(waiter))
    return 1;
  Py_BEGIN_ALLOW_THREADS
  bocpy_event_sleep(waiter, wakeup, signals, timeout);
  Py_END_ALLOW_THREADS
  return 1;
}

/* A signal that comes after the check for signals is written to the event, which ends
 * the sleep. */
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
  if (on_main < 0 || PyErr_CheckSignals() < 0)
    return -1;
  if (bocpy_waiter_take(waiter))
    return 0;
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
      return bocpy_waiter_take(waiter) ? 0 : PyErr_CheckSignals() < 0 ? -1 : 1;
    left = timeout - (int64_t)passed;
  }
}

int bocpy_waiter_wait(bocpy_waiter *waiter, int64_t timeout) {
  return bocpy_waiter_wait_or(waiter, NULL, timeout);
}

void bocpy_waiter_settle(bocpy_waiter *waiter) {
  Py_BEGIN_ALLOW_THREADS
  while (!bocpy_waiter_take(waiter))
    if (waiter_fall_asleep(waiter))
      bocpy_event_sleep(waiter, NULL, NULL, -1);
  Py_END_ALLOW_THREADS
}

int bocpy_check_duration(double seconds, const char *what) {
  if (seconds < DURATION_CHECKED || fabs(seconds - (double)time(NULL)) > YEAR)
    return 0;
  PyErr_Format(PyExc_ValueError,
               "%s is a number of seconds from now, and looks like a moment of "
               "time.time(): pass moment - time.time()",
               what);
  return -1;
}

/* Of an int that no double holds, for which an OverflowError is pending. */
static int timeout_of_huge(PyObject *seconds, int64_t *out_timeout) {
  PyErr_Clear();
  PyObject *zero = PyLong_FromLong(0);
  int negative = zero ? PyObject_RichCompareBool(seconds, zero, Py_LT) : -1;
  Py_XDECREF(zero);
  *out_timeout = negative > 0 ? 0 : BOC_FOREVER;
  return negative < 0 ? -1 : 0;
}

int bocpy_parse_timeout(PyObject *seconds, const char *what, int64_t *out_timeout) {
  if (seconds == Py_None) {
    *out_timeout = BOC_FOREVER;
    return 0;
  }
  double number = PyFloat_AsDouble(seconds);
  if (number == -1.0 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError))
      return timeout_of_huge(seconds, out_timeout);
    if (PyErr_ExceptionMatches(PyExc_TypeError))
      PyErr_Format(PyExc_TypeError,
                   "%s: timeout must be a number of seconds or None, not '%s'", what,
                   Py_TYPE(seconds)->tp_name);
    return -1;
  }
  if (isnan(number)) {
    PyErr_Format(PyExc_ValueError, "%s: timeout must be a number of seconds, not NaN",
                 what);
    return -1;
  }
  char name[64];
  snprintf(name, sizeof(name), "%s: timeout", what);
  if (bocpy_check_duration(number, name) < 0)
    return -1;
  double ns = number * 1e9;
  *out_timeout = ns <= 0 ? 0 : ns >= 9e18 ? BOC_FOREVER : (int64_t)ns;
  return 0;
}
