/* Acquire: see acquire.h.
 *
 *   state      set by                        leads to
 *   UNWATCHED  the thread that wants it      WATCHED, GRANTED, ABANDONED
 *   WATCHED    that thread, before it waits  GRANTED, ABANDONED
 *   GRANTED    the behavior's body           (held until released)
 *   ABANDONED  the thread, tired of waiting  (the behavior finishes at once)
 *
 * A free cown needs no worker: the body then runs on the thread that wants it, while it
 * schedules. Only a thread that has to wait gets a waiter.
 *
 * The thread and the behavior have one reference each; the behavior's goes when it is
 * over, its cown handed on, which a release waits for: so nobody finds a cown in use
 * after it. `acquired_lock` guards the list of all that is held, which the end of the
 * program and the child of a fork need. */
#include "acquire.h"

#include <stdlib.h>

#include "grant.h"
#include "pinned.h"
#include "pump.h"
#include "reader_copies.h"
#include "runtime.h"
#include "waiting.h"

#include <boc/scope.h>

enum { UNWATCHED, WATCHED, GRANTED, ABANDONED };

struct bocpy_acquisition {
  boc_behavior *behavior;
  bocpy_waiter *waiter;
  bocpy_value *value;
  const bocpy_thread *thread;
  atomic_int state;
  atomic_int references;
  atomic_bool over; /* the cown has been handed on */
  unsigned depth;   /* of `with` blocks inside the first */
  bocpy_acquisition *prev, *next;
};

static bocpy_lock acquired_lock;
static bocpy_acquisition acquired_list = {.prev = &acquired_list,
                                          .next = &acquired_list};

int bocpy_acquire_init(void) {
  return acquired_lock ? 0 : bocpy_lock_init(&acquired_lock);
}

static void acquisition_link(bocpy_acquisition *acquired) {
  bocpy_lock_take(&acquired_lock);
  acquired->next = &acquired_list;
  acquired->prev = acquired_list.prev;
  acquired_list.prev->next = acquired;
  acquired_list.prev = acquired;
  bocpy_lock_give(&acquired_lock);
}

static void acquisition_unlink(bocpy_acquisition *acquired) {
  bocpy_lock_take(&acquired_lock);
  acquired->prev->next = acquired->next;
  acquired->next->prev = acquired->prev;
  bocpy_lock_give(&acquired_lock);
}

/* ---- the behavior ---------------------------------------------------------------- */

static void acquisition_drop(bocpy_acquisition *acquired) {
  if (atomic_fetch_sub(&acquired->references, 1) == 1)
    free(acquired);
}

static void acquisition_done(void *ctx, bool ran) {
  bocpy_acquisition *acquired = ctx;
  (void)ran;
  atomic_store(&acquired->over, true);
  acquisition_drop(acquired);
}

/* Deferred first: once GRANTED is seen, the thread may complete the behavior. */
static void acquisition_grant(boc_behavior *self, void *env) {
  bocpy_acquisition *acquired = *(bocpy_acquisition **)env;
  int before = atomic_load(&acquired->state);
  boc_behavior_defer(self);
  while (before != ABANDONED &&
         !atomic_compare_exchange_weak(&acquired->state, &before, GRANTED))
    continue;
  if (before == ABANDONED)
    boc_behavior_complete(self);
  else if (before == WATCHED)
    bocpy_waiter_signal(acquired->waiter);
}

static const boc_behavior_type acquire_behavior = {.name = "bocpy.hold",
                                                   .body = acquisition_grant};

/* ---- acquire --------------------------------------------------------------------- */

static bocpy_acquisition *acquisition_new(boc_cown *core) {
  bocpy_acquisition *acquired = calloc(1, sizeof(*acquired));
  if (!acquired) {
    PyErr_NoMemory();
    return NULL;
  }
  acquired->value = bocpy_value_of(core);
  acquired->thread = &bocpy_self;
  atomic_store(&acquired->references, 2);
  return acquired;
}

/* -1 with an exception: nothing is scheduled, and `acquired` is the caller's. */
static int acquisition_schedule(bocpy_acquisition *acquired, boc_cown *core) {
  boc_access access = {core, BOC_WRITE};
  boc_runtime *runtime = bocpy_runtime_enter(false);
  if (!runtime)
    return -1;
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  options.done = acquisition_done;
  options.ctx = acquired;
  boc_status status =
      boc_behavior_new_with(runtime, &acquire_behavior, sizeof(bocpy_acquisition *),
                            &access, 1, &options, &acquired->behavior);
  if (status == BOC_OK) {
    *(bocpy_acquisition **)boc_behavior_env(acquired->behavior) = acquired;
    boc_behavior_schedule_or_run(acquired->behavior);
  } else {
    bocpy_status_raise(status, "acquire()");
  }
  bocpy_runtime_leave();
  return status == BOC_OK ? 0 : -1;
}

static void acquisition_begin(bocpy_acquisition *acquired) {
  if (acquired->waiter)
    bocpy_waiter_free(acquired->waiter);
  acquired->waiter = NULL;
  acquisition_link(acquired);
  acquired->value->acquired = acquired;
  bocpy_value_hold_to_write(acquired->value);
}

/* The worker that granted it may not have returned from the body yet: waits for that.
 */
static void acquisition_give_back(bocpy_acquisition *acquired) {
  boc_behavior_complete(acquired->behavior);
  if (!atomic_load(&acquired->over)) {
    Py_BEGIN_ALLOW_THREADS
    while (!atomic_load(&acquired->over))
      boc_yield();
    Py_END_ALLOW_THREADS
  }
  acquisition_drop(acquired);
  bocpy_runtime_settle();
}

