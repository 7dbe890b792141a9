/* Index: m[key] and m[key] = value for integers and slices; for lists, see
 * fancy_indexing.c. */
#include "index.h"

#include <string.h>

#include "../view/view.h"
#include "buffer.h"
#include "fancy_indexing.h"
#include "methods.h"
#include "operand.h"

/* ---- keys ------------------------------------------------------------------------ */

/* Refuses a key that is neither integer nor slice. A matrix is refused, too, since its
 * numbers could mean a mask or indices. */
static int refuse_key(PyObject *key) {
  const char *instead =
      mx_has_numbers(key)
          ? ": for a mask, Matrix.where(mask, a, m) chooses elements, and where=mask "
            "in sum() and its like; for indices there are take() and put()"
          : "";
  PyErr_Format(PyExc_TypeError, "Key must be a long or a slice, not %.200s%s",
               Py_TYPE(key)->tp_name, instead);
  return -1;
}

int mx_key_part_of(PyObject *key, mx_key_part *out_part) {
  *out_part = (mx_key_part){.start = 0, .stop = PY_SSIZE_T_MAX, .step = 1};
  if (!key)
    return 0;
  if (PySlice_Check(key))
    return PySlice_Unpack(key, &out_part->start, &out_part->stop, &out_part->step);
  out_part->single = true;
  if (!PyIndex_Check(key))
    return refuse_key(key);
  int status = mx_integer(key, &out_part->index);
  /* Arrays have __index__, which fails unless they have one element. */
  if (status < 0 && mx_has_numbers(key) && PyErr_ExceptionMatches(PyExc_TypeError)) {
    PyErr_Clear();
    return refuse_key(key);
  }
  return status;
}

int mx_key_part_fit(const mx_key_part *part, size_t length, const char *what,
                    mx_range *out_range) {
  if (part->single) {
    Py_ssize_t index = part->index + (part->index < 0 ? (Py_ssize_t)length : 0);
    *out_range = (mx_range){(size_t)index, 1, 1, true};
    if (index >= 0 && (size_t)index < length)
      return 0;
    PyErr_Format(PyExc_IndexError, "%s index %zd is out of range for %zu %s%s", what,
                 part->index, length, what, length == 1 ? "" : "s");
    return -1;
  }
  Py_ssize_t start = part->start, stop = part->stop;
  Py_ssize_t count =
      PySlice_AdjustIndices((Py_ssize_t)length, &start, &stop, part->step);
  *out_range = (mx_range){(size_t)start, (size_t)count, part->step, false};
  if (count > 0)
    return 0;
  PyErr_Format(PyExc_IndexError,
               "the slice selects no %s of %zu, and a matrix has one at least", what,
               length);
  return -1;
}

/* A key of integers and slices as two ranges. */
typedef struct selection {
  mx_range rows, columns;
} selection;

static int parts_of(PyObject *key, mx_key_part *rows, mx_key_part *columns) {
  if (!PyTuple_Check(key))
    return mx_key_part_of(key, rows) < 0 || mx_key_part_of(NULL, columns) < 0 ? -1 : 0;
  if (PyTuple_GET_SIZE(key) != 2) {
    PyErr_Format(PyExc_KeyError,
                 "a key has one part (rows) or two (rows, columns), not %zd",
                 PyTuple_GET_SIZE(key));
    return -1;
  }
  return mx_key_part_of(PyTuple_GET_ITEM(key, 0), rows) < 0 ||
                 mx_key_part_of(PyTuple_GET_ITEM(key, 1), columns) < 0
             ? -1
             : 0;
}

static int fit_operand(const mx_key_part *rows, const mx_key_part *columns,
                       const mx_block *block, selection *out) {
  return mx_key_part_fit(rows, block->rows, "row", &out->rows) < 0 ||
                 mx_key_part_fit(columns, block->columns, "column", &out->columns) < 0
             ? -1
             : 0;
}

