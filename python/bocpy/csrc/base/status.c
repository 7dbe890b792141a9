/* Status: see status.h. */
#include "status.h"

void bocpy_status_raise(boc_status status, const char *what) {
  if (PyErr_Occurred())
    return;
  if (status == BOC_NO_MEMORY)
    PyErr_NoMemory();
  else if (status == BOC_BAD_ARGUMENT)
    PyErr_Format(PyExc_ValueError, "%s: %s", what, boc_status_text(status));
  else if (status == BOC_TIMEOUT)
    PyErr_Format(PyExc_TimeoutError, "%s: %s", what, boc_status_text(status));
  else
    PyErr_Format(PyExc_RuntimeError, "%s: %s", what, boc_status_text(status));
}
