/* Shape: see shape.h; transpose, reshape, repeat, concat, diagonals. */
#include "shape.h"

#include <string.h>

#include "methods.h"
#include "operand.h"

/* ---- transpose ------------------------------------------------------------------- */

#define TILE ((size_t)32) /* two tiles of numbers fit into the first cache */

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

/* Four rows at a time: then each column of them is written as 32 bytes in order. */
static void transpose_tile(const double *from, size_t columns, double *to, size_t rows,
                           size_t height, size_t width) {
  size_t r = 0;
  for (; r + 4 <= height; r += 4) {
    const double *row = from + r * columns;
    for (size_t c = 0; c < width; c++) {
      double x0 = row[c], x1 = row[columns + c];
      double x2 = row[2 * columns + c], x3 = row[3 * columns + c];
      double *column = to + c * rows + r;
      column[0] = x0;
      column[1] = x1;
      column[2] = x2;
      column[3] = x3;
    }
  }
  for (; r < height; r++)
    for (size_t c = 0; c < width; c++)
      to[c * rows + r] = from[r * columns + c];
}

void mx_transpose(const double *from, size_t rows, size_t columns, double *to) {
  if (rows == 1 || columns == 1) {
    memcpy(to, from, rows * columns * sizeof(double));
    return;
  }
  for (size_t i = 0; i < rows; i += TILE)
    for (size_t j = 0; j < columns; j += TILE)
      transpose_tile(from + i * columns + j, columns, to + j * rows + i, rows,
                     least_of(TILE, rows - i), least_of(TILE, columns - j));
}

static mx_block *transposed_block(const mx_block *block) {
  mx_block *made = mx_block_new(block->columns, block->rows);
  if (!made)
    return NULL;
  MX_BEGIN_WORK(mx_block_size(block))
  mx_transpose(block->data, block->rows, block->columns, made->data);
  MX_END_WORK()
  made->flips = block->flips + 1;
  return made;
}

PyObject *mx_matrix_transposed(PyObject *self) {
  mx_block *block = mx_matrix_pin(self);
  mx_block *made = block ? transposed_block(block) : NULL;
  if (made)
    made->flips = 0;
  mx_block_drop(block);
  return mx_matrix_wrap(Py_TYPE(self), made);
}

static int transpose_in_place(PyObject *self) {
  mx_block *block = mx_matrix_pin(self), *made = NULL;
  if (block && mx_count_read(&block->exports))
    PyErr_SetString(PyExc_BufferError,
                    "a matrix cannot be transposed in place while a buffer of it is "
                    "exported (numpy.asarray, memoryview)");
  else if (block)
    made = transposed_block(block);
  mx_block_drop(block);
  return made ? mx_matrix_replace(self, made) : -1;
}

PyObject *mx_matrix_transpose(PyObject *self, PyObject *const *args, Py_ssize_t count,
                              PyObject *names) {
  PyObject *found[1];
  bool inside = false;
  MX_SIGNATURE("transpose", 0, 0, 1, "in_place");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_truth(found[0], &inside) < 0)
    return NULL;
  if (!inside)
    return mx_matrix_transposed(self);
  return transpose_in_place(self) < 0 ? NULL : Py_NewRef(self);
}

/* ---- copies ---------------------------------------------------------------------- */

PyObject *mx_matrix_copy(PyObject *self, PyObject *unused) {
  (void)unused;
  mx_block *block = mx_matrix_pin(self);
  mx_block *copy = block ? mx_block_copy(block) : NULL;
  mx_block_drop(block);
  return mx_matrix_wrap(Py_TYPE(self), copy);
}

PyObject *mx_matrix_positive(PyObject *self) { return mx_matrix_copy(self, NULL); }

static PyObject *reshaped_block(PyObject *self, const mx_block *block, size_t rows,
                                size_t columns) {
  size_t count;
  if (!mx_multiply(rows, columns, &count) || count != mx_block_size(block)) {
    PyErr_Format(PyExc_ValueError,
                 "cannot reshape a %zux%zu matrix of %zu elements into %zux%zu",
                 block->rows, block->columns, mx_block_size(block), rows, columns);
    return NULL;
  }
  mx_block *copy = mx_block_copy(block);
  if (copy) {
    copy->rows = rows;
    copy->columns = columns;
  }
  return mx_matrix_wrap(Py_TYPE(self), copy);
}

