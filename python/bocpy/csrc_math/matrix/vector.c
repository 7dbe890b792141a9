/* Vector: products, directions and angles of vectors: of one vector, or of a batch,
 * which is the rows or the columns of a matrix. */
#include "methods.h"

#include <math.h>
#include <string.h>

#include "operand.h"
#include "reduction_axis.h"

/* ---- vecdot ---------------------------------------------------------------------- */

static bool is_vector_of(const mx_operand *v, const mx_operand *batch) {
  return (v->rows == 1 && v->columns == batch->columns) ||
         (v->columns == 1 && v->rows == batch->rows);
}

static bool same_shape(const mx_operand *a, const mx_operand *b) {
  return a->rows == b->rows && a->columns == b->columns;
}

/* A number that repeats along the row is multiplied into `room` first. */
static double dot_row(const mx_operand *a, const mx_operand *b, size_t row,
                      size_t columns, double *room) {
  const double *x = mx_operand_row(a, row), *y = mx_operand_row(b, row);
  size_t step_a = a->columns == columns, step_b = b->columns == columns;
  if (step_a && step_b)
    return mx_kernel.dot(x, y, columns);
  mx_kernel.binary[MX_MULTIPLY](x, step_a, y, step_b, room, columns);
  return mx_kernel.sum(room, columns);
}

/* Sums of products down the columns. */
static void dot_columns(const mx_operand *a, const mx_operand *b, size_t rows,
                        size_t columns, double *out) {
  size_t step_a = mx_operand_step(a), step_b = mx_operand_step(b);
  for (size_t j = 0; j < columns; j++)
    out[j] = 0.0;
  for (size_t row = 0; row < rows; row++) {
    const double *x = mx_operand_row(a, row), *y = mx_operand_row(b, row);
    if (step_b)
      mx_kernel.scaled_add(out, x, step_a, y, out, columns);
    else
      mx_kernel.scaled_add(out, y, step_b, x, out, columns);
  }
}

/* One number for each column, or for each row; for both axes, their sum in out[0]. */
static void dot_lines(mx_axis axis, const mx_operand *a, const mx_operand *b,
                      size_t rows, size_t columns, double *out, double *room) {
  if (axis == MX_DOWN) {
    dot_columns(a, b, rows, columns, out);
    return;
  }
  if (axis == MX_ALL && same_shape(a, b)) {
    out[0] = mx_kernel.dot(a->data, b->data, rows * columns);
    return;
  }
  for (size_t row = 0; row < rows; row++)
    out[row] = dot_row(a, b, row, columns, room);
  if (axis == MX_ALL)
    out[0] = mx_kernel.sum(out, rows);
}

static PyObject *vecdot_lines(PyTypeObject *type, mx_axis axis, const mx_operand *a,
                              const mx_operand *b) {
  size_t rows, columns;
  mx_broadcast_shape(a, b, &rows, &columns);
  double *room = a->columns == b->columns ? NULL : mx_numbers_new(columns);
  if (!room && a->columns != b->columns)
    return NULL;
  mx_block *out = axis == MX_DOWN ? mx_block_new(1, columns) : mx_block_new(rows, 1);
  if (out) {
    MX_BEGIN_WORK(rows * columns)
    dot_lines(axis, a, b, rows, columns, out->data, room);
    MX_END_WORK()
  }
  mx_numbers_free(room);
  if (!out || axis != MX_ALL)
    return mx_matrix_wrap(type, out);
  double total = out->data[0];
  mx_block_drop(out);
  return PyFloat_FromDouble(total);
}

PyObject *mx_matrix_vecdot(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  PyObject *found[2], *result = NULL;
  mx_operand a, b;
  mx_axis axis;
  MX_SIGNATURE("vecdot", 1, 0, 2, "other", "axis");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_axis_of(found[1], &axis) < 0)
    return NULL;
  if (mx_is_number(found[0])) {
    PyErr_SetString(PyExc_TypeError, "vecdot: other must be a matrix or a vector");
    return NULL;
  }
  if (mx_operand_need(&b, found[0], "other") < 0)
    return NULL;
  if (mx_operand_take(&a, self, "self") == 1) {
    if (same_shape(&a, &b) || is_vector_of(&b, &a) || is_vector_of(&a, &b))
      result = vecdot_lines(Py_TYPE(self), axis, &a, &b);
    else
      PyErr_Format(PyExc_ValueError,
                   "vecdot: lhs %zux%zu incompatible with rhs %zux%zu", a.rows,
                   a.columns, b.rows, b.columns);
    mx_operand_release(&a);
  }
  mx_operand_release(&b);
  return result;
}

