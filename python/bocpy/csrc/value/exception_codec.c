/* Exception codec: see exception_codec.h. */
#include "exception_codec.h"

#include <string.h>

#include "tracebacks.h"

/* What is packed and unpacked here: tuples (MARK, index of the type, arguments, trace)
 * and, for classes of the program, (MARK, exception, trace); (MARK, tuple) for a tuple
 * of the program that begins with the mark. */
static const char mark[] = "\0bocpy.failure"; /* `_MARK` in exception_codec.py */
enum { MARK_SIZE = sizeof(mark) - 1, TYPE_NONE = -1, SENT_WHOLE = 0 };

enum { TYPES = 19 };

/* Types whose instances consist of their arguments, cause, context and notes. Windows
 * has no constant addresses of what another library exports, so this is no table. */
static void types_fill(PyObject *out_types[TYPES]) {
  PyObject *all[TYPES] = {
      PyExc_ValueError,     PyExc_KeyError,           PyExc_TypeError,
      PyExc_RuntimeError,   PyExc_IndexError,         PyExc_ZeroDivisionError,
      PyExc_AssertionError, PyExc_Exception,          PyExc_NotImplementedError,
      PyExc_LookupError,    PyExc_ArithmeticError,    PyExc_OverflowError,
      PyExc_RecursionError, PyExc_FloatingPointError, PyExc_EOFError,
      PyExc_BufferError,    PyExc_ReferenceError,     PyExc_StopAsyncIteration,
      PyExc_SystemError,
  };
  memcpy(out_types, all, sizeof(all));
}

/* The index of the type, or TYPE_NONE. */
static int type_index(const PyTypeObject *type) {
  PyObject *types[TYPES];
  types_fill(types);
  for (int i = 0; i < TYPES; i++)
    if ((const PyTypeObject *)types[i] == type)
      return i;
  return TYPE_NONE;
}

static PyObject *type_at(long index) {
  PyObject *types[TYPES];
  types_fill(types);
  return types[index];
}

static bool is_plain_argument(PyObject *value) {
  return PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || value == Py_None ||
         PyBool_Check(value) || PyFloat_CheckExact(value) || PyBytes_CheckExact(value);
}

static bool has_plain_arguments(PyBaseExceptionObject *exception) {
  if (exception->dict && PyDict_GET_SIZE(exception->dict))
    return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(exception->args); i++)
    if (!is_plain_argument(PyTuple_GET_ITEM(exception->args, i)))
      return false;
  return true;
}

/* The trace, or NULL, perhaps with an exception. */
static PyObject *trace_of(PyObject *exception, bocpy_state *state) {
  PyObject *trace;
  PyObject *skip = bocpy_python_get(&state->python, BOCPY_PY_BEHAVIOR_TRACEBACK);
  return skip && bocpy_trace_take(exception, skip, &trace) > 0 ? trace : NULL;
}

static PyObject *pack_parts(int index, PyObject *arguments, PyObject *trace) {
  PyObject *first = PyUnicode_FromStringAndSize(mark, MARK_SIZE);
  PyObject *type = first ? PyLong_FromLong(index) : NULL;
  PyObject *packed = type ? PyTuple_Pack(4, first, type, arguments, trace) : NULL;
  Py_XDECREF(first);
  Py_XDECREF(type);
  return packed;
}

static PyObject *pack_known(int index, PyBaseExceptionObject *exception,
                            bocpy_state *state) {
  if (!has_plain_arguments(exception))
    return NULL;
  PyObject *trace = trace_of((PyObject *)exception, state);
  PyObject *packed = trace ? pack_parts(index, exception->args, trace) : NULL;
  Py_XDECREF(trace);
  return packed;
}

/* The kind of an exception, a key of `_survivors` in exception_codec.py: its class, the
 * types of its arguments, names and types of its attributes. NULL with an exception. */
static PyObject *exception_kind(PyBaseExceptionObject *exception) {
  Py_ssize_t arguments = PyTuple_GET_SIZE(exception->args), at = 0, filled = 0;
  Py_ssize_t attributes = exception->dict ? PyDict_GET_SIZE(exception->dict) : 0;
  PyObject *kind = PyTuple_New(1 + arguments + attributes), *name, *value;
  if (!kind)
    return NULL;
  PyTuple_SET_ITEM(kind, filled++, Py_NewRef((PyObject *)Py_TYPE(exception)));
  for (Py_ssize_t i = 0; i < arguments; i++) {
    PyObject *type = (PyObject *)Py_TYPE(PyTuple_GET_ITEM(exception->args, i));
    PyTuple_SET_ITEM(kind, filled++, Py_NewRef(type));
  }
  while (attributes && PyDict_Next(exception->dict, &at, &name, &value)) {
    PyObject *pair = PyTuple_Pack(2, name, (PyObject *)Py_TYPE(value));
    if (!pair) {
      Py_DECREF(kind);
      return NULL;
    }
    PyTuple_SET_ITEM(kind, filled++, pair);
  }
  return kind;
}

/* Whether exceptions of this kind have been found to survive if the codec encodes them
 * as they are. False, too, with an exception. */
