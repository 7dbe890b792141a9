/* Arithmetic: + - * / ** @, their methods, and multiply-add. */
#include "arithmetic.h"

#include "methods.h"

static const char *const symbols[MX_BINARIES] = {
    "+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "min", "max", "**"};

static int refuse_shapes(mx_binary op, const mx_operand *a, const mx_operand *b) {
  PyErr_Format(PyExc_ValueError,
               "Dimension mismatch between operands: %zux%zu %s %zux%zu", a->rows,
               a->columns, symbols[op], b->rows, b->columns);
  return -1;
}

/* `out` has the result's shape. */
static int run_into(mx_binary op, mx_operand *a, mx_operand *b, double *out,
                    size_t rows, size_t columns) {
  if (mx_operand_detach(a, out, rows, columns) < 0 ||
      mx_operand_detach(b, out, rows, columns) < 0)
    return -1;
  MX_BEGIN_WORK(rows * columns)
  mx_broadcast(mx_kernel.binary[op], a, b, out, rows, columns);
  MX_END_WORK()
  return 0;
}

static PyObject *run_binary(mx_binary op, mx_operand *a, mx_operand *b,
                            PyTypeObject *type, PyObject *out) {
  size_t rows, columns;
  mx_result result;
  if (!mx_broadcast_shape(a, b, &rows, &columns)) {
    refuse_shapes(op, a, b);
    return NULL;
  }
  if (mx_result_open(&result, type, out, rows, columns) < 0)
    return NULL;
  return mx_result_close(&result,
                         run_into(op, a, b, result.block->data, rows, columns) < 0);
}

/* Takes both operands, then computes. NotImplemented if one of them cannot be an
 * operand. */
typedef PyObject *(*operation)(mx_binary op, mx_operand *a, mx_operand *b,
                               PyTypeObject *type);

static PyObject *with_both(operation work, mx_binary op, PyObject *left,
                           PyObject *right) {
  mx_operand a, b;
  int status = mx_operand_take(&a, left, "left operand");
  if (status < 0)
    return NULL;
  if (status == 0)
    Py_RETURN_NOTIMPLEMENTED;
  PyObject *result = NULL;
  status = mx_operand_take(&b, right, "right operand");
  if (status == 0)
    result = Py_NewRef(Py_NotImplemented);
  if (status == 1) {
    result = work(op, &a, &b, mx_matrix_type_of(left, right));
    mx_operand_release(&b);
  }
  mx_operand_release(&a);
  return result;
}

static PyObject *run_new(mx_binary op, mx_operand *a, mx_operand *b,
                         PyTypeObject *type) {
  return run_binary(op, a, b, type, NULL);
}

PyObject *mx_number_add(PyObject *left, PyObject *right) {
  return with_both(run_new, MX_ADD, left, right);
}
PyObject *mx_number_subtract(PyObject *left, PyObject *right) {
  return with_both(run_new, MX_SUBTRACT, left, right);
}
PyObject *mx_number_multiply(PyObject *left, PyObject *right) {
  return with_both(run_new, MX_MULTIPLY, left, right);
}
PyObject *mx_number_divide(PyObject *left, PyObject *right) {
  return with_both(run_new, MX_DIVIDE, left, right);
}
PyObject *mx_number_power(PyObject *left, PyObject *right, PyObject *modulus) {
  if (modulus != Py_None)
    Py_RETURN_NOTIMPLEMENTED;
  return with_both(run_new, MX_POWER, left, right);
}

/* ---- in place -------------------------------------------------------------------- */

static int run_in_place(mx_binary op, mx_block *block, mx_operand *b) {
  mx_operand a = {.data = block->data, .rows = block->rows, .columns = block->columns};
  size_t rows, columns;
  if (!mx_broadcast_shape(&a, b, &rows, &columns))
    return refuse_shapes(op, &a, b);
  if (rows == block->rows && columns == block->columns)
    return run_into(op, &a, b, block->data, rows, columns);
  PyErr_Format(
      PyExc_ValueError,
      "Dimension mismatch between operands: %zux%zu %s= %zux%zu cannot be done "
      "in place, since the result is %zux%zu",
      a.rows, a.columns, symbols[op], b->rows, b->columns, rows, columns);
  return -1;
}

static PyObject *in_place(mx_binary op, PyObject *self, PyObject *other) {
  mx_operand b;
  int status = mx_operand_take(&b, other, "right operand");
  if (status < 0)
    return NULL;
  if (status == 0)
    Py_RETURN_NOTIMPLEMENTED;
  mx_block *block = mx_matrix_pin(self);
  status = block ? run_in_place(op, block, &b) : -1;
  mx_block_drop(block);
  mx_operand_release(&b);
  return status < 0 ? NULL : Py_NewRef(self);
}

PyObject *mx_matrix_iadd(PyObject *self, PyObject *other) {
  return in_place(MX_ADD, self, other);
}
PyObject *mx_matrix_isubtract(PyObject *self, PyObject *other) {
  return in_place(MX_SUBTRACT, self, other);
}
PyObject *mx_matrix_imultiply(PyObject *self, PyObject *other) {
  return in_place(MX_MULTIPLY, self, other);
}
PyObject *mx_matrix_idivide(PyObject *self, PyObject *other) {
  return in_place(MX_DIVIDE, self, other);
}

/* ---- methods --------------------------------------------------------------------- */

static PyObject *binary_method(mx_binary op, const mx_signature *signature,
                               PyObject *self, PyObject *const *args, Py_ssize_t count,
                               PyObject *names) {
  PyObject *found[2], *result = NULL;
  mx_operand a, b;
  if (mx_arguments(signature, args, count, names, found) < 0 ||
      mx_operand_need(&b, found[0], "other") < 0)
    return NULL;
  if (mx_operand_take(&a, self, "self") == 1) {
    result = run_binary(op, &a, &b, Py_TYPE(self), found[1]);
    mx_operand_release(&a);
  }
  mx_operand_release(&b);
  return result;
}

#define BINARY_METHOD(name, op)                                                        \
  PyObject *mx_matrix_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,  \
                             PyObject *names) {                                        \
    MX_SIGNATURE(#name, 1, 1, 1, "other", "out");                                      \
    return binary_method(op, &signature_, self, args, count, names);                   \
  }

BINARY_METHOD(add, MX_ADD)
BINARY_METHOD(subtract, MX_SUBTRACT)
BINARY_METHOD(multiply, MX_MULTIPLY)
BINARY_METHOD(divide, MX_DIVIDE)
BINARY_METHOD(pow, MX_POWER)
BINARY_METHOD(less, MX_LESS)
BINARY_METHOD(less_equal, MX_LESS_EQUAL)
BINARY_METHOD(greater, MX_GREATER)
BINARY_METHOD(greater_equal, MX_GREATER_EQUAL)
BINARY_METHOD(equal, MX_EQUAL)
BINARY_METHOD(not_equal, MX_NOT_EQUAL)

/* ---- multiply-add ---------------------------------------------------------------- */

/* Takes a Matrix that fits `block` by repetition, or a number. */
static int take_scale(mx_operand *operand, PyObject *object, const char *what,
                      const mx_block *block) {
  if (!mx_is_matrix(object) && !mx_is_number(object)) {
    PyErr_Format(PyExc_TypeError, "%s must be a Matrix or a real number, not %.200s",
                 what, Py_TYPE(object)->tp_name);
    return -1;
  }
  if (mx_operand_take(operand, object, what) < 0)
    return -1;
  if ((operand->rows == block->rows || operand->rows == 1) &&
      (operand->columns == block->columns || operand->columns == 1))
    return 0;
  PyErr_Format(PyExc_ValueError, "%s shape %zux%zu incompatible with self %zux%zu",
               what, operand->rows, operand->columns, block->rows, block->columns);
  mx_operand_release(operand);
  return -1;
}

/* Computes row by row, unless all operands have the same shape. */
static void fma_rows(const mx_block *a, const mx_operand *b, const mx_operand *c,
                     double *out) {
  size_t rows = a->rows, columns = a->columns, size = mx_block_size(a);
  size_t size_b = mx_operand_size(b), size_c = mx_operand_size(c);
  if ((size_b == size || size_b == 1) && (size_c == size || size_c == 1)) {
    rows = 1;
    columns = size;
  }
  size_t step_b = size_b == size || (size_b != 1 && b->columns != 1);
  size_t step_c = size_c == size || (size_c != 1 && c->columns != 1);
  for (size_t row = 0; row < rows; row++)
    mx_kernel.fma(a->data + row * columns, mx_operand_row(b, row), step_b,
                  mx_operand_row(c, row), step_c, out + row * columns, columns);
}

static int fma_into(const mx_block *a, mx_operand *b, mx_operand *c, mx_block *out) {
  if (mx_operand_detach(b, out->data, out->rows, out->columns) < 0 ||
      mx_operand_detach(c, out->data, out->rows, out->columns) < 0)
    return -1;
  MX_BEGIN_WORK(mx_block_size(a))
  fma_rows(a, b, c, out->data);
  MX_END_WORK()
  return 0;
}

static PyObject *fma_result(PyObject *self, mx_block *block, PyObject **found,
                            PyObject *target) {
  mx_operand b, c;
  mx_result result;
  PyObject *made = NULL;
  if (take_scale(&b, found[0], "fma: b", block) < 0)
    return NULL;
  if (take_scale(&c, found[1], "fma: c", block) == 0) {
    if (mx_result_open(&result, Py_TYPE(self), target, block->rows, block->columns) ==
        0)
      made = mx_result_close(&result, fma_into(block, &b, &c, result.block) < 0);
    mx_operand_release(&c);
  }
  mx_operand_release(&b);
  return made;
}

PyObject *mx_matrix_fma(PyObject *self, PyObject *const *args, Py_ssize_t count,
                        PyObject *names) {
  PyObject *found[3], *target, *result = NULL;
  MX_SIGNATURE("fma", 2, 2, 3, "b", "c", "in_place");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_target(self, found[2], NULL, &target) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block)
    result = fma_result(self, block, found, target);
  mx_block_drop(block);
  return result;
}