/* m[i, j] with two ints: the most frequent key. */
static inline bool is_pair_of_ints(PyObject *key) {
  return PyTuple_CheckExact(key) && PyTuple_GET_SIZE(key) == 2 &&
         PyLong_CheckExact(PyTuple_GET_ITEM(key, 0)) &&
         PyLong_CheckExact(PyTuple_GET_ITEM(key, 1));
}

static int offset_of(PyObject *key, const mx_block *block, size_t *out_offset) {
  Py_ssize_t row = PyLong_AsSsize_t(PyTuple_GET_ITEM(key, 0));
  if (row == -1 && PyErr_Occurred())
    return -1;
  Py_ssize_t column = PyLong_AsSsize_t(PyTuple_GET_ITEM(key, 1));
  if (column == -1 && PyErr_Occurred())
    return -1;
  size_t r = (size_t)(row < 0 ? row + (Py_ssize_t)block->rows : row);
  size_t c = (size_t)(column < 0 ? column + (Py_ssize_t)block->columns : column);
  if (MX_LIKELY(r < block->rows && c < block->columns)) {
    *out_offset = r * block->columns + c;
    return 0;
  }
  PyErr_Format(PyExc_IndexError,
               "index (%zd, %zd) is out of range for a %zux%zu matrix", row, column,
               block->rows, block->columns);
  return -1;
}

/* ---- get ------------------------------------------------------------------------- */

static void copy_out(const mx_block *block, const selection *s, double *to) {
  for (size_t i = 0; i < s->rows.count; i++, to += s->columns.count) {
    const double *row = block->data + mx_range_at(&s->rows, i) * block->columns;
    if (s->columns.step == 1) {
      memcpy(to, row + s->columns.start, s->columns.count * sizeof(double));
      continue;
    }
    for (size_t j = 0; j < s->columns.count; j++)
      to[j] = row[mx_range_at(&s->columns, j)];
  }
}

/* Adjacent rows are copied as one piece of memory. */
static bool is_one_piece(const mx_block *block, const selection *s) {
  return s->rows.step == 1 && s->columns.step == 1 &&
         s->columns.count == block->columns;
}

static PyObject *get_selection(PyObject *self, const mx_block *block,
                               const selection *s) {
  size_t count = s->rows.count * s->columns.count;
  mx_block *copy = mx_block_new(s->rows.count, s->columns.count);
  if (!copy)
    return NULL;
  const double *first = block->data + s->rows.start * block->columns;
  MX_BEGIN_WORK(count)
  if (is_one_piece(block, s))
    memcpy(copy->data, first, count * sizeof(double));
  else
    copy_out(block, s, copy->data);
  MX_END_WORK()
  return mx_matrix_wrap(Py_TYPE(self), copy);
}

/* If all selectors are integers and one number is left, the result is a float. m[i] of
 * one column is such a number. */
static PyObject *get_by_parts(PyObject *self, const mx_block *block,
                              const mx_key_part *rows, const mx_key_part *columns,
                              bool row_alone) {
  selection s;
  if (fit_operand(rows, columns, block, &s) < 0)
    return NULL;
  if (s.rows.single && (s.columns.single || (row_alone && block->columns == 1)))
    return PyFloat_FromDouble(
        block->data[s.rows.start * block->columns + s.columns.start]);
  return get_selection(self, block, &s);
}

PyObject *mx_matrix_get(PyObject *self, PyObject *key) {
  mx_key_part rows, columns;
  bool pair = is_pair_of_ints(key);
  if (!pair && mx_is_fancy(key))
    return mx_fancy_get(self, key);
  if (!pair && parts_of(key, &rows, &columns) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self);
  PyObject *result = NULL;
  size_t offset;
  if (block && !pair)
    result = get_by_parts(self, block, &rows, &columns, !PyTuple_Check(key));
  else if (block && offset_of(key, block, &offset) == 0)
    result = PyFloat_FromDouble(block->data[offset]);
  mx_block_drop(block);
  return result;
}