static bool survives_whole(PyBaseExceptionObject *exception, bocpy_state *state) {
  PyObject *known = bocpy_python_get(&state->python, BOCPY_PY_FAILURES_SURVIVORS);
  PyObject *kind = known ? exception_kind(exception) : NULL;
  PyObject *way = kind ? PyDict_GetItemWithError(known, kind) : NULL;
  Py_XDECREF(kind);
  return way && PyLong_AsLong(way) == SENT_WHOLE;
}

static PyObject *pack_whole(PyObject *exception, bocpy_state *state) {
  PyBaseExceptionObject *base = (PyBaseExceptionObject *)exception;
  PyObject *trace =
      !base->cause && survives_whole(base, state) ? trace_of(exception, state) : NULL;
  PyObject *first = trace ? PyUnicode_FromStringAndSize(mark, MARK_SIZE) : NULL;
  PyObject *packed = first ? PyTuple_Pack(3, first, exception, trace) : NULL;
  Py_XDECREF(first);
  Py_XDECREF(trace);
  return packed;
}

/* The tuple, or NULL without an exception: another function has to pack it. */
static PyObject *pack_plain(PyObject *exception, bocpy_state *state) {
  if (!PyExceptionInstance_Check(exception))
    return NULL;
  int index = type_index(Py_TYPE(exception));
  PyObject *packed = index == TYPE_NONE
                         ? pack_whole(exception, state)
                         : pack_known(index, (PyBaseExceptionObject *)exception, state);
  PyErr_Clear(); /* of the __str__ of a cause, or MemoryError, which recurs */
  return packed;
}

static bool is_marked(PyObject *packed) {
  PyObject *first = PyTuple_GET_SIZE(packed) ? PyTuple_GET_ITEM(packed, 0) : NULL;
  return first && PyUnicode_CheckExact(first) && PyUnicode_IS_ASCII(first) &&
         PyUnicode_GET_LENGTH(first) == MARK_SIZE &&
         memcmp(PyUnicode_1BYTE_DATA(first), mark, MARK_SIZE) == 0;
}

/* A tuple of the program that counts as an exception and begins with the mark. */
static PyObject *pack_marked(PyObject *tuple) {
  return PyTuple_Pack(2, PyTuple_GET_ITEM(tuple, 0), tuple);
}

PyObject *bocpy_exception_pack(PyObject *exception) {
  if (PyTuple_CheckExact(exception) && is_marked(exception))
    return pack_marked(exception);
  bocpy_state *state = bocpy_state_get();
  PyObject *packed = state ? pack_plain(exception, state) : NULL;
  if (packed || !state)
    return packed;
  return bocpy_python_call(&state->python, BOCPY_PY_FAILURES_PACK, "(O)", exception);
}

/* ---- unpacking ------------------------------------------------------------------- */

/* A BehaviorTraceback of the trace, or NULL with an exception. */
static PyObject *traceback_of(PyObject *trace, bocpy_state *state) {
  PyObject *type = bocpy_python_get(&state->python, BOCPY_PY_BEHAVIOR_TRACEBACK);
  PyObject *empty = type ? PyTuple_New(0) : NULL;
  PyObject *made =
      empty ? ((PyTypeObject *)type)->tp_new((PyTypeObject *)type, empty, NULL) : NULL;
  Py_XDECREF(empty);
  if (made && PyObject_SetAttrString(made, "_trace", trace) < 0)
    Py_CLEAR(made);
  return made;
}

/* Steals `exception`, which may be NULL; its cause is the trace. */
static PyObject *with_trace(PyObject *exception, PyObject *trace, bocpy_state *state) {
  PyObject *cause = exception ? traceback_of(trace, state) : NULL;
  if (cause)
    PyException_SetCause(exception, cause);
  else
    Py_CLEAR(exception);
  return exception;
}

/* The exception, or NULL without one: another function has to unpack it. */
static PyObject *unpack_plain(PyObject *packed, bocpy_state *state) {
  Py_ssize_t size = PyTuple_GET_SIZE(packed);
  PyObject *second = size > 1 ? PyTuple_GET_ITEM(packed, 1) : NULL;
  if (size == 4 && PyLong_CheckExact(second)) {
    PyObject *type = type_at(PyLong_AsLong(second));
    PyObject *made = PyObject_CallObject(type, PyTuple_GET_ITEM(packed, 2));
    return with_trace(made, PyTuple_GET_ITEM(packed, 3), state);
  }
  if (size == 3 && PyExceptionInstance_Check(second))
    return with_trace(Py_NewRef(second), PyTuple_GET_ITEM(packed, 2), state);
  if (size == 2)
    return Py_NewRef(second);
  return NULL;
}

PyObject *bocpy_exception_unpack(PyObject *object) {
  if (!object || !PyTuple_CheckExact(object) || !is_marked(object))
    return object;
  bocpy_state *state = bocpy_state_get();
  PyObject *exception = state ? unpack_plain(object, state) : NULL;
  if (state && !exception && !PyErr_Occurred())
    exception =
        bocpy_python_call(&state->python, BOCPY_PY_FAILURES_UNPACK, "(O)", object);
  Py_DECREF(object);
  return exception;
}
