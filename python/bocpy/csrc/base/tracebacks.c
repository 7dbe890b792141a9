/* Tracebacks: see tracebacks.h. _failure/tracebacks.py describes the format. */
#include "tracebacks.h"

#include <frameobject.h>
#include <string.h>

/* Longer chains of exceptions are left to `traceback`. */
enum { CHAIN_MAX = 20, FEW_BYTES = 2048, NAMES_LOOKED_AT = 16 };

/* What precedes an entry's text, names and numbers: how the exception led to the one
 * before, and their sizes in bytes. */
typedef struct trace_head {
  uint32_t link, text, names, numbers;
} trace_head;
enum { LINK_NONE, LINK_CAUSE, LINK_CONTEXT };

/* One frame; -1 for what is not known. */
typedef struct trace_place {
  int file, line, function, end_line, column, end_column;
} trace_place;

/* Bytes that grow. */
typedef struct trace_bytes {
  char *start; /* `few` at first */
  size_t size, capacity;
  char few[FEW_BYTES];
} trace_bytes;

static void bytes_init(trace_bytes *bytes) {
  bytes->start = bytes->few;
  bytes->size = 0;
  bytes->capacity = FEW_BYTES;
}

static void bytes_fini(trace_bytes *bytes) {
  if (bytes->start != bytes->few)
    PyMem_Free(bytes->start);
}

/* Appends; -1 with MemoryError. */
static int bytes_put(trace_bytes *bytes, const void *from, size_t size) {
  if (size > bytes->capacity - bytes->size) {
    bool first = bytes->start == bytes->few;
    size_t capacity = 2 * (bytes->size + size);
    char *grown = PyMem_Realloc(first ? NULL : bytes->start, capacity);
    if (!grown) {
      PyErr_NoMemory();
      return -1;
    }
    if (first)
      memcpy(grown, bytes->few, bytes->size);
    bytes->start = grown;
    bytes->capacity = capacity;
  }
  memcpy(bytes->start + bytes->size, from, size);
  bytes->size += size;
  return 0;
}

/* Appends a str as UTF-8. -1 with an exception, as for a lone surrogate. */
static int bytes_put_str(trace_bytes *bytes, PyObject *text) {
  Py_ssize_t size;
  const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
  return utf8 ? bytes_put(bytes, utf8, (size_t)size) : -1;
}

/* ---- frames ---------------------------------------------------------------------- */

/* The frames of one traceback. */
typedef struct trace_frames {
  PyObject *names; /* a list */
  trace_bytes *places;
} trace_frames;

/* The index of `name` among the names, or -1 with an exception. A name that was last
 * used long ago is added again: looking at all of them would take too long. */
static int frames_name(const trace_frames *frames, PyObject *name) {
  Py_ssize_t count = PyList_GET_SIZE(frames->names);
  Py_ssize_t last = count > NAMES_LOOKED_AT ? count - NAMES_LOOKED_AT : 0;
  for (Py_ssize_t i = count; i > last; i--)
    if (PyList_GET_ITEM(frames->names, i - 1) == name)
      return (int)(i - 1);
  return PyList_Append(frames->names, name) < 0 ? -1 : (int)count;
}

/* Adds one entry of a traceback. */
static int place_add(const trace_frames *frames, const PyTracebackObject *trace) {
  PyCodeObject *code = PyFrame_GetCode(trace->tb_frame);
  trace_place place;
  bocpy_code_position(code, trace->tb_lasti, &place.line, &place.end_line,
                      &place.column, &place.end_column);
  if (trace->tb_lineno >= 0)
    place.line = trace->tb_lineno;
  place.file = frames_name(frames, code->co_filename);
  place.function = place.file < 0 ? -1 : frames_name(frames, code->co_name);
  Py_DECREF(code);
  return place.function < 0 ? -1 : bytes_put(frames->places, &place, sizeof(place));
}

/* Adds a copy of the last entry if `trace` is in the same place of the same code, as
 * the entries of a recursion are. */
static int place_add_again(const trace_frames *frames, const PyTracebackObject *trace,
                           const PyTracebackObject *before) {
  if (!before || before->tb_lasti != trace->tb_lasti ||
      before->tb_lineno != trace->tb_lineno)
    return place_add(frames, trace);
  PyCodeObject *code = PyFrame_GetCode(trace->tb_frame);
  PyCodeObject *other = PyFrame_GetCode(before->tb_frame);
  bool same = code == other;
  Py_DECREF(code);
  Py_DECREF(other);
  if (!same)
    return place_add(frames, trace);
  trace_place last;
  memcpy(&last, frames->places->start + frames->places->size - sizeof(last),
         sizeof(last));
  return bytes_put(frames->places, &last, sizeof(last));
}

