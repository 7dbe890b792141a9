/* Worker count: see worker_count.h. */
#include "worker_count.h"

#include <stdlib.h>

#include <boc/base.h>

unsigned bocpy_default_worker_count(void) {
  const char *wanted = getenv("BOCPY_WORKERS");
  char *end = NULL;
  long count = wanted ? strtol(wanted, &end, 10) : 0;
  if (end && *end)
    count = 0;
  return count >= 1 && count <= 1024 ? (unsigned)count : boc_core_count();
}

int bocpy_parse_worker_count(PyObject *number, unsigned *out_count) {
  *out_count = bocpy_default_worker_count();
  if (number == Py_None)
    return 0;
  if (!PyLong_Check(number) || PyBool_Check(number)) {
    PyErr_Format(PyExc_TypeError,
                 "start(): worker_count must be an int or None, not '%s'",
                 Py_TYPE(number)->tp_name);
    return -1;
  }
  int overflow;
  long count = PyLong_AsLongAndOverflow(number, &overflow);
  if (overflow || count < 1 || count > 1024) {
    PyErr_Format(PyExc_ValueError,
                 "start(): worker_count must be from 1 to 1024, not %R", number);
    return -1;
  }
  *out_count = (unsigned)count;
  return 0;
}

PyObject *bocpy_worker_count(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyLong_FromUnsignedLong(bocpy_default_worker_count());
}
