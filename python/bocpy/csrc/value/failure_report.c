/* Failure report: see failure_report.h. */
#include "failure_report.h"

#include <stdlib.h>

#include "code.h"
#include "signal_handler_errors.h"

static atomic_bool failures_kept;
/* whether most failures are counted instead of printed */
static atomic_bool failures_counted;

void bocpy_failure_store(boc_cown *result, const bocpy_code *code) {
  bocpy_value *value = bocpy_value_of(result);
  bocpy_value_fail(value, PyErr_GetRaisedException());
  if (!bocpy_by_reference())
    bocpy_value_encode(value);
  bocpy_failure_add(value, result, code);
}

/* ---- through sys.unraisablehook -------------------------------------------------- */

static void failure_print(bocpy_value *value, const bocpy_code *code) {
  bocpy_state *state = bocpy_state_get();
  PyObject *exception = state ? bocpy_value_get(value) : NULL;
  if (!exception)
    exception = PyErr_GetRaisedException();
  PyObject *place = NULL, *raised = NULL;
  if (state)
    place = bocpy_python_call(&state->python, BOCPY_PY_FAILURES_REPORT, "(Ossi)",
                              exception, code ? code->qualname : "?",
                              code ? code->file : "?", code ? code->line : 0);
  if (!place && !bocpy_handler_take(&raised))
    PyErr_Clear();
  if (place == Py_None) {
    atomic_store(&failures_counted, true);
    Py_DECREF(exception);
  } else {
    PyErr_SetRaisedException(exception);
    PyErr_WriteUnraisable(place);
  }
  Py_XDECREF(place);
  bocpy_handler_give(raised);
}

void bocpy_failure_report_counted(void) {
  bocpy_state *state = bocpy_state_get();
  if (!state || !atomic_exchange(&failures_counted, false))
    return;
  PyObject *pending = PyErr_GetRaisedException(), *raised = NULL;
  PyObject *done = bocpy_python_call(&state->python, BOCPY_PY_FAILURES_COUNTED, NULL);
  if (!done && !bocpy_handler_take(&raised))
    PyErr_WriteUnraisable(NULL);
  bocpy_handler_give(raised);
  Py_XDECREF(done);
  if (pending)
    PyErr_SetRaisedException(pending);
}

static void failures_report_living(void) {
  bocpy_failure copy;
  while (bocpy_failure_copy_first(&copy)) {
    bocpy_value *value = copy.value ? copy.value : &copy.content;
    failure_print(value, copy.code);
    bocpy_code_drop(copy.code);
    if (copy.value && bocpy_value_failure(copy.value))
      bocpy_failure_forget(copy.value);
  }
}

void bocpy_failure_report(bool all) {
  bocpy_failure *failure;
  while ((failure = bocpy_failure_take_orphan())) {
    failure_print(&failure->content, failure->code);
    bocpy_value_clear(&failure->content);
    bocpy_failure_free(failure);
  }
  if (all)
    failures_report_living();
}

static int failures_report_orphans(void *unused) {
  (void)unused;
  if (!bocpy_failure_kept())
    bocpy_failure_report(false);
  return 0;
}

void bocpy_failure_report_soon(void) {
  if (!bocpy_failure_kept())
    Py_AddPendingCall(failures_report_orphans, NULL);
}

/* ---- for wait() ------------------------------------------------------------------ */

bool bocpy_failure_kept(void) { return atomic_load(&failures_kept); }
void bocpy_failure_keep(bool keep) { atomic_store(&failures_kept, keep); }

PyObject *bocpy_keeps_failures(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyBool_FromLong(bocpy_failure_kept());
}

/* Takes the exception of an orphan, and frees the orphan. */
static PyObject *failure_take_exception(bocpy_failure *orphan) {
  PyObject *exception = bocpy_value_get(&orphan->content);
  if (!exception)
    exception = PyErr_GetRaisedException();
  bocpy_value_clear(&orphan->content);
  free(orphan);
  return exception;
}

static PyObject *failure_tuple(bocpy_state *state, bocpy_failure_taken one) {
  const bocpy_code *code = one.code;
  PyObject *cown = one.core ? bocpy_cown_adopt(state, one.core) : Py_NewRef(Py_None);
  PyObject *exception =
      one.orphan ? failure_take_exception(one.orphan) : Py_NewRef(Py_None);
  if (cown)
    return Py_BuildValue("NNssi", cown, exception, code->qualname, code->file,
                         code->line);
  Py_DECREF(exception);
  return NULL;
}

PyObject *bocpy_take_failures(PyObject *module, PyObject *unused) {
  (void)unused;
  size_t count;
  bocpy_failure_taken *all = bocpy_failure_take_all(&count);
  PyObject *list = all ? PyList_New(0) : PyErr_NoMemory();
  PyObject *problem = list ? NULL : PyErr_GetRaisedException();
  for (size_t i = 0; i < count; i++) {
    PyObject *tuple = failure_tuple(bocpy_state_of(module), all[i]);
    if (!problem && (!tuple || PyList_Append(list, tuple) < 0))
      problem = PyErr_GetRaisedException();
    Py_XDECREF(tuple);
  }
  free(all);
  if (!problem)
    return list;
  Py_XDECREF(list);
  PyErr_SetRaisedException(problem);
  return NULL;
}
