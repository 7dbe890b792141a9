/* Matrix: see matrix.h. */
#include "matrix.h"

#include <string.h>

#include "../view/view.h"
#include "arithmetic.h"
#include "methods.h"
#include "operand.h"

void mx_matrix_refuse(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "The current interpreter does not own this matrix");
}

PyObject *mx_matrix_wrap(PyTypeObject *type, mx_block *block) {
  if (!block)
    return NULL;
  PyObject *self = type->tp_alloc(type, 0);
  if (self)
    ((mx_matrix *)self)->block = block;
  else
    mx_block_drop(block);
  return self;
}

void mx_matrix_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  mx_block_drop(((mx_matrix *)self)->block);
  type->tp_free(self);
  Py_DECREF(type);
}

int mx_matrix_replace(PyObject *object, mx_block *block) {
  mx_block *old;
  MX_LOCK(object);
  old = ((mx_matrix *)object)->block;
  if (old)
    ((mx_matrix *)object)->block = block;
  MX_UNLOCK();
  if (!old)
    mx_matrix_refuse();
  mx_block_drop(old ? old : block);
  return old ? 0 : -1;
}

/* ---- results --------------------------------------------------------------------- */

int mx_result_open(mx_result *result, PyTypeObject *type, PyObject *out, size_t rows,
                   size_t columns) {
  *result = (mx_result){.type = type};
  if (!out || out == Py_None) {
    result->block = mx_block_new(rows, columns);
    return result->block ? 0 : -1;
  }
  if (!mx_is_matrix(out)) {
    PyErr_Format(PyExc_TypeError, "out must be a Matrix, not %.200s",
                 Py_TYPE(out)->tp_name);
    return -1;
  }
  mx_block *block = mx_matrix_pin(out);
  if (!block)
    return -1;
  if (block->rows != rows || block->columns != columns) {
    PyErr_Format(PyExc_ValueError, "out shape %zux%zu does not match result %zux%zu",
                 block->rows, block->columns, rows, columns);
    mx_block_drop(block);
    return -1;
  }
  result->object = out;
  result->block = block;
  return 0;
}

PyObject *mx_result_close(mx_result *result, bool failed) {
  if (!failed && !result->object)
    return mx_matrix_wrap(result->type, result->block);
  mx_block_drop(result->block);
  return failed ? NULL : Py_NewRef(result->object);
}

int mx_target(PyObject *self, PyObject *in_place, PyObject *out,
              PyObject **out_target) {
  bool inside = false;
  if (mx_truth(in_place, &inside) < 0)
    return -1;
  *out_target = inside ? self : out == Py_None ? NULL : out;
  if (inside && out && out != Py_None) {
    PyErr_SetString(PyExc_ValueError, "out and in_place are mutually exclusive");
    return -1;
  }
  return 0;
}

int mx_mask_pin(PyObject *mask, const mx_block *block, mx_block **out_mask) {
  *out_mask = NULL;
  if (!mask || mask == Py_None)
    return 0;
  if (!mx_is_matrix(mask)) {
    PyErr_Format(PyExc_TypeError, "where must be a Matrix mask, not %.200s",
                 Py_TYPE(mask)->tp_name);
    return -1;
  }
  mx_block *pinned = mx_matrix_pin(mask);
  if (!pinned)
    return -1;
  if (pinned->rows != block->rows || pinned->columns != block->columns) {
    PyErr_Format(PyExc_ValueError,
                 "where mask shape %zux%zu does not match matrix shape %zux%zu",
                 pinned->rows, pinned->columns, block->rows, block->columns);
    mx_block_drop(pinned);
    return -1;
  }
  *out_mask = pinned;
  return 0;
}

/* ---- attributes ------------------------------------------------------------------ */

static PyObject *get_size_of(PyObject *self, void *which) {
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return NULL;
  size_t sizes[] = {block->rows, block->columns, mx_block_size(block)};
  mx_block_drop(block);
  return PyLong_FromSize_t(sizes[(uintptr_t)which]);
}

static PyObject *get_shape(PyObject *self, void *unused) {
  (void)unused;
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return NULL;
  size_t rows = block->rows, columns = block->columns;
  mx_block_drop(block);
  return Py_BuildValue("nn", (Py_ssize_t)rows, (Py_ssize_t)columns);
}

static PyObject *get_acquired(PyObject *self, void *unused) {
  (void)unused;
  bool here;
  MX_LOCK(self);
  here = ((mx_matrix *)self)->block != NULL;
  MX_UNLOCK();
  return PyBool_FromLong(here);
}

