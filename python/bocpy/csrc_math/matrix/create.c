/* Create: matrices of numbers, sequences and buffers. */
#include "methods.h"

#include <string.h>

#include "../view/view.h"
#include "buffer.h"
#include "operand.h"

/* ---- Matrix(...) ----------------------------------------------------------------- */

static void fill_block(mx_block *block, double number) {
  MX_BEGIN_WORK(mx_block_size(block))
  for (size_t i = 0; i < mx_block_size(block); i++)
    block->data[i] = number;
  MX_END_WORK()
}

static mx_block *filled_block(size_t rows, size_t columns, double number) {
  mx_block *block = mx_block_new(rows, columns);
  if (block)
    fill_block(block, number);
  return block;
}

static int refuse_values(const char *problem) {
  PyErr_Format(
      PyExc_TypeError,
      "Values must be either a number, a list/tuple of MxN numbers, or a buffer "
      "of as many; %s",
      problem);
  return -1;
}

/* Fills the block from a sequence of as many numbers. Refuses text and nested lists. */
static int fill_from_row(mx_block *block, PyObject *values) {
  size_t count;
  double *numbers = mx_numbers_of(values, "values", NULL, 0, &count);
  if (!numbers) {
    if (PyErr_ExceptionMatches(PyExc_ValueError)) /* no elements at all */
      refuse_values("this has none");
    return -1;
  }
  if (count == mx_block_size(block))
    memcpy(block->data, numbers, count * sizeof(double));
  mx_numbers_free(numbers);
  if (count == mx_block_size(block))
    return 0;
  PyErr_Format(PyExc_TypeError,
               "Values must be either a number or a list/tuple of MxN numbers: %zux%zu "
               "needs %zu, got %zu",
               block->rows, block->columns, mx_block_size(block), count);
  return -1;
}

static int fill_from(mx_block *block, PyObject *values) {
  double number;
  if (mx_is_number(values)) {
    if (mx_number(values, &number) < 0)
      return -1;
    fill_block(block, number);
    return 0;
  }
  if (PyList_Check(values) || PyTuple_Check(values))
    return fill_from_row(block, values);
  if (mx_is_matrix(values) || mx_is_view(values))
    return refuse_values("use copy() or reshape() for a matrix");
  if (PyObject_CheckBuffer(values) && !PyBytes_Check(values) &&
      !PyByteArray_Check(values))
    return mx_buffer_fill(block, values);
  if (mx_is_row(values))
    return fill_from_row(block, values);
  return refuse_values(Py_TYPE(values)->tp_name);
}

static PyObject *new_of_size(PyTypeObject *type, PyObject **found) {
  size_t rows, columns;
  PyObject *values = found[2] == Py_None ? NULL : found[2];
  if (mx_dimensions(found[0], found[1], &rows, &columns) < 0)
    return NULL;
  mx_block *block =
      values ? mx_block_new(rows, columns) : mx_block_zeros(rows, columns);
  if (block && values && fill_from(block, values) < 0) {
    mx_block_drop(block);
    return NULL;
  }
  return mx_matrix_wrap(type, block);
}

/* Matrix(buffer): a matrix of the buffer's shape. */
static PyObject *new_of_buffer(PyTypeObject *type, PyObject *object) {
  if (mx_is_matrix(object))
    return mx_matrix_copy(object, NULL);
  if (mx_is_view(object))
    return mx_view_copy(object, NULL);
  if (PyObject_CheckBuffer(object) && !PyBytes_Check(object))
    return mx_matrix_wrap(type, mx_buffer_block(object));
  PyErr_Format(PyExc_TypeError,
               "Matrix() needs rows and columns, or an object with a buffer of two "
               "dimensions, not %.200s alone; of a list of rows, Matrix.concat(rows) "
               "makes a matrix, of a list of numbers Matrix.vector(numbers)",
               Py_TYPE(object)->tp_name);
  return NULL;
}

PyObject *mx_matrix_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  PyObject *found[3];
  MX_SIGNATURE("Matrix", 1, 0, 3, "rows", "columns", "values");
  if (mx_arguments_of_tuple(&signature_, args, keywords, found) < 0)
    return NULL;
  if (!found[1] && !found[2] && !PyLong_Check(found[0]))
    return new_of_buffer(type, found[0]);
  if (!found[1]) {
    PyErr_SetString(PyExc_TypeError, "Matrix() needs argument 'columns' (position 2)");
    return NULL;
  }
  return new_of_size(type, found);
}

/* ---- class methods --------------------------------------------------------------- */

PyObject *mx_matrix_zeros(PyObject *type, PyObject *size) {
  size_t rows, columns;
  if (mx_dimensions_of(size, &rows, &columns) < 0)
    return NULL;
  return mx_matrix_wrap((PyTypeObject *)type, mx_block_zeros(rows, columns));
}

PyObject *mx_matrix_ones(PyObject *type, PyObject *size) {
  size_t rows, columns;
  if (mx_dimensions_of(size, &rows, &columns) < 0)
    return NULL;
  return mx_matrix_wrap((PyTypeObject *)type, filled_block(rows, columns, 1.0));
}

