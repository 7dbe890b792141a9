/* Backend: see backend.h. */
#include "backend.h"

#include <stdlib.h>
#include <string.h>

bool bocpy_default_threads(void) {
  const char *wanted = getenv("BOCPY_BACKEND");
  if (wanted && *wanted)
    return strcmp(wanted, "interpreters") != 0 || !BOCPY_HAVE_OWN_GIL;
  return !BOCPY_HAVE_OWN_GIL;
}

int bocpy_parse_backend(PyObject *name, bool *out_threads) {
  const char *text = NULL;
  *out_threads = bocpy_default_threads();
  if (name != Py_None) {
    if (!PyUnicode_Check(name)) {
      PyErr_Format(PyExc_TypeError, "start(): backend must be a str or None, not '%s'",
                   Py_TYPE(name)->tp_name);
      return -1;
    }
    text = PyUnicode_AsUTF8(name);
    if (!text)
      return -1;
  } else {
    text = getenv("BOCPY_BACKEND");
  }
  if (!text || (!*text && name == Py_None))
    return 0;
  bool threads = !strcmp(text, "threads");
  if (!threads && strcmp(text, "interpreters")) {
    const char *near = !PyOS_strnicmp(text, "thre", 4)   ? ": write 'threads'"
                       : !PyOS_strnicmp(text, "inte", 4) ? ": write 'interpreters'"
                                                         : "";
    PyErr_Format(PyExc_ValueError,
                 "start(): backend must be 'interpreters' or 'threads', not '%s'%s",
                 text, near);
    return -1;
  }
  if (!threads && !BOCPY_HAVE_OWN_GIL) {
    PyErr_SetString(
        PyExc_RuntimeError,
        "backend 'interpreters' needs CPython 3.12 or newer with a GIL: use "
        "backend='threads'");
    return -1;
  }
  *out_threads = threads;
  return 0;
}