/* ---- batches --------------------------------------------------------------------- */

/* Vectors of `dimension` components in a matrix: number i's component c is at
 * data[i * next + c * step]. */
typedef struct batch {
  size_t count, dimension;
  size_t next, step;
} batch;

static batch rows_of(size_t rows, size_t columns) {
  return (batch){rows, columns, columns, 1};
}
static batch columns_of(size_t rows, size_t columns) {
  return (batch){columns, rows, 1, columns};
}

/* Vectors of 2: rows of two columns, or columns of two rows; `axis` settles 2x2. */
static bool planar_batch(size_t rows, size_t columns, mx_axis axis, batch *out) {
  bool by_rows = columns == 2, by_columns = rows == 2;
  if (!by_rows && !by_columns)
    return false;
  if (by_rows && by_columns)
    by_rows = axis != MX_DOWN;
  *out = by_rows ? rows_of(rows, columns) : columns_of(rows, columns);
  return true;
}

static int need_planar(const mx_block *block, mx_axis axis, const char *function,
                       batch *out) {
  size_t length = axis == MX_DOWN ? block->rows : block->columns;
  if (axis != MX_ALL && length != 2) {
    PyErr_Format(
        PyExc_ValueError,
        "%s: vectors along axis %d of a %zux%zu matrix have %zu numbers, not 2",
        function, (int)axis, block->rows, block->columns, length);
    return -1;
  }
  if (planar_batch(block->rows, block->columns, axis, out))
    return 0;
  PyErr_Format(PyExc_ValueError,
               "%s requires a 2D vector or Nx2 or 2xN matrix, not %zux%zu", function,
               block->rows, block->columns);
  return -1;
}

/* ---- perpendicular, angle -------------------------------------------------------- */

PyObject *mx_matrix_perpendicular(PyObject *self, PyObject *const *args,
                                  Py_ssize_t count, PyObject *names) {
  PyObject *found[2], *target, *made = NULL;
  mx_axis axis;
  mx_result result;
  batch b;
  MX_SIGNATURE("perpendicular", 0, 0, 2, "axis", "in_place");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_axis_of(found[0], &axis) < 0 || mx_target(self, found[1], NULL, &target) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block && need_planar(block, axis, "perpendicular", &b) == 0 &&
      mx_result_open(&result, Py_TYPE(self), target, block->rows, block->columns) ==
          0) {
    const double *in = block->data;
    double *out = result.block->data;
    for (size_t i = 0; i < b.count; i++) {
      double x = in[i * b.next], y = in[i * b.next + b.step];
      out[i * b.next] = -y;
      out[i * b.next + b.step] = x;
    }
    made = mx_result_close(&result, false);
  }
  mx_block_drop(block);
  return made;
}

static PyObject *angles_of(PyTypeObject *type, const mx_block *block, const batch *b) {
  if (b->count == 1)
    return PyFloat_FromDouble(atan2(block->data[1], block->data[0]));
  mx_block *out = b->step == 1 ? mx_block_new(b->count, 1) : mx_block_new(1, b->count);
  if (!out)
    return NULL;
  for (size_t i = 0; i < b->count; i++)
    out->data[i] = atan2(block->data[i * b->next + b->step], block->data[i * b->next]);
  return mx_matrix_wrap(type, out);
}

PyObject *mx_matrix_angle(PyObject *self, PyObject *const *args, Py_ssize_t count,
                          PyObject *names) {
  PyObject *found[1], *result = NULL;
  mx_axis axis;
  batch b;
  MX_SIGNATURE("angle", 0, 0, 1, "axis");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_axis_of(found[0], &axis) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block && need_planar(block, axis, "angle", &b) == 0)
    result = angles_of(Py_TYPE(self), block, &b);
  mx_block_drop(block);
  return result;
}

/* ---- normalize ------------------------------------------------------------------- */

/* For squares, or sums of squares, that are too large or too small: divides the numbers
 * by a power of two first, which is exact. */
static void normalize_scaled(const double *in, double *out, size_t count,
                             size_t stride) {
  double largest = 0.0, total = 0.0;
  int exponent;
  for (size_t i = 0; i < count; i++)
    largest = fmax(largest, fabs(in[i * stride]));
  frexp(largest, &exponent);
  for (size_t i = 0; i < count; i++) {
    double x = ldexp(in[i * stride], -exponent);
    total += x * x;
    out[i * stride] = x;
  }
  for (size_t i = 0; i < count; i++)
    out[i * stride] /= sqrt(total);
}

