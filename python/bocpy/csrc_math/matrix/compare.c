/* Compare: == and < as one answer, allclose, and the choice between two matrices. */
#include "arithmetic.h"
#include "methods.h"

/* ---- one answer ------------------------------------------------------------------ */

/* Compares row by row: the first elements that differ decide; a NaN decides nothing.
 * -1, 0 or 1. */
static int order_of(const mx_block *a, const mx_operand *b) {
  size_t count = mx_block_size(a), step = mx_operand_size(b) == count;
  for (size_t i = 0; i < count; i++) {
    double x = a->data[i], y = b->data[step * i];
    if (x < y)
      return -1;
    if (x > y)
      return 1;
  }
  return 0;
}

/* A number fits any shape; any other operand must have the same shape. */
static bool operand_fits(const mx_block *a, const mx_operand *b, bool number) {
  return number || (a->rows == b->rows && a->columns == b->columns);
}

static PyObject *order_answer(int order, int op) {
  Py_RETURN_RICHCOMPARE(order, 0, op);
}

static PyObject *compare_blocks(const mx_block *block, const mx_operand *other,
                                bool number, int op) {
  if (operand_fits(block, other, number))
    return order_answer(order_of(block, other), op);
  if (op == Py_EQ || op == Py_NE)
    return PyBool_FromLong(op == Py_NE);
  PyErr_Format(
      PyExc_ValueError,
      "ordering comparison requires operands of the same shape or a number, not "
      "%zux%zu and %zux%zu",
      block->rows, block->columns, other->rows, other->columns);
  return NULL;
}

/* == and != raise nothing for an object that is not a row of numbers: it differs. */
static PyObject *shapes_differ(int op) {
  if ((op != Py_EQ && op != Py_NE) || !(PyErr_ExceptionMatches(PyExc_TypeError) ||
                                        PyErr_ExceptionMatches(PyExc_ValueError) ||
                                        PyErr_ExceptionMatches(PyExc_OverflowError)))
    return NULL;
  PyErr_Clear();
  return PyBool_FromLong(op == Py_NE);
}

PyObject *mx_matrix_compare(PyObject *self, PyObject *other, int op) {
  mx_operand operand;
  bool number = mx_is_number(other);
  if (!number && !mx_is_matrix(other) && !PyList_Check(other) && !PyTuple_Check(other))
    Py_RETURN_NOTIMPLEMENTED;
  if (mx_operand_take(&operand, other, "the other side") < 0)
    return shapes_differ(op);
  mx_block *block = mx_matrix_pin(self);
  PyObject *result = block ? compare_blocks(block, &operand, number, op) : NULL;
  mx_block_drop(block);
  mx_operand_release(&operand);
  return result;
}

/* ---- allclose -------------------------------------------------------------------- */

typedef struct tolerance {
  double relative, absolute;
  bool equal_nan;
} tolerance;

/* An infinity is close only to itself. A NaN is close to nothing, or with `equal_nan`
 * to every NaN. */
static bool is_close(double a, double b, const tolerance *t) {
  if (a == b)
    return true;
  if (a != a || b != b)
    return t->equal_nan && a != a && b != b;
  double distance = a > b ? a - b : b - a, size = b < 0 ? -b : b;
  return distance <= t->absolute + t->relative * size && distance - distance == 0 &&
         size - size == 0;
}

static bool all_close(const mx_block *a, const mx_block *b, const tolerance *t) {
  bool close = a->rows == b->rows && a->columns == b->columns;
  size_t count = mx_block_size(a);
  MX_BEGIN_WORK(count)
  for (size_t i = 0; close && i < count; i++)
    close = is_close(a->data[i], b->data[i], t);
  MX_END_WORK()
  return close;
}

static int need_matrix(PyObject *object, const char *what) {
  if (mx_is_matrix(object))
    return 0;
  PyErr_Format(PyExc_TypeError, "%s must be a Matrix, not %.200s", what,
               Py_TYPE(object)->tp_name);
  return -1;
}

