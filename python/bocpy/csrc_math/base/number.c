/* Number: see number.h. */
#include "number.h"

#include "block.h"

/* ---- numbers --------------------------------------------------------------------- */

static bool has_length(PyTypeObject *type) {
  return (type->tp_as_sequence && type->tp_as_sequence->sq_length) ||
         (type->tp_as_mapping && type->tp_as_mapping->mp_length);
}

bool mx_is_number(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  const PyNumberMethods *number = type->tp_as_number;
  return PyFloat_Check(object) || PyLong_Check(object) ||
         (number && (number->nb_float || number->nb_index) && !has_length(type));
}

int mx_number_slow(PyObject *object, double *out_number) {
  double number;
  if (PyLong_Check(object)) {
    number = PyLong_AsDouble(object);
  } else if (mx_is_number(object)) {
    number = PyFloat_AsDouble(object);
  } else {
    PyErr_Format(PyExc_TypeError, "expected a real number, not %.200s",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  if (number == -1.0 && PyErr_Occurred())
    return -1;
  *out_number = number;
  return 0;
}

bool mx_is_row(PyObject *object) {
  if (PyList_Check(object) || PyTuple_Check(object))
    return true;
  const PyNumberMethods *number = Py_TYPE(object)->tp_as_number;
  return (PySequence_Check(object) || PyIter_Check(object)) &&
         !PyUnicode_Check(object) && !PyBytes_Check(object) &&
         !PyByteArray_Check(object) && !(number && number->nb_add);
}

static int numbers_of_tuple(PyObject *tuple, const char *what, double *to) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
    PyObject *item = PyTuple_GET_ITEM(tuple, i);
    if (MX_LIKELY(PyFloat_CheckExact(item))) {
      to[i] = PyFloat_AS_DOUBLE(item);
      continue;
    }
    if (!mx_is_number(item)) {
      PyErr_Format(PyExc_TypeError,
                   "%s: element %zd is not a number, but of type %.200s", what, i,
                   Py_TYPE(item)->tp_name);
      return -1;
    }
    if (mx_number_slow(item, &to[i]) < 0)
      return -1;
  }
  return 0;
}

/* Converts a tuple of the elements, because converting an element may change the
 * sequence. */
double *mx_numbers_of(PyObject *sequence, const char *what, double *small,
                      size_t small_capacity, size_t *out_count) {
  PyObject *tuple = PySequence_Tuple(sequence);
  if (!tuple)
    return NULL;
  size_t count = (size_t)PyTuple_GET_SIZE(tuple);
  double *numbers = NULL;
  if (count == 0)
    PyErr_Format(PyExc_ValueError, "%s: an empty sequence is no row of numbers", what);
  else
    numbers = count <= small_capacity ? small : mx_numbers_new(count);
  if (numbers && numbers_of_tuple(tuple, what, numbers) < 0) {
    if (numbers != small)
      mx_numbers_free(numbers);
    numbers = NULL;
  }
  Py_DECREF(tuple);
  *out_count = count;
  return numbers;
}

/* ---- integers -------------------------------------------------------------------- */

int mx_integer(PyObject *object, Py_ssize_t *out_integer) {
  Py_ssize_t integer;
  if (PyLong_Check(object)) {
    integer = PyLong_AsSsize_t(object);
  } else {
    PyObject *index = PyNumber_Index(object);
    if (!index)
      return -1;
    integer = PyLong_AsSsize_t(index);
    Py_DECREF(index);
  }
  if (integer == -1 && PyErr_Occurred())
    return -1;
  *out_integer = integer;
  return 0;
}

static bool axis_from(Py_ssize_t integer, mx_axis *out_axis) {
  if (integer < -2 || integer > 1)
    return false;
  *out_axis = integer == 0 || integer == -2 ? MX_DOWN : MX_ALONG;
  return true;
}

int mx_axis_of(PyObject *object, mx_axis *out_axis) {
  Py_ssize_t integer;
  *out_axis = MX_ALL;
  if (!object || object == Py_None)
    return 0;
  if (PyBool_Check(object) || !PyIndex_Check(object)) {
    PyErr_Format(PyExc_TypeError, "axis must be an int or None, not %.200s",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  if (mx_integer(object, &integer) < 0)
    return -1;
  if (axis_from(integer, out_axis))
    return 0;
  PyErr_Format(PyExc_ValueError, "axis must be -2, -1, 0, or 1, not %zd", integer);
  return -1;
}

int mx_line_axis_of(PyObject *object, mx_axis *out_axis) {
  Py_ssize_t integer;
  *out_axis = MX_DOWN;
  if (!object)
    return 0;
  if (mx_integer(object, &integer) < 0)
    return -1;
  if (axis_from(integer, out_axis))
    return 0;
  PyErr_Format(PyExc_KeyError, "axis must be 0 (rows) or 1 (columns), not %zd",
               integer);
  return -1;
}

int mx_dimensions(PyObject *rows, PyObject *columns, size_t *out_rows,
                  size_t *out_columns) {
  Py_ssize_t r, c;
  if (mx_integer(rows, &r) < 0 || mx_integer(columns, &c) < 0)
    return -1;
  if (r < 1 || c < 1) {
    PyErr_Format(PyExc_AssertionError,
                 "a matrix has at least 1 row and 1 column, not %zd and %zd", r, c);
    return -1;
  }
  *out_rows = (size_t)r;
  *out_columns = (size_t)c;
  return 0;
}

int mx_dimensions_of(PyObject *size, size_t *out_rows, size_t *out_columns) {
  PyObject *pair = NULL;
  int status = -1;
  if (PyTuple_Check(size) || PyList_Check(size))
    pair = PySequence_Tuple(size);
  else
    PyErr_Format(PyExc_TypeError, "size must be a tuple (rows, columns), not %.200s",
                 Py_TYPE(size)->tp_name);
  if (pair && PyTuple_GET_SIZE(pair) != 2)
    PyErr_Format(PyExc_TypeError,
                 "size must be a tuple (rows, columns), not one of %zd",
                 PyTuple_GET_SIZE(pair));
  else if (pair)
    status = mx_dimensions(PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1),
                           out_rows, out_columns);
  Py_XDECREF(pair);
  return status;
}

int mx_truth(PyObject *object, bool *out_truth) {
  int truth = object ? PyObject_IsTrue(object) : 0;
  if (object && truth >= 0)
    *out_truth = truth;
  return truth < 0 ? -1 : 0;
}
