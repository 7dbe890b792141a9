/* Runtime: see runtime.h for the states.
 *
 * A thread that changes the state holds `runtime_lock`. It starts and ends workers
 * under the lock, detached. A thread that schedules takes no lock: it counts itself in
 * (`runtime_inside`), reads the state, and counts itself out. A thread that leaves
 * RUNNING stores the new state and waits until no thread is counted in. Both sides are
 * sequentially consistent, so one of them sees the other. Threads that wait for
 * quiescence are counted apart (`runtime_waiting`), since they stay until the runtime
 * is quiescent.
 *
 * A fork holds `runtime_lock` from its first hook to its last, so that no worker starts
 * in between.
 */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "code.h"
#include "py312_keyword_names.h"
#include "stats.h"
#include "tracemalloc_guard.h"
#include "worker.h"
#include "worker_count.h"

/* Compensating workers for workers whose bodies block; they are also room for a start()
 * with more workers than the first one's. */
#define BLOCKING_WORKERS 64
#define MORE_WORKERS 64

enum { STOPPED, RUNNING, PAUSED, CLOSED, LEAVING };

static atomic_int runtime_state = STOPPED;
static atomic_size_t runtime_inside;  /* threads between enter and leave */
static atomic_size_t runtime_waiting; /* those that wait for it, or read counters */
static atomic_bool ended_for_fork;    /* it was open until a fork ended its workers */
static atomic_bool program_leaving;   /* the end of the program has begun */
static atomic_bool program_ending;    /* the end of the program is reached */

/* Changes under `runtime_lock`; threads that are counted in read `runtime`, too. */
static boc_runtime *runtime;
static bocpy_worker_slot *runtime_slots;
static bocpy_boot *runtime_boot;
static unsigned slot_count;        /* length of `runtime_slots` */
static unsigned last_worker_count; /* for a restart; 0 before the first start */
static int closed_from;            /* the state before CLOSED */

static const bocpy_runtime_callbacks *callbacks;

/* ---- who may call ---------------------------------------------------------------- */

int bocpy_runtime_init(const bocpy_runtime_callbacks *given) {
  if (callbacks)
    return 0;
  atomic_store(&bocpy_threads_backend, bocpy_default_threads());
  if (bocpy_runtime_lock_make() < 0)
    return -1;
  callbacks = given;
  return 0;
}

int bocpy_runtime_watch_forks(void) { return callbacks->watch_forks(); }

PyObject *bocpy_backend(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyUnicode_FromString(bocpy_by_reference() ? "threads" : "interpreters");
}

/* ---- states ---------------------------------------------------------------------- */

/* Waits until no thread that saw the previous state is between enter and leave. */
static void runtime_drain_inside(void) {
  while (atomic_load(&runtime_inside))
    boc_yield();
}

static void runtime_drain_inside_detached(void) {
  Py_BEGIN_ALLOW_THREADS
  runtime_drain_inside();
  Py_END_ALLOW_THREADS
}

/* Leaves any state for STOPPED. When this returns, only a thread that holds
 * `runtime_lock` uses `runtime`. The runtime is quiescent. Detached. */
static void runtime_shut_out(void) {
  atomic_store(&runtime_state, STOPPED);
  runtime_drain_inside();
  while (atomic_load(&runtime_waiting))
    boc_yield();
}

/* The state of a runtime that accepts behaviors. */
static int runtime_open_state(void) {
  return atomic_load(&program_leaving) ? LEAVING : RUNNING;
}

static void runtime_free(void) {
  if (runtime) {
    Py_BEGIN_ALLOW_THREADS
    boc_runtime_free(runtime);
    Py_END_ALLOW_THREADS
  }
  runtime = NULL;
  free(runtime_slots);
  free(runtime_boot);
  runtime_slots = NULL;
  runtime_boot = NULL;
}

void bocpy_runtime_end_workers(void) {
  if (!runtime)
    return;
  Py_BEGIN_ALLOW_THREADS
  runtime_shut_out();
  Py_END_ALLOW_THREADS
  runtime_free();
  bocpy_code_release_retired();
  if (atomic_load(&program_ending))
    bocpy_keyword_names_keep();
}