PyObject *mx_matrix_allclose(PyObject *type, PyObject *const *args, Py_ssize_t count,
                             PyObject *names) {
  PyObject *found[5];
  tolerance t = {1e-5, 1e-8, false};
  (void)type;
  MX_SIGNATURE("allclose", 2, 0, 5, "lhs", "rhs", "rtol", "atol", "equal_nan");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      need_matrix(found[0], "lhs") < 0 || need_matrix(found[1], "rhs") < 0 ||
      (found[2] && mx_number(found[2], &t.relative) < 0) ||
      (found[3] && mx_number(found[3], &t.absolute) < 0) ||
      mx_truth(found[4], &t.equal_nan) < 0)
    return NULL;
  mx_block *a = mx_matrix_pin(found[0]), *b = a ? mx_matrix_pin(found[1]) : NULL;
  PyObject *result = b ? PyBool_FromLong(all_close(a, b, &t)) : NULL;
  mx_block_drop(a);
  mx_block_drop(b);
  return result;
}

/* ---- where ----------------------------------------------------------------------- */

/* Takes a matrix of the mask's shape, a number, or a list or tuple. */
static int take_choice(mx_operand *operand, PyObject *object, const char *what,
                       const mx_block *mask) {
  bool number = mx_is_number(object);
  if (!number && !mx_is_matrix(object) && !PyList_Check(object) &&
      !PyTuple_Check(object)) {
    PyErr_Format(
        PyExc_TypeError,
        "where(): %s must be a Matrix, a number, or a list or tuple of numbers, "
        "not %.200s",
        what, Py_TYPE(object)->tp_name);
    return -1;
  }
  if (mx_operand_take(operand, object, what) < 0)
    return -1;
  if (number || (operand->rows == mask->rows && operand->columns == mask->columns))
    return 0;
  PyErr_Format(PyExc_ValueError,
               "where(): %s of %zux%zu must have the mask's shape %zux%zu", what,
               operand->rows, operand->columns, mask->rows, mask->columns);
  mx_operand_release(operand);
  return -1;
}

static PyObject *select_into(PyTypeObject *type, const mx_block *mask,
                             const mx_operand *a, bool number_a, const mx_operand *b,
                             bool number_b, PyObject *out) {
  mx_result result;
  if (mx_result_open(&result, type, out, mask->rows, mask->columns) < 0)
    return NULL;
  MX_BEGIN_WORK(mx_block_size(mask))
  mx_kernel.select(mask->data, a->data, !number_a, b->data, !number_b,
                   result.block->data, mx_block_size(mask));
  MX_END_WORK()
  return mx_result_close(&result, false);
}

static PyObject *where_true(PyTypeObject *type, const mx_block *mask,
                            PyObject **found) {
  mx_operand a, b;
  PyObject *result = NULL;
  if (take_choice(&a, found[1], "a", mask) < 0)
    return NULL;
  if (take_choice(&b, found[2], "b", mask) == 0) {
    result = select_into(type, mask, &a, mx_is_number(found[1]), &b,
                         mx_is_number(found[2]), found[3]);
    mx_operand_release(&b);
  }
  mx_operand_release(&a);
  return result;
}

PyObject *mx_matrix_where(PyObject *type, PyObject *const *args, Py_ssize_t count,
                          PyObject *names) {
  PyObject *found[4];
  MX_SIGNATURE("where", 3, 3, 3, "mask", "a", "b", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      need_matrix(found[0], "where(): mask") < 0)
    return NULL;
  mx_block *mask = mx_matrix_pin(found[0]);
  PyObject *result = mask ? where_true((PyTypeObject *)type, mask, found) : NULL;
  mx_block_drop(mask);
  return result;
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_where_doc[] =
    "where($type, mask, a, b, /, *, out=None)\n"
    "--\n"
    "\n"
    "The elements of a where the mask is not 0, and those of b elsewhere: a new\n"
    "Matrix of the mask's shape, or `out`. A NaN in the mask counts as not 0. Each\n"
    "of a and b is a number, or has the mask's shape. ValueError: another shape;\n"
    "TypeError: a mask or out that is no Matrix, or operands that are none of\n"
    "these.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> m = Matrix(1, 3, [-1, 2, -3])\n"
    ">>> Matrix.where(m.less(0), 0, m)\n"
    "Matrix(1, 3, [0, 2, 0])";

const char mx_matrix_allclose_doc[] =
    "allclose($type, lhs, rhs, /, rtol=1e-05, atol=1e-08, equal_nan=False)\n"
    "--\n"
    "\n"
    "Whether the shapes are equal and all ``abs(lhs - rhs) <= atol + rtol *\n"
    "abs(rhs)``. An infinity is close only to itself, a NaN to none, or, with\n"
    "equal_nan, to a NaN. TypeError: lhs or rhs is no Matrix.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix.allclose(Matrix(1, 1, 1.0), Matrix(1, 1, 1.0 + 1e-9))\n"
    "True";