/* The wait has ended early. True: so has the acquisition. False: it was granted. */
static bool acquisition_abandon(bocpy_acquisition *acquired) {
  int before = atomic_load(&acquired->state);
  while (before != GRANTED &&
         !atomic_compare_exchange_weak(&acquired->state, &before, ABANDONED))
    continue;
  if (before == GRANTED)
    return false;
  bocpy_waiter *waiter = acquired->waiter;
  acquisition_drop(acquired);
  if (waiter)
    bocpy_waiter_free(waiter);
  return true;
}

/* An exception is on its way: a grant that came all the same is given back. */
static void acquisition_cancel(bocpy_acquisition *acquired) {
  PyObject *pending = PyErr_GetRaisedException();
  if (!acquisition_abandon(acquired)) {
    if (acquired->waiter) {
      bocpy_waiter_settle(acquired->waiter);
      bocpy_waiter_free(acquired->waiter);
    }
    acquisition_give_back(acquired);
  }
  PyErr_SetRaisedException(pending);
}

/* 0 granted, 1 not within the timeout, -1 with an exception. */
static int acquisition_watch(bocpy_acquisition *acquired, int64_t timeout) {
  int before = UNWATCHED;
  acquired->waiter = bocpy_waiter_new();
  if (!acquired->waiter)
    return -1;
  if (!atomic_compare_exchange_strong(&acquired->state, &before, WATCHED))
    return 0;
  return bocpy_pump_wait(acquired->waiter, timeout);
}

static int acquisition_wait(bocpy_acquisition *acquired, int64_t timeout) {
  int status = atomic_load(&acquired->state) == GRANTED
                   ? 0
                   : acquisition_watch(acquired, timeout);
  if (status < 0) {
    acquisition_cancel(acquired);
    return -1;
  }
  if (status > 0) {
    if (acquisition_abandon(acquired))
      return 1;
    bocpy_waiter_settle(acquired->waiter); /* granted in the last moment: take it */
  }
  acquisition_begin(acquired);
  return 0;
}

static int acquire_refuse_in_body(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "a behavior cannot wait for a cown, that could deadlock: name it in "
                  "@when(...), or schedule another behavior over it");
  return -1;
}

int bocpy_acquire(boc_cown *core, int64_t timeout) {
  if (bocpy_value_held(bocpy_value_of(core)) ||
      bocpy_reader_is_here(bocpy_value_of(core)))
    return 0;
  if (bocpy_pinned_require_here(bocpy_value_of(core), "acquire()") < 0)
    return -1;
  if (bocpy_self.bodies)
    return acquire_refuse_in_body();
  if (bocpy_require_main("acquire()") < 0 ||
      bocpy_grant_refuse_blocking(core, "acquire()") < 0)
    return -1;
  bocpy_acquisition *acquired = acquisition_new(core);
  if (!acquired)
    return -1;
  if (acquisition_schedule(acquired, core) == 0)
    return acquisition_wait(acquired, timeout);
  free(acquired);
  return -1;
}

/* ---- release --------------------------------------------------------------------- */

/* Encodes the value before it goes on, so that this thread shares no object with the
 * next holder. */
static void acquisition_finish(bocpy_acquisition *acquired) {
  bocpy_value_leave(acquired->value);
  acquired->value->acquired = NULL;
  bocpy_value_hold(acquired->value, NULL);
  acquisition_unlink(acquired);
  acquisition_give_back(acquired);
}

int bocpy_acquire_release(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (bocpy_value_held(value)) {
    if (value->acquired)
      acquisition_finish(value->acquired);
    return 0;
  }
  if (!atomic_load_explicit(&value->holder, memory_order_relaxed)) /* hint */
    return 0;
  PyErr_SetString(PyExc_RuntimeError,
                  "release(): another thread or behavior holds this cown");
  return -1;
}

int bocpy_acquire_enter(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (!bocpy_value_held(value))
    return bocpy_acquire(core, BOC_FOREVER);
  if (value->acquired)
    value->acquired->depth++;
  return 0;
}

int bocpy_acquire_leave(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (bocpy_value_held(value) && value->acquired && value->acquired->depth) {
    value->acquired->depth--;
    return 0;
  }
  return bocpy_acquire_release(core);
}

/* ---- ends ------------------------------------------------------------------------ */

bool bocpy_acquire_any(void) {
  bool found = false;
  bocpy_lock_take(&acquired_lock);
  for (bocpy_acquisition *acquired = acquired_list.next; acquired != &acquired_list;
       acquired = acquired->next)
    found = found || acquired->thread == &bocpy_self;
  bocpy_lock_give(&acquired_lock);
  return found;
}

static bocpy_acquisition *acquisition_first(void) {
  bocpy_lock_take(&acquired_lock);
  bocpy_acquisition *acquired =
      acquired_list.next == &acquired_list ? NULL : acquired_list.next;
  bocpy_lock_give(&acquired_lock);
  return acquired;
}

void bocpy_acquire_release_all(void) {
  bocpy_acquisition *acquired;
  while ((acquired = acquisition_first()))
    acquisition_finish(acquired);
}

void bocpy_acquire_forget(void) {
  for (bocpy_acquisition *acquired = acquired_list.next; acquired != &acquired_list;
       acquired = acquired->next) {
    acquired->value->acquired = NULL;
    bocpy_value_hold(acquired->value, NULL);
  }
  acquired_list.next = acquired_list.prev = &acquired_list;
}