static int frames_collect(const trace_frames *frames, PyObject *traceback) {
  const PyTracebackObject *before = NULL, *trace;
  for (PyObject *rest = traceback; rest && PyTraceBack_Check(rest);
       rest = (PyObject *)trace->tb_next) {
    trace = (PyTracebackObject *)rest;
    if (place_add_again(frames, trace, before) < 0)
      return -1;
    before = trace;
  }
  return 0;
}

/* Appends the names, each with a NUL behind it. */
static int frames_put_names(trace_bytes *bytes, PyObject *names) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names); i++) {
    size_t begin = bytes->size;
    if (bytes_put_str(bytes, PyList_GET_ITEM(names, i)) < 0 ||
        bytes_put(bytes, "", 1) < 0)
      return -1;
    if (strlen(bytes->start + begin) != bytes->size - begin - 1) {
      PyErr_SetString(PyExc_ValueError, "a name in a traceback has a NUL");
      return -1;
    }
  }
  return 0;
}

/* Appends the frames of `traceback`, which may be NULL, and sets their sizes. */
static int trace_put_frames(trace_bytes *bytes, PyObject *traceback,
                            trace_head *out_head) {
  trace_bytes places;
  bytes_init(&places);
  trace_frames frames = {PyList_New(0), &places};
  size_t begin = bytes->size;
  int status = frames.names ? frames_collect(&frames, traceback) : -1;
  if (status == 0)
    status = frames_put_names(bytes, frames.names);
  out_head->names = (uint32_t)(bytes->size - begin);
  out_head->numbers = (uint32_t)places.size;
  if (status == 0)
    status = bytes_put(bytes, places.start, places.size);
  bytes_fini(&places);
  Py_XDECREF(frames.names);
  return status;
}

/* ---- the chain of exceptions ----------------------------------------------------- */

static bool trace_is_special(PyObject *exception, PyObject *skip) {
  PyTypeObject *type = Py_TYPE(exception);
  return PyType_IsSubtype(type, (PyTypeObject *)PyExc_SyntaxError) ||
         PyType_IsSubtype(type, (PyTypeObject *)PyExc_NameError) ||
         PyType_IsSubtype(type, (PyTypeObject *)PyExc_AttributeError) ||
         PyType_IsSubtype(type, (PyTypeObject *)PyExc_ImportError) ||
         bocpy_type_is_exception_group(type) ||
         PyType_IsSubtype(type, (PyTypeObject *)skip);
}

static bool is_left_out(PyObject *module) {
  return PyUnicode_CompareWithASCIIString(module, "__main__") == 0 ||
         PyUnicode_CompareWithASCIIString(module, "builtins") == 0;
}

/* Appends str(object). */
static int bytes_put_text(trace_bytes *bytes, PyObject *object) {
  PyObject *text = PyObject_Str(object);
  int status = text ? bytes_put_str(bytes, text) : -1;
  Py_XDECREF(text);
  return status;
}

/* Appends the type's name, with its module unless that is __main__ or builtins. */
static int trace_put_type(trace_bytes *bytes, PyTypeObject *type) {
  if (!(type->tp_flags & Py_TPFLAGS_HEAPTYPE))
    return bytes_put(bytes, type->tp_name, strlen(type->tp_name));
  PyObject *module = PyObject_GetAttrString((PyObject *)type, "__module__");
  PyObject *name = module ? PyType_GetQualName(type) : NULL;
  int status = name ? 0 : -1;
  if (status == 0 && !(PyUnicode_Check(module) && is_left_out(module)) &&
      (bytes_put_text(bytes, module) < 0 || bytes_put(bytes, ".", 1) < 0))
    status = -1;
  if (status == 0)
    status = bytes_put_str(bytes, name);
  Py_XDECREF(name);
  Py_XDECREF(module);
  return status;
}

