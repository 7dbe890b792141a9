/* Reduce: sum, mean, magnitude, variance, extremes, trace, and sums as they grow. */
#include "methods.h"

#include <math.h>

#include "reduction_axis.h"

/* ---- of one line ----------------------------------------------------------------- */

typedef double (*reduction)(const double *numbers, size_t count, double parameter);

static double line_sum(const double *numbers, size_t count, double unused) {
  (void)unused;
  return mx_kernel.sum(numbers, count);
}

static double line_mean(const double *numbers, size_t count, double unused) {
  (void)unused;
  return count ? mx_kernel.sum(numbers, count) / (double)count : NAN;
}

static double magnitude_squared(const double *numbers, size_t count, double unused) {
  (void)unused;
  return mx_kernel.dot(numbers, numbers, count);
}

/* Adds squares of numbers that are divided by a power of two first: the division is
 * exact, and the squares are neither too large nor too small. */
static double magnitude_scaled(const double *numbers, size_t count) {
  double largest = mx_kernel.greatest_abs(numbers, count), total = 0.0;
  int exponent;
  if (largest == 0.0 || isinf(largest))
    return largest;
  frexp(largest, &exponent);
  for (size_t i = 0; i < count; i++) {
    double x = ldexp(numbers[i], -exponent);
    total += x * x;
  }
  return ldexp(sqrt(total), exponent);
}

double mx_magnitude(const double *numbers, size_t count) {
  double total = mx_kernel.dot(numbers, numbers, count);
  if (total > 0x1p-900 && total < 0x1p1000)
    return sqrt(total);
  return total != total ? NAN : magnitude_scaled(numbers, count);
}

static double line_magnitude(const double *numbers, size_t count, double unused) {
  (void)unused;
  return mx_magnitude(numbers, count);
}

/* Variance in two passes, around the mean (Chan, Golub and LeVeque, "Algorithms for
 * computing the sample variance", The American Statistician 37, 1983). */
static double line_variance(const double *numbers, size_t count, double ddof) {
  double freedom = (double)count - ddof;
  if (!count || freedom <= 0.0)
    return NAN;
  double center = mx_kernel.sum(numbers, count) / (double)count;
  return mx_kernel.spread(numbers, center, count) / freedom;
}

static double line_deviation(const double *numbers, size_t count, double ddof) {
  return sqrt(line_variance(numbers, count, ddof));
}

static double line_least(const double *numbers, size_t count, double unused) {
  (void)unused;
  return count ? mx_kernel.least(numbers, count) : NAN;
}

static double line_greatest(const double *numbers, size_t count, double unused) {
  (void)unused;
  return count ? mx_kernel.greatest(numbers, count) : NAN;
}

/* ---- of all lines ---------------------------------------------------------------- */

/* Columns without a mask are reduced together, row by row. A sum adds BATCH rows, then
 * adds the sums of the batches. */
#define BATCH 128

static void join_rows(mx_binary op, const mx_block *block, size_t begin, size_t end,
                      double *out) {
  size_t columns = block->columns;
  for (size_t j = 0; j < columns; j++)
    out[j] = block->data[begin * columns + j];
  for (size_t row = begin + 1; row < end; row++)
    mx_kernel.binary[op](out, 1, block->data + row * columns, 1, out, columns);
}

static int sum_columns(const mx_block *block, double *out) {
  size_t columns = block->columns;
  double *part = block->rows > BATCH ? mx_numbers_new(columns) : NULL;
  if (!part && block->rows > BATCH)
    return -1;
  MX_BEGIN_WORK(mx_block_size(block))
  join_rows(MX_ADD, block, 0, block->rows < BATCH ? block->rows : BATCH, out);
  for (size_t row = BATCH; row < block->rows; row += BATCH) {
    size_t end = block->rows - row < BATCH ? block->rows : row + BATCH;
    join_rows(MX_ADD, block, row, end, part);
    mx_kernel.binary[MX_ADD](out, 1, part, 1, out, columns);
  }
  MX_END_WORK()
  mx_numbers_free(part);
  return 0;
}

static int extreme_columns(mx_binary op, const mx_block *block, double *out) {
  MX_BEGIN_WORK(mx_block_size(block))
  join_rows(op, block, 0, block->rows, out);
  MX_END_WORK()
  return 0;
}

/* Reduces all columns together, if there is a function for that. False: there is none.
 */
static bool joins_columns(reduction reduce, const mx_lines *lines, double *out,
                          int *out_status) {
  const mx_block *block = lines->block;
  if (lines->axis != MX_DOWN || lines->mask || block->columns == 1)
    return false;
  if (reduce == line_least || reduce == line_greatest) {
    *out_status =
        extreme_columns(reduce == line_least ? MX_MINIMUM : MX_MAXIMUM, block, out);
    return true;
  }
  if (reduce != line_sum && reduce != line_mean)
    return false;
  *out_status = sum_columns(block, out);
  for (size_t j = 0; j < block->columns && reduce == line_mean && *out_status == 0; j++)
    out[j] /= (double)block->rows;
  return true;
}

