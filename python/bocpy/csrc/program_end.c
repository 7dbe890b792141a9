/* The end of the program: see program_end.h. */
#include "program_end.h"

#include "acquire.h"
#include "batch.h"
#include "failure_report.h"
#include "grant.h"
#include "start_and_quiesce.h"
#include "waiting.h"

#define THREADS_NS INT64_C(10000000) /* between two checks */

static int end_workers(const char *what) {
  if (bocpy_quiesce_all(what, BOC_FOREVER, !bocpy_failure_kept()) < 0 ||
      bocpy_runtime_lock(what) < 0)
    return -1;
  bocpy_runtime_end_workers();
  bocpy_runtime_unlock();
  return 0;
}

/* No thread will wait for what is scheduled after the end, so the scheduling thread
 * does. */
void bocpy_after_the_end(void) {
  PyObject *pending = PyErr_GetRaisedException();
  if (!bocpy_thread_holds() && end_workers("the end of the program") < 0)
    PyErr_WriteUnraisable(NULL);
  if (pending)
    PyErr_SetRaisedException(pending);
}

/* Waits for the threads that bodies have started: like the program's own, they may
 * still schedule. It polls, since a worker's interpreter cannot notify it. */
static int wait_for_threads(void) {
  bocpy_waiter *waiter = bocpy_waiter_new();
  int status = waiter ? 0 : -1;
  while (status == 0 && bocpy_runtime_threads_of_bodies() > 0) {
    status = bocpy_waiter_wait(waiter, THREADS_NS) < 0 ? -1 : 0;
    if (status == 0)
      status = bocpy_quiesce_all("the end of the program", BOC_FOREVER,
                                 !bocpy_failure_kept());
  }
  if (waiter)
    bocpy_waiter_free(waiter);
  return status;
}

/* Finishes what was scheduled, then ends the workers. */
PyObject *bocpy_finish(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (bocpy_require_main("_finish()") < 0)
    return NULL;
  /* A generator may hold the thread in a block of atomically(), which never ends. */
  Py_XDECREF(bocpy_batch_end(NULL, Py_False));
  if (bocpy_runtime_begin_leaving() < 0)
    return NULL;
  bocpy_acquire_release_all();
  bocpy_grant_release_all();
  if (bocpy_quiesce_all("the end of the program", BOC_FOREVER, false) < 0 ||
      wait_for_threads() < 0 || end_workers("the end of the program") < 0)
    return NULL;
  bocpy_runtime_has_left();
  bocpy_failure_report(true);
  bocpy_failure_report_counted();
  Py_RETURN_NONE;
}
