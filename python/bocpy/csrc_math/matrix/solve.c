/* Solve: systems of linear equations, inverses, determinants.
 *
 * By elimination with partial pivoting, on copies: row operations on the matrix and on
 * the right side at once (Golub and Van Loan, "Matrix Computations", 3.4). */
#include "methods.h"

#include <math.h>
#include <string.h>

#include "operand.h"

static int need_square(const mx_block *block, const char *function) {
  if (block->rows == block->columns)
    return 0;
  PyErr_Format(PyExc_ValueError, "%s() needs a square matrix, not %zux%zu", function,
               block->rows, block->columns);
  return -1;
}

static size_t pivot_of(const double *a, size_t n, size_t k) {
  size_t best = k;
  for (size_t i = k + 1; i < n; i++)
    if (fabs(a[i * n + k]) > fabs(a[best * n + k]))
      best = i;
  return best;
}

static void swap_rows(double *a, size_t columns, size_t i, size_t j) {
  for (size_t c = 0; c < columns; c++) {
    double x = a[i * columns + c];
    a[i * columns + c] = a[j * columns + c];
    a[j * columns + c] = x;
  }
}

/* Makes `a` (n x n) upper triangular, and does the same row operations to `b` (n x m,
 * or NULL). Returns the determinant: the product of the pivots, with the sign of the
 * exchanges; 0.0 as soon as a pivot is 0. */
static double eliminate_columns(double *a, size_t n, double *b, size_t m) {
  double determinant = 1.0;
  for (size_t k = 0; k < n; k++) {
    size_t pivot = pivot_of(a, n, k);
    if (pivot != k) {
      swap_rows(a, n, pivot, k);
      if (b)
        swap_rows(b, m, pivot, k);
      determinant = -determinant;
    }
    double head = a[k * n + k];
    determinant *= head;
    if (head == 0.0)
      return 0.0;
    for (size_t i = k + 1; i < n; i++) {
      double factor = -(a[i * n + k] / head), *row = a + i * n + k;
      if (factor == 0.0)
        continue;
      mx_kernel.scaled_add(row, &factor, 0, a + k * n + k, row, n - k);
      if (b)
        mx_kernel.scaled_add(b + i * m, &factor, 0, b + k * m, b + i * m, m);
    }
  }
  return determinant;
}

static void substitute_back(const double *a, size_t n, double *b, size_t m) {
  for (size_t k = n; k--;) {
    double *row = b + k * m;
    for (size_t i = k + 1; i < n; i++) {
      double factor = -a[k * n + i];
      mx_kernel.scaled_add(row, &factor, 0, b + i * m, row, m);
    }
    for (size_t j = 0; j < m; j++)
      row[j] /= a[k * n + k];
  }
}

/* `b` becomes the solution. A singular matrix is a ValueError. */
static int solve_in_place(const mx_block *matrix, mx_block *b) {
  size_t n = matrix->rows;
  bool regular = true;
  double *a = mx_numbers_new(n * n);
  if (!a)
    return -1;
  MX_BEGIN_WORK(n * n * n)
  memcpy(a, matrix->data, n * n * sizeof(double));
  eliminate_columns(a, n, b->data, b->columns);
  for (size_t k = 0; k < n; k++)
    regular = regular && a[k * n + k] != 0.0;
  if (regular)
    substitute_back(a, n, b->data, b->columns);
  MX_END_WORK()
  mx_numbers_free(a);
  if (regular)
    return 0;
  PyErr_SetString(PyExc_ValueError, "the matrix is singular");
  return -1;
}

static PyObject *solved_system(PyTypeObject *type, const mx_block *matrix,
                               mx_block *b) {
  if (b && solve_in_place(matrix, b) < 0) {
    mx_block_drop(b);
    return NULL;
  }
  return mx_matrix_wrap(type, b);
}

static mx_block *copy_operand(const mx_operand *operand) {
  mx_block *copy = mx_block_new(operand->rows, operand->columns);
  if (copy)
    memcpy(copy->data, operand->data, mx_operand_size(operand) * sizeof(double));
  return copy;
}

