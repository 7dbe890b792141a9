/* Acquire: see acquire.h.
 *
 *   state      set by                        leads to
 *   UNWATCHED  the thread that wants it      WATCHED, GRANTED, ABANDONED
 *   WATCHED    that thread, before it waits  GRANTED, ABANDONED
 *   GRANTED    the behavior's body           (held until released)
 *   ABANDONED  the thread, after a timeout   (the behavior finishes at once)
 *
 * A free cown needs no worker: the thread that wants it then runs the body while it
 * schedules. Only a thread that has to wait gets a waiter.
 *
 * The thread and the behavior have one reference each. The behavior drops its own when
 * it has finished and released its cown. A release waits for that, so that nobody finds
 * the cown in use afterwards. The object that acquire(a, b) returned has a third
 * reference. `acquired_lock` guards the list of everything that is held, which the end
 * of the program and the child of a fork need. */
#include "acquire.h"

#include <stdlib.h>
#include <string.h>

#include "grant.h"
#include "in_flight.h"
#include "pinned.h"
#include "pump.h"
#include "reader_copies.h"
#include "runtime.h"
#include "status.h"
#include "waiting.h"

#include <boc/scope.h>

enum { UNWATCHED, WATCHED, GRANTED, ABANDONED };

struct bocpy_acquisition {
  boc_behavior *behavior;
  bocpy_waiter *waiter;
  const bocpy_thread *thread;
  atomic_int state;
  atomic_int references;
  atomic_bool over; /* the cowns have been released */
  /* released, or in the child of a fork: it belongs to the parent */
  atomic_bool finished;
  bool several;   /* all cowns are released together */
  unsigned depth; /* how many `with` blocks are inside the first one */
  char name[BOCPY_THREAD_NAME_MAX]; /* of the thread */
  bocpy_acquisition *prev, *next;
  uint32_t count; /* how many cowns */
  /* for each cown, the code of the behavior that was scheduled last before */
  const bocpy_code *before[];
};

static bocpy_lock acquired_lock;
static bocpy_acquisition acquired_list = {.prev = &acquired_list,
                                          .next = &acquired_list};
static atomic_size_t acquired_count; /* hint: the length of the list */

static PyObject *acquire_names(const boc_cown *core);

int bocpy_acquire_init(void) {
  bocpy_in_flight_name_holders(acquire_names);
  return acquired_lock ? 0 : bocpy_lock_init(&acquired_lock);
}

static void acquisition_link(bocpy_acquisition *acquired) {
  bocpy_lock_take(&acquired_lock);
  acquired->next = &acquired_list;
  acquired->prev = acquired_list.prev;
  acquired_list.prev->next = acquired;
  acquired_list.prev = acquired;
  bocpy_lock_give(&acquired_lock);
  atomic_fetch_add_explicit(&acquired_count, 1, memory_order_relaxed); /* count */
}

static void acquisition_unlink(bocpy_acquisition *acquired) {
  bocpy_lock_take(&acquired_lock);
  acquired->prev->next = acquired->next;
  acquired->next->prev = acquired->prev;
  bocpy_lock_give(&acquired_lock);
  atomic_fetch_sub_explicit(&acquired_count, 1, memory_order_relaxed); /* count */
}

static bocpy_value *acquisition_value(const bocpy_acquisition *acquired, uint32_t i) {
  return bocpy_value_of(boc_behavior_cown(acquired->behavior, i));
}

static bool acquisition_reads(const bocpy_acquisition *acquired, uint32_t i) {
  return boc_behavior_mode(acquired->behavior, i) == BOC_READ;
}

static bool acquisition_has(const bocpy_acquisition *acquired, const boc_cown *core) {
  for (uint32_t i = 0; i < acquired->count; i++)
    if (boc_behavior_cown(acquired->behavior, i) == core)
      return true;
  return false;
}

/* Relaxed is enough: a thread sees its own acquisitions in the count. */
static bool acquired_none(void) {
  return !atomic_load_explicit(&acquired_count, memory_order_relaxed); /* hint */
}

/* The acquisition by which the calling thread holds the cown for reading, or for
 * writing; NULL if there is none. */
static bocpy_acquisition *acquisition_here(const boc_cown *core, bool reads) {
  bocpy_acquisition *found = NULL;
  if (acquired_none())
    return NULL;
  bocpy_lock_take(&acquired_lock);
  for (bocpy_acquisition *acquired = acquired_list.next; acquired != &acquired_list;
       acquired = acquired->next)
    for (uint32_t i = 0; acquired->thread == &bocpy_self && i < acquired->count; i++)
      if (boc_behavior_cown(acquired->behavior, i) == core &&
          acquisition_reads(acquired, i) == reads)
        found = acquired;
  bocpy_lock_give(&acquired_lock);
  return found;
}

