/* Types of the standard library: see stdlib_types.h. */
#include "stdlib_types.h"

#define PICKLE_PROTOCOL 5

/* What follows the arguments. */
enum { REDUCED_ITEMS = 1, REDUCED_PAIRS = 2 };

/* ---- encode ---------------------------------------------------------------------- */

static uint32_t shape_id_of(bocpy_encoder *encoder) {
  return encoder->last_class->place.shape->id;
}

int bocpy_put_named(bocpy_encoder *encoder, PyObject *value) {
  Py_ssize_t size = PyTuple_GET_SIZE(value);
  if (bocpy_put_number(encoder, TAG_NAMED, shape_id_of(encoder)) < 0 ||
      bocpy_reserve(&encoder->writer, BOCPY_SIZE_MAX) < 0)
    return BOCPY_FAILED;
  bocpy_put_size(&encoder->writer, (size_t)size);
  int status = BOCPY_DONE;
  for (Py_ssize_t i = 0; i < size && status == BOCPY_DONE; i++)
    status = bocpy_encode_value(encoder, PyTuple_GET_ITEM(value, i));
  return status;
}

static PyObject *object_reduce(const bocpy_class *known, PyObject *value) {
  if (!known->by_protocol)
    return PyObject_CallOneArg(known->reduce, value);
  PyObject *protocol = PyLong_FromLong(PICKLE_PROTOCOL);
  PyObject *args[] = {value, protocol};
  PyObject *reduced =
      protocol ? PyObject_Vectorcall(known->reduce, args, 2, NULL) : NULL;
  Py_XDECREF(protocol);
  return reduced;
}

/* Borrowed: a part of a reduction; NULL if it is absent. */
static PyObject *reduced_part(PyObject *reduced, Py_ssize_t i) {
  if (i >= PyTuple_GET_SIZE(reduced) || PyTuple_GET_ITEM(reduced, i) == Py_None)
    return NULL;
  return PyTuple_GET_ITEM(reduced, i);
}

/* Whether the reduction is a call of the type, followed by items and nothing else. */
static bool reduced_is_call(PyObject *reduced, PyObject *value) {
  return PyTuple_CheckExact(reduced) && PyTuple_GET_SIZE(reduced) >= 2 &&
         PyTuple_GET_ITEM(reduced, 0) == (PyObject *)Py_TYPE(value) &&
         PyTuple_CheckExact(PyTuple_GET_ITEM(reduced, 1)) &&
         !reduced_part(reduced, 2) && !reduced_part(reduced, 5);
}

static int put_iterated(bocpy_encoder *encoder, PyObject *iterator) {
  PyObject *items = PySequence_List(iterator);
  int status = items ? bocpy_encode_value(encoder, items) : BOCPY_FAILED;
  Py_XDECREF(items);
  return status;
}

static int put_call(bocpy_encoder *encoder, PyObject *reduced) {
  PyObject *items = reduced_part(reduced, 3), *pairs = reduced_part(reduced, 4);
  int follows = (items ? REDUCED_ITEMS : 0) | (pairs ? REDUCED_PAIRS : 0);
  if (bocpy_put_number(encoder, TAG_REDUCED, shape_id_of(encoder)) < 0 ||
      bocpy_reserve(&encoder->writer, 1) < 0)
    return BOCPY_FAILED;
  bocpy_put_byte(&encoder->writer, (unsigned)follows);
  int status = bocpy_encode_value(encoder, PyTuple_GET_ITEM(reduced, 1));
  if (status == BOCPY_DONE && items)
    status = put_iterated(encoder, items);
  if (status == BOCPY_DONE && pairs)
    status = put_iterated(encoder, pairs);
  return status;
}

int bocpy_put_reduced(bocpy_encoder *encoder, PyObject *value) {
  PyObject *reduced = object_reduce(encoder->last_class, value);
  if (!reduced)
    return BOCPY_FAILED;
  int status =
      reduced_is_call(reduced, value) ? put_call(encoder, reduced) : BOCPY_UNKNOWN;
  Py_DECREF(reduced);
  return status;
}

static int put_array_bytes(bocpy_encoder *encoder, PyObject *type_code,
                           const Py_buffer *view) {
  size_t size = (size_t)view->len;
  if (bocpy_put_number(encoder, TAG_ARRAY, shape_id_of(encoder)) < 0 ||
      bocpy_reserve(&encoder->writer, 1 + BOCPY_SIZE_MAX + size) < 0)
    return BOCPY_FAILED;
  bocpy_put_byte(&encoder->writer, (unsigned)PyUnicode_READ_CHAR(type_code, 0));
  bocpy_put_size(&encoder->writer, size);
  bocpy_put(&encoder->writer, view->buf, size);
  return BOCPY_DONE;
}

int bocpy_put_array(bocpy_encoder *encoder, PyObject *value) {
  Py_buffer view;
  PyObject *type_code = PyObject_GetAttrString(value, "typecode");
  int status = BOCPY_FAILED;
  if (type_code && PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) == 0) {
    status = put_array_bytes(encoder, type_code, &view);
    PyBuffer_Release(&view);
  }
  Py_XDECREF(type_code);
  return status;
}