static void normalize_line(const double *in, double *out, size_t count, size_t stride,
                           double length) {
  if (length != 0.0 && (length < 0x1p-900 || length > 0x1p1000)) {
    normalize_scaled(in, out, count, stride);
    return;
  }
  for (size_t i = 0; i < count; i++)
    out[i * stride] = length == 0.0 ? 0.0 : in[i * stride] / length;
}

static void normalize_lines(mx_lines *lines, double *out) {
  const mx_block *block = lines->block;
  size_t stride = lines->axis == MX_DOWN ? block->columns : 1;
  for (size_t i = 0; i < lines->count; i++) {
    size_t count, first = lines->axis == MX_DOWN ? i : i * lines->length;
    const double *numbers = mx_lines_at(lines, i, &count);
    normalize_line(block->data + first, out + first, count, stride,
                   mx_magnitude(numbers, count));
  }
}

PyObject *mx_matrix_normalize(PyObject *self, PyObject *const *args, Py_ssize_t count,
                              PyObject *names) {
  PyObject *found[2], *target, *made = NULL;
  mx_axis axis;
  mx_lines lines;
  mx_result result;
  MX_SIGNATURE("normalize", 0, 0, 2, "axis", "in_place");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_axis_of(found[0], &axis) < 0 || mx_target(self, found[1], NULL, &target) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block && mx_lines_open(&lines, block, NULL, axis, false) == 0) {
    if (mx_result_open(&result, Py_TYPE(self), target, block->rows, block->columns) ==
        0) {
      MX_BEGIN_WORK(mx_block_size(block))
      normalize_lines(&lines, result.block->data);
      MX_END_WORK()
      made = mx_result_close(&result, false);
    }
    mx_lines_close(&lines);
  }
  mx_block_drop(block);
  return made;
}

/* ---- cross ----------------------------------------------------------------------- */

/* How self is read: one vector of 2 or 3, or a batch of them. 2x3 and 3x2 are batches
 * of 2; for 2x2 and 3x3 `axis` decides, which has to be one along which vectors lie.
 * False: neither. */
static bool cross_batch(const mx_operand *a, mx_axis axis, batch *out) {
  size_t rows = a->rows, columns = a->columns, size = rows * columns;
  size_t along = axis == MX_DOWN ? rows : columns;
  if (axis != MX_ALL && along != 2 && along != 3)
    return false;
  if ((rows == 1 || columns == 1) && (size == 2 || size == 3)) {
    *out = (batch){1, size, size, 1};
    return true;
  }
  if (planar_batch(rows, columns, axis, out))
    return true;
  bool by_rows = columns == 3, by_columns = rows == 3;
  if (by_rows && by_columns)
    by_rows = axis != MX_DOWN;
  *out = by_rows ? rows_of(rows, columns) : columns_of(rows, columns);
  return by_rows || by_columns;
}

/* The other operand's vectors: as many, in the same layout; or one for all. */
static bool cross_other(const mx_operand *a, const batch *mine, const mx_operand *b,
                        batch *out) {
  size_t size = mx_operand_size(b);
  *out = *mine;
  if (mine->count > 1 && same_shape(a, b))
    return true;
  if ((b->rows == 1 || b->columns == 1) && size == mine->dimension) {
    *out = (batch){mine->count, size, 0, 1};
    return true;
  }
  return false;
}

static void cross_planar(const double *a, const batch *x, const double *b,
                         const batch *y, double *out) {
  for (size_t i = 0; i < x->count; i++, a += x->next, b += y->next)
    out[i] = a[0] * b[y->step] - a[x->step] * b[0];
}

static void cross_spatial(const double *a, const batch *x, const double *b,
                          const batch *y, double *out) {
  for (size_t i = 0; i < x->count; i++, a += x->next, b += y->next, out += x->next) {
    double a0 = a[0], a1 = a[x->step], a2 = a[2 * x->step];
    double b0 = b[0], b1 = b[y->step], b2 = b[2 * y->step];
    out[0] = a1 * b2 - a2 * b1;
    out[x->step] = a2 * b0 - a0 * b2;
    out[2 * x->step] = a0 * b1 - a1 * b0;
  }
}

