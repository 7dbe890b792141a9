/* Contents: see contents.h. */
#include "contents.h"

#include <stdlib.h>

#define INT_BIT ((uintptr_t)1)

enum { INT_MAX_31 = 0x3fffffff, INT_MIN_31 = -INT_MAX_31 - 1 };

static bool contents_are_int(const void *contents) {
  return ((uintptr_t)contents & INT_BIT) != 0;
}

/* NULL: it is no int of 31 bits. */
static void *pack_int(PyObject *object) {
  long long number;
  if (!PyLong_CheckExact(object) || !bocpy_int_is_compact(object, &number) ||
      number < INT_MIN_31 || number > INT_MAX_31)
    return NULL;
  return (void *)((uintptr_t)((number - INT_MIN_31) << 1) | INT_BIT);
}

static PyObject *unpack_int(const void *contents) {
  return PyLong_FromLong((long)((uintptr_t)contents >> 1) + INT_MIN_31);
}

void bocpy_contents_drop(void *contents) {
  if (contents_are_int(contents))
    return;
  bocpy_value_drop(contents);
  free(contents);
}

void *bocpy_contents_pack(PyObject *object) {
  void *number = pack_int(object);
  if (number)
    return number;
  bocpy_value *value = calloc(1, sizeof(*value));
  if (!value)
    return PyErr_NoMemory();
  if (bocpy_value_set_copy(value, object, "contents") == 0)
    return value;
  bocpy_contents_take_back(value, object);
  return NULL;
}

void bocpy_contents_take_back(void *contents, PyObject *object) {
  if (!contents_are_int(contents))
    bocpy_value_restore(contents, object);
  bocpy_contents_drop(contents);
}

PyObject *bocpy_contents_unpack(void *contents) {
  if (contents_are_int(contents))
    return unpack_int(contents);
  PyObject *object = bocpy_value_take(contents);
  bocpy_contents_drop(contents);
  return object;
}