PyObject *mx_matrix_row(PyObject *self, const mx_block *block, size_t row) {
  if (block->columns == 1)
    return PyFloat_FromDouble(block->data[row]);
  selection s = {{row, 1, 1, true}, mx_range_all(block->columns)};
  return get_selection(self, block, &s);
}

/* ---- set ------------------------------------------------------------------------- */

static void copy_in(mx_block *block, const selection *s, const mx_operand *value) {
  size_t step = value->columns == 1 ? 0 : 1;
  for (size_t i = 0; i < s->rows.count; i++) {
    double *row = block->data + mx_range_at(&s->rows, i) * block->columns;
    const double *from = mx_operand_row(value, i);
    if (s->columns.step == 1 && step) {
      memmove(row + s->columns.start, from, s->columns.count * sizeof(double));
      continue;
    }
    for (size_t j = 0; j < s->columns.count; j++)
      row[mx_range_at(&s->columns, j)] = from[step * j];
  }
}

/* A value with one dimension (a list, a view) can also fill a single column. */
static void turn_to_column(mx_operand *value, PyObject *object, const selection *s) {
  if (s->columns.count == 1 && s->rows.count > 1 && !mx_is_matrix(object) &&
      value->rows == 1 && value->columns == s->rows.count) {
    value->rows = value->columns;
    value->columns = 1;
  } else if (s->rows.count == 1 && mx_is_view(object) && value->columns == 1 &&
             value->rows == s->columns.count) {
    value->columns = value->rows;
    value->rows = 1;
  }
}

static int set_selection(mx_block *block, const selection *s, PyObject *object,
                         mx_operand *value) {
  turn_to_column(value, object, s);
  if ((value->rows != 1 && value->rows != s->rows.count) ||
      (value->columns != 1 && value->columns != s->columns.count)) {
    PyErr_Format(PyExc_ValueError,
                 "cannot assign a value of %zux%zu to a selection of %zux%zu",
                 value->rows, value->columns, s->rows.count, s->columns.count);
    return -1;
  }
  size_t count = s->rows.count * s->columns.count;
  if (value->pinned == block &&
      mx_operand_detach(value, block->data, block->rows, block->columns) < 0)
    return -1;
  MX_BEGIN_WORK(count)
  if (is_one_piece(block, s) && mx_operand_size(value) == count)
    memmove(block->data + s->rows.start * block->columns, value->data,
            count * sizeof(double));
  else
    copy_in(block, s, value);
  MX_END_WORK()
  return 0;
}

static int set_by_parts(PyObject *self, PyObject *key, PyObject *object,
                        mx_operand *value) {
  mx_key_part rows, columns;
  selection s;
  if (parts_of(key, &rows, &columns) < 0)
    return -1;
  mx_block *block = mx_matrix_pin(self);
  int status = block ? fit_operand(&rows, &columns, block, &s) : -1;
  if (status == 0)
    status = set_selection(block, &s, object, value);
  mx_block_drop(block);
  return status;
}

static int set_number(PyObject *self, PyObject *key, double number) {
  mx_block *block = mx_matrix_pin(self);
  size_t offset;
  int status = block ? offset_of(key, block, &offset) : -1;
  if (status == 0)
    block->data[offset] = number;
  mx_block_drop(block);
  return status;
}

int mx_matrix_assign(PyObject *self, PyObject *key, PyObject *value) {
  mx_operand operand;
  double number;
  if (!value) {
    PyErr_SetString(PyExc_TypeError,
                    "elements of a matrix cannot be deleted; assign 0 or make a "
                    "smaller matrix with m[rows, columns]");
    return -1;
  }
  if (is_pair_of_ints(key) && mx_is_number(value))
    return mx_number(value, &number) < 0 ? -1 : set_number(self, key, number);
  if (!is_pair_of_ints(key) && mx_is_fancy(key))
    return mx_fancy_set(self, key, value);
  if (mx_operand_need(&operand, value, "the value") < 0)
    return -1;
  int status = set_by_parts(self, key, value, &operand);
  mx_operand_release(&operand);
  return status;
}
