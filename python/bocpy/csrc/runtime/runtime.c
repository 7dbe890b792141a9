/* Runtime: see runtime.h for the states.
 *
 * `runtime_lock` is held by whoever changes the state; making and ending workers happens under
 * it, without the interpreter. Those who schedule take no lock: they count themselves
 * in, look at the state, and count themselves out; whoever leaves RUNNING stores the
 * new state and waits until nobody is counted in. Both sides are sequentially
 * consistent, so one of them sees the other. Those who wait for quiescence are counted
 * apart, since they stay until the runtime is quiescent.
 *
 * A fork holds `runtime_lock` from its first hook to its last, so that no worker starts in
 * between.
 */
#include "runtime.h"

#include <stdlib.h>
#include <string.h>

#include "acquire.h"
#include "code.h"
#include "cown_freelist.h"
#include "failure_report.h"
#include "immutable.h"
#include "mailbox.h"
#include "notices.h"
#include "pump.h"
#include "py312_kwnames.h"
#include "start_options.h"
#include "waiting.h"
#include "worker.h"

#include <boc/stats.h>

/* Stand-ins for workers whose bodies block. */
#define BLOCKING_WORKERS 64

enum { STOPPED, RUNNING, PAUSED, CLOSED, LEAVING };

static bocpy_lock runtime_lock;
static atomic_int runtime_state = STOPPED;
static atomic_size_t runtime_inside; /* threads between enter and leave */
static atomic_size_t
    runtime_waiting;                /* threads that use `runtime` to wait or to look */
static atomic_bool program_leaving; /* the program is being ended */
static atomic_bool program_ending;  /* the program is at its end */

/* Under `runtime_lock`; `runtime` is read by those inside too. */
static boc_runtime *runtime;
static bocpy_slot *runtime_slots;
static bocpy_boot *runtime_boot;
static unsigned last_worker_count; /* of workers: what a restart takes; 0: none yet */
static int closed_from;            /* the state before CLOSED */

/* ---- who may call ---------------------------------------------------------------- */

int bocpy_runtime_init(void) {
  if (runtime_lock)
    return 0;
  atomic_store(&bocpy_threads_backend, bocpy_start_default_threads());
  return bocpy_lock_init(&runtime_lock);
}

static int require_outside_body(const char *what) {
  if (!bocpy_self.bodies)
    return bocpy_require_main(what);
  PyErr_Format(
      PyExc_RuntimeError,
      "%s inside a behavior would wait for the behavior itself: schedule another "
      "behavior instead",
      what);
  return -1;
}

PyObject *bocpy_backend(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyUnicode_FromString(bocpy_by_reference() ? "threads" : "interpreters");
}

/* ---- states ---------------------------------------------------------------------- */

/* 0, or -1 with RuntimeError if this thread has `runtime_lock`, because it forks. */
static int runtime_lock_take(const char *what) {
  if (!bocpy_self.forking) {
    bocpy_lock_take_detached(&runtime_lock);
    return 0;
  }
  PyErr_Format(PyExc_RuntimeError,
               "%s in a hook of os.register_at_fork(): the workers have ended for the "
               "fork; schedule after it",
               what);
  return -1;
}

/* Nobody is between enter and leave who saw the state before. Attached or not. */
static void runtime_drain_inside(void) {
  while (atomic_load(&runtime_inside))
    boc_yield();
}

/* Leaves any state for STOPPED: when this returns, nobody uses `runtime` who does not
 * hold `runtime_lock`. The runtime is quiescent. Detached. */
static void runtime_shut_out(void) {
  atomic_store(&runtime_state, STOPPED);
  runtime_drain_inside();
  while (atomic_load(&runtime_waiting))
    boc_yield();
}

/* What a runtime that takes behaviors is in. */
static int runtime_open_state(void) {
  return atomic_load(&program_leaving) ? LEAVING : RUNNING;
}

