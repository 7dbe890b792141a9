/* Test hooks: see test_hooks.h. */
#include "test_hooks.h"

#define CAPSULE "bocpy._core.buffer"

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