static void reduce_lines(reduction reduce, double parameter, mx_lines *lines,
                         double *out) {
  MX_BEGIN_WORK(mx_block_size(lines->block))
  for (size_t i = 0; i < lines->count; i++) {
    size_t count;
    const double *numbers = mx_lines_at(lines, i, &count);
    out[i] = reduce(numbers, count, parameter);
  }
  MX_END_WORK()
}

static PyObject *reduced_lines(reduction reduce, double parameter, PyTypeObject *type,
                               mx_lines *lines) {
  size_t rows, columns;
  int status;
  if (lines->axis == MX_ALL) {
    double number;
    reduce_lines(reduce, parameter, lines, &number);
    return PyFloat_FromDouble(number);
  }
  mx_lines_shape(lines, 1, &rows, &columns);
  mx_block *block = mx_block_new(rows, columns);
  if (!block)
    return NULL;
  if (!joins_columns(reduce, lines, block->data, &status)) {
    reduce_lines(reduce, parameter, lines, block->data);
    status = 0;
  }
  if (status == 0)
    return mx_matrix_wrap(type, block);
  mx_block_drop(block);
  return NULL;
}

static PyObject *reduce_matrix(reduction reduce, double parameter, PyObject *self,
                               mx_axis axis, PyObject *where) {
  PyObject *result = NULL;
  mx_lines lines;
  mx_block *block = mx_matrix_pin(self), *mask = NULL;
  if (block && mx_mask_pin(where, block, &mask) == 0 &&
      mx_lines_open(&lines, block, mask, axis, false) == 0) {
    result = reduced_lines(reduce, parameter, Py_TYPE(self), &lines);
    mx_lines_close(&lines);
  }
  mx_block_drop(mask);
  mx_block_drop(block);
  return result;
}

/* The reduction of all elements, for a call without arguments. */
static PyObject *reduce_all(reduction reduce, PyObject *self) {
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return NULL;
  double number;
  MX_BEGIN_WORK(mx_block_size(block))
  number = reduce(block->data, mx_block_size(block), 0.0);
  MX_END_WORK()
  mx_block_drop(block);
  return PyFloat_FromDouble(number);
}

/* ---- methods --------------------------------------------------------------------- */

