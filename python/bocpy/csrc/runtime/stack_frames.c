/* Stack frames: see stack_frames.h. A thread of this interpreter can start while these
 * functions run, but it cannot end: for that it needs the GIL, which the caller has. */
#include "stack_frames.h"

#include <frameobject.h>

static int frames_add(PyObject *frames, PyThreadState *tstate) {
  PyFrameObject *frame = PyThreadState_GetFrame(tstate);
  if (!frame)
    return 0;
  PyObject *ident = PyLong_FromUnsignedLong(tstate->thread_id);
  int status = ident ? PyDict_SetItem(frames, ident, (PyObject *)frame) : -1;
  Py_XDECREF(ident);
  Py_DECREF(frame);
  return status;
}

PyObject *bocpy_current_frames(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  if (PySys_Audit("sys._current_frames", NULL) < 0)
    return NULL;
  PyObject *frames = PyDict_New();
  PyThreadState *tstate = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
  for (; frames && tstate; tstate = PyThreadState_Next(tstate))
    if (frames_add(frames, tstate) < 0)
      Py_CLEAR(frames);
  return frames;
}

PyObject *bocpy_current_exceptions(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  PyErr_SetString(
      PyExc_RuntimeError,
      "sys._current_exceptions() would read what other interpreters' threads "
      "handle while they run: use sys.exception() on the thread itself, or "
      "start(backend='threads')");
  return NULL;
}
