/* Fancy indexing: m[[i, ...]], take and put; and take and put of one
 * element of each row or column.
 *
 * All indices and the shape of the value are converted and checked before anything is
 * written: a refused call changes nothing. */
#include "fancy_indexing.h"

#include <math.h>
#include <string.h>

#include "buffer.h"
#include "methods.h"

/* ---- lists of indices ------------------------------------------------------------ */

typedef struct index_list {
  size_t *at;
  size_t count;
} index_list;

static int read_indices(PyObject *tuple, index_list *out) {
  for (size_t i = 0; i < out->count; i++) {
    Py_ssize_t index;
    PyObject *item = PyTuple_GET_ITEM(tuple, (Py_ssize_t)i);
    if (!PyIndex_Check(item)) {
      PyErr_Format(PyExc_TypeError, "index %zu must be an int, not %.200s", i,
                   Py_TYPE(item)->tp_name);
      return -1;
    }
    if (mx_integer(item, &index) < 0)
      return -1;
    out->at[i] = (size_t)index;
  }
  return 0;
}

static int refuse_index(size_t i, double number) {
  PyObject *object = PyFloat_FromDouble(number);
  if (object)
    PyErr_Format(PyExc_TypeError, "index %zu must be an integer, not %R", i, object);
  Py_XDECREF(object);
  return -1;
}

/* The numbers of a matrix, as argsort() gives them. */
static int indices_of_matrix(PyObject *matrix, index_list *out) {
  mx_block *block = mx_matrix_pin(matrix);
  if (!block)
    return -1;
  int status = 0;
  *out = (index_list){NULL, mx_block_size(block)};
  out->at = PyMem_RawMalloc(out->count * sizeof *out->at);
  if (!out->at) {
    PyErr_NoMemory();
    status = -1;
  }
  for (size_t i = 0; status == 0 && i < out->count; i++) {
    double number = block->data[i];
    if (number == floor(number) && fabs(number) < (double)PY_SSIZE_T_MAX)
      out->at[i] = (size_t)(Py_ssize_t)number;
    else
      status = refuse_index(i, number);
  }
  if (status < 0)
    PyMem_RawFree(out->at);
  mx_block_drop(block);
  return status;
}

