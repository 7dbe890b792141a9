/* Elementwise operations, which make one number of one number: rounding, functions,
 * clip, bin, digitize. */
#include "methods.h"

#include <math.h>

#include "operand.h"

/* ---- functions ------------------------------------------------------------------- */

static PyObject *apply_unary(mx_unary op, PyObject *self, PyObject *target) {
  mx_result result;
  PyObject *made = NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block && mx_result_open(&result, Py_TYPE(self), target, block->rows,
                              block->columns) == 0) {
    MX_BEGIN_WORK(mx_block_size(block))
    mx_kernel.unary[op](block->data, result.block->data, mx_block_size(block));
    MX_END_WORK()
    made = mx_result_close(&result, false);
  }
  mx_block_drop(block);
  return made;
}

#define UNARY_METHOD(name, op)                                                         \
  PyObject *mx_matrix_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,  \
                             PyObject *names) {                                        \
    PyObject *found[2], *target;                                                       \
    MX_SIGNATURE(#name, 0, 0, 0, "in_place", "out");                                   \
    if (mx_arguments(&signature_, args, count, names, found) < 0 ||                    \
        mx_target(self, found[0], found[1], &target) < 0)                              \
      return NULL;                                                                     \
    return apply_unary(op, self, target);                                              \
  }

UNARY_METHOD(ceil, MX_CEIL)
UNARY_METHOD(floor, MX_FLOOR)
UNARY_METHOD(round, MX_ROUND)
UNARY_METHOD(negate, MX_NEGATE)
UNARY_METHOD(abs, MX_ABS)
UNARY_METHOD(sqrt, MX_SQRT)
UNARY_METHOD(reciprocal, MX_RECIPROCAL)
UNARY_METHOD(sign, MX_SIGN)
UNARY_METHOD(isnan, MX_ISNAN)
UNARY_METHOD(isinf, MX_ISINF)
UNARY_METHOD(isfinite, MX_ISFINITE)
UNARY_METHOD(cos, MX_COS)
UNARY_METHOD(sin, MX_SIN)
UNARY_METHOD(exp, MX_EXP)
UNARY_METHOD(log, MX_LOG)
UNARY_METHOD(tanh, MX_TANH)
UNARY_METHOD(log1p, MX_LOG1P)
UNARY_METHOD(expm1, MX_EXPM1)

PyObject *mx_matrix_negative(PyObject *self) {
  return apply_unary(MX_NEGATE, self, NULL);
}
PyObject *mx_matrix_absolute(PyObject *self) { return apply_unary(MX_ABS, self, NULL); }

/* ---- with parameters ------------------------------------------------------------- */

/* Calls `work(context, in, out, count)` with the numbers of self and of the result. */
typedef void (*worker)(const void *context, const double *in, double *out,
                       size_t count);

static PyObject *apply_with(worker work, const void *context, PyObject *self,
                            mx_block *block, PyObject *target) {
  mx_result result;
  if (mx_result_open(&result, Py_TYPE(self), target, block->rows, block->columns) < 0)
    return NULL;
  MX_BEGIN_WORK(mx_block_size(block))
  work(context, block->data, result.block->data, mx_block_size(block));
  MX_END_WORK()
  return mx_result_close(&result, false);
}

typedef struct bounds {
  double low, high;
} bounds;

static void clip_block(const void *context, const double *in, double *out,
                       size_t count) {
  const bounds *b = context;
  mx_kernel.clip(in, b->low, b->high, out, count);
}

static int bound_of(PyObject *object, double *out_bound) {
  *out_bound = NAN;
  return !object || object == Py_None ? 0 : mx_number(object, out_bound);
}

PyObject *mx_matrix_clip(PyObject *self, PyObject *const *args, Py_ssize_t count,
                         PyObject *names) {
  PyObject *found[4], *target;
  bounds b;
  MX_SIGNATURE("clip", 0, 0, 2, "min", "max", "in_place", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0)
    return NULL;
  if ((!found[0] || found[0] == Py_None) && (!found[1] || found[1] == Py_None)) {
    PyErr_SetString(PyExc_ValueError, "clip: must provide min and/or max");
    return NULL;
  }
  if (bound_of(found[0], &b.low) < 0 || bound_of(found[1], &b.high) < 0 ||
      mx_target(self, found[2], found[3], &target) < 0)
    return NULL;
  if (b.high < b.low) {
    PyErr_SetString(PyExc_AssertionError, "clip: max is less than min");
    return NULL;
  }
  mx_block *block = mx_matrix_pin(self);
  PyObject *result = block ? apply_with(clip_block, &b, self, block, target) : NULL;
  mx_block_drop(block);
  return result;
}

/* ---- bin ------------------------------------------------------------------------- */

typedef struct bins {
  double low, high, count;
  bool right;
} bins;

static double bin_of(const bins *b, double x) {
  if (x != x)
    return -1.0;
  if (!(b->high > b->low) || x <= b->low || !isfinite(b->high - b->low))
    return 0.0; /* the range is empty or infinite, or x is at its lower end */
  if (x >= b->high)
    return b->count - 1.0;
  double width = (b->high - b->low) / b->count, at = (x - b->low) / width;
  double bin = floor(at);
  if (b->right && bin == at && bin > 0.0)
    bin -= 1.0;
  return bin > b->count - 1.0 ? b->count - 1.0 : bin;
}

static void bin_numbers(const void *context, const double *in, double *out,
                        size_t count) {
  for (size_t i = 0; i < count; i++)
    out[i] = bin_of(context, in[i]);
}

/* The range of the numbers that are no NaN, if there are any. */
static void range_of(const mx_block *block, double *low, double *high) {
  *low = INFINITY;
  *high = -INFINITY;
  for (size_t i = 0; i < mx_block_size(block); i++) {
    double x = block->data[i];
    *low = x < *low ? x : *low;
    *high = x > *high ? x : *high;
  }
}

static int given_bounds(PyObject *object, bins *b) {
  PyObject *pair = NULL;
  int status = -1;
  if (PyTuple_Check(object) || PyList_Check(object))
    pair = PySequence_Tuple(object);
  else
    PyErr_Format(PyExc_TypeError, "bounds must be a (min, max) pair, not %.200s",
                 Py_TYPE(object)->tp_name);
  if (pair && PyTuple_GET_SIZE(pair) != 2)
    PyErr_Format(PyExc_ValueError, "bounds must be a (min, max) pair, not %zd numbers",
                 PyTuple_GET_SIZE(pair));
  else if (pair && mx_number(PyTuple_GET_ITEM(pair, 0), &b->low) == 0 &&
           mx_number(PyTuple_GET_ITEM(pair, 1), &b->high) == 0)
    status = 0;
  Py_XDECREF(pair);
  if (status == 0 && !(isfinite(b->low) && isfinite(b->high) && b->low <= b->high)) {
    PyErr_SetString(PyExc_ValueError, "bounds must be finite, with min <= max");
    status = -1;
  }
  return status;
}

PyObject *mx_matrix_bin(PyObject *self, PyObject *const *args, Py_ssize_t count,
                        PyObject *names) {
  PyObject *found[5], *target;
  bins b = {0};
  Py_ssize_t number;
  MX_SIGNATURE("bin", 1, 0, 1, "bins", "bounds", "right", "in_place", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_integer(found[0], &number) < 0)
    return NULL;
  if (number < 1) {
    PyErr_Format(PyExc_ValueError, "bins must be >= 1, not %zd", number);
    return NULL;
  }
  bool given = found[1] && found[1] != Py_None;
  b.count = (double)number;
  if ((given && given_bounds(found[1], &b) < 0) || mx_truth(found[2], &b.right) < 0 ||
      mx_target(self, found[3], found[4], &target) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block && !given)
    range_of(block, &b.low, &b.high);
  PyObject *result = block ? apply_with(bin_numbers, &b, self, block, target) : NULL;
  mx_block_drop(block);
  return result;
}

/* ---- digitize -------------------------------------------------------------------- */

typedef struct edges {
  const double *at;
  size_t count;
  bool right;
} edges;

/* How many edges are <= x (right: < x): a binary search. */
static double digit_of(const edges *e, double x) {
  size_t low = 0, high = e->count;
  if (x != x)
    return -1.0;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (e->right ? e->at[middle] < x : e->at[middle] <= x)
      low = middle + 1;
    else
      high = middle;
  }
  return (double)low;
}