static PyObject *cross_lines(PyTypeObject *type, const mx_operand *a, const batch *x,
                             const mx_operand *b, const batch *y) {
  bool planar = x->dimension == 2;
  if (planar && x->count == 1 && mx_operand_size(a) == 2) {
    double number;
    cross_planar(a->data, x, b->data, y, &number);
    return PyFloat_FromDouble(number);
  }
  mx_block *out = !planar        ? mx_block_new(a->rows, a->columns)
                  : x->step == 1 ? mx_block_new(x->count, 1)
                                 : mx_block_new(1, x->count);
  if (!out)
    return NULL;
  (planar ? cross_planar : cross_spatial)(a->data, x, b->data, y, out->data);
  return mx_matrix_wrap(type, out);
}

/* Indexed by mx_axis + 1. */
static const char *const axis_names[] = {"", " along axis 0", " along axis 1"};

PyObject *mx_matrix_cross(PyObject *self, PyObject *const *args, Py_ssize_t count,
                          PyObject *names) {
  PyObject *found[2], *result = NULL;
  mx_operand a, b;
  mx_axis axis;
  batch x, y;
  MX_SIGNATURE("cross", 1, 0, 2, "other", "axis");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_axis_of(found[1], &axis) < 0)
    return NULL;
  if (mx_is_number(found[0])) {
    PyErr_SetString(PyExc_TypeError, "cross: other must be a vector, not a number");
    return NULL;
  }
  if (mx_operand_need(&b, found[0], "cross: other") < 0)
    return NULL;
  if (mx_operand_take(&a, self, "self") == 1) {
    if (cross_batch(&a, axis, &x) && cross_other(&a, &x, &b, &y))
      result = cross_lines(Py_TYPE(self), &a, &x, &b, &y);
    else
      PyErr_Format(PyExc_ValueError,
                   "cross: %zux%zu incompatible with %zux%zu%s; vectors of 2 or 3, or "
                   "batches Nx2, 2xN, Nx3, 3xN of one shape",
                   a.rows, a.columns, b.rows, b.columns, axis_names[axis + 1]);
    mx_operand_release(&a);
  }
  mx_operand_release(&b);
  return result;
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_vecdot_doc[] =
    "vecdot($self, other, axis=None)\n"
    "--\n"
    "\n"
    "The sum of the products of elements. Other has self's shape, or is a row or a\n"
    "column that is repeated. For the matrix product write @.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. ValueError: another axis, or shapes that\n"
    "do not fit.\n"
    "\n"
    "Source: pairwise summation over 32 lanes (Higham, The accuracy of floating\n"
    "point summation, SIAM J. Sci. Comput. 14, 1993).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).vecdot([4, 5, 6])\n"
    "32.0";

const char mx_matrix_cross_doc[] =
    "cross($self, other, axis=None)\n"
    "--\n"
    "\n"
    "The cross product of vectors of 2 (a float) or 3 (a Matrix), or of each vector\n"
    "in a batch: Nx2 and 2xN give Nx1 and 1xN, Nx3 and 3xN keep the shape. Other is\n"
    "as many vectors, or one. axis=0 says that the columns of 2x2 or 3x3 are the\n"
    "vectors. ValueError: other shapes, or another axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 0, 0]).cross([0, 1, 0])\n"
    "Matrix(1, 3, [0, 0, 1])";

const char mx_matrix_normalize_doc[] =
    "normalize($self, axis=None, in_place=False)\n"
    "--\n"
    "\n"
    "Divided by the magnitude: of all elements, of each column (0), or of each row\n"
    "(1). A magnitude of 0 gives zeros. The result has self's shape: a new Matrix,\n"
    "or, with in_place, self. ValueError: axis is none of None, 0, 1, -1, -2.\n"
    "\n"
    "Source: division by magnitude(), and its source.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [3, 4]).normalize()\n"
    "Matrix(1, 2, [0.6, 0.8])";

const char mx_matrix_perpendicular_doc[] =
    "perpendicular($self, axis=None, in_place=False)\n"
    "--\n"
    "\n"
    "(x, y) becomes (-y, x): a vector of 2, or each in a batch Nx2 or 2xN. The\n"
    "result has self's shape: a new Matrix, or, with in_place, self. ValueError:\n"
    "another shape, or another axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [3, 4]).perpendicular()\n"
    "Matrix(1, 2, [-4, 3])";

const char mx_matrix_angle_doc[] =
    "angle($self, axis=None)\n"
    "--\n"
    "\n"
    "atan2(y, x): of a vector of 2 a float, of a batch Nx2 or 2xN a Matrix Nx1 or\n"
    "1xN. ValueError: another shape, or another axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 0]).angle()\n"
    "0.0";
