/* Fork: see fork.h. */
#include "fork.h"

#include <string.h>

#include "acquire.h"
#include "grant.h"
#include "immutable.h"
#include "in_flight.h"
#include "mailbox.h"
#include "notices.h"
#include "pump.h"
#include "quiesce.h"
#include "scope.h"
#include "start_and_quiesce.h"
#include "stats.h"
#include "timer.h"
#include "waiting.h"

/* ---- the parent ------------------------------------------------------------------ */

#define CLOSED_FIRST_NS INT64_C(50000000)
#define CLOSED_MAX_NS INT64_C(1000000000)
#define OPEN_BETWEEN_NS INT64_C(5000000)
#define WARN_NS INT64_C(10000000000)

/* Under the runtime's lock: stops threads outside of bodies from scheduling, for
 * `limit` ns or until the runtime is quiescent. 0: it is quiescent, and stays closed.
 * 1, or -1 with an exception: it is open again. */
static int fork_close_for(boc_runtime *runtime, int64_t limit) {
  int status = bocpy_wait_quiescent(runtime, limit);
  if (status != 0)
    bocpy_runtime_reopen();
  return status;
}

/* Warns that a fork has waited for long and may wait for itself: a thread may hold a
 * cown until something happens after the fork. -1 with an exception: warnings are
 * errors. */
static int fork_warn(const char *what) {
  PyObject *text = bocpy_in_flight(NULL, NULL);
  int status =
      text
          ? PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                             "%s has waited for 10 s until no behavior is scheduled or "
                             "running and no thread holds a cown%U",
                             what, text)
          : -1;
  Py_XDECREF(text);
  return status;
}

/* Lets other threads schedule for a moment: releases the lock and takes it again. Warns
 * first if asked to. -1 with an exception, without the lock. */
static int fork_let_in(int status, bool warn, const char *what) {
  boc_runtime *runtime = bocpy_runtime_use();
  bocpy_runtime_unlock();
  if (status > 0 && warn && fork_warn(what) < 0)
    status = -1;
  if (status > 0 && runtime)
    status = bocpy_wait_quiescent(runtime, OPEN_BETWEEN_NS);
  if (runtime)
    bocpy_runtime_unuse();
  return status < 0 ? -1 : bocpy_runtime_lock(what);
}

/* Takes the runtime's lock and closes the runtime, if there is one, once it is
 * quiescent. Other threads may schedule without a pause, so they are stopped. But a
 * body may wait for what one of them is going to do, so they may schedule again from
 * time to time. -1 with an exception, without the lock. */
static int fork_close_quiescent(const char *what) {
  boc_runtime *runtime;
  if (bocpy_runtime_lock(what) < 0)
    return -1;
  int64_t waited = 0;
  bool warned = false;
  for (int64_t limit = CLOSED_FIRST_NS; (runtime = bocpy_runtime_close());) {
    int status = fork_close_for(runtime, limit);
    if (status == 0)
      return 0;
    waited += limit;
    bool warn = waited > WARN_NS && !warned;
    warned |= warn;
    if (fork_let_in(status, warn, what) < 0)
      return -1;
    limit = limit < CLOSED_MAX_NS ? limit * 2 : limit;
  }
  return 0;
}

/* Refuses a fork while timers are set: it would wait for the last timer. */
static int fork_refuse_timers(void) {
  PyErr_Format(PyExc_RuntimeError,
               "fork() while %zu behaviors wait for the time that after() or at() gave "
               "them: cancel() them, wait() for them, or use subprocess, or the start "
               "method 'spawn' of multiprocessing",
               bocpy_timer_pending());
  return -1;
}

/* Whether this is a handler of a signal that interrupted this thread while it waits for
 * the runtime or for a cown: the runtime cannot come to rest before that wait ends. */
static bool fork_is_in_wait(void) {
  return bocpy_self.runtime_uses || bocpy_self.waits_for_cowns;
}

static int fork_refuse_inside(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "fork() in an atomically() block, or in a hook or finalizer that "
                  "interrupted a call that schedules, would wait for that itself: fork "
                  "after it, or use subprocess");
  return -1;
}

static int fork_refuse_in_wait(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "fork() in a handler of a signal that interrupted this thread in "
                  "wait() or quiesce(), or while it waited for a cown, would wait for "
                  "that wait itself: fork when it is over, or use subprocess");
  return -1;
}