static bocpy_boot *boot_new(void) {
  bocpy_boot *made = NULL;
  bocpy_state *here = bocpy_state_get();
  PyObject *facts =
      here ? bocpy_python_call(&here->python, BOCPY_PY_WORKER_FACTS, NULL) : NULL;
  if (facts && PyBytes_Check(facts)) {
    size_t size = (size_t)PyBytes_GET_SIZE(facts);
    made = malloc(sizeof(*made) + size);
    if (made) {
      made->size = size;
      memcpy(made->bytes, PyBytes_AS_STRING(facts), size);
    } else {
      PyErr_NoMemory();
    }
  }
  Py_XDECREF(facts);
  return made;
}

static int start_raise(boc_status status) {
  char *error = bocpy_worker_take_error();
  if (error)
    PyErr_Format(PyExc_RuntimeError, "bocpy: a worker could not be started: %s", error);
  else
    bocpy_status_raise(status, "start()");
  free(error);
  return -1;
}

/* -1 with an exception: the imports on this thread, beside the workers' start, have
 * failed. */
static int runtime_make(unsigned count, bool threads, boc_status *out_status) {
  boc_worker_hooks hooks = bocpy_worker_hooks(runtime_slots);
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = count;
  options.compensating_workers = slot_count - count;
  if (!threads && !BOCPY_HAVE_SHARED_CODE)
    options.workers_on_demand = count - 1; /* an interpreter takes long to start */
  options.hooks = &hooks;
  bocpy_worker_slots_init(runtime_slots, slot_count, !threads, runtime_boot);
  if (!threads)
    return bocpy_workers_start(&options, &runtime, out_status);
  Py_BEGIN_ALLOW_THREADS
  *out_status = boc_runtime_new(&options, &runtime);
  Py_END_ALLOW_THREADS
  return 0;
}

/* Before 3.12, threading takes the thread that imports it for the main thread, for
 * which the end of the program waits: that must not be a worker. */
static int import_threading(void) {
  bocpy_state *here = bocpy_state_get();
  return here && bocpy_python_get(&here->python, BOCPY_PY_THREADING_MAIN_THREAD) ? 0
                                                                                 : -1;
}

/* The caller has `runtime_lock`; there are no workers. */
static int runtime_begin_workers(unsigned count, bool threads) {
  if (threads ? import_threading() < 0
              : bocpy_runtime_watch_forks() < 0 || bocpy_tracemalloc_ask() < 0)
    return -1;
  runtime_boot = threads ? NULL : boot_new();
  if (!threads && !runtime_boot)
    return -1;
  slot_count = count + BLOCKING_WORKERS + MORE_WORKERS;
  runtime_slots = calloc(slot_count, sizeof(*runtime_slots));
  boc_status status = BOC_NO_MEMORY;
  int prepared = runtime_slots ? runtime_make(count, threads, &status) : 0;
  if (prepared < 0 || status != BOC_OK) {
    PyObject *pending = PyErr_GetRaisedException();
    runtime = status == BOC_OK ? runtime : NULL;
    runtime_free();
    PyErr_SetRaisedException(pending);
    return prepared < 0 ? -1 : start_raise(status);
  }
  for (unsigned i = 0; i < slot_count; i++)
    runtime_slots[i].runtime = runtime;
  atomic_store(&bocpy_threads_backend, threads);
  last_worker_count = count;
  atomic_store(&ended_for_fork, false);
  bocpy_stats_restart(NULL);
  atomic_store(&runtime_state, runtime_open_state());
  return 0;
}

static void slots_set_boot(bocpy_boot *boot) {
  bocpy_workers_set_boot(runtime_slots, slot_count, boot);
  free(runtime_boot);
  runtime_boot = boot;
}

/* Under `runtime_lock`, PAUSED, with workers of the same backend: starts those that are
 * missing, and lets surplus ones rest, since an interpreter costs 10 ms and, before
 * CPython 3.14, memory that is never freed. */
static int runtime_resize(unsigned count, bool threads) {
  bocpy_boot *boot = threads ? NULL : boot_new();
  if (!threads && !boot)
    return -1;
  atomic_store(&runtime_state, CLOSED);
  boc_status status;
  Py_BEGIN_ALLOW_THREADS
  runtime_drain_inside();
  boc_runtime_quiesce(runtime, BOC_FOREVER);
  if (!threads)
    slots_set_boot(boot);
  status = boc_runtime_set_workers(runtime, count);
  Py_END_ALLOW_THREADS
  if (status != BOC_OK) {
    atomic_store(&runtime_state, PAUSED);
    return start_raise(status);
  }
  last_worker_count = count;
  bocpy_code_release_retired();
  bocpy_stats_restart(runtime);
  atomic_store(&runtime_state, runtime_open_state());
  return 0;
}