static int put_or_none(bocpy_encoder *encoder, PyObject *part) {
  return bocpy_encode_value(encoder, part ? part : Py_None);
}

/* An exception of a class of the program: as with pickle, the receiver makes it without
 * calling the class's own constructor. */
int bocpy_put_exception(bocpy_encoder *encoder, PyObject *value) {
  bocpy_class *known = bocpy_class_of(encoder->state, Py_TYPE(value));
  if (!known || bocpy_put_number(encoder, TAG_EXCEPTION, known->place.shape->id) < 0)
    return BOCPY_FAILED;
  PyObject *args = PyException_GetArgs(value), *cause = PyException_GetCause(value);
  PyObject *dict = args ? PyObject_GenericGetDict(value, NULL) : NULL;
  if (dict && BOCPY_FREE_THREADED)
    Py_SETREF(dict, PyDict_Copy(dict));
  int status = dict ? bocpy_encode_value(encoder, args) : BOCPY_FAILED;
  if (status == BOCPY_DONE)
    status = put_or_none(encoder, PyDict_GET_SIZE(dict) ? dict : NULL);
  if (status == BOCPY_DONE)
    status = put_or_none(encoder, cause);
  Py_XDECREF(args);
  Py_XDECREF(dict);
  Py_XDECREF(cause);
  return status;
}

/* ---- decode ---------------------------------------------------------------------- */

PyObject *bocpy_make_named(bocpy_decoder *decoder) {
  const bocpy_resolved_shape *resolved = bocpy_take_class(decoder);
  if (!resolved)
    return NULL;
  PyTypeObject *type = resolved->type;
  if (!PyType_IsSubtype(type, &PyTuple_Type)) {
    PyErr_Format(PyExc_TypeError, "%s is no named tuple any more", type->tp_name);
    return NULL;
  }
  Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
  PyObject *parts = PyTuple_New(size), *named = NULL;
  for (Py_ssize_t i = 0; parts && i < size; i++) {
    PyObject *item = bocpy_decode_value(decoder);
    if (item)
      PyTuple_SET_ITEM(parts, i, item);
    else
      Py_CLEAR(parts);
  }
  if (parts)
    named = type->tp_alloc(type, size);
  for (Py_ssize_t i = 0; named && i < size; i++)
    PyTuple_SET_ITEM(named, i, Py_NewRef(PyTuple_GET_ITEM(parts, i)));
  Py_XDECREF(parts);
  return named;
}

static int object_extend(PyObject *object, PyObject *items) {
  PyObject *done = PyObject_CallMethod(object, "extend", "O", items);
  Py_XDECREF(done);
  return done ? 0 : -1;
}

static int object_set_items(PyObject *object, PyObject *pairs) {
  int status = 0;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs) && status == 0; i++) {
    PyObject *pair = PyList_GET_ITEM(pairs, i);
    status =
        PyObject_SetItem(object, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
  }
  return status;
}

/* Takes a list from the stream, and passes it to `object`. */
static int take_list_into(bocpy_decoder *decoder, PyObject *object,
                          int (*give)(PyObject *object, PyObject *list)) {
  PyObject *list = bocpy_decode_value(decoder);
  int status = list ? give(object, list) : -1;
  Py_XDECREF(list);
  return status;
}

PyObject *bocpy_make_reduced(bocpy_decoder *decoder) {
  const bocpy_resolved_shape *resolved = bocpy_take_class(decoder);
  if (!resolved)
    return NULL;
  unsigned follows = *decoder->at++;
  const bocpy_unfinished *unfinished = decoder->unfinished;
  decoder->unfinished = NULL; /* the call may read containers at once */
  PyObject *args = bocpy_decode_value(decoder);
  PyObject *object =
      args ? PyObject_CallObject((PyObject *)resolved->type, args) : NULL;
  Py_XDECREF(args);
  if (object && (follows & REDUCED_ITEMS) &&
      take_list_into(decoder, object, object_extend) < 0)
    Py_CLEAR(object);
  if (object && (follows & REDUCED_PAIRS) &&
      take_list_into(decoder, object, object_set_items) < 0)
    Py_CLEAR(object);
  decoder->unfinished = unfinished;
  return object;
}

PyObject *bocpy_make_array(bocpy_decoder *decoder) {
  const bocpy_resolved_shape *resolved = bocpy_take_class(decoder);
  if (!resolved)
    return NULL;
  char code = (char)*decoder->at++;
  Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
  PyObject *bytes =
      PyMemoryView_FromMemory((char *)(uintptr_t)decoder->at, size, PyBUF_READ);
  decoder->at += size;
  PyObject *array =
      bytes ? PyObject_CallFunction((PyObject *)resolved->type, "C", (int)code) : NULL;
  PyObject *done = array ? PyObject_CallMethod(array, "frombytes", "O", bytes) : NULL;
  if (!done)
    Py_CLEAR(array);
  Py_XDECREF(done);
  Py_XDECREF(bytes);
  return array;
}