static void digitize_numbers(const void *context, const double *in, double *out,
                             size_t count) {
  for (size_t i = 0; i < count; i++)
    out[i] = digit_of(context, in[i]);
}

static int check_edges(const mx_operand *operand) {
  if (operand->rows != 1 && operand->columns != 1) {
    PyErr_Format(PyExc_ValueError, "edges must be a vector, not %zux%zu", operand->rows,
                 operand->columns);
    return -1;
  }
  const double *at = operand->data;
  for (size_t i = 0; i < mx_operand_size(operand); i++)
    if (at[i] != at[i] || (i && !(at[i - 1] < at[i]))) {
      PyErr_SetString(PyExc_ValueError,
                      "edges must be strictly increasing and non-NaN");
      return -1;
    }
  return 0;
}

static PyObject *digitize_into(PyObject *self, mx_operand *operand, bool right,
                               PyObject *target) {
  edges e = {operand->data, mx_operand_size(operand), right};
  double *copy = mx_numbers_new(e.count);
  if (!copy)
    return NULL;
  for (size_t i = 0; i < e.count; i++)
    copy[i] = e.at[i]; /* `out` may be the edges */
  e.at = copy;
  mx_block *block = mx_matrix_pin(self);
  PyObject *result =
      block ? apply_with(digitize_numbers, &e, self, block, target) : NULL;
  mx_block_drop(block);
  mx_numbers_free(copy);
  return result;
}

