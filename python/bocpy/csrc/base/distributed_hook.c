/* Distributed hook: see distributed_hook.h. */
#include "distributed_hook.h"

int bocpy_distributed_call(bocpy_state *state, const char *name, PyObject *const *args,
                           Py_ssize_t count, PyObject **out_result) {
  if (!state->distributed_hook)
    return 0;
  PyObject *given = PyTuple_New(count);
  for (Py_ssize_t i = 0; given && i < count; i++)
    PyTuple_SET_ITEM(given, i, Py_NewRef(args[i]));
  PyObject *result =
      given ? PyObject_CallFunction(state->distributed_hook, "sO", name, given) : NULL;
  Py_XDECREF(given);
  if (!result)
    return -1;
  if (result == Py_NotImplemented) {
    Py_DECREF(result);
    return 0;
  }
  *out_result = result;
  return 1;
}

bool bocpy_distributed_refuses(PyObject *module, const char *name) {
  PyObject *result;
  int answered = bocpy_distributed_call(bocpy_state_of(module), name, NULL, 0, &result);
  if (answered > 0)
    Py_DECREF(result);
  return answered < 0;
}

PyObject *bocpy_set_distributed_hook(PyObject *module, PyObject *function) {
  bocpy_state *state = bocpy_state_of(module);
  Py_XSETREF(state->distributed_hook, function == Py_None ? NULL : Py_NewRef(function));
  return Py_NewRef(Py_None);
}