/* One of the two may be -1, which stands for the number that fits. */
static int dimensions_for(PyObject *rows, PyObject *columns, const mx_block *block,
                          size_t *out_rows, size_t *out_columns) {
  Py_ssize_t r, c, size = (Py_ssize_t)mx_block_size(block);
  if (mx_integer(rows, &r) < 0 || mx_integer(columns, &c) < 0)
    return -1;
  if (r == -1 && c > 0 && size % c == 0)
    r = size / c;
  else if (c == -1 && r > 0 && size % r == 0)
    c = size / r;
  if (r < 1 || c < 1) {
    PyErr_Format(PyExc_ValueError,
                 "cannot reshape a %zux%zu matrix into %zdx%zd: both must be positive, "
                 "or one of them -1 where it follows from the other",
                 block->rows, block->columns, r, c);
    return -1;
  }
  *out_rows = (size_t)r;
  *out_columns = (size_t)c;
  return 0;
}

PyObject *mx_matrix_reshape(PyObject *self, PyObject *const *args, Py_ssize_t count,
                            PyObject *names) {
  PyObject *found[2], *result = NULL;
  size_t rows, columns;
  MX_SIGNATURE("reshape", 1, 0, 2, "rows", "columns");
  if (mx_arguments(&signature_, args, count, names, found) < 0)
    return NULL;
  PyObject *pair =
      found[1] ? PyTuple_Pack(2, found[0], found[1]) : PySequence_Tuple(found[0]);
  if (pair && PyTuple_GET_SIZE(pair) != 2)
    PyErr_Format(PyExc_TypeError, "reshape() needs rows and columns, not %zd numbers",
                 PyTuple_GET_SIZE(pair));
  mx_block *block = pair && !PyErr_Occurred() ? mx_matrix_pin(self) : NULL;
  if (block && dimensions_for(PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1),
                              block, &rows, &columns) == 0)
    result = reshaped_block(self, block, rows, columns);
  mx_block_drop(block);
  Py_XDECREF(pair);
  return result;
}

PyObject *mx_matrix_flatten(PyObject *self, PyObject *unused) {
  (void)unused;
  mx_block *block = mx_matrix_pin(self);
  PyObject *result =
      block ? reshaped_block(self, block, 1, mx_block_size(block)) : NULL;
  mx_block_drop(block);
  return result;
}

/* ---- repeat ---------------------------------------------------------------------- */

static void repeat_lines(const mx_block *from, size_t repeats, mx_axis axis,
                         double *out) {
  if (axis == MX_DOWN) {
    for (size_t row = 0; row < from->rows; row++)
      for (size_t r = 0; r < repeats; r++, out += from->columns)
        memcpy(out, from->data + row * from->columns, from->columns * sizeof(double));
    return;
  }
  for (size_t i = 0; i < mx_block_size(from); i++)
    for (size_t r = 0; r < repeats; r++)
      *out++ = from->data[i];
}

static PyObject *repeated_block(PyObject *self, const mx_block *block, size_t repeats,
                                mx_axis axis) {
  size_t total, rows = 1, columns;
  if (!mx_multiply(mx_block_size(block), repeats, &total) ||
      total > PY_SSIZE_T_MAX / sizeof(double)) {
    PyErr_SetString(PyExc_OverflowError, "repeat_interleave result too large");
    return NULL;
  }
  columns = total;
  if (axis != MX_ALL) {
    rows = block->rows * (axis == MX_DOWN ? repeats : 1);
    columns = block->columns * (axis == MX_ALONG ? repeats : 1);
  }
  mx_block *made = mx_block_new(rows, columns);
  if (!made)
    return NULL;
  MX_BEGIN_WORK(total)
  repeat_lines(block, repeats, axis, made->data);
  MX_END_WORK()
  return mx_matrix_wrap(Py_TYPE(self), made);
}

PyObject *mx_matrix_repeat_interleave(PyObject *self, PyObject *const *args,
                                      Py_ssize_t count, PyObject *names) {
  PyObject *found[2];
  Py_ssize_t repeats;
  mx_axis axis;
  MX_SIGNATURE("repeat_interleave", 1, 0, 2, "repeats", "axis");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_integer(found[0], &repeats) < 0 || mx_axis_of(found[1], &axis) < 0)
    return NULL;
  if (repeats < 1) {
    PyErr_Format(PyExc_ValueError, "repeats must be a positive integer, not %zd",
                 repeats);
    return NULL;
  }
  mx_block *block = mx_matrix_pin(self);
  PyObject *result = block ? repeated_block(self, block, (size_t)repeats, axis) : NULL;
  mx_block_drop(block);
  return result;
}