bool bocpy_acquire_reads(const boc_cown *core) { return acquisition_here(core, true); }

bool bocpy_acquire_writes(const boc_cown *core) {
  return acquisition_here(core, false);
}

/* ---- the behavior ---------------------------------------------------------------- */

void bocpy_acquisition_hold(bocpy_acquisition *acquired) {
  atomic_fetch_add(&acquired->references, 1);
}

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

/* Deferred first: once the thread sees GRANTED, it may complete the behavior. */
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

static const boc_behavior_type acquire_behavior = {.name = "bocpy.acquire",
                                                   .body = acquisition_grant};

/* ---- acquire --------------------------------------------------------------------- */

static bocpy_acquisition *acquisition_new(const boc_access *accesses, uint32_t count) {
  bocpy_acquisition *acquired =
      calloc(1, sizeof(*acquired) + count * sizeof(acquired->before[0]));
  if (!acquired) {
    PyErr_NoMemory();
    return NULL;
  }
  acquired->count = count;
  for (uint32_t i = 0; i < count; i++)
    acquired->before[i] = bocpy_in_flight_last(bocpy_value_of(accesses[i].cown));
  acquired->thread = &bocpy_self;
  memcpy(acquired->name, bocpy_self.name, sizeof acquired->name);
  atomic_store(&acquired->references, 2);
  return acquired;
}

/* -1 with an exception: nothing is scheduled, and the caller still owns `acquired`. */
static int acquisition_schedule(bocpy_acquisition *acquired, const boc_access *accesses,
                                const char *what) {
  boc_runtime *runtime = bocpy_runtime_enter(false);
  if (!runtime)
    return -1;
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  options.done = acquisition_done;
  options.ctx = acquired;
  boc_status status =
      boc_behavior_new_with(runtime, &acquire_behavior, sizeof(bocpy_acquisition *),
                            accesses, acquired->count, &options, &acquired->behavior);
  if (status == BOC_OK) {
    *(bocpy_acquisition **)boc_behavior_env(acquired->behavior) = acquired;
    boc_behavior_schedule_or_run(acquired->behavior);
  } else {
    bocpy_status_raise(status, what);
  }
  bocpy_runtime_leave();
  return status == BOC_OK ? 0 : -1;
}

static void acquisition_begin(bocpy_acquisition *acquired) {
  if (acquired->waiter)
    bocpy_waiter_free(acquired->waiter);
  acquired->waiter = NULL;
  acquisition_link(acquired);
  for (uint32_t i = 0; i < acquired->count; i++) {
    if (acquisition_reads(acquired, i))
      continue;
    bocpy_value *value = acquisition_value(acquired, i);
    bocpy_value_hold_to_write(value);
    bocpy_in_flight_over(value, acquired->before[i]);
  }
}

/* Waits for the worker that granted it, which may not have returned from the body
 * yet. */
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

/* The wait has ended early. True: the acquisition is over, too. False: it was granted
 * before. */
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

/* Releases a grant that came although an exception is about to be raised. */
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
  return bocpy_pump_wait_for_cowns(acquired->waiter, timeout);
}

static int acquisition_raise_timeout(const bocpy_acquisition *acquired,
                                     PyObject *flight, const char *what,
                                     int64_t timeout) {
  PyObject *seconds = PyFloat_FromDouble((double)timeout / 1e9);
  if (seconds)
    PyErr_Format(PyExc_TimeoutError, "%s: %s still in use after %S s%U", what,
                 acquired->count == 1 ? "the cown is" : "the cowns are", seconds,
                 flight);
  Py_XDECREF(seconds);
  return -1;
}

/* The time is over. 0 if it was granted in the last moment, else -1 with TimeoutError.
 * Asks what is in flight before it abandons, since a grant would change that. */
static int acquisition_give_up(bocpy_acquisition *acquired, const char *what,
                               int64_t timeout) {
  PyObject *flight = bocpy_in_flight_ahead(acquired->behavior, acquired->before);
  if (!flight) {
    acquisition_cancel(acquired);
    return -1;
  }
  int status = 0;
  bocpy_acquisition_hold(acquired);
  if (acquisition_abandon(acquired))
    status = acquisition_raise_timeout(acquired, flight, what, timeout);
  else
    bocpy_waiter_settle(acquired->waiter);
  acquisition_drop(acquired);
  Py_DECREF(flight);
  return status;
}