/* Appends the exception's notes, each on a line of its own. */
static int trace_put_notes(trace_bytes *bytes, PyObject *exception) {
  PyObject *notes;
  int status = PyObject_GetOptionalAttrString(exception, "__notes__", &notes);
  bool listed = notes && PyList_Check(notes);
  for (Py_ssize_t i = 0; listed && status >= 0 && i < PyList_GET_SIZE(notes); i++) {
    PyObject *note = PyList_GetItemRef(notes, i);
    if (!note || bytes_put(bytes, "\n", 1) < 0 || bytes_put_text(bytes, note) < 0)
      status = -1;
    Py_XDECREF(note);
  }
  Py_XDECREF(notes);
  return status < 0 ? -1 : 0;
}

/* Appends the line that ends the exception's part of a traceback, and its notes. */
static int trace_put_line(trace_bytes *bytes, PyObject *exception) {
  PyTypeObject *type = Py_TYPE(exception);
  PyObject *text = PyObject_Str(exception);
  int status = text ? trace_put_type(bytes, type) : -1;
  if (status == 0 && PyUnicode_GET_LENGTH(text) &&
      (bytes_put(bytes, ": ", 2) < 0 || bytes_put_str(bytes, text) < 0))
    status = -1;
  Py_XDECREF(text);
  bool can_have_notes = type->tp_flags & Py_TPFLAGS_HEAPTYPE ||
                        ((PyBaseExceptionObject *)exception)->dict;
  return status == 0 && can_have_notes ? trace_put_notes(bytes, exception) : status;
}

/* Appends the entry of one exception. -1 with an exception. */
static int trace_put(trace_bytes *bytes, PyObject *exception, uint32_t link) {
  trace_head head = {.link = link};
  size_t begin = bytes->size;
  if (bytes_put(bytes, &head, sizeof(head)) < 0 || trace_put_line(bytes, exception) < 0)
    return -1;
  head.text = (uint32_t)(bytes->size - begin - sizeof(head));
  PyObject *traceback = PyException_GetTraceback(exception);
  int status = trace_put_frames(bytes, traceback, &head);
  Py_XDECREF(traceback);
  if (bytes->size > UINT32_MAX) {
    PyErr_SetString(PyExc_OverflowError, "a traceback of 4 GB");
    return -1;
  }
  memcpy(bytes->start + begin, &head, sizeof(head));
  return status;
}

/* Steals `exception`; returns the one that Python shows above it, or NULL. */
static PyObject *trace_next(PyObject *exception, uint32_t *out_link) {
  bool hides = ((PyBaseExceptionObject *)exception)->suppress_context;
  PyObject *next = PyException_GetCause(exception);
  *out_link = next ? LINK_CAUSE : LINK_CONTEXT;
  if (!next && !hides)
    next = PyException_GetContext(exception);
  Py_DECREF(exception);
  return next;
}

/* 1 all exceptions have been appended, 0 only `traceback` can write them, -1 an
 * exception. */
static int trace_collect(trace_bytes *bytes, PyObject *exception, PyObject *skip) {
  uint32_t link = LINK_NONE;
  PyObject *one = Py_NewRef(exception);
  int status = 0;
  for (int i = 0; one && i < CHAIN_MAX; i++) {
    if (trace_is_special(one, skip) || (status = trace_put(bytes, one, link)) < 0)
      break;
    one = trace_next(one, &link);
  }
  bool all = !one;
  Py_XDECREF(one);
  return status < 0 ? -1 : all;
}

int bocpy_trace_take(PyObject *exception, PyObject *skip, PyObject **out_trace) {
  trace_bytes bytes;
  bytes_init(&bytes);
  *out_trace = NULL;
  int status = trace_collect(&bytes, exception, skip);
  if (status > 0) {
    *out_trace = PyBytes_FromStringAndSize(bytes.start, (Py_ssize_t)bytes.size);
    status = *out_trace ? 1 : -1;
  }
  bytes_fini(&bytes);
  return status;
}

PyObject *bocpy_trace_take_entry(PyObject *module, PyObject *args) {
  PyObject *exception, *skip, *trace;
  (void)module;
  if (!PyArg_ParseTuple(args, "OO!:_trace_take", &exception, &PyType_Type, &skip))
    return NULL;
  if (!PyExceptionInstance_Check(exception)) {
    PyErr_SetString(PyExc_TypeError, "_trace_take() takes an exception");
    return NULL;
  }
  int status = bocpy_trace_take(exception, skip, &trace);
  return status < 0 ? NULL : status ? trace : Py_NewRef(Py_None);
}
