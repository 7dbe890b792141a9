/* Probe: the codec as the package's own tests and benchmarks see it. Private,
 * unsupported. */
#include "codec.h"

#define CAPSULE "bocpy._core.flat"

static void free_capsule(PyObject *capsule) {
  bocpy_buffer_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

static bocpy_buffer *buffer_of(PyObject *capsule) {
  return PyCapsule_GetPointer(capsule, CAPSULE);
}

PyObject *bocpy_test_encode(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *value;
  const char *root = "value";
  bocpy_buffer *buffer;
  if (!PyArg_ParseTuple(args, "O|s:_codec_encode", &value, &root) ||
      bocpy_encode(value, root, &buffer) < 0)
    return NULL;
  PyObject *capsule = PyCapsule_New(buffer, CAPSULE, free_capsule);
  if (!capsule)
    bocpy_buffer_free(buffer);
  return capsule;
}

PyObject *bocpy_test_decode(PyObject *module, PyObject *capsule) {
  (void)module;
  bocpy_buffer *buffer = buffer_of(capsule);
  return buffer ? bocpy_decode(buffer) : NULL;
}

PyObject *bocpy_test_size(PyObject *module, PyObject *capsule) {
  (void)module;
  bocpy_buffer *buffer = buffer_of(capsule);
  return buffer ? PyLong_FromSize_t(bocpy_buffer_size(buffer)) : NULL;
}

/* (size, decoded value), or None if the value does not fit. */
PyObject *bocpy_test_inline(PyObject *module, PyObject *args) {
  (void)module;
  unsigned char bytes[256];
  PyObject *value;
  Py_ssize_t capacity;
  if (!PyArg_ParseTuple(args, "On:_codec_inline", &value, &capacity))
    return NULL;
  size_t limit = capacity < 0 ? 0 : (size_t)capacity;
  size_t size = bocpy_encode_inline(value, bytes, limit < sizeof bytes ? limit : 256);
  if (!size)
    Py_RETURN_NONE;
  PyObject *decoded = bocpy_decode_inline(bytes, size);
  return decoded ? Py_BuildValue("nN", (Py_ssize_t)size, decoded) : NULL;
}

PyObject *bocpy_test_check(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *value;
  const char *root = "value";
  if (!PyArg_ParseTuple(args, "O|s:_codec_check", &value, &root) ||
      bocpy_check_shippable(value, root) < 0)
    return NULL;
  Py_RETURN_NONE;
}

static int time_inline(PyObject *value, uint64_t count, uint64_t *out_time) {
  unsigned char bytes[256];
  uint64_t start = boc_now();
  for (uint64_t i = 0; i < count; i++) {
    size_t size = bocpy_encode_inline(value, bytes, sizeof bytes);
    PyObject *decoded = size ? bocpy_decode_inline(bytes, size) : Py_NewRef(value);
    if (!decoded)
      return -1;
    Py_DECREF(decoded);
  }
  *out_time = boc_now() - start;
  return 0;
}

static int time_buffer(PyObject *value, uint64_t count, uint64_t *out_time) {
  uint64_t start = boc_now();
  for (uint64_t i = 0; i < count; i++) {
    bocpy_buffer *buffer;
    if (bocpy_encode(value, "value", &buffer) < 0)
      return -1;
    PyObject *decoded = bocpy_decode(buffer);
    bocpy_buffer_free(buffer);
    if (!decoded)
      return -1;
    Py_DECREF(decoded);
  }
  *out_time = boc_now() - start;
  return 0;
}

/* Nanoseconds to encode, decode and free `value`: (by a buffer, inline). */
PyObject *bocpy_test_time(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *value;
  unsigned long long count;
  uint64_t buffer, in_line;
  if (!PyArg_ParseTuple(args, "OK:_codec_time", &value, &count))
    return NULL;
  if (time_buffer(value, count, &buffer) < 0 || time_inline(value, count, &in_line) < 0)
    return NULL;
  return Py_BuildValue("dd", (double)buffer / (double)count,
                       (double)in_line / (double)count);
}
