/* Foreign extensions: see foreign_ext.h. */
#include "foreign_ext.h"

#include <stdlib.h>
#include <string.h>

/* Whether an extension module, once it is loaded, refuses interpreters with a GIL of
 * their own. */
PyObject *bocpy_foreign_ext_refuses(PyObject *module, PyObject *extension) {
  (void)module;
  PyModuleDef *def = PyModule_Check(extension) ? PyModule_GetDef(extension) : NULL;
  PyErr_Clear();
  return PyBool_FromLong(def && !bocpy_def_has_own_gil(def));
}

/* Runs in the main interpreter, so it must not touch objects of the worker's. */
static char *foreign_ext_answer_in_main(const char *request) {
  bocpy_state *state = bocpy_state_get();
  PyObject *answer =
      state ? bocpy_python_call(&state->python, BOCPY_PY_ANSWER_REQUEST, "(s)", request)
            : NULL;
  const char *text = answer && answer != Py_None ? PyUnicode_AsUTF8(answer) : NULL;
  char *copy = text ? strdup(text) : NULL;
  PyErr_Clear();
  Py_XDECREF(answer);
  return copy;
}

static char *foreign_ext_visit_main(const char *request) {
  PyThreadState *mine = PyEval_SaveThread();
  PyThreadState *theirs = PyThreadState_New(PyInterpreterState_Main());
  char *answer = NULL;
  const bocpy_left left = bocpy_go_away();
  if (theirs) {
    PyEval_RestoreThread(theirs);
    answer = foreign_ext_answer_in_main(request);
    PyThreadState_Clear(theirs);
    PyThreadState_DeleteCurrent();
  }
  bocpy_come_back(left);
  PyEval_RestoreThread(mine);
  return answer;
}

/* Passes a request of bocpy._main_interpreter.requests to the main interpreter. None,
 * or a text that says why it failed. */
PyObject *bocpy_foreign_ext_ask_main(PyObject *module, PyObject *request) {
  (void)module;
  const char *text = PyUnicode_AsUTF8(request);
  char *copy = text ? strdup(text) : NULL;
  if (!copy)
    return text ? PyErr_NoMemory() : NULL;
  char *answer = foreign_ext_visit_main(copy);
  PyObject *result = answer ? PyUnicode_FromString(answer) : Py_NewRef(Py_None);
  free(answer);
  free(copy);
  return result;
}
