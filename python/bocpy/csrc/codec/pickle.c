/* Pickle: encodes whole values that the codec does not know; a cown within such a value
 * finds its buffer.
 *
 * A cown within a pickle is a call of _cown_at with an index into the cowns of the
 * buffer, so that a buffer that is dropped unread drops them too.
 */
#include "encoder.h"
#include "pickled_handle.h"

static _Thread_local bocpy_encoder
    *pickling_encoder; /* the innermost encoder that is pickling */
static _Thread_local bocpy_decoder *unpickling_decoder;

bocpy_encoder *bocpy_encoder_here(void) { return pickling_encoder; }

bocpy_decoder *bocpy_decoder_here(void) { return unpickling_decoder; }

/* Calls function(argument) apart from what this thread is pickling: definitions for the
 * log must not become part of a buffer. */
PyObject *bocpy_codec_apart(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *function, *argument;
  if (!PyArg_ParseTuple(args, "OO:_apart", &function, &argument))
    return NULL;
  bocpy_encoder *outer = pickling_encoder;
  pickling_encoder = NULL;
  PyObject *result = PyObject_CallOneArg(function, argument);
  pickling_encoder = outer;
  return result;
}

/* ---- encode ---------------------------------------------------------------------- */

static int put_sized_bytes(bocpy_writer *writer, const void *bytes, size_t size) {
  if (bocpy_reserve(writer, BOCPY_SIZE_MAX + size) < 0)
    return -1;
  bocpy_put_size(writer, size);
  bocpy_put(writer, bytes, size);
  return 0;
}

static int put_pickle_buffer(bocpy_writer *writer, PyObject *buffer) {
  Py_buffer view;
  if (PyObject_GetBuffer(buffer, &view, PyBUF_FULL_RO) < 0)
    return -1;
  int status = bocpy_reserve(writer, 1);
  if (status == 0 && !PyBuffer_IsContiguous(&view, 'A')) {
    PyErr_SetString(PyExc_BufferError, "a buffer to ship must be contiguous");
    status = -1;
  }
  if (status == 0) {
    bocpy_put_byte(writer, view.readonly != 0);
    status = put_sized_bytes(writer, view.buf, (size_t)view.len);
  }
  PyBuffer_Release(&view);
  return status;
}

static int put_pickle(bocpy_writer *writer, PyObject *data, PyObject *buffers) {
  Py_ssize_t count = PyList_Check(buffers) ? PyList_GET_SIZE(buffers) : 0;
  if (bocpy_reserve(writer, 1) < 0)
    return -1;
  bocpy_put_byte(writer, TAG_PICKLE);
  if (put_sized_bytes(writer, PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data)) <
          0 ||
      bocpy_reserve(writer, BOCPY_SIZE_MAX) < 0)
    return -1;
  bocpy_put_size(writer, (size_t)count);
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *buffer = PyList_GetItemRef(buffers, i);
    int status = buffer ? put_pickle_buffer(writer, buffer) : -1;
    Py_XDECREF(buffer);
    if (status < 0)
      return -1;
  }
  return 0;
}

static int pickle_unpack(PyObject *pickled, PyObject **out_data,
                         PyObject **out_buffers) {
  if (PyTuple_Check(pickled) && PyTuple_GET_SIZE(pickled) == 2 &&
      PyBytes_Check(PyTuple_GET_ITEM(pickled, 0))) {
    *out_data = PyTuple_GET_ITEM(pickled, 0);
    *out_buffers = PyTuple_GET_ITEM(pickled, 1);
    return 0;
  }
  PyErr_SetString(PyExc_SystemError, "bocpy._ship.dumps returned no pickle");
  return -1;
}

/* Replaces an error of pickle by one that says which part it refused. */
static void pickle_explain(bocpy_python_cache *python, PyObject *value,
                           const char *root, PyObject *dumps) {
  PyObject *refusal = PyErr_GetRaisedException();
  PyObject *explained = NULL;
  if (PyErr_GivenExceptionMatches(refusal, PyExc_Exception) &&
      !PyErr_GivenExceptionMatches(refusal, PyExc_MemoryError)) {
    explained = bocpy_python_call(python, BOCPY_PY_EXPLAIN_UNSHIPPABLE, "(OsOO)", value,
                                  root, refusal, dumps);
    if (!explained || !PyExceptionInstance_Check(explained)) {
      PyErr_Clear();
      Py_CLEAR(explained);
    }
  }
  if (explained)
    Py_SETREF(refusal, explained);
  PyErr_SetRaisedException(refusal);
}