static int scaled_add_into(const mx_block *a, mx_operand *s, const mx_block *x,
                           mx_block *out) {
  if (mx_operand_detach(s, out->data, out->rows, out->columns) < 0)
    return -1;
  size_t rows = a->rows, columns = a->columns, size = mx_block_size(a);
  bool whole = mx_operand_size(s) == size || mx_operand_size(s) == 1;
  size_t step = mx_operand_size(s) != 1 && (whole || s->columns != 1);
  MX_BEGIN_WORK(size)
  if (whole)
    mx_kernel.scaled_add(a->data, s->data, step, x->data, out->data, size);
  for (size_t row = 0; row < rows && !whole; row++)
    mx_kernel.scaled_add(a->data + row * columns, mx_operand_row(s, row), step,
                         x->data + row * columns, out->data + row * columns, columns);
  MX_END_WORK()
  return 0;
}

static PyObject *scaled_add_result(PyObject *self, mx_block *block, PyObject **found,
                                   PyObject *target) {
  mx_operand s;
  mx_result result;
  PyObject *made = NULL;
  if (!mx_is_matrix(found[1])) {
    PyErr_Format(PyExc_TypeError, "scaled_add: x must be a Matrix, not %.200s",
                 Py_TYPE(found[1])->tp_name);
    return NULL;
  }
  if (take_scale(&s, found[0], "scaled_add: s", block) < 0)
    return NULL;
  mx_block *x = mx_matrix_pin(found[1]);
  if (x && (x->rows != block->rows || x->columns != block->columns))
    PyErr_Format(PyExc_ValueError,
                 "scaled_add: x shape %zux%zu does not match self %zux%zu", x->rows,
                 x->columns, block->rows, block->columns);
  else if (x && mx_result_open(&result, Py_TYPE(self), target, block->rows,
                               block->columns) == 0)
    made = mx_result_close(&result, scaled_add_into(block, &s, x, result.block) < 0);
  mx_block_drop(x);
  mx_operand_release(&s);
  return made;
}