/* ---- concat ---------------------------------------------------------------------- */

static int take_part(mx_operand *operand, PyObject *object) {
  if (!mx_is_number(object))
    return mx_operand_need(operand, object, "what is concatenated");
  PyErr_SetString(PyExc_TypeError, "a number cannot be concatenated; write [number]");
  return -1;
}

/* Makes a column of a list that is joined along axis 1; along axis 0 it is a row. */
static void stand_up(mx_operand *part, PyObject *object, mx_axis axis) {
  if (axis == MX_ALONG && !mx_is_matrix(object) && part->rows == 1) {
    part->rows = part->columns;
    part->columns = 1;
  }
}

static int add_shape(const mx_operand *part, mx_axis axis, size_t *rows,
                     size_t *columns) {
  size_t common = axis == MX_DOWN ? part->columns : part->rows;
  size_t *expected = axis == MX_DOWN ? columns : rows;
  size_t *total = axis == MX_DOWN ? rows : columns;
  *total += axis == MX_DOWN ? part->rows : part->columns;
  if (*expected == 0)
    *expected = common;
  if (*expected == common)
    return 0;
  PyErr_Format(
      PyExc_AssertionError,
      "all sub-matrices must have the same number of %s: one has %zu, the first "
      "%zu",
      axis == MX_DOWN ? "columns" : "rows", common, *expected);
  return -1;
}

static void paste_part(const mx_operand *part, mx_block *out, size_t row,
                       size_t column) {
  for (size_t i = 0; i < part->rows; i++)
    memcpy(out->data + (row + i) * out->columns + column,
           part->data + i * part->columns, part->columns * sizeof(double));
}

static mx_block *join_parts(const mx_operand *parts, size_t count, mx_axis axis) {
  size_t rows = 0, columns = 0, row = 0, column = 0;
  for (size_t i = 0; i < count; i++)
    if (add_shape(&parts[i], axis, &rows, &columns) < 0)
      return NULL;
  mx_block *out = mx_block_new(rows, columns);
  for (size_t i = 0; out && i < count; i++) {
    paste_part(&parts[i], out, row, column);
    row += axis == MX_DOWN ? parts[i].rows : 0;
    column += axis == MX_DOWN ? 0 : parts[i].columns;
  }
  return out;
}

static PyObject *concat_parts(PyTypeObject *type, PyObject *tuple, mx_axis axis) {
  size_t count = (size_t)PyTuple_GET_SIZE(tuple), taken = 0;
  mx_block *out = NULL;
  mx_operand *parts = PyMem_RawCalloc(count, sizeof *parts);
  if (!parts)
    return PyErr_NoMemory();
  for (; taken < count; taken++) {
    PyObject *object = PyTuple_GET_ITEM(tuple, (Py_ssize_t)taken);
    if (take_part(&parts[taken], object) < 0)
      break;
    stand_up(&parts[taken], object, axis);
  }
  if (taken == count)
    out = join_parts(parts, count, axis);
  while (taken)
    mx_operand_release(&parts[--taken]);
  PyMem_RawFree(parts);
  return mx_matrix_wrap(type, out);
}

/* None for an empty sequence, as in bocpy 0.14. */
PyObject *mx_matrix_concat(PyObject *type, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  PyObject *found[2], *result = NULL;
  mx_axis axis;
  MX_SIGNATURE("concat", 1, 0, 2, "values", "axis");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_line_axis_of(found[1], &axis) < 0)
    return NULL;
  if (!mx_is_row(found[0]) && !mx_is_matrix(found[0])) {
    PyErr_Format(
        PyExc_TypeError,
        "Matrices must be specified as a list or a tuple of Matrix, not %.200s",
        Py_TYPE(found[0])->tp_name);
    return NULL;
  }
  PyObject *tuple = PySequence_Tuple(found[0]);
  if (tuple && PyTuple_GET_SIZE(tuple) == 0)
    result = Py_NewRef(Py_None);
  else if (tuple)
    result = concat_parts((PyTypeObject *)type, tuple, axis);
  Py_XDECREF(tuple);
  return result;
}

/* ---- diagonals ------------------------------------------------------------------- */

/* A vector becomes the matrix with it in its diagonal; a matrix, its diagonal as a row.
 */