PyObject *mx_matrix_digitize(PyObject *self, PyObject *const *args, Py_ssize_t count,
                             PyObject *names) {
  PyObject *found[4], *target, *result = NULL;
  mx_operand operand;
  bool right = false;
  MX_SIGNATURE("digitize", 1, 0, 1, "edges", "right", "in_place", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_truth(found[1], &right) < 0 ||
      mx_target(self, found[2], found[3], &target) < 0)
    return NULL;
  if (mx_is_number(found[0])) {
    PyErr_SetString(PyExc_TypeError, "edges must be a vector, not a number");
    return NULL;
  }
  if (mx_operand_need(&operand, found[0], "edges") < 0)
    return NULL;
  if (check_edges(&operand) == 0)
    result = digitize_into(self, &operand, right, target);
  mx_operand_release(&operand);
  return result;
}

/* ---- documentation --------------------------------------------------------------- */

/* Functions of one element: what the function is, the source of its algorithm, an
 * example. */
#define UNARY_DOC(name, text, source, example)                                         \
  const char mx_matrix_##name##_doc[] = #name                                          \
      "($self, *, in_place=False, out=None)\n--\n\n" text                              \
      "\n\nThe result has self's shape: a new Matrix, `out`, or, with in_place, "      \
      "self.\nValueError: out has another shape, or both are given.\n" source          \
      "\n>>> from bocpy import Matrix\n" example;

#define SOURCE(text) "\nSource: " text ".\n"
#define IN_VECTORS                                                                     \
  SOURCE("argument reduction and a polynomial, in vectors (Muller, Elementary\n"       \
         "Functions, 2016; Cody and Waite, Software Manual for the Elementary\n"       \
         "Functions, 1980); the C library's where there is no fused multiply-add")

UNARY_DOC(ceil, "The least integer not below each element.", "",
          ">>> Matrix(1, 2, [1.5, -1.5]).ceil()\n"
          "Matrix(1, 2, [2, -1])")
UNARY_DOC(floor, "The greatest integer not above each element.", "",
          ">>> Matrix(1, 2, [1.5, -1.5]).floor()\n"
          "Matrix(1, 2, [1, -2])")
UNARY_DOC(round, "The integer nearest to each element; halves go to the even one.",
          SOURCE("roundToIntegralTiesToEven of IEEE 754"),
          ">>> Matrix(1, 2, [0.5, 1.5]).round()\n"
          "Matrix(1, 2, [0, 2])")
UNARY_DOC(negate, "Each element with the other sign.", "",
          ">>> Matrix(1, 2, [1, -2]).negate()\n"
          "Matrix(1, 2, [-1, 2])")
UNARY_DOC(abs, "Each element without its sign.", "",
          ">>> Matrix(1, 2, [1, -2]).abs()\n"
          "Matrix(1, 2, [1, 2])")
UNARY_DOC(sqrt, "The square root of each element; NaN below 0.",
          SOURCE("squareRoot of IEEE 754, rounded correctly"),
          ">>> Matrix(1, 2, [4, 9]).sqrt()\n"
          "Matrix(1, 2, [2, 3])")
UNARY_DOC(reciprocal, "1 / element, for each element; infinite for 0.", "",
          ">>> Matrix(1, 2, [2, 4]).reciprocal()\n"
          "Matrix(1, 2, [0.5, 0.25])")
UNARY_DOC(sign, "-1, 0 or 1 for each element; 0 for a NaN.", "",
          ">>> Matrix(1, 2, [-3, 4]).sign()\n"
          "Matrix(1, 2, [-1, 1])")
UNARY_DOC(isnan, "1 for each NaN, else 0.", "",
          ">>> m = Matrix(1, 2, [3, float('nan')])\n"
          ">>> m.isnan()\n"
          "Matrix(1, 2, [0, 1])\n"
          ">>> Matrix.where(m.isnan(), 0, m)\n"
          "Matrix(1, 2, [3, 0])")