/* 0, or -1 with an exception. */
static int acquisition_wait(bocpy_acquisition *acquired, const char *what,
                            int64_t timeout) {
  int status = atomic_load(&acquired->state) == GRANTED
                   ? 0
                   : acquisition_watch(acquired, timeout);
  if (status < 0) {
    acquisition_cancel(acquired);
    return -1;
  }
  if (status > 0 && acquisition_give_up(acquired, what, timeout) < 0)
    return -1;
  acquisition_begin(acquired);
  return 0;
}

/* ---- refusals -------------------------------------------------------------------- */

static int acquire_refuse_in_body(const char *what) {
  PyErr_Format(PyExc_RuntimeError,
               "%s: a behavior cannot wait for a cown, that could deadlock: name it in "
               "@when(...), or schedule another behavior over it",
               what);
  return -1;
}

static bool thread_holds(void) { return bocpy_acquire_any() || bocpy_grant_here(); }

static int acquire_refuse_while_holding(const char *what) {
  PyErr_Format(PyExc_RuntimeError,
               "%s while this thread holds another cown could deadlock: take all of "
               "them at once (with bocpy.acquire(a, b) as (x, y), in a task "
               "bocpy.aio.hold), or release what it holds first",
               what);
  return -1;
}

static int acquire_require(const boc_access *accesses, uint32_t count,
                           const char *what) {
  for (uint32_t i = 0; i < count; i++)
    if (bocpy_pinned_require_here(bocpy_value_of(accesses[i].cown), what) < 0)
      return -1;
  if (bocpy_self.bodies)
    return acquire_refuse_in_body(what);
  if (bocpy_require_main(what) < 0)
    return -1;
  for (uint32_t i = 0; i < count; i++)
    if (bocpy_grant_refuse_blocking(accesses[i].cown, what) < 0)
      return -1;
  return 0;
}

/* ---- the calls ------------------------------------------------------------------- */

/* NULL with an exception. */
static bocpy_acquisition *acquire_some(const boc_access *accesses, uint32_t count,
                                       int64_t timeout, const char *what) {
  bocpy_acquisition *acquired = acquisition_new(accesses, count);
  if (!acquired)
    return NULL;
  if (acquisition_schedule(acquired, accesses, what) < 0) {
    free(acquired);
    return NULL;
  }
  return acquisition_wait(acquired, what, timeout) < 0 ? NULL : acquired;
}

int bocpy_acquire(boc_cown *core, int64_t timeout) {
  boc_access access = {core, BOC_WRITE};
  if (bocpy_value_held(bocpy_value_of(core)) ||
      bocpy_reader_is_here(bocpy_value_of(core)))
    return 0;
  if (acquire_require(&access, 1, "acquire()") < 0)
    return -1;
  if (thread_holds())
    return acquire_refuse_while_holding("acquire()");
  if (bocpy_watch_thread_end() < 0)
    return -1;
  return acquire_some(&access, 1, timeout, "acquire()") ? 0 : -1;
}

/* A thread that holds cowns does not wait for another one: it gets it only if it is
 * free. */
int bocpy_acquire_to_take(boc_cown *core, int64_t timeout) {
  boc_access access = {core, BOC_WRITE};
  if (acquire_require(&access, 1, "unwrap()") < 0)
    return -1;
  bool holds = thread_holds();
  if (acquire_some(&access, 1, holds ? 0 : timeout, "unwrap()"))
    return 0;
  if (!holds || !PyErr_ExceptionMatches(PyExc_TimeoutError))
    return -1;
  PyErr_Clear();
  return acquire_refuse_while_holding("unwrap()");
}

/* Whether the calling thread holds the cown already and need not wait for it. */
static bool acquire_has(const boc_access *access) {
  const bocpy_value *value = bocpy_value_of(access->cown);
  return bocpy_value_held(value) ||
         (access->mode == BOC_READ &&
          (bocpy_reader_is_here(value) || bocpy_acquire_reads(access->cown)));
}

int bocpy_acquire_several(const boc_access *accesses, uint32_t count, int64_t timeout,
                          bocpy_acquisition **out_acquired) {
  uint32_t had = 0;
  for (uint32_t i = 0; i < count; i++)
    had += acquire_has(&accesses[i]);
  *out_acquired = NULL;
  if (had == count)
    return 0;
  if (acquire_require(accesses, count, "acquire()") < 0)
    return -1;
  if (thread_holds())
    return acquire_refuse_while_holding("acquire()");
  if (bocpy_watch_thread_end() < 0)
    return -1;
  bocpy_acquisition *acquired = acquire_some(accesses, count, timeout, "acquire()");
  if (!acquired)
    return -1;
  acquired->several = true;
  bocpy_acquisition_hold(acquired);
  *out_acquired = acquired;
  return 0;
}

/* ---- release --------------------------------------------------------------------- */

/* Encodes the values before it releases them, so that this thread shares no object with
 * the next holder. */
