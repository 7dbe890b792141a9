/* Result: see result.h.
 *
 * Callbacks run on the worker that has ended the behavior. With backend `interpreters`
 * it enters the main interpreter for that. Other workers leave their callbacks to it
 * meanwhile, so that one visit serves many: workers do not queue for the GIL of the
 * main interpreter. */
#include "result.h"

#include <stdlib.h>

#include "acquire.h"
#include "cown.h"
#include "failure.h"
#include "grant.h"
#include "in_flight.h"

#include "pinned.h"
#include "pump.h"
#include "reader_copies.h"
#include "runtime.h"
#include "worker.h"

/* ---- the outcome ----------------------------------------------------------------- */

static PyObject *raise_if(bool failed, PyObject *object) {
  if (!object || !failed || !PyExceptionInstance_Check(object))
    return object;
  PyErr_SetRaisedException(object);
  return NULL;
}

/* Who gets an outcome has read it; the attribute `value` does not count as reading
 * it. */
PyObject *bocpy_outcome_read(bocpy_value *value) {
  if (value->failed)
    bocpy_failure_forget(value);
  PyObject *object = bocpy_reader_copy_here(value);
  return raise_if(value->failed, object);
}

static PyObject *outcome_held(bocpy_value *value) {
  bocpy_failure_forget(value);
  PyObject *object = bocpy_value_get(value);
  return raise_if(value->failed, object);
}

static PyObject *outcome_of_reader(bocpy_value *value) {
  if (value->failed)
    bocpy_failure_forget(value);
  PyObject *object = bocpy_reader_get(value);
  return raise_if(value->failed, object);
}

static PyObject *outcome_waited(boc_cown *core, PyObject *seconds, int64_t timeout) {
  bocpy_grant *grant;
  const bocpy_code *before = bocpy_in_flight_last(bocpy_value_of(core));
  int status = bocpy_grant_wait(core, timeout, &grant);
  PyObject *flight = status > 0 ? bocpy_in_flight_on(core, before) : NULL;
  if (flight)
    PyErr_Format(PyExc_TimeoutError,
                 "result(): behaviors on this cown are still in flight after %S s%U",
                 seconds, flight);
  Py_XDECREF(flight);
  if (status != 0)
    return NULL;
  PyObject *outcome = bocpy_outcome_read(bocpy_value_of(core));
  bocpy_grant_end(grant);
  bocpy_grant_drop(grant);
  return outcome;
}

/* The outcome, if the calling thread or task may read it already; NULL without an
 * exception if it has to wait. */
static PyObject *outcome_at_hand(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (bocpy_value_held(value))
    return outcome_held(value);
  if (bocpy_reader_is_here(value))
    return outcome_of_reader(value);
  if (bocpy_self.lent == core)
    return bocpy_outcome_read(value);
  bocpy_grant *grant = bocpy_grant_here();
  int mode = grant ? bocpy_grant_mode(grant, core) : -1;
  return mode < 0           ? NULL
         : mode == BOC_READ ? bocpy_outcome_read(value)
                            : outcome_held(value);
}

PyObject *bocpy_cown_result(PyObject *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"timeout", NULL};
  PyObject *seconds = Py_None;
  int64_t timeout;
  boc_cown *core = bocpy_cown_require(self);
  if (!core ||
      !PyArg_ParseTupleAndKeywords(args, kwargs, "|O:result", names, &seconds) ||
      bocpy_parse_timeout(seconds, "result()", &timeout) < 0)
    return NULL;
  PyObject *outcome = outcome_at_hand(core);
  bocpy_cown_track(self, outcome);
  if (outcome || PyErr_Occurred())
    return outcome;
  if (bocpy_pinned_require_here(bocpy_value_of(core), "result()") < 0)
    return NULL;
  if (bocpy_grant_refuse(bocpy_acquire_any(), "result()") < 0)
    return NULL;
  outcome = outcome_waited(core, seconds, timeout);
  bocpy_cown_track(self, outcome);
  return outcome;
}

/* ---- callbacks ------------------------------------------------------------------- */

/* A callback to call. Its objects belong to the main interpreter. */
typedef struct bocpy_callback {
  bocpy_grant *grant;
  boc_cown *core; /* with a reference */
  PyObject *callable;
  struct bocpy_callback *next;
} bocpy_callback;

static _Atomic(bocpy_callback *) due; /* the callbacks to call, newest first */
static atomic_bool calling;           /* a worker is calling them */

/* Whether that is this thread, and those that it has taken and not called yet. */
static BOCPY_THREAD_LOCAL bool calling_here;
static BOCPY_THREAD_LOCAL bocpy_callback *taken;

static void call_back(bocpy_callback *callback) {
  PyObject *handle = bocpy_cown_wrap(callback->core);
  boc_cown *outer = bocpy_self.lent;
  bocpy_self.lent = callback->core;
  PyObject *answer = handle ? PyObject_CallOneArg(callback->callable, handle) : NULL;
  bocpy_self.lent = outer;
  if (!answer)
    PyErr_WriteUnraisable(callback->callable);
  Py_XDECREF(answer);
  Py_XDECREF(handle);
  Py_DECREF(callback->callable);
  bocpy_grant_end(callback->grant);
  bocpy_grant_drop(callback->grant);
  boc_cown_drop(callback->core);
  free(callback);
}

static void call_one(void *callback) { call_back(callback); }

