/* Signal handler errors: see signal_handler_errors.h. */
#include "signal_handler_errors.h"

bool bocpy_handlers_run_here(void) {
  return PyInterpreterState_Get() == PyInterpreterState_Main() &&
         bocpy_main_thread_is_here();
}

bool bocpy_handler_raised(void) {
  if (!bocpy_handlers_run_here())
    return false;
  PyObject *exception = PyErr_GetRaisedException();
  bocpy_state *state = bocpy_state_get();
  PyObject *answer =
      state ? bocpy_python_call(&state->python, BOCPY_PY_FAILURES_OF_HANDLER, "(O)",
                                exception)
            : NULL;
  bool raised = answer == Py_True;
  Py_XDECREF(answer);
  PyErr_Clear();
  PyErr_SetRaisedException(exception);
  return raised;
}

static int handler_raise(void *exception) {
  PyErr_SetRaisedException(exception);
  return -1;
}

bool bocpy_handler_take(PyObject **inout_taken) {
  if (!bocpy_handler_raised())
    return false;
  Py_XDECREF(*inout_taken);
  *inout_taken = PyErr_GetRaisedException();
  return true;
}

void bocpy_handler_give(PyObject *taken) {
  if (!taken || Py_AddPendingCall(handler_raise, taken) == 0)
    return;
  PyErr_SetRaisedException(taken); /* too many wait already */
  PyErr_WriteUnraisable(NULL);
}
