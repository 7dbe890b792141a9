/* The lock of the runtime: see runtime.h.
 *
 * A finalizer, or a handler of a signal, that interrupts its thread while that has the
 * lock would wait for itself. So a thread knows that it has the lock, and a thread that
 * imports for such a thread (bocpy._late_imports) that it stands in for it. */
#include "runtime.h"

static bocpy_lock runtime_lock;
static BOCPY_THREAD_LOCAL bool runtime_locked_here;
static BOCPY_THREAD_LOCAL bool runtime_stands_in;

int bocpy_runtime_lock_make(void) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  runtime_lock = fresh;
  runtime_locked_here = false;
  return 0;
}

PyObject *bocpy_locked_here(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyBool_FromLong(runtime_locked_here);
}

void bocpy_runtime_stand_in(bool begins) { runtime_stands_in = begins; }

PyObject *bocpy_stand_in(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  bocpy_runtime_stand_in(true);
  Py_RETURN_NONE;
}

int bocpy_runtime_lock(const char *what) {
  bool here = runtime_locked_here || runtime_stands_in;
  if (!bocpy_self.forking && !bocpy_self.worker_ends && !here) {
    bocpy_lock_take_detached(&runtime_lock);
    runtime_locked_here = true;
    return 0;
  }
  /* a thread that ends a worker has the lock, and waits for the worker */
  PyErr_Format(PyExc_RuntimeError,
               bocpy_self.worker_ends ? "%s in a finalizer of a worker that ends"
               : bocpy_self.forking
                   ? "%s in a hook of os.register_at_fork(): the workers have ended "
                     "for the fork; schedule after it"
                   : "%s in a finalizer or handler that interrupted its thread while "
                     "it started or ended the workers: call start() before",
               what);
  return -1;
}

void bocpy_runtime_unlock(void) {
  runtime_locked_here = false;
  bocpy_lock_give(&runtime_lock);
}

/* The workers can only be replaced when nobody waits for the runtime any more. */
int bocpy_start_refuse_in_wait(void) {
  PyErr_SetString(
      PyExc_RuntimeError,
      "start() with another backend or more workers, in a handler of a signal "
      "that interrupted wait() or quiesce() here, would wait for that itself");
  return -1;
}

/* Nor while this thread itself is between enter and leave. */
int bocpy_start_refuse_inside(void) {
  PyErr_SetString(
      PyExc_RuntimeError,
      "start() with another backend or number of workers, in an atomically() block or "
      "in a hook or finalizer that interrupted a call that schedules, would wait for "
      "that itself: call start() after it");
  return -1;
}