/* For the interpreter `home`, which is not this thread's. */
static long interpreter_count_threads(PyInterpreterState *home) {
  PyThreadState *mine = PyEval_SaveThread();
  PyThreadState *there = PyThreadState_New(home);
  long count = 0;
  if (there) {
    PyEval_RestoreThread(there);
    PyObject *number = bocpy_python_call(NULL, BOCPY_PY_THREADS_ALIVE, NULL);
    count = number ? PyLong_AsLong(number) : 0;
    Py_XDECREF(number);
    PyErr_Clear();
    PyThreadState_Clear(there);
    PyThreadState_DeleteCurrent();
  }
  PyEval_RestoreThread(mine);
  return count;
}

long bocpy_runtime_threads_of_bodies(void) {
  long count = 0;
  if (!runtime || bocpy_by_reference())
    return 0;
  for (unsigned i = 0; i < slot_count; i++) {
    PyInterpreterState *home = atomic_load(&runtime_slots[i].interp);
    if (home)
      count += interpreter_count_threads(home);
  }
  return count;
}

static int start_refuse_count(unsigned count) {
  PyErr_Format(PyExc_RuntimeError,
               "the runtime has %u workers already: wait() for them before "
               "start(worker_count=%u)",
               last_worker_count, count);
  return -1;
}

static int start_refuse_backend(bool threads) {
  PyErr_Format(PyExc_RuntimeError,
               "the runtime uses another backend already: wait() for it before "
               "start(backend='%s')",
               threads ? "threads" : "interpreters");
  return -1;
}

/* A thread that attaches to an interpreter which is being torn down would hang. */
static int start_refuse_teardown(void) {
  bocpy_state *here = bocpy_state_get();
  PyObject *answer =
      here ? bocpy_python_call(&here->python, BOCPY_PY_SYS_IS_FINALIZING, NULL) : NULL;
  int finalizing = answer ? PyObject_IsTrue(answer) : -1;
  Py_XDECREF(answer);
  if (finalizing == 0)
    return 0;
  PyErr_Clear();
  PyErr_SetString(PyExc_RuntimeError,
                  "the interpreter is being torn down: behaviors cannot run any more");
  return -1;
}

/* Under `runtime_lock`. `loose`: any number of workers will do. */
static int runtime_bring_up(unsigned count, bool threads, bool loose, bool any_count) {
  int now = atomic_load(&runtime_state);
  bool same_backend = threads == bocpy_by_reference();
  bool open = now == RUNNING || now == LEAVING;
  if (open && (loose || ((any_count || count == last_worker_count) && same_backend)))
    return 0;
  if (open)
    return same_backend ? start_refuse_count(count) : start_refuse_backend(threads);
  if (now == PAUSED && (loose || (count == last_worker_count && same_backend))) {
    atomic_store(&runtime_state, runtime_open_state());
    return 0;
  }
  if (start_refuse_teardown() < 0)
    return -1;
  if (now == PAUSED) {
    if (bocpy_self.runtime_enters)
      return bocpy_start_refuse_inside();
    if (callbacks->before_restart() < 0)
      return -1;
    if (same_backend && count + BLOCKING_WORKERS <= slot_count)
      return runtime_resize(count, threads);
    if (bocpy_self.runtime_uses)
      return bocpy_start_refuse_in_wait();
    bocpy_runtime_end_workers();
  }
  return runtime_begin_workers(count, threads);
}

int bocpy_runtime_start(unsigned count, bool any_count, bool threads,
                        bool any_backend) {
  if (bocpy_runtime_lock("start()") < 0)
    return -1;
  int now = atomic_load(&runtime_state);
  bool running = now == RUNNING || now == LEAVING;
  int status = runtime_bring_up(
      count, running && any_backend ? bocpy_by_reference() : threads, false, any_count);
  bocpy_runtime_unlock();
  return status;
}

/* ---- use ------------------------------------------------------------------------- */

/* Slows down a thread that catches SystemExit and goes on: it would contend for the GIL
 * until the process has exited. CPython 3.10 frees data that such a thread reads when
 * it wakes up between Py_Finalize() and the end of exit(), and crashes (without bocpy,
 * too): so the thread must not contend. It is slow and not stuck: another thread may
 * wait for it. */
