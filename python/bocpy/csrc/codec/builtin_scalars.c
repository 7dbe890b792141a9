/* Scalars: values without parts, and the inline form of small values made of them. */
#include "encoder.h"

static int put_tag(bocpy_writer *writer, enum bocpy_tag tag) {
  if (bocpy_reserve(writer, 1) < 0)
    return -1;
  bocpy_put_byte(writer, tag);
  return 0;
}

static inline int put_tagged(bocpy_writer *writer, enum bocpy_tag tag,
                             const void *bytes, size_t size) {
  if (bocpy_reserve(writer, 1 + size) < 0)
    return -1;
  bocpy_put_byte(writer, tag);
  bocpy_put(writer, bytes, size);
  return 0;
}

static int put_sized(bocpy_writer *writer, enum bocpy_tag tag, const void *bytes,
                     size_t count, size_t width) {
  size_t head = count < 255 ? 1 : BOCPY_SIZE_MAX;
  if (bocpy_reserve(writer, 1 + head + count * width) < 0)
    return -1;
  bocpy_put_byte(writer, tag);
  bocpy_put_size(writer, count);
  bocpy_put(writer, bytes, count * width);
  return 0;
}

static int put_text(bocpy_writer *writer, PyObject *text) {
  if (bocpy_str_ready(text) < 0) {
    if (writer->fixed)
      PyErr_Clear();
    return -1;
  }
  size_t count = (size_t)PyUnicode_GET_LENGTH(text);
  const void *data = PyUnicode_DATA(text);
  if (PyUnicode_IS_ASCII(text))
    return put_sized(writer, TAG_ASCII, data, count, 1);
  size_t width = (size_t)PyUnicode_KIND(text);
  enum bocpy_tag tag = width == 1 ? TAG_LATIN : width == 2 ? TAG_UCS2 : TAG_UCS4;
  return put_sized(writer, tag, data, count, width);
}

#if BOCPY_HAVE_NATIVE_BYTES
static int put_big_int(bocpy_writer *writer, PyObject *number) {
  Py_ssize_t size = PyLong_AsNativeBytes(number, NULL, 0, BOCPY_NATIVE_BYTES);
  if (size < 0 || bocpy_put_head(writer, TAG_INT_BIG, (size_t)size, (size_t)size) < 0)
    return -1;
  unsigned char *digits = writer->bytes + writer->size;
  writer->size += (size_t)size;
  return PyLong_AsNativeBytes(number, digits, size, BOCPY_NATIVE_BYTES) < 0 ? -1 : 0;
}
#else
static int put_big_int(bocpy_writer *writer, PyObject *number) {
  PyObject *text = PyNumber_ToBase(number, 16);
  if (!text)
    return -1;
  int status = put_sized(writer, TAG_INT_BIG, PyUnicode_DATA(text),
                         (size_t)PyUnicode_GET_LENGTH(text) + 1, 1);
  Py_DECREF(text);
  return status;
}
#endif

static int put_int(bocpy_writer *writer, PyObject *number) {
  long long value;
  int overflow = 0;
  if (!bocpy_int_is_compact(number, &value))
    value = PyLong_AsLongLongAndOverflow(number, &overflow);
  if (overflow)
    return writer->fixed ? -1 : put_big_int(writer, number);
  int8_t narrow = (int8_t)value;
  int32_t middle = (int32_t)value;
  int64_t wide = value;
  if (narrow == value)
    return put_tagged(writer, TAG_INT8, &narrow, sizeof narrow);
  if (middle == value)
    return put_tagged(writer, TAG_INT32, &middle, sizeof middle);
  return put_tagged(writer, TAG_INT64, &wide, sizeof wide);
}

static int put_complex(bocpy_writer *writer, PyObject *number) {
  double parts[2] = {PyComplex_RealAsDouble(number), PyComplex_ImagAsDouble(number)};
  return put_tagged(writer, TAG_COMPLEX, parts, sizeof parts);
}

int bocpy_encode_scalar(bocpy_writer *writer, PyObject *value) {
  PyTypeObject *type = Py_TYPE(value);
  if (type == &PyUnicode_Type)
    return put_text(writer, value);
  if (type == &PyLong_Type)
    return put_int(writer, value);
  if (value == Py_None)
    return put_tag(writer, TAG_NONE);
  if (type == &PyFloat_Type) {
    double number = PyFloat_AS_DOUBLE(value);
    return put_tagged(writer, TAG_FLOAT, &number, sizeof number);
  }
  if (type == &PyBool_Type)
    return put_tag(writer, value == Py_True ? TAG_TRUE : TAG_FALSE);
  if (type == &PyBytes_Type)
    return put_sized(writer, TAG_BYTES, PyBytes_AS_STRING(value),
                     (size_t)PyBytes_GET_SIZE(value), 1);
  if (type == &PyComplex_Type)
    return put_complex(writer, value);
  if (value == Py_Ellipsis)
    return put_tag(writer, TAG_ELLIPSIS);
  if (value == Py_NotImplemented)
    return put_tag(writer, TAG_NOT_IMPLEMENTED);
  return BOCPY_UNKNOWN;
}

/* ---- inline ---------------------------------------------------------------------- */

static int put_inline(bocpy_writer *writer, PyObject *value, int depth) {
  int status = bocpy_encode_scalar(writer, value);
  if (status != BOCPY_UNKNOWN)
    return status;
  if (!PyTuple_CheckExact(value) || depth == 4)
    return -1;
  Py_ssize_t size = PyTuple_GET_SIZE(value);
  if (bocpy_reserve(writer, 2 + (size_t)size) < 0 || size >= 255)
    return -1;
  bocpy_put_byte(writer, TAG_TUPLE);
  bocpy_put_size(writer, (size_t)size);
  for (Py_ssize_t i = 0; i < size; i++)
    if (put_inline(writer, PyTuple_GET_ITEM(value, i), depth + 1) < 0)
      return -1;
  return 0;
}

size_t bocpy_encode_inline(PyObject *value, unsigned char *bytes, size_t capacity) {
  bocpy_writer writer = {.bytes = bytes, .capacity = capacity, .fixed = true};
  return put_inline(&writer, value, 0) < 0 ? 0 : writer.size;
}

PyObject *bocpy_decode_inline(const unsigned char *bytes, size_t size) {
  (void)size;
  bocpy_decoder decoder;
  decoder.at = bytes;
  decoder.buffer = NULL;
  decoder.memo_count = decoder.keys_used = 0;
  return bocpy_decode_value(&decoder);
}