static PyObject *get_transposed(PyObject *self, void *unused) {
  (void)unused;
  return mx_matrix_transposed(self);
}

static PyObject *get_length(PyObject *self, void *unused) {
  (void)unused;
  return mx_matrix_magnitude(self, NULL, 0, NULL);
}

static const char *const letters[] = {"x", "y", "z", "w"};

static int check_letter(const mx_block *block, uintptr_t index) {
  if (index < mx_block_size(block))
    return 0;
  PyErr_Format(PyExc_IndexError, "a matrix of %zu element%s has no %s",
               mx_block_size(block), mx_block_size(block) == 1 ? "" : "s",
               letters[index]);
  return -1;
}

static PyObject *get_letter(PyObject *self, void *which) {
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return NULL;
  PyObject *number = check_letter(block, (uintptr_t)which) < 0
                         ? NULL
                         : PyFloat_FromDouble(block->data[(uintptr_t)which]);
  mx_block_drop(block);
  return number;
}

static int set_letter(PyObject *self, PyObject *value, void *which) {
  double number;
  if (!value) {
    PyErr_Format(PyExc_TypeError, "%s cannot be deleted", letters[(uintptr_t)which]);
    return -1;
  }
  if (mx_number(value, &number) < 0)
    return -1;
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return -1;
  int status = check_letter(block, (uintptr_t)which);
  if (status == 0)
    block->data[(uintptr_t)which] = number;
  mx_block_drop(block);
  return status;
}

static Py_ssize_t matrix_length(PyObject *self) {
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return -1;
  Py_ssize_t rows = (Py_ssize_t)block->rows;
  mx_block_drop(block);
  return rows;
}

PyObject *mx_matrix_float(PyObject *self) {
  mx_operand operand;
  PyObject *number = NULL;
  if (mx_operand_need(&operand, self, "self") < 0)
    return NULL;
  if (mx_operand_size(&operand) == 1)
    number = PyFloat_FromDouble(*operand.data);
  else
    PyErr_Format(PyExc_TypeError,
                 "only a matrix of one element can be a float, not one of %zux%zu",
                 operand.rows, operand.columns);
  mx_operand_release(&operand);
  return number;
}

static const char rows_doc[] =
    "The number of rows, an int. RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 3).rows\n"
    "2";

static const char columns_doc[] =
    "The number of columns, an int. RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 3).columns\n"
    "3";

static const char size_doc[] =
    "The number of elements, an int. RuntimeError: the matrix has moved\n"
    "elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 3).size\n"
    "6";

static const char shape_doc[] =
    "The tuple (rows, columns). RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 3).shape\n"
    "(2, 3)";

static const char T_doc[] =
    "A transposed copy: a new Matrix of columns x rows. RuntimeError: the matrix\n"
    "has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [1, 2]).T\n"
    "Matrix(2, 1, [1, 2])";

static const char length_doc[] =
    "The Euclidean length of all elements, as of a vector: the float that\n"
    "magnitude() gives. RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 2, [3, 4]).length\n"
    "5.0";

static const char acquired_doc[] =
    "Whether the elements are here, a bool. False once the matrix has been given\n"
    "away: put into a cown, sent, or returned by a behavior. It raises no errors.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> from bocpy import Cown\n"
    ">>> m = Matrix(1, 2)\n"
    ">>> c = Cown(m)\n"
    ">>> m.acquired\n"
    "False";

static const char view_doc[] =
    "Makes views that share the elements: m.view[i], m.view[i, a:b] (1 x their\n"
    "number), m.view[a:b, j] (their number x 1). TypeError: neither is a single\n"
    "row or column; IndexError: no such row or column, or an empty slice;\n"
    "RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> m = Matrix(2, 2, [1, 2, 3, 4])\n"
    ">>> m.view[:, 0][:] = [5, 6]\n"
    ">>> m\n"
    "Matrix(2, 2, [5, 2, 6, 4])";

#define LETTER(name, ordinal, after)                                                   \
  static const char name##_doc[] =                                                     \
      "The " ordinal " element, row by row, a float; it can be assigned.\n"            \
      "IndexError: there are fewer elements; TypeError: what is assigned is no\n"      \
      "number; RuntimeError: the matrix has moved elsewhere.\n"                        \
      "\n"                                                                             \
      ">>> from bocpy import Matrix\n"                                                 \
      ">>> m = Matrix(2, 2, [1, 2, 3, 4])\n"                                           \
      ">>> m." #name " += 10\n"                                                        \
      ">>> m." #name "\n" after;

