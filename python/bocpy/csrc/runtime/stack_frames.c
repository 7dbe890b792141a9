/* Stack frames: see stack_frames.h. A thread of this interpreter can start while these
 * functions run, but it cannot end: for that it needs the GIL, which the caller has. */
#include "stack_frames.h"

#include <frameobject.h>
#include <string.h>

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

enum { FRAME_NUMBERS = 6, FEW_FRAMES = 48, NAMES_LOOKED_AT = 16 };

/* The frames of one traceback. */
typedef struct trace_writer {
  PyObject *names; /* a list */
  int *numbers;    /* FRAME_NUMBERS for each frame */
  size_t count, capacity;
  int few[FEW_FRAMES * FRAME_NUMBERS];
} trace_writer;

/* The index of `name` among the names, or -1 with an exception. A name that was last
 * used long ago is added again: looking at all of them would take too long. */
static int trace_name(const trace_writer *writer, PyObject *name) {
  Py_ssize_t count = PyList_GET_SIZE(writer->names);
  Py_ssize_t last = count > NAMES_LOOKED_AT ? count - NAMES_LOOKED_AT : 0;
  for (Py_ssize_t i = count; i > last; i--)
    if (PyList_GET_ITEM(writer->names, i - 1) == name)
      return (int)(i - 1);
  return PyList_Append(writer->names, name) < 0 ? -1 : (int)count;
}

static int trace_grow(trace_writer *writer) {
  if (writer->count < writer->capacity)
    return 0;
  bool first = writer->numbers == writer->few;
  size_t size = writer->capacity * FRAME_NUMBERS * sizeof(int);
  int *grown = PyMem_Realloc(first ? NULL : writer->numbers, 2 * size);
  if (!grown) {
    PyErr_NoMemory();
    return -1;
  }
  if (first)
    memcpy(grown, writer->few, size);
  writer->numbers = grown;
  writer->capacity *= 2;
  return 0;
}

/* Adds one entry of a traceback. */
static int trace_add(trace_writer *writer, const PyTracebackObject *trace) {
  if (trace_grow(writer) < 0)
    return -1;
  PyCodeObject *code = PyFrame_GetCode(trace->tb_frame);
  int line, end_line, column, end_column;
  bocpy_code_position(code, trace->tb_lasti, &line, &end_line, &column, &end_column);
  if (trace->tb_lineno >= 0)
    line = trace->tb_lineno;
  int file = trace_name(writer, code->co_filename);
  int name = file < 0 ? -1 : trace_name(writer, code->co_name);
  int *numbers = writer->numbers + writer->count * FRAME_NUMBERS;
  memcpy(numbers, (int[]){file, line, name, end_line, column, end_column},
         FRAME_NUMBERS * sizeof(int));
  writer->count++;
  Py_DECREF(code);
  return name < 0 ? -1 : 0;
}

/* Adds a copy of the last entry if `trace` is in the same place of the same code, as
 * the entries of a recursion are. */
static int trace_add_again(trace_writer *writer, const PyTracebackObject *trace,
                           const PyTracebackObject *before) {
  if (!before || before->tb_lasti != trace->tb_lasti ||
      before->tb_lineno != trace->tb_lineno)
    return trace_add(writer, trace);
  PyCodeObject *code = PyFrame_GetCode(trace->tb_frame);
  PyCodeObject *other = PyFrame_GetCode(before->tb_frame);
  bool same = code == other;
  Py_DECREF(code);
  Py_DECREF(other);
  if (!same)
    return trace_add(writer, trace);
  if (trace_grow(writer) < 0)
    return -1;
  int *numbers = writer->numbers + writer->count++ * FRAME_NUMBERS;
  memcpy(numbers, numbers - FRAME_NUMBERS, FRAME_NUMBERS * sizeof(int));
  return 0;
}

static PyObject *trace_finish(const trace_writer *writer) {
  PyObject *names = PyList_AsTuple(writer->names);
  size_t size = writer->count * FRAME_NUMBERS * sizeof(int);
  PyObject *numbers =
      names ? PyBytes_FromStringAndSize((const char *)writer->numbers, (Py_ssize_t)size)
            : NULL;
  PyObject *pair = numbers ? PyTuple_Pack(2, names, numbers) : NULL;
  Py_XDECREF(names);
  Py_XDECREF(numbers);
  return pair;
}

PyObject *bocpy_trace_frames(PyObject *module, PyObject *traceback) {
  (void)module;
  trace_writer writer;
  writer.names = PyList_New(0);
  writer.numbers = writer.few;
  writer.count = 0;
  writer.capacity = FEW_FRAMES;
  int status = writer.names ? 0 : -1;
  const PyTracebackObject *before = NULL, *trace;
  for (PyObject *rest = traceback; status == 0 && rest && PyTraceBack_Check(rest);
       rest = (PyObject *)trace->tb_next) {
    trace = (PyTracebackObject *)rest;
    status = trace_add_again(&writer, trace, before);
    before = trace;
  }
  PyObject *frames = status == 0 ? trace_finish(&writer) : NULL;
  Py_XDECREF(writer.names);
  if (writer.numbers != writer.few)
    PyMem_Free(writer.numbers);
  return frames;
}