UNARY_DOC(isinf, "1 for each infinity of either sign, else 0.", "",
          ">>> Matrix(1, 3, [1, float('-inf'), float('nan')]).isinf()\n"
          "Matrix(1, 3, [0, 1, 0])")
UNARY_DOC(isfinite, "0 for each NaN or infinity, else 1.", "",
          ">>> m = Matrix(1, 3, [1, float('inf'), 5])\n"
          ">>> m.isfinite()\n"
          "Matrix(1, 3, [1, 0, 1])\n"
          ">>> m.mean(where=m.isfinite())\n"
          "3.0")
UNARY_DOC(cos, "The cosine of each element, in radians.", IN_VECTORS,
          ">>> Matrix(1, 1, [0]).cos()\n"
          "Matrix(1, 1, [1])")
UNARY_DOC(sin, "The sine of each element, in radians.", IN_VECTORS,
          ">>> Matrix(1, 1, [0]).sin()\n"
          "Matrix(1, 1, [0])")
UNARY_DOC(exp, "e to the power of each element.", IN_VECTORS,
          ">>> Matrix(1, 1, [0]).exp()\n"
          "Matrix(1, 1, [1])")
UNARY_DOC(
    log, "The natural logarithm of each element; NaN below 0, -inf for 0.",
    SOURCE(
        "argument reduction and a polynomial, in vectors (Muller, Elementary\n"
        "Functions, 2016; Cody and Waite, Software Manual for the Elementary\n"
        "Functions, 1980), with AVX-512 by table (Tang, Table-driven implementation\n"
        "of the logarithm function, ACM TOMS 16, 1990); the C library's where there\n"
        "is no fused multiply-add"),
    ">>> Matrix(1, 1, [1]).log()\n"
    "Matrix(1, 1, [0])")
UNARY_DOC(tanh, "The hyperbolic tangent of each element.", IN_VECTORS,
          ">>> Matrix(1, 1, [0]).tanh()\n"
          "Matrix(1, 1, [0])")
UNARY_DOC(log1p, "log(1 + element), for each element; accurate near 0.",
          SOURCE("the C library's log1p"),
          ">>> Matrix(1, 1, [0]).log1p()\n"
          "Matrix(1, 1, [0])")
UNARY_DOC(expm1, "exp(element) - 1, for each element; accurate near 0.",
          SOURCE("the C library's expm1"),
          ">>> Matrix(1, 1, [0]).expm1()\n"
          "Matrix(1, 1, [0])")

const char mx_matrix_clip_doc[] =
    "clip($self, min=None, max=None, *, in_place=False, out=None)\n"
    "--\n"
    "\n"
    "Elements below min become min, those above max become max; NaNs stay.\n"
    "\n"
    "The result has self's shape: a new Matrix, `out`, or, with in_place, self.\n"
    "ValueError: out has another shape, or both are given. ValueError: neither\n"
    "bound is given; AssertionError: max < min.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [-5, 1, 5]).clip(0, 3)\n"
    "Matrix(1, 3, [0, 1, 3])";

const char mx_matrix_bin_doc[] =
    "bin($self, bins, *, bounds=None, right=False, in_place=False, out=None)\n"
    "--\n"
    "\n"
    "The number of the bin that each element falls into: `bins` of them, equally\n"
    "wide, between bounds (min, max), by default the least and the greatest\n"
    "element. Elements outside fall into the first or the last, a NaN into -1.\n"
    "right=True: an element on a boundary falls into the lower bin.\n"
    "\n"
    "The result has self's shape: a new Matrix, `out`, or, with in_place, self.\n"
    "ValueError: out has another shape, or both are given. ValueError: bins < 1, or\n"
    "bounds that are not finite or not in order.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [0, 4, 10]).bin(5)\n"
    "Matrix(1, 3, [0, 2, 4])";

const char mx_matrix_digitize_doc[] =
    "digitize($self, edges, *, right=False, in_place=False, out=None)\n"
    "--\n"
    "\n"
    "How many of the edges are <= each element (right=True: < it); -1 for a NaN.\n"
    "\n"
    "The result has self's shape: a new Matrix, `out`, or, with in_place, self.\n"
    "ValueError: out has another shape, or both are given. ValueError: no edges, or\n"
    "edges that do not strictly increase.\n"
    "\n"
    "Source: binary search (Knuth, The Art of Computer Programming 3, 6.2.1).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [0, 4, 10]).digitize([1, 5])\n"
    "Matrix(1, 3, [0, 1, 2])";