static void leaving_slow_down(void) {
#if BOCPY_EXIT_RACES
  enum { QUICK_REFUSALS = 1000, SLOW_US = 1000000 };
  static _Thread_local unsigned refusals;
  bocpy_lock never = NULL;
  if (refusals < QUICK_REFUSALS) {
    refusals++;
    return;
  }
  if (bocpy_lock_init(&never) < 0) {
    PyErr_Clear();
    return;
  }
  Py_BEGIN_ALLOW_THREADS
  PyThread_acquire_lock(never, WAIT_LOCK);
  PyThread_acquire_lock_timed(never, SLOW_US, 0);
  PyThread_release_lock(never);
  PyThread_free_lock(never);
  Py_END_ALLOW_THREADS
#endif
}

/* A daemon thread that goes on scheduling would keep the program from ending. This ends
 * it, as CPython would soon after. 0, or -1 with SystemExit. */
static int leaving_end_daemon(void) {
  bocpy_state *here = bocpy_state_get();
  PyObject *thread =
      here ? bocpy_python_call(&here->python, BOCPY_PY_THREADING_CURRENT_THREAD, NULL)
           : NULL;
  PyObject *daemon = thread ? PyObject_GetAttrString(thread, "daemon") : NULL;
  int is_daemon = daemon ? PyObject_IsTrue(daemon) : -1;
  Py_XDECREF(daemon);
  Py_XDECREF(thread);
  if (is_daemon > 0) {
    leaving_slow_down();
    PyErr_SetString(PyExc_SystemExit,
                    "the program is ending: daemon threads schedule no behaviors");
  }
  return is_daemon == 0 ? 0 : -1;
}

/* `may_leave`: this thread may still schedule while the program ends. */
static bool runtime_is_usable(int now, bool open, bool may_leave) {
  return now == RUNNING || (now == PAUSED && !open) || (now == LEAVING && may_leave);
}

/* Chooses as a start() without arguments; after a fork, what there was before it. */
static int runtime_choose_again(unsigned *out_count, bool *out_threads) {
  *out_count = last_worker_count ? last_worker_count : bocpy_default_worker_count();
  *out_threads = bocpy_by_reference();
  return last_worker_count ? 0 : bocpy_parse_backend(Py_None, out_threads);
}

/* For a thread that a body has started in a worker's interpreter. It starts no workers,
 * and does not take the lock: a thread that ends workers has the lock, and waits for
 * this one. */
static int runtime_open_from_worker(bool open) {
  int now;
  while ((now = atomic_load(&runtime_state)) == CLOSED) {
    Py_BEGIN_ALLOW_THREADS
    boc_yield();
    Py_END_ALLOW_THREADS
  }
  if (now == STOPPED)
    return bocpy_require_main("the first behavior");
  if (now == PAUSED && open)
    atomic_compare_exchange_strong(&runtime_state, &now, runtime_open_state());
  return 0;
}

static int runtime_bring_up_any(bool open, bool *out_may_leave) {
  unsigned count;
  bool threads;
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    *out_may_leave = true;
    return runtime_open_from_worker(open);
  }
  /* A worker that ends is no daemon thread, though threading no longer knows it. */
  const bool may_be_daemon = atomic_load(&program_leaving) && !bocpy_self.worker_ends;
  if ((may_be_daemon && leaving_end_daemon() < 0) ||
      bocpy_runtime_lock("a behavior") < 0)
    return -1;
  *out_may_leave = true;
  int status = 0;
  if (!runtime_is_usable(atomic_load(&runtime_state), open, true)) {
    bool opens = open || atomic_load(&ended_for_fork);
    status = runtime_choose_again(&count, &threads);
    if (status == 0)
      status = runtime_bring_up(count, threads, true, true);
    if (status == 0 && !opens)
      atomic_store(&runtime_state, PAUSED);
  }
  bocpy_runtime_unlock();
  return status;
}

/* The runtime whose body this thread runs, or NULL. The runtime cannot end
 * meanwhile. */
static boc_runtime *runtime_of_thread(void) {
  return bocpy_self.slot ? bocpy_self.slot->runtime : bocpy_self.runtime;
}

boc_runtime *bocpy_runtime_now(void) { return runtime; }

bool bocpy_runtime_is_leaving(void) { return atomic_load(&program_leaving); }

boc_runtime *bocpy_runtime_enter(bool open) {
  if (runtime_of_thread())
    return runtime_of_thread();
  for (bool may_leave = false;;) {
    atomic_fetch_add(&runtime_inside, 1);
    if (runtime_is_usable(atomic_load(&runtime_state), open, may_leave)) {
      bocpy_self.runtime_enters++;
      return runtime;
    }
    atomic_fetch_sub(&runtime_inside, 1);
    if (runtime_bring_up_any(open, &may_leave) < 0)
      return NULL;
  }
}