/* Under `runtime_lock`, attached. */
static void runtime_end_workers(void) {
  boc_runtime *last = runtime;
  Py_BEGIN_ALLOW_THREADS
  runtime_shut_out();
  if (last)
    boc_runtime_free(last);
  Py_END_ALLOW_THREADS
  runtime = NULL;
  free(runtime_slots);
  free(runtime_boot);
  runtime_slots = NULL;
  runtime_boot = NULL;
  bocpy_code_release_retired();
  if (atomic_load(&program_ending))
    bocpy_kwnames_keep();
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

static boc_status runtime_make(unsigned count, bool threads) {
  boc_worker_hooks hooks = bocpy_worker_hooks(runtime_slots);
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = count;
  options.compensating_workers = BLOCKING_WORKERS;
  options.hooks = &hooks;
  bocpy_slots_init(runtime_slots, count + BLOCKING_WORKERS, !threads, runtime_boot);
  boc_status status;
  Py_BEGIN_ALLOW_THREADS
  status = boc_runtime_new(&options, &runtime);
  Py_END_ALLOW_THREADS
  return status;
}

/* Until 3.12, threading takes whoever imports it for the main thread, and the end of
 * the program waits for that one: it must not be a worker. */
static int import_threading(void) {
  bocpy_state *here = bocpy_state_get();
  return here && bocpy_python_get(&here->python, BOCPY_PY_THREADING_MAIN_THREAD) ? 0
                                                                                 : -1;
}

static int fork_hook_install(void);

/* Under `runtime_lock`, without workers. */
static int runtime_begin_workers(unsigned count, bool threads) {
  if (threads ? import_threading() < 0 : fork_hook_install() < 0)
    return -1;
  runtime_boot = threads ? NULL : boot_new();
  if (!threads && !runtime_boot)
    return -1;
  runtime_slots = calloc(count + BLOCKING_WORKERS, sizeof(*runtime_slots));
  boc_status status = runtime_slots ? runtime_make(count, threads) : BOC_NO_MEMORY;
  if (status != BOC_OK) {
    free(runtime_slots);
    free(runtime_boot);
    runtime_slots = NULL;
    runtime_boot = NULL;
    runtime = NULL;
    return start_raise(status);
  }
  for (unsigned i = 0; i < count + BLOCKING_WORKERS; i++)
    runtime_slots[i].runtime = runtime;
  atomic_store(&bocpy_threads_backend, threads);
  last_worker_count = count;
  atomic_store(&runtime_state, runtime_open_state());
  return 0;
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

static int refuse_holder(const char *what) {
  PyErr_Format(PyExc_RuntimeError,
               "%s while this thread holds a cown by acquire() would wait for itself: "
               "release() it first",
               what);
  return -1;
}

static int start_refuse_in_body(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "start() inside a behavior cannot end the workers that there are: "
                  "start() them with that count and backend before");
  return -1;
}

/* Threads that are attached to an interpreter which is being torn down never come back.
 */
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

/* Under `runtime_lock`. `loose`: whatever is there will do. */
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
  if (now == PAUSED && bocpy_acquire_any())
    return refuse_holder("start()");
  if (now == PAUSED && bocpy_self.bodies)
    return start_refuse_in_body();
  if (now == PAUSED) {
    bocpy_pump_rest();
    runtime_end_workers();
  }
  return runtime_begin_workers(count, threads);
}

PyObject *bocpy_start(PyObject *module, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"worker_count", "module", "backend", "raise_failures", NULL};
  PyObject *number = Py_None, *unused = Py_None, *backend = Py_None, *keep = Py_None;
  unsigned count;
  bool threads;
  (void)module;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO$OO:start", names, &number,
                                   &unused, &backend, &keep) ||
      bocpy_require_main("start()") < 0 ||
      bocpy_start_option_count(number, &count) < 0 ||
      bocpy_start_option_backend(backend, &threads) < 0 ||
      bocpy_start_option_flag(keep) < 0)
    return NULL;
  bool named = backend != Py_None;
  if (runtime_lock_take("start()") < 0)
    return NULL;
  int now = atomic_load(&runtime_state);
  bool running = now == RUNNING || now == LEAVING;
  int status =
      runtime_bring_up(count, running && !named ? bocpy_by_reference() : threads, false,
                       number == Py_None);
  bocpy_lock_give(&runtime_lock);
  if (status < 0)
    return NULL;
  if (keep != Py_None)
    bocpy_failure_keep(keep == Py_True);
  Py_RETURN_NONE;
}

/* ---- use ------------------------------------------------------------------------- */

/* A daemon thread that goes on scheduling would keep the program from its end. It is
 * ended here, as CPython ends it soon after: 0, or -1 with SystemExit. */
static int leaving_end_daemon(void) {
  bocpy_state *here = bocpy_state_get();
  PyObject *thread =
      here ? bocpy_python_call(&here->python, BOCPY_PY_THREADING_CURRENT_THREAD, NULL)
           : NULL;
  PyObject *daemon = thread ? PyObject_GetAttrString(thread, "daemon") : NULL;
  int is_daemon = daemon ? PyObject_IsTrue(daemon) : -1;
  Py_XDECREF(daemon);
  Py_XDECREF(thread);
  if (is_daemon > 0)
    PyErr_SetString(PyExc_SystemExit,
                    "the program is ending: daemon threads schedule no behaviors");
  return is_daemon == 0 ? 0 : -1;
}