int bocpy_encode_pickle(bocpy_encoder *encoder, PyObject *value, const char *root) {
  PyObject *dumps = bocpy_python_get(encoder->state->python, BOCPY_PY_SHIP_DUMPS);
  PyObject *data, *buffers;
  if (!dumps)
    return -1;
  encoder->outer = pickling_encoder;
  pickling_encoder = encoder;
  PyObject *pickled = PyObject_CallOneArg(dumps, value);
  if (!pickled)
    pickle_explain(encoder->state->python, value, root, dumps);
  pickling_encoder = encoder->outer;
  int status = pickled ? pickle_unpack(pickled, &data, &buffers) : -1;
  if (status == 0)
    status = put_pickle(&encoder->writer, data, buffers);
  Py_XDECREF(pickled);
  encoder->needs_classes = true;
  return status;
}

/* ---- decode ---------------------------------------------------------------------- */

static PyObject *take_pickle_buffers(bocpy_decoder *decoder) {
  Py_ssize_t count = (Py_ssize_t)bocpy_take_size(decoder);
  PyObject *buffers = PyTuple_New(count);
  for (Py_ssize_t i = 0; buffers && i < count; i++) {
    bool readonly = *decoder->at++;
    Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
    const char *bytes = (const char *)decoder->at;
    decoder->at += size;
    PyObject *buffer = readonly ? PyBytes_FromStringAndSize(bytes, size)
                                : PyByteArray_FromStringAndSize(bytes, size);
    if (buffer)
      PyTuple_SET_ITEM(buffers, i, buffer);
    else
      Py_CLEAR(buffers);
  }
  return buffers;
}

PyObject *bocpy_decode_pickle(bocpy_decoder *decoder) {
  PyObject *loads = bocpy_python_get(decoder->state->python, BOCPY_PY_SHIP_LOADS);
  if (!loads)
    return NULL;
  Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
  PyObject *data = PyBytes_FromStringAndSize((const char *)decoder->at, size);
  decoder->at += size;
  PyObject *buffers = data ? take_pickle_buffers(decoder) : NULL;
  PyObject *value = NULL;
  if (buffers) {
    decoder->outer = unpickling_decoder;
    unpickling_decoder = decoder;
    value = PyObject_CallFunctionObjArgs(loads, data, buffers, NULL);
    unpickling_decoder = decoder->outer;
  }
  Py_XDECREF(buffers);
  Py_XDECREF(data);
  return value;
}

/* ---- cowns within pickles -------------------------------------------------------- */

static PyObject *pickle_reduce_cown(boc_cown *core) {
  bocpy_codec_state *state = pickling_encoder->state;
  uint32_t index;
  if (bocpy_encoder_refer(pickling_encoder, core, &index) < 0)
    return NULL;
  return Py_BuildValue("O(k)", state->cown_at, (unsigned long)index);
}

PyObject *bocpy_codec_reduce_cown(PyObject *cown) {
  boc_cown *core = bocpy_cown_core(cown);
  if (!core) {
    PyErr_Format(PyExc_TypeError, "expected a cown, not a '%s'",
                 Py_TYPE(cown)->tp_name);
    return NULL;
  }
  if (pickling_encoder)
    return pickle_reduce_cown(core);
  bocpy_codec_state *state = bocpy_codec_state_get();
  return state ? bocpy_pickled_handle_reduce(core, state->cown_find) : NULL;
}

PyObject *bocpy_codec_cown_at(PyObject *module, PyObject *index) {
  (void)module;
  size_t at = PyLong_AsSize_t(index);
  if (at == (size_t)-1 && PyErr_Occurred())
    return NULL;
  if (!unpickling_decoder || at >= unpickling_decoder->buffer->cown_count) {
    PyErr_SetString(
        PyExc_RuntimeError,
        "this cown was pickled as a part of a value that was being shipped: "
        "it cannot be unpickled by itself");
    return NULL;
  }
  return bocpy_cown_wrap(unpickling_decoder->buffer->cowns[at]);
}