PyObject *mx_matrix_scaled_add(PyObject *self, PyObject *const *args, Py_ssize_t count,
                               PyObject *names) {
  PyObject *found[3], *target, *result = NULL;
  MX_SIGNATURE("scaled_add", 2, 2, 3, "s", "x", "in_place");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_target(self, found[2], NULL, &target) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block)
    result = scaled_add_result(self, block, found, target);
  mx_block_drop(block);
  return result;
}

/* ---- the matrix product ---------------------------------------------------------- */

static int product_into(const mx_operand *a, const mx_operand *b, double *out) {
  size_t room = mx_kernel.product_scratch(a->rows, b->columns, a->columns),
         work = a->columns;
  double *scratch = room ? mx_numbers_new(room) : NULL;
  if (room && !scratch)
    return -1;
  work *= a->rows * b->columns / 8 + 1;
  MX_BEGIN_WORK(work)
  mx_kernel.product(a->rows, b->columns, a->columns, a->data, b->data, out, scratch);
  MX_END_WORK()
  mx_numbers_free(scratch);
  return 0;
}

static PyObject *matrix_product(mx_binary op, mx_operand *a, mx_operand *b,
                                PyTypeObject *type) {
  (void)op;
  if (a->columns != b->rows) {
    PyErr_Format(
        PyExc_ValueError,
        "%zux%zu @ %zux%zu: the left operand has %zu columns, the right one %zu "
        "rows",
        a->rows, a->columns, b->rows, b->columns, a->columns, b->rows);
    return NULL;
  }
  mx_block *out = mx_block_new(a->rows, b->columns);
  if (out && product_into(a, b, out->data) < 0) {
    mx_block_drop(out);
    return NULL;
  }
  return mx_matrix_wrap(type, out);
}