/* `may_leave`: this thread may still schedule while the program ends. */
static bool runtime_is_usable(int now, bool open, bool may_leave) {
  return now == RUNNING || (now == PAUSED && !open) || (now == LEAVING && may_leave);
}

/* What a start() that names nothing would choose; after a fork, what there was. */
static int runtime_choose_again(unsigned *out_count, bool *out_threads) {
  *out_count = last_worker_count ? last_worker_count : bocpy_start_default_count();
  *out_threads = bocpy_by_reference();
  return last_worker_count ? 0 : bocpy_start_option_backend(Py_None, out_threads);
}

static int runtime_bring_up_any(bool open, bool *out_may_leave) {
  unsigned count;
  bool threads;
  if (bocpy_require_main("the first behavior") < 0 ||
      (atomic_load(&program_leaving) && leaving_end_daemon() < 0) ||
      runtime_lock_take("a behavior") < 0)
    return -1;
  *out_may_leave = true;
  int status = 0;
  if (!runtime_is_usable(atomic_load(&runtime_state), open, true)) {
    status = runtime_choose_again(&count, &threads);
    if (status == 0)
      status = runtime_bring_up(count, threads, true, true);
    if (status == 0 && !open)
      atomic_store(&runtime_state, PAUSED);
  }
  bocpy_lock_give(&runtime_lock);
  return status;
}

/* Of a worker, or of a body that is being pumped: it cannot end meanwhile. */
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
    if (runtime_is_usable(atomic_load(&runtime_state), open, may_leave))
      return runtime;
    atomic_fetch_sub(&runtime_inside, 1);
    if (runtime_bring_up_any(open, &may_leave) < 0)
      return NULL;
  }
}

void bocpy_runtime_leave(void) {
  if (!runtime_of_thread())
    atomic_fetch_sub(&runtime_inside, 1);
}

/* ---- quiescence ------------------------------------------------------------------ */

static void waiter_signal_ctx(void *waiter) { bocpy_waiter_signal(waiter); }

/* 0 quiescent, 1 not within the timeout, -1 with an exception. */
static int runtime_wait_quiescent(boc_runtime *running, int64_t timeout) {
  bocpy_waiter *waiter = bocpy_waiter_new();
  if (!waiter)
    return -1;
  boc_quiesce_node node = {.done = waiter_signal_ctx, .ctx = waiter};
  boc_runtime_on_quiescent(running, &node);
  int status = bocpy_pump_wait(waiter, timeout);
  PyObject *pending = status < 0 ? PyErr_GetRaisedException() : NULL;
  bool cancelled = boc_runtime_quiesce_cancel(running, &node);
  if (status != 0 && !cancelled)
    bocpy_waiter_settle(waiter);
  bocpy_waiter_free(waiter);
  if (pending)
    PyErr_SetRaisedException(pending);
  return status;
}

/* Waits for everything scheduled; the runtime, if there is one, stays as it is. */
static int runtime_quiesce(const char *what, int64_t timeout, bool report) {
  if (require_outside_body(what) < 0)
    return -1;
  if (timeout < 0 && bocpy_acquire_any())
    return refuse_holder(what);
  atomic_fetch_add(&runtime_waiting, 1);
  int status = atomic_load(&runtime_state) == STOPPED
                   ? 0
                   : runtime_wait_quiescent(runtime, timeout);
  atomic_fetch_sub(&runtime_waiting, 1);
  if (status == 0 && report)
    bocpy_failure_report(false);
  return status;
}

PyObject *bocpy_quiesce(PyObject *module, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"timeout", "what", "report", NULL};
  PyObject *timeout = Py_None;
  const char *what = "quiesce()";
  int64_t limit;
  int report = true;
  (void)module;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Osp:_quiesce", names, &timeout,
                                   &what, &report) ||
      bocpy_parse_timeout(timeout, &limit) < 0)
    return NULL;
  int status = runtime_quiesce(what, limit, report);
  return status < 0 ? NULL : PyBool_FromLong(status == 0);
}

/* Closes a quiescent runtime: its workers stay parked for the next start. */
PyObject *bocpy_pause(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (runtime_lock_take("wait()") < 0)
    return NULL;
  int now = atomic_load(&runtime_state);
  if (now == RUNNING || now == LEAVING)
    atomic_store(&runtime_state, PAUSED);
  bocpy_lock_give(&runtime_lock);
  Py_RETURN_NONE;
}

bool bocpy_runtime_is_running(void) {
  int now = atomic_load(&runtime_state);
  return bocpy_self.slot || now == RUNNING || now == LEAVING || now == CLOSED;
}