PyObject *mx_matrix_diag(PyObject *self, PyObject *unused) {
  (void)unused;
  mx_block *block = mx_matrix_pin(self), *made = NULL;
  if (!block)
    return NULL;
  size_t size = mx_block_size(block);
  if (block->rows == 1 || block->columns == 1) {
    made = mx_block_zeros(size, size);
    for (size_t i = 0; made && i < size; i++)
      made->data[i * size + i] = block->data[i];
  } else {
    size_t length = least_of(block->rows, block->columns);
    made = mx_block_new(1, length);
    for (size_t i = 0; made && i < length; i++)
      made->data[i] = block->data[i * block->columns + i];
  }
  mx_block_drop(block);
  return mx_matrix_wrap(Py_TYPE(self), made);
}

PyObject *mx_matrix_eye(PyObject *type, PyObject *const *args, Py_ssize_t count,
                        PyObject *names) {
  PyObject *found[2];
  size_t rows, columns;
  MX_SIGNATURE("eye", 1, 0, 2, "rows", "columns");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_dimensions(found[0], found[1] ? found[1] : found[0], &rows, &columns) < 0)
    return NULL;
  mx_block *made = mx_block_zeros(rows, columns);
  for (size_t i = 0; made && i < least_of(rows, columns); i++)
    made->data[i * columns + i] = 1.0;
  return mx_matrix_wrap((PyTypeObject *)type, made);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_eye_doc[] =
    "eye($type, rows, columns=None)\n"
    "--\n"
    "\n"
    "A matrix with ones in the diagonal and zeros elsewhere, rows x columns; square\n"
    "if columns is not given. AssertionError: a dimension below 1.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.eye(2)\n"
    "Matrix(2, 2, [1, 0, 0, 1])";

const char mx_matrix_concat_doc[] =
    "concat($type, values, axis=0)\n"
    "--\n"
    "\n"
    "Joins a list of matrices, views, or lists of numbers: below one another\n"
    "(axis=0; lists are rows), or beside one another (axis=1; lists are columns).\n"
    "An empty list gives None. AssertionError: shapes do not fit; KeyError: another\n"
    "axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.concat([[1, 2], [3, 4]])\n"
    "Matrix(2, 2, [1, 2, 3, 4])";

const char mx_matrix_transpose_doc[] =
    "transpose($self, in_place=False)\n"
    "--\n"
    "\n"
    "The rows become columns: a new Matrix of columns x rows, or, with in_place,\n"
    "self, whose views then show columns as rows. BufferError: in_place while a\n"
    "buffer of self is exported.\n"
    "\n"
    "Source: copies of tiles of 32 x 32, which fit into the first cache.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).transpose()\n"
    "Matrix(2, 1, [1, 2])";

const char mx_matrix_copy_doc[] =
    "copy($self, /)\n"
    "--\n"
    "\n"
    "A copy: a new Matrix of the same shape. RuntimeError: the matrix has moved\n"
    "elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).copy()\n"
    "Matrix(1, 2, [1, 2])";

const char mx_matrix_reshape_doc[] =
    "reshape($self, rows, columns)\n"
    "--\n"
    "\n"
    "A copy of as many elements in another shape, rows and columns or a tuple of\n"
    "both; -1 for one of them follows from the other. ValueError: the number of\n"
    "elements differs.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).reshape(1, -1)\n"
    "Matrix(1, 4, [1, 2, 3, 4])";

const char mx_matrix_flatten_doc[] =
    "flatten($self, /)\n"
    "--\n"
    "\n"
    "A copy of all elements as 1 x size, row by row. RuntimeError: the matrix has\n"
    "moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 1, [1, 2]).flatten()\n"
    "Matrix(1, 2, [1, 2])";

const char mx_matrix_diag_doc[] =
    "diag($self, /)\n"
    "--\n"
    "\n"
    "The diagonal of a matrix as a row, 1 x its length; of a vector of n, the n x n\n"
    "Matrix that has it as its diagonal. MemoryError: that matrix does not fit into\n"
    "memory.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).diag()\n"
    "Matrix(1, 2, [1, 4])";

const char mx_matrix_repeat_interleave_doc[] =
    "repeat_interleave($self, repeats, axis=None)\n"
    "--\n"
    "\n"
    "Each element (None: 1 x size*repeats), row (0) or column (1), repeated.\n"
    "ValueError: repeats < 1, or another axis; OverflowError: too many elements.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).repeat_interleave(2)\n"
    "Matrix(1, 4, [1, 1, 2, 2])";
