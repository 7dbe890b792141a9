/* Start and quiesce: see start_and_quiesce.h. */
#include "start_and_quiesce.h"

#include "acquire.h"
#include "backend.h"
#include "failure_report.h"
#include "grant.h"
#include "pump.h"
#include "quiesce.h"
#include "waiting.h"
#include "worker_count.h"

bool bocpy_thread_holds(void) { return bocpy_acquire_any() || bocpy_grant_any(); }

int bocpy_refuse_task(const char *what) {
  PyErr_Format(
      PyExc_RuntimeError,
      "%s while a task of this thread's event loop holds a cown would wait for "
      "that task: use `await bocpy.aio.wait()` outside of the block",
      what);
  return -1;
}

int bocpy_refuse_holder(const char *what) {
  PyErr_Format(PyExc_RuntimeError,
               "%s while this thread holds a cown by acquire() would wait for itself: "
               "release() it first",
               what);
  return -1;
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

int bocpy_before_restart(void) {
  if (bocpy_acquire_any())
    return bocpy_refuse_holder("start()");
  if (bocpy_grant_any())
    return bocpy_refuse_task("start()");
  if (bocpy_self.bodies) {
    PyErr_SetString(PyExc_RuntimeError,
                    "start() inside a behavior cannot end the workers that there are: "
                    "start() them with that count and backend before");
    return -1;
  }
  bocpy_pump_rest();
  return 0;
}

static int check_raise_failures(PyObject *keep) {
  if (keep == Py_None || PyBool_Check(keep))
    return 0;
  PyErr_Format(PyExc_TypeError,
               "start(): raise_failures must be a bool or None, not '%s'",
               Py_TYPE(keep)->tp_name);
  return -1;
}

/* Each behavior needs it. A finalizer cannot schedule while it is being imported, so
 * the first behavior does not import it; and a finalizer that runs now must not find
 * `runtime_lock` taken. Beside workers that are interpreters, bocpy._worker.prepare
 * imports it. */
static int import_body(bool threads) {
  if (!threads)
    return 0;
  bocpy_state *here = bocpy_state_get();
  return here && bocpy_python_get(&here->python, BOCPY_PY_BODY_CHECK) ? 0 : -1;
}

/* -1 with a TypeError that gives the right name, if a keyword is a near one. */
static int refuse_near_keywords(PyObject *kwargs) {
  static const char *const near[] = {"workers", "num_workers", "max_workers"};
  for (size_t i = 0; kwargs && i < sizeof near / sizeof *near; i++) {
    PyObject *name = PyUnicode_FromString(near[i]);
    int found = name ? PyDict_Contains(kwargs, name) : -1;
    Py_XDECREF(name);
    if (found > 0)
      PyErr_Format(PyExc_TypeError,
                   "start() got an unexpected keyword argument '%s': write "
                   "worker_count",
                   near[i]);
    if (found)
      return -1;
  }
  return 0;
}

PyObject *bocpy_start(PyObject *module, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"worker_count", "module", "backend", "raise_failures", NULL};
  PyObject *number = Py_None, *unused = Py_None, *backend = Py_None, *keep = Py_None;
  unsigned count;
  bool threads;
  (void)module;
  /* a module that is imported in a worker: its workers run already */
  if (bocpy_self.importing)
    Py_RETURN_NONE;
  if (refuse_near_keywords(kwargs) < 0 ||
      !PyArg_ParseTupleAndKeywords(args, kwargs, "|OO$OO:start", names, &number,
                                   &unused, &backend, &keep) ||
      bocpy_require_main("start()") < 0 ||
      bocpy_parse_worker_count(number, &count) < 0 ||
      bocpy_parse_backend(backend, &threads) < 0 || check_raise_failures(keep) < 0 ||
      import_body(threads) < 0)
    return NULL;
  if (bocpy_runtime_start(count, number == Py_None, threads, backend == Py_None) < 0)
    return NULL;
  if (keep != Py_None)
    bocpy_failure_keep(keep == Py_True);
  Py_RETURN_NONE;
}

/* A behavior that this thread waits for holds its cown until the wait goes on. */
static int refuse_in_wait(const char *what) {
  PyErr_Format(
      PyExc_RuntimeError,
      "%s in a handler of a signal that interrupted this thread while it waits "
      "for a cown would wait for that wait itself: raise an exception there, "
      "or give a timeout",
      what);
  return -1;
}

int bocpy_quiesce_all(const char *what, int64_t timeout, bool report) {
  if (require_outside_body(what) < 0)
    return -1;
  if (timeout < 0 && bocpy_acquire_any())
    return bocpy_refuse_holder(what);
  if (timeout < 0 && bocpy_grant_any())
    return bocpy_refuse_task(what);
  if (timeout < 0 && bocpy_self.waits_for_cowns)
    return refuse_in_wait(what);
  boc_runtime *runtime = bocpy_runtime_use();
  int status = 0;
  if (runtime) {
    status = bocpy_wait_quiescent(runtime, timeout);
    bocpy_runtime_unuse();
  }
  if (status == 0 && report) {
    bocpy_failure_report(false);
    bocpy_failure_report_counted();
  }
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
      bocpy_parse_timeout(timeout, what, &limit) < 0)
    return NULL;
  int status = bocpy_quiesce_all(what, limit, report);
  return status < 0 ? NULL : PyBool_FromLong(status == 0);
}

/* Closes a quiescent runtime: its workers stay parked until the next start. */
PyObject *bocpy_pause(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (bocpy_runtime_lock("wait()") < 0)
    return NULL;
  bocpy_runtime_pause();
  bocpy_runtime_unlock();
  Py_RETURN_NONE;
}