#define REDUCTION(name, reduce)                                                        \
  PyObject *mx_matrix_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,  \
                             PyObject *names) {                                        \
    PyObject *found[2];                                                                \
    mx_axis axis;                                                                      \
    if (count == 0 && !names)                                                          \
      return reduce_all(reduce, self);                                                 \
    MX_SIGNATURE(#name, 0, 0, 2, "axis", "where");                                     \
    if (mx_arguments(&signature_, args, count, names, found) < 0 ||                    \
        mx_axis_of(found[0], &axis) < 0)                                               \
      return NULL;                                                                     \
    return reduce_matrix(reduce, 0.0, self, axis, found[1]);                           \
  }

REDUCTION(sum, line_sum)
REDUCTION(mean, line_mean)
REDUCTION(magnitude, line_magnitude)
REDUCTION(magnitude_squared, magnitude_squared)
REDUCTION(min, line_least)
REDUCTION(max, line_greatest)

static PyObject *spread_method(reduction reduce, const mx_signature *signature,
                               PyObject *self, PyObject *const *args, Py_ssize_t count,
                               PyObject *names) {
  PyObject *found[3];
  mx_axis axis;
  double ddof = 0.0;
  if (mx_arguments(signature, args, count, names, found) < 0 ||
      mx_axis_of(found[0], &axis) < 0 || (found[2] && mx_number(found[2], &ddof) < 0))
    return NULL;
  return reduce_matrix(reduce, ddof, self, axis, found[1]);
}

PyObject *mx_matrix_var(PyObject *self, PyObject *const *args, Py_ssize_t count,
                        PyObject *names) {
  MX_SIGNATURE("var", 0, 0, 2, "axis", "where", "ddof");
  return spread_method(line_variance, &signature_, self, args, count, names);
}

PyObject *mx_matrix_std(PyObject *self, PyObject *const *args, Py_ssize_t count,
                        PyObject *names) {
  MX_SIGNATURE("std", 0, 0, 2, "axis", "where", "ddof");
  return spread_method(line_deviation, &signature_, self, args, count, names);
}

PyObject *mx_matrix_trace(PyObject *self, PyObject *unused) {
  (void)unused;
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return NULL;
  double total = 0.0;
  for (size_t i = 0; i < block->rows && i < block->columns; i++)
    total += block->data[i * block->columns + i];
  mx_block_drop(block);
  return PyFloat_FromDouble(total);
}

/* ---- sums as they grow ----------------------------------------------------------- */

static void add_lines(const mx_block *from, mx_axis axis, double *out) {
  size_t columns = from->columns, count = mx_block_size(from);
  double total = 0.0;
  for (size_t i = 0; i < count; i++) {
    double x = from->data[i];
    if (axis == MX_DOWN) {
      out[i] = i < columns ? x : out[i - columns] + x;
      continue;
    }
    total = axis == MX_ALONG && i % columns == 0 ? x : i ? total + x : x;
    out[i] = total;
  }
}

PyObject *mx_matrix_cumsum(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  PyObject *found[2], *made = NULL;
  mx_axis axis;
  mx_result result;
  MX_SIGNATURE("cumsum", 0, 0, 1, "axis", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_axis_of(found[0], &axis) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  size_t rows = !block ? 0 : axis == MX_ALL ? 1 : block->rows;
  size_t columns = !block ? 0 : axis == MX_ALL ? mx_block_size(block) : block->columns;
  if (block && mx_result_open(&result, Py_TYPE(self), found[1], rows, columns) == 0) {
    MX_BEGIN_WORK(mx_block_size(block))
    add_lines(block, axis, result.block->data);
    MX_END_WORK()
    made = mx_result_close(&result, false);
  }
  mx_block_drop(block);
  return made;
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_sum_doc[] =
    "sum($self, axis=None, where=None)\n"
    "--\n"
    "\n"
    "The sum; 0 if there are no elements.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    "Source: pairwise summation over 32 lanes (Higham, The accuracy of floating\n"
    "point summation, SIAM J. Sci. Comput. 14, 1993).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).sum()\n"
    "10.0";

const char mx_matrix_mean_doc[] =
    "mean($self, axis=None, where=None)\n"
    "--\n"
    "\n"
    "The mean; NaN if there are no elements.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    "Source: pairwise summation over 32 lanes (Higham, The accuracy of floating\n"
    "point summation, SIAM J. Sci. Comput. 14, 1993).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).mean()\n"
    "2.5";

const char mx_matrix_magnitude_doc[] =
    "magnitude($self, axis=None, where=None)\n"
    "--\n"
    "\n"
    "The Euclidean length, without overflow or underflow on the way; 0 if there are\n"
    "no elements.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    "Source: the root of a sum as of sum(); where squares leave the range of\n"
    "doubles, numbers are scaled by a power of two (Blue, A portable Fortran\n"
    "program to find the Euclidean norm of a vector, ACM TOMS 4, 1978).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).magnitude()\n"
    "5.477225575051661";

const char mx_matrix_magnitude_squared_doc[] =
    "magnitude_squared($self, axis=None, where=None)\n"
    "--\n"
    "\n"
    "The sum of the squares; 0 if there are no elements.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    "Source: pairwise summation over 32 lanes (Higham, The accuracy of floating\n"
    "point summation, SIAM J. Sci. Comput. 14, 1993).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).magnitude_squared()\n"
    "30.0";

const char mx_matrix_min_doc[] =
    "min($self, axis=None, where=None)\n"
    "--\n"
    "\n"
    "The least element; NaN if one is a NaN, or if there are none.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).min()\n"
    "1.0";

const char mx_matrix_max_doc[] =
    "max($self, axis=None, where=None)\n"
    "--\n"
    "\n"
    "The greatest element; NaN if one is a NaN, or if there are none.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).max()\n"
    "4.0";

const char mx_matrix_var_doc[] =
    "var($self, axis=None, where=None, *, ddof=0)\n"
    "--\n"
    "\n"
    "The variance: the mean squared distance from the mean, over n - ddof; NaN if\n"
    "that is 0 or less.\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    "Source: two passes, around the mean (Chan, Golub and LeVeque, Algorithms for\n"
    "computing the sample variance, The American Statistician 37, 1983).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 4, [1, 2, 3, 4]).var()\n"
    "1.25";

const char mx_matrix_std_doc[] =
    "std($self, axis=None, where=None, *, ddof=0)\n"
    "--\n"
    "\n"
    "The standard deviation: the square root of var().\n"
    "\n"
    "axis=None: all elements, a float; 0: down each column, a 1 x columns Matrix;\n"
    "1: along each row, a rows x 1 Matrix. Elements where the Matrix `where`, of\n"
    "the same shape, is 0 are left out. ValueError: another axis, or a mask of\n"
    "another shape; TypeError: a mask that is no Matrix.\n"
    "\n"
    "Source: two passes, around the mean (Chan, Golub and LeVeque, Algorithms for\n"
    "computing the sample variance, The American Statistician 37, 1983).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 3]).std()\n"
    "1.0";

const char mx_matrix_cumsum_doc[] =
    "cumsum($self, axis=None, *, out=None)\n"
    "--\n"
    "\n"
    "Running sums: of all elements, 1 x size (None), down each column (0), or along\n"
    "each row (1), which keep the shape. The result is a new Matrix, or `out`.\n"
    "ValueError: another axis, or out has another shape.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).cumsum()\n"
    "Matrix(1, 3, [1, 3, 6])";

const char mx_matrix_trace_doc[] =
    "trace($self, /)\n"
    "--\n"
    "\n"
    "The sum of the diagonal, a float; self need not be square. RuntimeError: the\n"
    "matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).trace()\n"
    "5.0";