/* A flat list of n numbers is a column. */
static int fit_right_side(mx_operand *b, PyObject *object, const mx_block *matrix) {
  if (!mx_is_matrix(object) && b->rows == 1 && b->columns == matrix->rows) {
    b->rows = b->columns;
    b->columns = 1;
  }
  if (b->rows == matrix->rows)
    return 0;
  PyErr_Format(PyExc_ValueError,
               "solve(): %zux%zu needs a right side of %zu rows, not %zu", matrix->rows,
               matrix->columns, matrix->rows, b->rows);
  return -1;
}

PyObject *mx_matrix_solve(PyObject *self, PyObject *right) {
  mx_operand b;
  PyObject *result = NULL;
  if (mx_operand_need(&b, right, "the right side") < 0)
    return NULL;
  mx_block *matrix = mx_matrix_pin(self);
  if (matrix && need_square(matrix, "solve") == 0 &&
      fit_right_side(&b, right, matrix) == 0)
    result = solved_system(Py_TYPE(self), matrix, copy_operand(&b));
  mx_block_drop(matrix);
  mx_operand_release(&b);
  return result;
}

PyObject *mx_matrix_inv(PyObject *self, PyObject *unused) {
  (void)unused;
  PyObject *result = NULL;
  mx_block *matrix = mx_matrix_pin(self);
  if (matrix && need_square(matrix, "inv") == 0) {
    mx_block *unit = mx_block_zeros(matrix->rows, matrix->rows);
    for (size_t i = 0; unit && i < matrix->rows; i++)
      unit->data[i * matrix->rows + i] = 1.0;
    result = solved_system(Py_TYPE(self), matrix, unit);
  }
  mx_block_drop(matrix);
  return result;
}

PyObject *mx_matrix_det(PyObject *self, PyObject *unused) {
  (void)unused;
  double determinant = 0.0;
  mx_block *matrix = mx_matrix_pin(self);
  if (!matrix)
    return NULL;
  size_t n = matrix->rows;
  double *a = need_square(matrix, "det") == 0 ? mx_numbers_new(n * n) : NULL;
  if (a) {
    MX_BEGIN_WORK(n * n * n)
    memcpy(a, matrix->data, n * n * sizeof(double));
    determinant = eliminate_columns(a, n, NULL, 0);
    MX_END_WORK()
    mx_numbers_free(a);
  }
  mx_block_drop(matrix);
  return a ? PyFloat_FromDouble(determinant) : NULL;
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_solve_doc[] =
    "solve($self, right, /)\n"
    "--\n"
    "\n"
    "The x with self @ x equal to right, by elimination with partial pivoting. Self\n"
    "is n x n, right and x are n x k; a list is a column. ValueError: self is not\n"
    "square, or singular, or right has not n rows.\n"
    "\n"
    "Source: elimination with partial pivoting (Golub and Van Loan, Matrix\n"
    "Computations, 3.4).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [2, 0, 0, 4]).solve([2, 2])\n"
    "Matrix(2, 1, [1, 0.5])";

const char mx_matrix_inv_doc[] =
    "inv($self, /)\n"
    "--\n"
    "\n"
    "The inverse, of self's shape. To solve a system, solve() is faster and more\n"
    "accurate. ValueError: self is not square, or singular.\n"
    "\n"
    "Source: elimination with partial pivoting (Golub and Van Loan, Matrix\n"
    "Computations, 3.4).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [2, 0, 0, 4]).inv()\n"
    "Matrix(2, 2, [0.5, 0, 0, 0.25])";

const char mx_matrix_det_doc[] =
    "det($self, /)\n"
    "--\n"
    "\n"
    "The determinant, a float; 0.0 if self is singular. ValueError: self is not\n"
    "square.\n"
    "\n"
    "Source: elimination with partial pivoting (Golub and Van Loan, Matrix\n"
    "Computations, 3.4).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).det()\n"
    "-2.0";