void bocpy_runtime_leave(void) {
  if (runtime_of_thread() || !bocpy_self.runtime_enters) /* or the child of a fork */
    return;
  bocpy_self.runtime_enters--;
  atomic_fetch_sub(&runtime_inside, 1);
}

bool bocpy_runtime_is_running(void) {
  int now = atomic_load(&runtime_state);
  return bocpy_self.slot || now == RUNNING || now == LEAVING || now == CLOSED;
}

/* The lock is there for a thread that ends the workers for a fork, or starts them
 * again: in between they are not running, and not yet to be started again. */
int bocpy_runtime_resume(void) {
  if (bocpy_runtime_is_running())
    return 1;
  if (PyInterpreterState_Get() != PyInterpreterState_Main())
    return 0;
  if (bocpy_runtime_lock("a call that needs a started runtime") < 0)
    return -1;
  bool running = bocpy_runtime_is_running();
  bool resumes = atomic_load(&runtime_state) == STOPPED && atomic_load(&ended_for_fork);
  bocpy_runtime_unlock();
  if (!resumes)
    return running;
  if (!bocpy_runtime_enter(true))
    return -1;
  bocpy_runtime_leave();
  return 1;
}

PyObject *bocpy_running(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyBool_FromLong(bocpy_runtime_is_running());
}

boc_runtime *bocpy_runtime_use(void) {
  atomic_fetch_add(&runtime_waiting, 1);
  if (atomic_load(&runtime_state) != STOPPED) {
    bocpy_self.runtime_uses++;
    return runtime;
  }
  atomic_fetch_sub(&runtime_waiting, 1);
  return NULL;
}

void bocpy_runtime_unuse(void) {
  if (!bocpy_self.runtime_uses) /* the child of a fork in that wait */
    return;
  bocpy_self.runtime_uses--;
  atomic_fetch_sub(&runtime_waiting, 1);
}

const bocpy_worker_slot *bocpy_runtime_slots(unsigned *out_count) {
  *out_count = slot_count;
  return runtime_slots;
}

/* ---- for start_and_quiesce.c, program_end.c and fork.c --------------------------- */

void bocpy_runtime_pause(void) {
  int now = atomic_load(&runtime_state);
  atomic_store(&ended_for_fork, false);
  if (now != RUNNING && now != LEAVING)
    return;
  atomic_store(&runtime_state, PAUSED);
  boc_runtime_trim(runtime);
}

int bocpy_runtime_begin_leaving(void) {
  if (bocpy_runtime_lock("the end of the program") < 0)
    return -1;
  atomic_store(&program_leaving, true);
  if (atomic_load(&runtime_state) != STOPPED)
    atomic_store(&runtime_state, LEAVING);
  bocpy_runtime_unlock();
  runtime_drain_inside_detached();
  return 0;
}

void bocpy_runtime_has_left(void) {
  atomic_store(&program_ending, true);
  bocpy_keyword_names_keep();
}

void bocpy_runtime_settle(void) {
  if (atomic_load(&program_ending) && !bocpy_self.slot && !bocpy_self.bodies)
    callbacks->after_the_end();
}

boc_runtime *bocpy_runtime_close(void) {
  if (!runtime)
    return NULL;
  closed_from = atomic_load(&runtime_state);
  atomic_store(&runtime_state, CLOSED);
  runtime_drain_inside_detached();
  return runtime;
}

void bocpy_runtime_reopen(void) {
  if (atomic_load(&runtime_state) == CLOSED)
    atomic_store(&runtime_state, closed_from);
}

void bocpy_runtime_end_for_fork(void) {
  if (atomic_load(&runtime_state) != CLOSED)
    return;
  bool open = closed_from == RUNNING || closed_from == LEAVING;
  bocpy_runtime_end_workers();
  atomic_store(&ended_for_fork, open);
}

bool bocpy_runtime_has_workers(void) { return atomic_load(&runtime_state) != STOPPED; }

int bocpy_runtime_forget(void) {
  if (bocpy_runtime_lock_make() < 0)
    return -1;
  runtime = NULL;
  runtime_slots = NULL;
  runtime_boot = NULL;
  atomic_store(&runtime_inside, 0);
  atomic_store(&runtime_waiting, 0);
  atomic_store(&runtime_state, STOPPED);
  return 0;
}