static bocpy_callback *oldest_first(bocpy_callback *newest) {
  bocpy_callback *first = NULL;
  while (newest) {
    bocpy_callback *next = newest->next;
    newest->next = first;
    first = newest;
    newest = next;
  }
  return first;
}

/* Attached to the main interpreter, and as if a body ran: it must not wait for
 * cowns. */
static void call_due(void *unused) {
  (void)unused;
  taken = oldest_first(atomic_exchange(&due, NULL));
  while (taken) {
    bocpy_callback *callback = taken;
    taken = callback->next;
    call_back(callback);
  }
}

static bool calling_begin(void) {
  bool expected = false;
  if (calling_here) /* in one of the callbacks */
    return false;
  calling_here =
      atomic_load(&due) && atomic_compare_exchange_strong(&calling, &expected, true);
  return calling_here;
}

static void calling_end(void) {
  if (calling_here) /* or a callback has waited, and passed the rest on */
    atomic_store(&calling, false);
  calling_here = false;
}

/* A worker that has pushed while another one was calling relies on that one. */
static void call_all(void) {
  while (calling_begin()) {
    bocpy_visit_main(call_due, NULL);
    calling_end();
  }
}

/* _pass_callbacks_on(): before a callback waits for the future of a task. The end of
 * that task is a callback too, which this worker has taken, or others leave to it. */
PyObject *bocpy_pass_callbacks_on(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (!calling_here)
    Py_RETURN_NONE;
  while (taken) {
    bocpy_callback *callback = taken;
    taken = callback->next;
    call_back(callback);
  }
  calling_end();
  while (calling_begin()) {
    call_due(NULL);
    calling_end();
  }
  Py_RETURN_NONE;
}

/* The callback gets a reference of its own: it may be over before the thread that adds
 * it has looked at the grant. */
static void be_due(bocpy_grant *grant) {
  bocpy_callback *callback = grant->ctx;
  bocpy_grant_hold(grant);
  callback->grant = grant;
  if (bocpy_by_reference()) {
    bocpy_visit_main(call_one, callback);
    return;
  }
  callback->next = atomic_load(&due);
  while (!atomic_compare_exchange_weak(&due, &callback->next, callback))
    continue;
  call_all();
}

PyObject *bocpy_cown_add_done_callback(PyObject *self, PyObject *callable) {
  boc_cown *core = bocpy_cown_require(self);
  if (!core || bocpy_require_main("add_done_callback()") < 0 ||
      bocpy_batch_refuse("add_done_callback()") < 0)
    return NULL;
  if (!PyCallable_Check(callable)) {
    PyErr_Format(PyExc_TypeError, "add_done_callback() takes a callable, not '%s'",
                 Py_TYPE(callable)->tp_name);
    return NULL;
  }
  bocpy_callback *callback = calloc(1, sizeof(*callback));
  if (!callback)
    return PyErr_NoMemory();
  callback->core = boc_cown_hold(core);
  callback->callable = Py_NewRef(callable);
  boc_access access = {core, BOC_READ};
  bocpy_grant *grant = bocpy_grant_new(&access, 1, NULL, NULL, be_due, NULL, callback);
  if (grant && grant->at_once) { /* the grant notifies nobody then */
    callback->grant = grant;
    bocpy_visit_main(call_one, callback);
  } else if (grant) {
    bocpy_grant_drop(grant);
  }
  if (grant) {
    bocpy_runtime_settle();
    Py_RETURN_NONE;
  }
  Py_DECREF(callable);
  boc_cown_drop(core);
  free(callback);
  return NULL;
}

/* ---- documentation --------------------------------------------------------------- */

const char bocpy_cown_result_doc[] =
    "result($self, /, timeout=None)\n"
    "--\n\n"
    "Waits for the behaviors on the cown that are scheduled by now; returns its "
    "value.\n\n"
    "The value stays in the cown, so that several callers may ask for it repeatedly;\n"
    "all get the same object until the next behavior writes the cown. With backend\n"
    "'interpreters' it is a copy: behaviors do not see changes to it. Raises the\n"
    "exception of the behavior of which the cown is the result; TimeoutError after\n"
    "`timeout` seconds; RuntimeError inside a behavior that was not given the cown.\n\n"
    ">>> from bocpy import when\n"
    ">>> @when()\n"
    "... def answer():\n"
    "...     return 42\n"
    ">>> answer.result()\n"
    "42\n"
    ">>> answer.result(timeout=10)\n"
    "42";

const char bocpy_cown_add_done_callback_doc[] =
    "add_done_callback($self, function, /)\n"
    "--\n\n"
    "Calls `function(cown)` once the behaviors on the cown that are scheduled by now\n"
    "have ended.\n\n"
    "That includes the behavior of which the cown is the result. If they have ended\n"
    "already, this thread calls the function at once; otherwise a worker's thread\n"
    "does, in the main interpreter. In the function, `result()` returns the outcome\n"
    "at once. The function must be short, since the worker runs nothing else\n"
    "meanwhile. It may schedule, but not wait for cowns. An exception in it is\n"
    "reported through sys.unraisablehook.\n\n"
    "Raises RuntimeError outside of the main interpreter, TypeError for objects that\n"
    "are not callable.\n\n"
    ">>> from bocpy import wait, when\n"
    ">>> told = []\n"
    ">>> @when()\n"
    "... def answer():\n"
    "...     return 42\n"
    ">>> answer.add_done_callback(lambda cown: told.append(cown.result()))\n"
    ">>> wait()\n"
    ">>> told\n"
    "[42]";