PyObject *mx_matrix_full(PyObject *type, PyObject *const *args, Py_ssize_t count,
                         PyObject *names) {
  PyObject *found[2];
  size_t rows, columns;
  double number;
  MX_SIGNATURE("full", 2, 2, 2, "size", "value");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_dimensions_of(found[0], &rows, &columns) < 0 ||
      mx_number(found[1], &number) < 0)
    return NULL;
  return mx_matrix_wrap((PyTypeObject *)type, filled_block(rows, columns, number));
}

PyObject *mx_matrix_vector(PyObject *type, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  PyObject *found[2];
  bool column = false;
  mx_operand operand;
  MX_SIGNATURE("vector", 1, 0, 2, "values", "as_column");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_truth(found[1], &column) < 0)
    return NULL;
  if (mx_is_number(found[0])) {
    PyErr_Format(PyExc_TypeError,
                 "vector() needs a list or a tuple of numbers, not %.200s",
                 Py_TYPE(found[0])->tp_name);
    return NULL;
  }
  if (mx_operand_need(&operand, found[0], "values") < 0)
    return NULL;
  if (operand.rows != 1 && operand.columns != 1) {
    PyErr_Format(PyExc_TypeError, "vector() needs one row or one column, not %zux%zu",
                 operand.rows, operand.columns);
    mx_operand_release(&operand);
    return NULL;
  }
  size_t size = mx_operand_size(&operand);
  mx_block *block = column ? mx_block_new(size, 1) : mx_block_new(1, size);
  if (block)
    memcpy(block->data, operand.data, size * sizeof(double));
  mx_operand_release(&operand);
  return mx_matrix_wrap((PyTypeObject *)type, block);
}

PyObject *mx_matrix_from_view(PyObject *type, PyObject *view) {
  (void)type;
  if (mx_is_view(view))
    return mx_view_copy(view, NULL);
  PyErr_Format(PyExc_TypeError, "from_view() needs a MatrixView, not %.200s",
               Py_TYPE(view)->tp_name);
  return NULL;
}

PyObject *mx_matrix_frombuffer(PyObject *type, PyObject *const *args, Py_ssize_t count,
                               PyObject *names) {
  PyObject *found[3];
  size_t rows, columns;
  MX_SIGNATURE("frombuffer", 1, 1, 3, "buffer", "rows", "columns");
  if (mx_arguments(&signature_, args, count, names, found) < 0)
    return NULL;
  if (!found[1] && !found[2])
    return mx_matrix_wrap((PyTypeObject *)type, mx_buffer_block(found[0]));
  if (!found[1] || !found[2]) {
    PyErr_SetString(PyExc_TypeError,
                    "frombuffer() needs both rows and columns, or none");
    return NULL;
  }
  if (mx_dimensions(found[1], found[2], &rows, &columns) < 0)
    return NULL;
  mx_block *block = mx_block_new(rows, columns);
  if (block && mx_buffer_fill(block, found[0]) < 0) {
    mx_block_drop(block);
    block = NULL;
  }
  return mx_matrix_wrap((PyTypeObject *)type, block);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_zeros_doc[] =
    "zeros($type, size, /)\n"
    "--\n"
    "\n"
    "A matrix of zeros; size is a tuple (rows, columns). AssertionError: a\n"
    "dimension below 1; TypeError: size is no pair of ints.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.zeros((1, 2))\n"
    "Matrix(1, 2, [0, 0])";

const char mx_matrix_ones_doc[] =
    "ones($type, size, /)\n"
    "--\n"
    "\n"
    "A matrix of ones; size is a tuple (rows, columns). AssertionError: a dimension\n"
    "below 1; TypeError: size is no pair of ints.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.ones((1, 2))\n"
    "Matrix(1, 2, [1, 1])";

const char mx_matrix_full_doc[] =
    "full($type, size, value, /)\n"
    "--\n"
    "\n"
    "A matrix of one number; size is a tuple (rows, columns). AssertionError: a\n"
    "dimension below 1; TypeError: size is no pair of ints, or value is no number.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.full((1, 2), 3)\n"
    "Matrix(1, 2, [3, 3])";

const char mx_matrix_vector_doc[] =
    "vector($type, values, as_column=False)\n"
    "--\n"
    "\n"
    "A row (1 x length), or a column (length x 1), of a sequence of numbers, or of\n"
    "a Matrix that is a row or a column. ValueError: there are no numbers;\n"
    "TypeError: an element is no number.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.vector([1, 2]).shape, Matrix.vector([1, 2], as_column=True).shape\n"
    "((1, 2), (2, 1))";

const char mx_matrix_frombuffer_doc[] =
    "frombuffer($type, buffer, /, rows=None, columns=None)\n"
    "--\n"
    "\n"
    "A copy of a buffer of real numbers (a NumPy array, array.array, memoryview),\n"
    "converted to doubles. Without rows and columns it has the buffer's shape: one\n"
    "dimension makes a row. ValueError: the buffer is empty, or does not fill the\n"
    "shape; TypeError: no buffer.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> from array import array\n"
    ">>> Matrix.frombuffer(array(\"f\", [1, 2, 3, 4]), 2, 2)\n"
    "Matrix(2, 2, [1, 2, 3, 4])";

const char mx_matrix_from_view_doc[] =
    "from_view($type, view, /)\n"
    "--\n"
    "\n"
    "A copy of a MatrixView, of its shape: the same as view.copy(). TypeError: no\n"
    "MatrixView.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.from_view(Matrix(2, 2, [1, 2, 3, 4]).view[:, 0])\n"
    "Matrix(2, 1, [1, 3])";