/* Reads the indices unchecked: a negative one becomes as large as a size_t makes it. */
static int indices_of(PyObject *object, bool may_be_empty, index_list *out) {
  if (mx_is_matrix(object))
    return indices_of_matrix(object, out);
  if (!mx_is_row(object) && !(mx_has_numbers(object) && PySequence_Check(object))) {
    PyErr_Format(PyExc_TypeError,
                 "Indices must be specified as a list or a tuple of ints, or as a "
                 "Matrix or an array of them, not %.200s",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  PyObject *tuple = PySequence_Tuple(object);
  if (!tuple)
    return -1;
  int status = -1;
  *out = (index_list){NULL, (size_t)PyTuple_GET_SIZE(tuple)};
  if (out->count == 0 && !may_be_empty) {
    PyErr_SetString(PyExc_IndexError, "index sequence must not be empty");
  } else {
    out->at = PyMem_RawMalloc(out->count * sizeof *out->at);
    if (!out->at)
      PyErr_NoMemory();
    else
      status = read_indices(tuple, out);
  }
  if (status < 0)
    PyMem_RawFree(out->at);
  Py_DECREF(tuple);
  return status;
}

static int fit_indices(index_list *list, size_t length, const char *what) {
  for (size_t i = 0; i < list->count; i++) {
    Py_ssize_t index = (Py_ssize_t)list->at[i];
    if (index < 0)
      list->at[i] += length;
    if (list->at[i] < length)
      continue;
    PyErr_Format(PyExc_IndexError,
                 "%s index %zd out of range for dimension of size %zu", what, index,
                 length);
    return -1;
  }
  return 0;
}

static const char *name_of(mx_axis axis) { return axis == MX_DOWN ? "row" : "column"; }

static int fit_axis(index_list *list, const mx_block *block, mx_axis axis) {
  return fit_indices(list, axis == MX_DOWN ? block->rows : block->columns,
                     name_of(axis));
}

/* ---- rows and columns ------------------------------------------------------------ */

static void gather_lines(const mx_block *from, const index_list *list, mx_axis axis,
                         mx_block *to) {
  size_t width = from->columns;
  if (axis == MX_DOWN) {
    for (size_t i = 0; i < list->count; i++)
      memcpy(to->data + i * width, from->data + list->at[i] * width,
             width * sizeof(double));
    return;
  }
  double *out = to->data;
  for (size_t row = 0; row < from->rows; row++)
    for (size_t j = 0; j < list->count; j++)
      *out++ = from->data[row * width + list->at[j]];
}

/* The step of `value` is 0 for one number for all, 1 for one number for each. */
static void scatter_lines(mx_block *to, const index_list *list, mx_axis axis,
                          const double *value, size_t step, bool add) {
  size_t width = to->columns;
  if (axis == MX_DOWN) {
    for (size_t i = 0; i < list->count; i++)
      for (size_t j = 0; j < width; j++, value += step) {
        double *at = &to->data[list->at[i] * width + j];
        *at = add ? *at + *value : *value;
      }
    return;
  }
  for (size_t row = 0; row < to->rows; row++)
    for (size_t j = 0; j < list->count; j++, value += step) {
      double *at = &to->data[row * width + list->at[j]];
      *at = add ? *at + *value : *value;
    }
}

static int refuse_alias(const mx_block *out, const mx_block *from) {
  if (out != from)
    return 0;
  PyErr_SetString(PyExc_ValueError, "out must not be the matrix that is read");
  return -1;
}

static PyObject *take_lines(PyObject *self, index_list *list, mx_axis axis,
                            PyObject *out) {
  mx_result result;
  mx_block *block = mx_matrix_pin(self);
  PyObject *made = NULL;
  if (block && fit_axis(list, block, axis) == 0) {
    size_t rows = axis == MX_DOWN ? list->count : block->rows;
    size_t columns = axis == MX_DOWN ? block->columns : list->count;
    if (mx_result_open(&result, Py_TYPE(self), out, rows, columns) == 0) {
      int status = refuse_alias(result.block, block);
      if (status == 0) {
        MX_BEGIN_WORK(rows * columns)
        gather_lines(block, list, axis, result.block);
        MX_END_WORK()
      }
      made = mx_result_close(&result, status < 0);
    }
  }
  mx_block_drop(block);
  return made;
}

/* The value that is assigned to a selection by indices: a number, a 1x1 matrix, or a
 * matrix of the selection's shape, which is copied if it is the matrix that is written.
 */
typedef struct fancy_value {
  double number;
  mx_block *block;
  double *copy;
  const double *data;
  size_t step;
} fancy_value;

static int value_take(fancy_value *value, PyObject *object) {
  *value = (fancy_value){.data = NULL};
  if (mx_is_matrix(object)) {
    value->block = mx_matrix_pin(object);
    return value->block ? 0 : -1;
  }
  if (mx_is_number(object))
    return mx_number(object, &value->number);
  PyErr_Format(PyExc_TypeError, "value must be a Matrix or a real number, not %.200s",
               Py_TYPE(object)->tp_name);
  return -1;
}

static int value_fit(fancy_value *value, const mx_block *to, size_t rows,
                     size_t columns) {
  const mx_block *from = value->block;
  value->data = from ? from->data : &value->number;
  value->step = from && mx_block_size(from) > 1;
  if (from && mx_block_size(from) > 1 &&
      (from->rows != rows || from->columns != columns)) {
    PyErr_Format(PyExc_ValueError,
                 "value shape %zux%zu does not match the selection %zux%zu", from->rows,
                 from->columns, rows, columns);
    return -1;
  }
  if (from != to)
    return 0;
  size_t count = mx_block_size(from);
  value->copy = mx_numbers_new(count);
  if (!value->copy)
    return -1;
  memcpy(value->copy, from->data, count * sizeof(double));
  value->data = value->copy;
  return 0;
}

static void value_release(fancy_value *value) {
  mx_block_drop(value->block);
  mx_numbers_free(value->copy);
}

static int put_checked(mx_block *block, index_list *list, mx_axis axis,
                       fancy_value *value, bool add) {
  if (fit_axis(list, block, axis) < 0)
    return -1;
  size_t rows = axis == MX_DOWN ? list->count : block->rows;
  size_t columns = axis == MX_DOWN ? block->columns : list->count;
  if (value_fit(value, block, rows, columns) < 0)
    return -1;
  scatter_lines(block, list, axis, value->data, value->step, add);
  return 0;
}

static int put_lines(PyObject *self, index_list *list, mx_axis axis, PyObject *object,
                     bool add) {
  fancy_value value;
  if (value_take(&value, object) < 0)
    return -1;
  mx_block *block = mx_matrix_pin(self);
  int status = block ? put_checked(block, list, axis, &value, add) : -1;
  mx_block_drop(block);
  value_release(&value);
  return status;
}

/* ---- [] -------------------------------------------------------------------------- */

bool mx_is_fancy(PyObject *key) {
  if (!PyTuple_Check(key) || PyTuple_GET_SIZE(key) != 2)
    return PyList_Check(key);
  return PyList_Check(PyTuple_GET_ITEM(key, 0)) ||
         PyList_Check(PyTuple_GET_ITEM(key, 1));
}

static bool is_whole_slice(PyObject *key) {
  return PySlice_Check(key) && ((PySliceObject *)key)->start == Py_None &&
         ((PySliceObject *)key)->stop == Py_None &&
         ((PySliceObject *)key)->step == Py_None;
}

static int fancy_key(PyObject *key, index_list *out_list, mx_axis *out_axis) {
  PyObject *list = key;
  *out_axis = MX_DOWN;
  if (PyTuple_Check(key)) {
    PyObject *rows = PyTuple_GET_ITEM(key, 0), *columns = PyTuple_GET_ITEM(key, 1);
    list = is_whole_slice(columns) ? rows : is_whole_slice(rows) ? columns : NULL;
    *out_axis = is_whole_slice(columns) ? MX_DOWN : MX_ALONG;
  }
  if (list)
    return indices_of(list, false, out_list);
  PyErr_SetString(
      PyExc_IndexError,
      "lists select as m[[rows]], m[[rows], :] or m[:, [columns]]; use take() "
      "for other selections");
  return -1;
}

PyObject *mx_fancy_get(PyObject *self, PyObject *key) {
  index_list list;
  mx_axis axis;
  if (fancy_key(key, &list, &axis) < 0)
    return NULL;
  PyObject *result = take_lines(self, &list, axis, NULL);
  PyMem_RawFree(list.at);
  return result;
}

int mx_fancy_set(PyObject *self, PyObject *key, PyObject *value) {
  index_list list;
  mx_axis axis;
  if (fancy_key(key, &list, &axis) < 0)
    return -1;
  int status = put_lines(self, &list, axis, value, false);
  PyMem_RawFree(list.at);
  return status;
}

/* ---- methods --------------------------------------------------------------------- */

PyObject *mx_matrix_take(PyObject *self, PyObject *const *args, Py_ssize_t count,
                         PyObject *names) {
  PyObject *found[3];
  index_list list;
  mx_axis axis;
  MX_SIGNATURE("take", 1, 0, 2, "indices", "axis", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_line_axis_of(found[1], &axis) < 0 || indices_of(found[0], false, &list) < 0)
    return NULL;
  PyObject *result = take_lines(self, &list, axis, found[2]);
  PyMem_RawFree(list.at);
  return result;
}

PyObject *mx_matrix_put(PyObject *self, PyObject *const *args, Py_ssize_t count,
                        PyObject *names) {
  PyObject *found[4];
  index_list list;
  mx_axis axis;
  bool add = false;
  MX_SIGNATURE("put", 2, 0, 4, "indices", "value", "axis", "accumulate");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_line_axis_of(found[2], &axis) < 0 || mx_truth(found[3], &add) < 0 ||
      indices_of(found[0], false, &list) < 0)
    return NULL;
  int status = put_lines(self, &list, axis, found[1], add);
  PyMem_RawFree(list.at);
  return status < 0 ? NULL : Py_NewRef(self);
}

/* ---- one element of each line ---------------------------------------------------- */

/* One index for each column (axis 0) or row (axis 1). */
static int count_along(const index_list *list, const mx_block *block, mx_axis axis,
                       const char *function) {
  size_t lines = axis == MX_DOWN ? block->columns : block->rows;
  if (list->count == lines)
    return 0;
  PyErr_Format(PyExc_ValueError,
               "%s on axis %d expects %zu indices (one per %s), got %zu", function,
               (int)axis, lines, axis == MX_DOWN ? "column" : "row", list->count);
  return -1;
}

static double *gather_along(const mx_block *block, const index_list *list, mx_axis axis,
                            size_t i) {
  return block->data + (axis == MX_DOWN ? list->at[i] * block->columns + i
                                        : i * block->columns + list->at[i]);
}

static PyObject *take_along(PyObject *self, index_list *list, mx_axis axis,
                            PyObject *out) {
  mx_result result;
  PyObject *made = NULL;
  mx_block *block = mx_matrix_pin(self);
  size_t rows = axis == MX_DOWN ? 1 : list->count;
  size_t columns = axis == MX_DOWN ? list->count : 1;
  if (block && count_along(list, block, axis, "take_along_axis") == 0 &&
      fit_axis(list, block, axis) == 0 &&
      mx_result_open(&result, Py_TYPE(self), out, rows, columns) == 0) {
    int status = refuse_alias(result.block, block);
    for (size_t i = 0; i < list->count && status == 0; i++)
      result.block->data[i] = *gather_along(block, list, axis, i);
    made = mx_result_close(&result, status < 0);
  }
  mx_block_drop(block);
  return made;
}

PyObject *mx_matrix_take_along_axis(PyObject *self, PyObject *const *args,
                                    Py_ssize_t count, PyObject *names) {
  PyObject *found[3];
  index_list list;
  mx_axis axis;
  MX_SIGNATURE("take_along_axis", 1, 0, 2, "indices", "axis", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_line_axis_of(found[1], &axis) < 0 || indices_of(found[0], true, &list) < 0)
    return NULL;
  PyObject *result = take_along(self, &list, axis, found[2]);
  PyMem_RawFree(list.at);
  return result;
}

static int put_along_checked(mx_block *block, index_list *list, mx_axis axis,
                             fancy_value *value, bool add) {
  size_t rows = axis == MX_DOWN ? 1 : list->count;
  size_t columns = axis == MX_DOWN ? list->count : 1;
  if (fit_axis(list, block, axis) < 0 ||
      count_along(list, block, axis, "put_along_axis") < 0 ||
      value_fit(value, block, rows, columns) < 0)
    return -1;
  for (size_t i = 0; i < list->count; i++) {
    double *at = gather_along(block, list, axis, i),
           number = value->data[i * value->step];
    *at = add ? *at + number : number;
  }
  return 0;
}

static int put_along(PyObject *self, index_list *list, mx_axis axis, PyObject *object,
                     bool add) {
  fancy_value value;
  if (value_take(&value, object) < 0)
    return -1;
  mx_block *block = mx_matrix_pin(self);
  int status = block ? put_along_checked(block, list, axis, &value, add) : -1;
  mx_block_drop(block);
  value_release(&value);
  return status;
}

PyObject *mx_matrix_put_along_axis(PyObject *self, PyObject *const *args,
                                   Py_ssize_t count, PyObject *names) {
  PyObject *found[4];
  index_list list;
  mx_axis axis;
  bool add = false;
  MX_SIGNATURE("put_along_axis", 2, 0, 4, "indices", "value", "axis", "accumulate");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_line_axis_of(found[2], &axis) < 0 || mx_truth(found[3], &add) < 0 ||
      indices_of(found[0], false, &list) < 0)
    return NULL;
  int status = put_along(self, &list, axis, found[1], add);
  PyMem_RawFree(list.at);
  return status < 0 ? NULL : Py_NewRef(self);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_take_doc[] =
    "take($self, indices, axis=0, *, out=None)\n"
    "--\n"
    "\n"
    "The rows (0) or columns (1) at these indices, a list, an array or a Matrix, as\n"
    "argsort() gives it: a Matrix of len(indices) rows or columns, or `out`.\n"
    "IndexError: an index out of range, or none; TypeError: an index that is no\n"
    "integer; KeyError: another axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2, [1, 2, 3, 4]).take([1, 1])\n"
    "Matrix(2, 2, [3, 4, 3, 4])";

const char mx_matrix_put_doc[] =
    "put($self, indices, value, axis=0, accumulate=False)\n"
    "--\n"
    "\n"
    "Assigns to the rows (0) or columns (1) at these indices, or, with accumulate,\n"
    "adds to them. Value is a number, or a Matrix of the selection's shape. All is\n"
    "checked before anything is written. Returns self. IndexError: an index out of\n"
    "range, or none; ValueError: value has another shape; KeyError: another axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 1, [1, 2]).put([0, 0], 5, accumulate=True)\n"
    "Matrix(2, 1, [11, 2])";

const char mx_matrix_take_along_axis_doc[] =
    "take_along_axis($self, indices, axis=0, *, out=None)\n"
    "--\n"
    "\n"
    "One element of each column (0: the indices are rows; 1 x columns) or of each\n"
    "row (1: they are columns; rows x 1), as a new Matrix, or `out`. ValueError:\n"
    "not one index for each; IndexError: an index out of range; KeyError: another\n"
    "axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> m = Matrix(2, 2, [1, 2, 4, 3])\n"
    ">>> m.take_along_axis(m.argmax(1), 1)\n"
    "Matrix(2, 1, [2, 4])";

const char mx_matrix_put_along_axis_doc[] =
    "put_along_axis($self, indices, value, axis=0, accumulate=False)\n"
    "--\n"
    "\n"
    "Assigns to, or, with accumulate, adds to one element of each column (0) or row\n"
    "(1). Value is a number, or a Matrix of one number for each. Returns self.\n"
    "ValueError: not one index for each, or value has another shape; IndexError: an\n"
    "index out of range; KeyError: another axis.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2).put_along_axis([0, 1], 7, 1)\n"
    "Matrix(2, 2, [7, 0, 0, 7])";