LETTER(x, "first", "11.0")
LETTER(y, "second", "12.0")
LETTER(z, "third", "13.0")
LETTER(w, "fourth", "14.0")

static PyGetSetDef attributes[] = {
    {"rows", get_size_of, NULL, rows_doc, (void *)0},
    {"columns", get_size_of, NULL, columns_doc, (void *)1},
    {"size", get_size_of, NULL, size_doc, (void *)2},
    {"shape", get_shape, NULL, shape_doc, NULL},
    {"T", get_transposed, NULL, T_doc, NULL},
    {"length", get_length, NULL, length_doc, NULL},
    {"acquired", get_acquired, NULL, acquired_doc, NULL},
    {"view", mx_view_indexer_of, NULL, view_doc, NULL},
    {"x", get_letter, set_letter, x_doc, (void *)0},
    {"y", get_letter, set_letter, y_doc, (void *)1},
    {"z", get_letter, set_letter, z_doc, (void *)2},
    {"w", get_letter, set_letter, w_doc, (void *)3},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- the type -------------------------------------------------------------------- */

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)mx_matrix_doc},
    {Py_tp_new, mx_matrix_new},
    {Py_tp_dealloc, mx_matrix_dealloc},
    {Py_tp_methods, mx_matrix_methods},
    {Py_tp_getset, attributes},
    {Py_tp_repr, mx_matrix_repr},
    {Py_tp_str, mx_matrix_str},
    {Py_tp_iter, mx_matrix_iter},
    {Py_tp_richcompare, mx_matrix_compare},
    {Py_tp_hash, PyObject_HashNotImplemented},
    {Py_mp_length, matrix_length},
    {Py_mp_subscript, mx_matrix_get},
    {Py_mp_ass_subscript, mx_matrix_assign},
    {Py_nb_add, mx_number_add},
    {Py_nb_subtract, mx_number_subtract},
    {Py_nb_multiply, mx_number_multiply},
    {Py_nb_true_divide, mx_number_divide},
    {Py_nb_power, mx_number_power},
    {Py_nb_matrix_multiply, mx_number_product},
    {Py_nb_inplace_add, mx_matrix_iadd},
    {Py_nb_inplace_subtract, mx_matrix_isubtract},
    {Py_nb_inplace_multiply, mx_matrix_imultiply},
    {Py_nb_inplace_true_divide, mx_matrix_idivide},
    {Py_nb_negative, mx_matrix_negative},
    {Py_nb_positive, mx_matrix_positive},
    {Py_nb_absolute, mx_matrix_absolute},
    {Py_nb_float, mx_matrix_float},
    {Py_bf_getbuffer, mx_matrix_get_buffer},
    {Py_bf_releasebuffer, mx_matrix_release_buffer},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "bocpy._math.Matrix",
    .basicsize = sizeof(mx_matrix),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

PyTypeObject *mx_matrix_make_type(PyObject *module) {
  return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_doc[] =
    "Matrix(rows, columns, values=None)\n"
    "--\n"
    "\n"
    "A matrix of floats: rows and columns of at least one element, in memory of its\n"
    "own.\n"
    "\n"
    "values: a number for all, a flat sequence of rows * columns numbers, row by\n"
    "row, or a buffer of as many (a NumPy array); zeros by default. Matrix(buffer)\n"
    "has the buffer's shape. A dimension below 1 is an AssertionError, other values\n"
    "a TypeError.\n"
    "\n"
    "Operators work on elements; @ is the matrix product. A Matrix, a MatrixView, a\n"
    "number, or a list stands on either side; a dimension of 1 is repeated to fit\n"
    "the other. m[i, j] is a float, m[i] a row, slices and lists of indices give\n"
    "copies, m.view[...] shares.\n"
    "\n"
    "In a cown a matrix moves to whoever has it without a copy; then it is gone\n"
    "where it was (`acquired` is False, and all else a RuntimeError).\n"
    "\n"
    "float(m) is the element of a matrix that has one, and a TypeError for others.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> m = Matrix(2, 2, [1, 2, 3, 4])\n"
    ">>> m @ m + 1\n"
    "Matrix(2, 2, [8, 11, 16, 23])\n"
    ">>> m.sum(), m.T[0], m[:, 1].max()\n"
    "(10.0, Matrix(1, 2, [1, 3]), 4.0)";