/* A matrix product with a number is refused: `*` scales. */
PyObject *mx_number_product(PyObject *left, PyObject *right) {
  if (mx_is_number(left) || mx_is_number(right))
    Py_RETURN_NOTIMPLEMENTED;
  return with_both(matrix_product, MX_MULTIPLY, left, right);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_add_doc[] =
    "add($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "self + other, element by element.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).add([3, 4])\n"
    "Matrix(1, 2, [4, 6])";

const char mx_matrix_subtract_doc[] =
    "subtract($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "self - other, element by element.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).subtract([3, 4])\n"
    "Matrix(1, 2, [-2, -2])";

const char mx_matrix_multiply_doc[] =
    "multiply($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "self * other, element by element.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).multiply([3, 4])\n"
    "Matrix(1, 2, [3, 8])";

const char mx_matrix_divide_doc[] =
    "divide($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "self / other, element by element.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).divide([3, 4])\n"
    "Matrix(1, 2, [0.3333333333333333, 0.5])";

const char mx_matrix_pow_doc[] =
    "pow($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "self ** other, element by element.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    "Source: the C library's pow; to the power of 2, a product.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).pow([3, 4])\n"
    "Matrix(1, 2, [1, 16])";

const char mx_matrix_less_doc[] =
    "less($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "1.0 where self < other, else 0.0, so also for a NaN.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).less(2)\n"
    "Matrix(1, 3, [1, 0, 0])";

const char mx_matrix_less_equal_doc[] =
    "less_equal($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "1.0 where self <= other, else 0.0, so also for a NaN.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).less_equal(2)\n"
    "Matrix(1, 3, [1, 1, 0])";

const char mx_matrix_greater_doc[] =
    "greater($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "1.0 where self > other, else 0.0, so also for a NaN.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).greater(2)\n"
    "Matrix(1, 3, [0, 0, 1])";

const char mx_matrix_greater_equal_doc[] =
    "greater_equal($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "1.0 where self >= other, else 0.0, so also for a NaN.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).greater_equal(2)\n"
    "Matrix(1, 3, [0, 1, 1])";

const char mx_matrix_equal_doc[] =
    "equal($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "1.0 where self == other, else 0.0, so also for a NaN.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).equal(2)\n"
    "Matrix(1, 3, [0, 1, 0])";

const char mx_matrix_not_equal_doc[] =
    "not_equal($self, other, /, *, out=None)\n"
    "--\n"
    "\n"
    "1.0 where self != other, else 0.0; a NaN differs from everything.\n"
    "\n"
    "Other is a Matrix, a MatrixView, a number, or a list, which is a row; a\n"
    "dimension of 1 is repeated to fit the other operand. The result has the shape\n"
    "of both together: a new Matrix, or `out`, which may be an operand. ValueError:\n"
    "shapes do not fit; TypeError: other is none of these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [1, 2, 3]).not_equal(2)\n"
    "Matrix(1, 3, [1, 0, 1])";

const char mx_matrix_fma_doc[] =
    "fma($self, b, c, /, in_place=False)\n"
    "--\n"
    "\n"
    "self * b + c, rounded once. b and c are numbers, or matrices of self's shape,\n"
    "1 x columns, rows x 1 or 1x1. The result has self's shape: a new Matrix, or\n"
    "self. ValueError: another shape; TypeError: no number and no Matrix.\n"
    "\n"
    "Source: fusedMultiplyAdd of IEEE 754.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).fma(10, 1)\n"
    "Matrix(1, 2, [11, 21])";

const char mx_matrix_scaled_add_doc[] =
    "scaled_add($self, s, x, /, in_place=False)\n"
    "--\n"
    "\n"
    "self + s * x, rounded twice, as the expression is. x is a Matrix of self's\n"
    "shape; s is a number, or a Matrix of that shape, 1 x columns, rows x 1 or 1x1.\n"
    "The result has self's shape: a new Matrix, or self. ValueError: another shape;\n"
    "TypeError: x is no Matrix.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).scaled_add(10, Matrix(1, 2, [1, 1]))\n"
    "Matrix(1, 2, [11, 12])";