PyObject *bocpy_running(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyBool_FromLong(bocpy_runtime_is_running());
}

/* ---- statistics ------------------------------------------------------------------ */

static PyObject *stats_of(const boc_worker_stats *stats, size_t worker) {
  PyObject *made = Py_BuildValue("{s:n}", "worker_index", (Py_ssize_t)worker);
#define ADD(name, text)                                                                \
  if (made) {                                                                          \
    PyObject *number = PyLong_FromUnsignedLongLong(stats->name);                       \
    if (!number || PyDict_SetItemString(made, #name, number) < 0)                      \
      Py_CLEAR(made);                                                                  \
    Py_XDECREF(number);                                                                \
  }
  BOC_STATS_MAP(ADD)
#undef ADD
  return made;
}

static PyObject *stats_read(void) {
  size_t count = runtime ? boc_runtime_stats(runtime, 0, NULL, 0) : 0;
  boc_worker_stats *all = calloc(count + 1, sizeof(*all));
  if (!all)
    return PyErr_NoMemory();
  if (count)
    boc_runtime_stats(runtime, sizeof(*all), all, count);
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (size_t i = 0; list && i < count; i++) {
    PyObject *made = stats_of(&all[i], i);
    if (made)
      PyList_SET_ITEM(list, (Py_ssize_t)i, made);
    else
      Py_CLEAR(list);
  }
  free(all);
  return list;
}

PyObject *bocpy_stats(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  atomic_fetch_add(&runtime_waiting, 1);
  PyObject *list =
      atomic_load(&runtime_state) == STOPPED ? PyList_New(0) : stats_read();
  atomic_fetch_sub(&runtime_waiting, 1);
  return list;
}

/* ---- ends ------------------------------------------------------------------------ */

/* From here on no daemon thread schedules, so that there is an end to wait for. */
static int program_begin_leaving(void) {
  if (runtime_lock_take("the end of the program") < 0)
    return -1;
  atomic_store(&program_leaving, true);
  if (atomic_load(&runtime_state) != STOPPED)
    atomic_store(&runtime_state, LEAVING);
  bocpy_lock_give(&runtime_lock);
  Py_BEGIN_ALLOW_THREADS
  runtime_drain_inside();
  Py_END_ALLOW_THREADS
  return 0;
}

static int runtime_end_now(const char *what) {
  if (runtime_quiesce(what, BOC_FOREVER, !bocpy_failure_kept()) < 0 ||
      runtime_lock_take(what) < 0)
    return -1;
  if (runtime)
    runtime_end_workers();
  bocpy_lock_give(&runtime_lock);
  return 0;
}

/* Nobody will wait for what is scheduled after the end: we do. */
void bocpy_runtime_settle(void) {
  if (!atomic_load(&program_ending) || bocpy_self.slot || bocpy_self.bodies)
    return;
  PyObject *pending = PyErr_GetRaisedException();
  if (!bocpy_acquire_any() && runtime_end_now("the end of the program") < 0)
    PyErr_WriteUnraisable(NULL);
  if (pending)
    PyErr_SetRaisedException(pending);
}

/* The end of the program: finishes what was scheduled, then ends the workers. */
PyObject *bocpy_finish(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (bocpy_require_main("_finish()") < 0 || program_begin_leaving() < 0)
    return NULL;
  bocpy_acquire_release_all();
  if (runtime_end_now("the end of the program") < 0)
    return NULL;
  atomic_store(&program_ending, true);
  bocpy_kwnames_keep();
  bocpy_failure_report(true);
  Py_RETURN_NONE;
}

/* ---- fork ------------------------------------------------------------------------- */

#define CLOSED_FIRST INT64_C(50000000)  /* ns */
#define CLOSED_MOST INT64_C(1000000000) /* ns */
#define OPEN_BETWEEN INT64_C(5000000)   /* ns */

/* Under `runtime_lock`: no thread outside of bodies schedules for `limit` ns, or until the
 * runtime is quiescent: 0, and it stays closed. 1, or -1 with an exception: it is open
 * again. */
static int fork_close_for(int64_t limit) {
  closed_from = atomic_load(&runtime_state);
  atomic_store(&runtime_state, CLOSED);
  Py_BEGIN_ALLOW_THREADS
  runtime_drain_inside();
  Py_END_ALLOW_THREADS
  int status = runtime_wait_quiescent(runtime, limit);
  if (status != 0)
    atomic_store(&runtime_state, closed_from);
  return status;
}

/* Takes `runtime_lock` and closes the runtime, if there is one, once it is quiescent. Others
 * may schedule without a pause, so they are shut out; but a body may wait for what one of
 * them is going to do, so they are let in again now and then. -1 with an exception,
 * without the lock. */
static int fork_close_quiescent(const char *what) {
  int64_t limit = CLOSED_FIRST;
  if (runtime_lock_take(what) < 0)
    return -1;
  while (runtime) {
    int status = fork_close_for(limit);
    if (status == 0)
      return 0;
    boc_runtime *open = runtime;
    atomic_fetch_add(&runtime_waiting, 1); /* `open` stays */
    bocpy_lock_give(&runtime_lock);
    if (status > 0)
      status = runtime_wait_quiescent(open, OPEN_BETWEEN);
    atomic_fetch_sub(&runtime_waiting, 1);
    if (status < 0)
      return -1;
    limit = limit < CLOSED_MOST ? limit * 2 : limit;
    if (runtime_lock_take(what) < 0)
      return -1;
  }
  return 0;
}

static void fork_reopen(void) {
  if (runtime)
    atomic_store(&runtime_state, closed_from);
  bocpy_lock_give(&runtime_lock);
}

/* Workers with interpreters end before a fork: a child would not survive them. An audit
 * hook is the one place from which a fork can be refused: if that would wait for
 * itself, or a signal handler raises while it waits. */
static int fork_audit(const char *event, PyObject *args, void *data) {
  (void)args;
  (void)data;
  if (strncmp(event, "os.fork", strlen("os.fork")) != 0 || bocpy_by_reference() ||
      atomic_load(&runtime_state) == STOPPED)
    return 0;
  if (!bocpy_self.bodies && !bocpy_acquire_any()) {
    if (fork_close_quiescent("fork()") < 0)
      return -1;
    fork_reopen();
    return 0;
  }
  PyErr_SetString(
      PyExc_RuntimeError,
      "fork() in a behavior, or while this thread holds a cown by acquire(): workers "
      "with interpreters cannot end before; fork elsewhere, or use subprocess");
  return -1;
}

static int fork_hook_install(void) {
  static bool hooked; /* under `runtime_lock` */
  if (!hooked && PySys_AddAuditHook(fork_audit, NULL) < 0)
    return -1;
  hooked = true;
  return 0;
}

/* A handler has raised while a fork waits, which cannot be refused any more. An
 * interrupt comes again after the fork; other exceptions are reported. */
static void fork_put_off_exception(void) {
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
    PyErr_Clear();
    PyErr_SetInterrupt();
  } else {
    PyErr_WriteUnraisable(NULL);
  }
}

/* No interpreter but the main one survives a fork, and no thread but the caller's: all
 * workers end first, and come back when they are next needed. */
PyObject *bocpy_before_fork(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (bocpy_self.bodies || bocpy_acquire_any())
    Py_RETURN_NONE;
  PyObject *put_off = NULL;
  while (fork_close_quiescent("fork()") < 0) {
    Py_XSETREF(put_off, PyErr_GetRaisedException());
    if (bocpy_by_reference()) { /* whose workers a child survives */
      if (runtime_lock_take("fork()") < 0)
        return NULL;
      break;
    }
  }
  bocpy_self.forking = true;
  if (runtime && atomic_load(&runtime_state) == CLOSED)
    runtime_end_workers();
  if (put_off) {
    PyErr_SetRaisedException(put_off);
    fork_put_off_exception();
  }
  Py_RETURN_NONE;
}

PyObject *bocpy_after_fork_in_parent(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (bocpy_self.forking)
    bocpy_lock_give(&runtime_lock);
  bocpy_self.forking = false;
  Py_RETURN_NONE;
}

/* What the fork found in the middle of something belongs to threads that are gone. */
PyObject *bocpy_after_fork_in_child(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return NULL;
  runtime_lock = fresh;
  runtime = NULL;
  runtime_slots = NULL;
  runtime_boot = NULL;
  atomic_store(&runtime_inside, 0);
  atomic_store(&runtime_waiting, 0);
  atomic_store(&runtime_state, STOPPED);
  bocpy_self.forking = false;
  bocpy_self.slot = NULL;
  bocpy_self.bodies = 0;
  bocpy_self.runtime = NULL;
  bocpy_main_thread_forget();
  bocpy_acquire_forget();
  bocpy_state *state = bocpy_state_get();
  if (!state || bocpy_home_forget(state->codec.home) < 0)
    return NULL;
  if (bocpy_waiters_forget() < 0)
    return NULL;
  if (bocpy_mailbox_forget() < 0 || bocpy_notices_forget() < 0)
    return NULL;
  if (bocpy_cown_freelist_forget() < 0 || bocpy_pump_forget() < 0)
    return NULL;
  return Py_NewRef(Py_None);
}
