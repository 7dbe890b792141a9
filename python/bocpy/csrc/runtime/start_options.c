/* Start options: see start_options.h. */
#include "start_options.h"

#include <stdlib.h>
#include <string.h>

#include <boc/base.h>

bool bocpy_start_default_threads(void) {
  const char *wanted = getenv("BOCPY_BACKEND");
  if (wanted && *wanted)
    return strcmp(wanted, "interpreters") != 0 || !BOCPY_HAVE_OWN_GIL;
  return !BOCPY_HAVE_OWN_GIL;
}

int bocpy_start_option_backend(PyObject *name, bool *out_threads) {
  const char *text = NULL;
  *out_threads = bocpy_start_default_threads();
  if (name != Py_None) {
    if (!PyUnicode_Check(name)) {
      PyErr_Format(PyExc_TypeError, "backend must be a str or None, not '%s'",
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
    PyErr_Format(PyExc_ValueError,
                 "backend must be 'interpreters' or 'threads', not '%s'", text);
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

unsigned bocpy_start_default_count(void) {
  const char *wanted = getenv("BOCPY_WORKERS");
  char *end = NULL;
  long count = wanted ? strtol(wanted, &end, 10) : 0;
  if (end && *end)
    count = 0;
  return count >= 1 && count <= 1024 ? (unsigned)count : boc_core_count();
}

int bocpy_start_option_count(PyObject *number, unsigned *out_count) {
  *out_count = bocpy_start_default_count();
  if (number == Py_None)
    return 0;
  if (!PyLong_Check(number) || PyBool_Check(number)) {
    PyErr_Format(PyExc_TypeError, "worker_count must be an int or None, not '%s'",
                 Py_TYPE(number)->tp_name);
    return -1;
  }
  int overflow;
  long count = PyLong_AsLongAndOverflow(number, &overflow);
  if (overflow || count < 1 || count > 1024) {
    PyErr_Format(PyExc_ValueError, "worker_count must be from 1 to 1024, not %R",
                 number);
    return -1;
  }
  *out_count = (unsigned)count;
  return 0;
}

PyObject *bocpy_worker_count(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyLong_FromUnsignedLong(bocpy_start_default_count());
}

int bocpy_start_option_flag(PyObject *keep) {
  if (keep == Py_None || PyBool_Check(keep))
    return 0;
  PyErr_Format(PyExc_TypeError, "raise_failures must be a bool or None, not '%s'",
               Py_TYPE(keep)->tp_name);
  return -1;
}