/* Workers with interpreters end before a fork: a child would not survive them. Only an
 * audit hook can refuse a fork. This one does if the fork would wait for itself, or if
 * a signal handler raises while it waits. */
static int fork_audit(const char *event, PyObject *args, void *data) {
  (void)args;
  (void)data;
  if (strncmp(event, "os.fork", strlen("os.fork")) != 0 || !bocpy_runtime_has_workers())
    return 0;
  if (bocpy_timer_pending() > 0 && !bocpy_self.bodies)
    return fork_refuse_timers();
  if (bocpy_by_reference())
    return 0;
  if (!bocpy_self.bodies && !bocpy_thread_holds()) {
    if (fork_is_in_wait())
      return fork_refuse_in_wait();
    if (bocpy_self.runtime_enters)
      return fork_refuse_inside();
    if (fork_close_quiescent("fork()") < 0)
      return -1;
    bocpy_runtime_reopen();
    bocpy_runtime_unlock();
    return 0;
  }
  PyErr_SetString(
      PyExc_RuntimeError,
      "fork() in a behavior, or while this thread or a task of its event loop holds a "
      "cown: workers with interpreters cannot end before; fork elsewhere, or use "
      "subprocess");
  return -1;
}

/* Two threads may call it at once: the second hook has nothing to refuse. */
int bocpy_watch_forks(void) {
  static atomic_bool hooked;
  if (atomic_load(&hooked))
    return 0;
  if (PySys_AddAuditHook(fork_audit, NULL) < 0)
    return -1;
  atomic_store(&hooked, true);
  return 0;
}

/* A handler has raised while a fork waits, which cannot be refused any more. An
 * interrupt is raised again after the fork; other exceptions are reported. */
static void fork_put_off_exception(void) {
  if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
    PyErr_Clear();
    PyErr_SetInterrupt();
  } else {
    PyErr_WriteUnraisable(NULL);
  }
}

/* Only the main interpreter and the calling thread survive a fork: all workers end
 * before it, and start again when they are next needed. */
PyObject *bocpy_before_fork(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (bocpy_self.bodies || bocpy_thread_holds() || fork_is_in_wait() ||
      bocpy_self.runtime_enters)
    Py_RETURN_NONE;
  PyObject *put_off = NULL;
  while (fork_close_quiescent("fork()") < 0) {
    Py_XSETREF(put_off, PyErr_GetRaisedException());
    if (bocpy_by_reference()) { /* a child survives workers of backend `threads` */
      if (bocpy_runtime_lock("fork()") < 0)
        return NULL;
      break;
    }
  }
  bocpy_self.forking = true;
  bocpy_runtime_end_for_fork();
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
    bocpy_runtime_unlock();
  bocpy_self.forking = false;
  Py_RETURN_NONE;
}

/* ---- the child ------------------------------------------------------------------- */

/* Drops what other threads were doing when the process forked: the child has none of
 * them. */
static int child_forget(bocpy_state *state) {
  bocpy_self.forking = false;
  bocpy_self.left_behind |= bocpy_self.slot != NULL;
  bocpy_self.slot = NULL;
  bocpy_self.bodies = 0;
  bocpy_self.runtime_uses = 0;
  bocpy_self.runtime_enters = 0;
  bocpy_self.batch = NULL; /* the block's behaviors are the parent's */
  bocpy_self.runtime = NULL;
  bocpy_main_thread_forget();
  bocpy_acquire_forget();
  atomic_fetch_add(&bocpy_forks, 1);
  return bocpy_grants_forget() < 0 || bocpy_scope_forget() < 0 ||
                 bocpy_timer_forget() < 0 || bocpy_home_forget(state->codec.home) < 0 ||
                 bocpy_waiters_forget() < 0 || bocpy_mailbox_forget() < 0 ||
                 bocpy_notices_forget() < 0 || bocpy_pump_forget() < 0 ||
                 bocpy_stats_forget() < 0
             ? -1
             : 0;
}

PyObject *bocpy_after_fork_in_child(PyObject *module, PyObject *unused) {
  (void)unused;
  if (bocpy_runtime_forget() < 0 || child_forget(bocpy_state_of(module)) < 0)
    return NULL;
  Py_RETURN_NONE;
}