static void acquisition_finish(bocpy_acquisition *acquired) {
  if (atomic_exchange(&acquired->finished, true))
    return;
  for (uint32_t i = 0; i < acquired->count; i++) {
    if (acquisition_reads(acquired, i))
      continue;
    bocpy_value *value = acquisition_value(acquired, i);
    bocpy_value_leave(value);
    bocpy_value_hold(value, NULL);
  }
  acquisition_unlink(acquired);
  acquisition_give_back(acquired);
}

bool bocpy_acquisition_is_over(const bocpy_acquisition *acquired) {
  return atomic_load(&acquired->finished);
}

bool bocpy_acquisition_is_ours(const bocpy_acquisition *acquired) {
  return acquired->thread == &bocpy_self;
}

void bocpy_acquisition_end(bocpy_acquisition *acquired) {
  acquisition_finish(acquired);
  acquisition_drop(acquired);
}

int bocpy_acquire_release(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (bocpy_value_held(value)) {
    bocpy_acquisition *acquired = acquisition_here(core, false);
    if (acquired && acquired->several) {
      PyErr_SetString(PyExc_RuntimeError,
                      "release(): acquire(...) holds this cown together with others: "
                      "leave its `with` block, or release() what it returned");
      return -1;
    }
    if (acquired)
      acquisition_finish(acquired);
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
  bocpy_acquisition *acquired = acquisition_here(core, false);
  if (acquired)
    acquired->depth++;
  return 0;
}

int bocpy_acquire_leave(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  bocpy_acquisition *acquired =
      bocpy_value_held(value) ? acquisition_here(core, false) : NULL;
  if (acquired && acquired->depth) {
    acquired->depth--;
    return 0;
  }
  return bocpy_acquire_release(core);
}

/* ---- ends ------------------------------------------------------------------------ */

bool bocpy_acquire_any(void) {
  bool found = false;
  if (acquired_none())
    return false;
  bocpy_lock_take(&acquired_lock);
  for (bocpy_acquisition *acquired = acquired_list.next; acquired != &acquired_list;
       acquired = acquired->next)
    found = found || acquired->thread == &bocpy_self;
  bocpy_lock_give(&acquired_lock);
  return found;
}

/* One of this thread, or NULL; its cowns are added to the list. */
static bocpy_acquisition *acquisition_here_first(PyObject *cowns) {
  bocpy_acquisition *found = NULL;
  bocpy_lock_take(&acquired_lock);
  for (bocpy_acquisition *acquired = acquired_list.next;
       !found && acquired != &acquired_list; acquired = acquired->next)
    if (acquired->thread == &bocpy_self)
      found = acquired;
  bocpy_lock_give(&acquired_lock);
  for (uint32_t i = 0; found && i < found->count; i++) {
    PyObject *cown = bocpy_cown_wrap(boc_behavior_cown(found->behavior, i));
    if (!cown || PyList_Append(cowns, cown) < 0)
      PyErr_Clear();
    Py_XDECREF(cown);
  }
  return found;
}

PyObject *bocpy_release_here(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  PyObject *cowns = PyList_New(0);
  bocpy_self.end_is_watched = false;
  bocpy_acquisition *acquired;
  while (cowns && (acquired = acquisition_here_first(cowns)))
    acquisition_finish(acquired);
  return cowns;
}

/* The names of the threads that hold `core`, or any cown if that is NULL. A list, or
 * NULL with an exception. */
static PyObject *acquire_names(const boc_cown *core) {
  enum { NAMED_MAX = 4 };
  char found[NAMED_MAX][BOCPY_THREAD_NAME_MAX];
  int count = 0;
  bocpy_lock_take(&acquired_lock);
  for (bocpy_acquisition *acquired = acquired_list.next;
       count < NAMED_MAX && acquired != &acquired_list; acquired = acquired->next)
    if (!core || acquisition_has(acquired, core))
      memcpy(found[count++], acquired->name, sizeof found[0]);
  bocpy_lock_give(&acquired_lock);
  PyObject *names = PyList_New(0);
  for (int i = 0; names && i < count; i++) {
    PyObject *name =
        PyUnicode_DecodeUTF8(found[i], (Py_ssize_t)strlen(found[i]), "replace");
    if (!name || PyList_Append(names, name) < 0)
      Py_CLEAR(names);
    Py_XDECREF(name);
  }
  return names;
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
    atomic_store(&acquired->finished, true);
    for (uint32_t i = 0; i < acquired->count; i++)
      bocpy_value_hold(acquisition_value(acquired, i), NULL);
  }
  atomic_store(&acquired_count, 0);
  acquired_list.next = acquired_list.prev = &acquired_list;
}
