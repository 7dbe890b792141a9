/* Frames: see frames.h. A thread of this interpreter can start while these functions
 * run, but it cannot end: for that it needs the GIL, which the caller has. */
#include "frames.h"

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

/* ---- tracebacks ------------------------------------------------------------------ */

static PyObject *number_or_none(int number) {
  return number < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(number);
}

/* The position of one entry of a traceback. */
static PyObject *trace_describe(const PyTracebackObject *trace) {
  PyCodeObject *code = PyFrame_GetCode(trace->tb_frame);
  int line, end_line, column, end_column;
  bocpy_code_position(code, trace->tb_lasti, &line, &end_line, &column, &end_column);
  if (trace->tb_lineno >= 0)
    line = trace->tb_lineno;
  PyObject *frame = Py_BuildValue("(ONONNN)", code->co_filename, number_or_none(line),
                                  code->co_name, number_or_none(end_line),
                                  number_or_none(column), number_or_none(end_column));
  Py_DECREF(code);
  return frame;
}

PyObject *bocpy_trace_frames(PyObject *module, PyObject *traceback) {
  (void)module;
  PyObject *frames = PyList_New(0);
  PyObject *rest = traceback;
  for (; frames && rest && PyTraceBack_Check(rest);
       rest = (PyObject *)((PyTracebackObject *)rest)->tb_next) {
    PyObject *frame = trace_describe((PyTracebackObject *)rest);
    if (!frame || PyList_Append(frames, frame) < 0)
      Py_CLEAR(frames);
    Py_XDECREF(frame);
  }
  PyObject *tuple = frames ? PyList_AsTuple(frames) : NULL;
  Py_XDECREF(frames);
  return tuple;
}
