/* View: see view.h. */
#include "view.h"

#include <string.h>

#include "../matrix/arithmetic.h"
#include "../matrix/index.h"
#include "../matrix/iterate.h"
#include "../matrix/methods.h"
#include "docs.h"

typedef struct view_object {
  PyObject_HEAD PyObject *matrix;
  size_t line; /* the number of the row or column */
  size_t start, count;
  ptrdiff_t step;
  size_t flips;   /* those of the matrix when the view was made */
  bool along_row; /* whether `line` was a row then */
  bool is_row;
  bool read_only;
} view_object;

static inline view_object *view_of(PyObject *self) { return (view_object *)self; }

PyObject *mx_view_matrix(PyObject *view) { return view_of(view)->matrix; }

static PyObject *view_alloc(PyTypeObject *type, const view_object *like) {
  PyObject *self = type->tp_alloc(type, 0);
  if (!self)
    return NULL;
  view_object *made = view_of(self);
  made->matrix = Py_NewRef(like->matrix);
  made->line = like->line;
  made->start = like->start;
  made->count = like->count;
  made->step = like->step;
  made->flips = like->flips;
  made->along_row = like->along_row;
  made->is_row = like->is_row;
  made->read_only = like->read_only;
  return self;
}

PyObject *mx_view_new(mx_state *state, PyObject *matrix, bool along_row, size_t line,
                      size_t start, size_t count, ptrdiff_t step, bool read_only) {
  mx_block *block = mx_matrix_pin(matrix);
  if (!block)
    return NULL;
  view_object like = {.matrix = matrix,
                      .line = line,
                      .start = start,
                      .count = count,
                      .step = step,
                      .flips = block->flips,
                      .along_row = along_row,
                      .is_row = along_row,
                      .read_only = read_only};
  mx_block_drop(block);
  return view_alloc(state->view, &like);
}

void mx_view_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_XDECREF(view_of(self)->matrix);
  type->tp_free(self);
  Py_DECREF(type);
}

int mx_view_pin(PyObject *self, mx_line *out_line) {
  const view_object *view = view_of(self);
  mx_block *block = mx_matrix_pin(view->matrix);
  if (!block)
    return -1;
  bool turned = (block->flips - view->flips) & 1;
  ptrdiff_t along = view->along_row != turned ? 1 : (ptrdiff_t)block->columns;
  ptrdiff_t across = view->along_row != turned ? (ptrdiff_t)block->columns : 1;
  *out_line = (mx_line){
      .block = block,
      .first =
          block->data + (ptrdiff_t)view->line * across + (ptrdiff_t)view->start * along,
      .count = view->count,
      .stride = view->step * along,
      .is_row = view->is_row,
  };
  return 0;
}

void mx_line_read(const mx_line *line, double *to) {
  if (line->stride == 1) {
    memcpy(to, line->first, line->count * sizeof(double));
    return;
  }
  for (size_t i = 0; i < line->count; i++)
    to[i] = line->first[(ptrdiff_t)i * line->stride];
}

PyTypeObject *mx_matrix_type_of(PyObject *left, PyObject *right) {
  if (mx_is_matrix(left))
    return Py_TYPE(left);
  if (mx_is_matrix(right))
    return Py_TYPE(right);
  return mx_state_of(Py_TYPE(mx_is_view(left) ? left : right))->matrix;
}

/* ---- making views ---------------------------------------------------------------- */

static PyObject *make_view(PyObject *matrix, const mx_key_part *rows,
                           const mx_key_part *columns, bool read_only) {
  mx_range r, c;
  mx_block *block = mx_matrix_pin(matrix);
  PyObject *view = NULL;
  mx_state *state = mx_state_of(Py_TYPE(matrix));
  if (block && mx_key_part_fit(rows, block->rows, "row", &r) == 0 &&
      mx_key_part_fit(columns, block->columns, "column", &c) == 0) {
    if (r.single)
      view = mx_view_new(state, matrix, true, r.start, c.start, c.count, c.step,
                         read_only);
    else
      view = mx_view_new(state, matrix, false, c.start, r.start, r.count, r.step,
                         read_only);
  }
  mx_block_drop(block);
  return view;
}

static PyObject *line_view(const mx_signature *signature, bool row, PyObject *self,
                           PyObject *const *args, Py_ssize_t count, PyObject *names) {
  PyObject *found[3];
  mx_key_part line, part;
  bool read_only = false;
  if (mx_arguments(signature, args, count, names, found) < 0)
    return NULL;
  line = (mx_key_part){.single = true};
  if (mx_integer(found[0], &line.index) < 0 ||
      mx_key_part_of(found[1] == Py_None ? NULL : found[1], &part) < 0 ||
      mx_truth(found[2], &read_only) < 0)
    return NULL;
  return row ? make_view(self, &line, &part, read_only)
             : make_view(self, &part, &line, read_only);
}

PyObject *mx_matrix_row_view(PyObject *self, PyObject *const *args, Py_ssize_t count,
                             PyObject *names) {
  MX_SIGNATURE("row_view", 1, 0, 2, "row", "columns", "read_only");
  return line_view(&signature_, true, self, args, count, names);
}

PyObject *mx_matrix_column_view(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                PyObject *names) {
  MX_SIGNATURE("column_view", 1, 0, 2, "column", "rows", "read_only");
  return line_view(&signature_, false, self, args, count, names);
}

/* ---- attributes ------------------------------------------------------------------ */

/* A view whose matrix has moved refuses everything. */
static int check_here(PyObject *self) {
  mx_line line;
  if (mx_view_pin(self, &line) < 0)
    return -1;
  mx_block_drop(line.block);
  return 0;
}

static PyObject *get_rows(PyObject *self, void *unused) {
  (void)unused;
  const view_object *view = view_of(self);
  return check_here(self) < 0 ? NULL
                              : PyLong_FromSize_t(view->is_row ? 1 : view->count);
}

static PyObject *get_columns(PyObject *self, void *unused) {
  (void)unused;
  const view_object *view = view_of(self);
  return check_here(self) < 0 ? NULL
                              : PyLong_FromSize_t(view->is_row ? view->count : 1);
}

static PyObject *get_size(PyObject *self, void *unused) {
  (void)unused;
  return check_here(self) < 0 ? NULL : PyLong_FromSize_t(view_of(self)->count);
}

static PyObject *view_get_shape(PyObject *self, void *unused) {
  (void)unused;
  Py_ssize_t count = (Py_ssize_t)view_of(self)->count, one = 1;
  bool row = view_of(self)->is_row;
  if (check_here(self) < 0)
    return NULL;
  return Py_BuildValue("nn", row ? one : count, row ? count : one);
}

static PyObject *get_is_row(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(view_of(self)->is_row);
}

static PyObject *get_read_only(PyObject *self, void *unused) {
  (void)unused;
  return PyBool_FromLong(view_of(self)->read_only);
}

static PyObject *view_get_transposed(PyObject *self, void *unused) {
  (void)unused;
  view_object like = *view_of(self);
  like.is_row = !like.is_row;
  return view_alloc(Py_TYPE(self), &like);
}

/* ---- elements -------------------------------------------------------------------- */

static int check_index(const mx_line *line, Py_ssize_t index, double **out_element) {
  Py_ssize_t at = index + (index < 0 ? (Py_ssize_t)line->count : 0);
  if (at < 0 || (size_t)at >= line->count) {
    PyErr_Format(PyExc_IndexError, "view index %zd is out of range for %zu element%s",
                 index, line->count, line->count == 1 ? "" : "s");
    return -1;
  }
  *out_element = line->first + at * line->stride;
  return 0;
}

static PyObject *get_element(PyObject *self, Py_ssize_t index) {
  mx_line line;
  double *element;
  if (mx_view_pin(self, &line) < 0)
    return NULL;
  PyObject *number =
      check_index(&line, index, &element) < 0 ? NULL : PyFloat_FromDouble(*element);
  mx_block_drop(line.block);
  return number;
}

static int refuse_write(PyObject *self) {
  if (!view_of(self)->read_only)
    return 0;
  PyErr_SetString(PyExc_TypeError, "cannot write to a read-only MatrixView");
  return -1;
}

static int set_element(PyObject *self, Py_ssize_t index, PyObject *value) {
  mx_line line;
  double number, *element;
  if (refuse_write(self) < 0 || mx_number(value, &number) < 0 ||
      mx_view_pin(self, &line) < 0)
    return -1;
  int status = check_index(&line, index, &element);
  if (status == 0)
    *element = number;
  mx_block_drop(line.block);
  return status;
}

static PyObject *view_get_letter(PyObject *self, void *which) {
  return get_element(self, (Py_ssize_t)(uintptr_t)which);
}

static int view_set_letter(PyObject *self, PyObject *value, void *which) {
  if (value)
    return set_element(self, (Py_ssize_t)(uintptr_t)which, value);
  PyErr_SetString(PyExc_TypeError, "elements of a view cannot be deleted");
  return -1;
}

/* ---- [] -------------------------------------------------------------------------- */

static int view_key_of(PyObject *key, mx_key_part *out_part) {
  if (PySlice_Check(key) || PyIndex_Check(key))
    return mx_key_part_of(key, out_part);
  PyErr_Format(PyExc_TypeError,
               "MatrixView is 1-D; index with a single int or slice, not %.200s",
               Py_TYPE(key)->tp_name);
  return -1;
}

static int slice_of(const view_object *view, const mx_key_part *part,
                    view_object *out) {
  mx_range range;
  if (mx_key_part_fit(part, view->count, "element", &range) < 0)
    return -1;
  *out = *view;
  out->start = (size_t)((ptrdiff_t)view->start + (ptrdiff_t)range.start * view->step);
  out->count = range.count;
  out->step = view->step * range.step;
  return 0;
}

static PyObject *view_get(PyObject *self, PyObject *key) {
  mx_key_part part;
  view_object like;
  if (view_key_of(key, &part) < 0)
    return NULL;
  if (part.single)
    return get_element(self, part.index);
  if (check_here(self) < 0 || slice_of(view_of(self), &part, &like) < 0)
    return NULL;
  return view_alloc(Py_TYPE(self), &like);
}

/* A number fills the line; any other value needs as many elements, in a row or a
 * column. */
static int view_write_line(const mx_line *line, mx_operand *value, bool number) {
  size_t size = mx_operand_size(value), step = number ? 0 : 1;
  if (!number && size != line->count) {
    PyErr_Format(PyExc_ValueError, "cannot assign %zu values to a view of length %zu",
                 size, line->count);
    return -1;
  }
  /* `detach` is given twice the block's size: so it copies any value in the block. */
  const mx_block *block = line->block;
  if (value->pinned == block &&
      mx_operand_detach(value, block->data, mx_block_size(block), 2) < 0)
    return -1;
  MX_BEGIN_WORK(line->count)
  if (line->stride == 1 && step)
    memcpy(line->first, value->data, line->count * sizeof(double));
  else
    for (size_t i = 0; i < line->count; i++)
      line->first[(ptrdiff_t)i * line->stride] = value->data[step * i];
  MX_END_WORK()
  return 0;
}

static int write_slice(PyObject *self, const mx_key_part *part, mx_operand *value,
                       bool number) {
  const view_object *view = view_of(self);
  view_object window;
  mx_line line;
  if (mx_view_pin(self, &line) < 0)
    return -1;
  int status = slice_of(view, part, &window);
  if (status == 0) {
    ptrdiff_t along = line.stride / view->step;
    line.first += ((ptrdiff_t)window.start - (ptrdiff_t)view->start) * along;
    line.count = window.count;
    line.stride = window.step * along;
    status = view_write_line(&line, value, number);
  }
  mx_block_drop(line.block);
  return status;
}

static int assign_slice(PyObject *self, const mx_key_part *part, PyObject *value) {
  mx_operand operand;
  if (mx_operand_need(&operand, value, "the value") < 0)
    return -1;
  int status = write_slice(self, part, &operand, mx_is_number(value));
  mx_operand_release(&operand);
  return status;
}

static int view_assign(PyObject *self, PyObject *key, PyObject *value) {
  mx_key_part part;
  if (!value) {
    PyErr_SetString(PyExc_TypeError, "elements of a view cannot be deleted");
    return -1;
  }
  if (view_key_of(key, &part) < 0 || refuse_write(self) < 0)
    return -1;
  return part.single ? set_element(self, part.index, value)
                     : assign_slice(self, &part, value);
}

static Py_ssize_t view_length(PyObject *self) {
  return check_here(self) < 0 ? -1 : (Py_ssize_t)view_of(self)->count;
}

/* ---- methods --------------------------------------------------------------------- */

PyObject *mx_view_copy(PyObject *self, PyObject *unused) {
  (void)unused;
  mx_line line;
  if (mx_view_pin(self, &line) < 0)
    return NULL;
  mx_block *copy =
      line.is_row ? mx_block_new(1, line.count) : mx_block_new(line.count, 1);
  MX_BEGIN_WORK(copy ? line.count : 0)
  if (copy)
    mx_line_read(&line, copy->data);
  MX_END_WORK()
  mx_block_drop(line.block);
  return mx_matrix_wrap(mx_state_of(Py_TYPE(self))->matrix, copy);
}

static PyObject *view_values(PyObject *self, PyObject *unused) {
  (void)unused;
  if (check_here(self) < 0)
    return NULL;
  return mx_iterator_new(mx_state_of(Py_TYPE(self)), self, MX_VALUES, false);
}

static PyObject *view_iter(PyObject *self) { return view_values(self, NULL); }

static PyObject *view_unary(PyObject *self, mx_unary op) {
  PyObject *copy = mx_view_copy(self, NULL);
  if (!copy)
    return NULL;
  mx_block *block = ((mx_matrix *)copy)->block;
  MX_BEGIN_WORK(mx_block_size(block))
  mx_kernel.unary[op](block->data, block->data, mx_block_size(block));
  MX_END_WORK()
  return copy;
}

static PyObject *view_negative(PyObject *self) { return view_unary(self, MX_NEGATE); }
static PyObject *view_absolute(PyObject *self) { return view_unary(self, MX_ABS); }
static PyObject *view_positive(PyObject *self) { return mx_view_copy(self, NULL); }

static PyObject *view_reduce(PyObject *self, PyObject *unused) {
  (void)self;
  (void)unused;
  PyErr_SetString(PyExc_TypeError,
                  "a MatrixView is a window on another matrix and cannot be pickled or "
                  "shipped: call .copy()");
  return NULL;
}

static PyMethodDef methods[] = {
    {"copy", mx_view_copy, METH_NOARGS, mx_view_copy_doc},
    {"values", view_values, METH_NOARGS, mx_view_values_doc},
    {"__format__", mx_matrix_format, METH_O, mx_matrix_format_doc},
    {"__reduce__", view_reduce, METH_NOARGS, mx_view_reduce_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"rows", get_rows, NULL, mx_view_rows_doc, NULL},
    {"columns", get_columns, NULL, mx_view_columns_doc, NULL},
    {"size", get_size, NULL, mx_view_size_doc, NULL},
    {"shape", view_get_shape, NULL, mx_view_shape_doc, NULL},
    {"is_row", get_is_row, NULL, mx_view_is_row_doc, NULL},
    {"read_only", get_read_only, NULL, mx_view_read_only_doc, NULL},
    {"T", view_get_transposed, NULL, mx_view_T_doc, NULL},
    {"x", view_get_letter, view_set_letter, mx_view_x_doc, (void *)0},
    {"y", view_get_letter, view_set_letter, mx_view_y_doc, (void *)1},
    {"z", view_get_letter, view_set_letter, mx_view_z_doc, (void *)2},
    {"w", view_get_letter, view_set_letter, mx_view_w_doc, (void *)3},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)mx_view_doc},
    {Py_tp_dealloc, mx_view_dealloc},
    {Py_tp_repr, mx_view_repr},
    {Py_tp_iter, view_iter},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_mp_length, view_length},
    {Py_mp_subscript, view_get},
    {Py_mp_ass_subscript, view_assign},
    {Py_nb_add, mx_number_add},
    {Py_nb_subtract, mx_number_subtract},
    {Py_nb_multiply, mx_number_multiply},
    {Py_nb_true_divide, mx_number_divide},
    {Py_nb_power, mx_number_power},
    {Py_nb_matrix_multiply, mx_number_product},
    {Py_nb_negative, view_negative},
    {Py_nb_positive, view_positive},
    {Py_nb_absolute, view_absolute},
    {Py_nb_float, mx_matrix_float},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "bocpy._math.MatrixView",
    .basicsize = sizeof(view_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

PyTypeObject *mx_view_make_type(PyObject *module) {
  return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}

/* ---- m.view ---------------------------------------------------------------------- */

typedef struct indexer {
  PyObject_HEAD PyObject *matrix;
} indexer;

PyObject *mx_view_indexer_of(PyObject *matrix, void *unused) {
  (void)unused;
  mx_block *block = mx_matrix_pin(matrix);
  if (!block)
    return NULL;
  mx_block_drop(block);
  PyTypeObject *type = mx_state_of(Py_TYPE(matrix))->indexer;
  PyObject *self = type->tp_alloc(type, 0);
  if (self)
    ((indexer *)self)->matrix = Py_NewRef(matrix);
  return self;
}

static void indexer_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_XDECREF(((indexer *)self)->matrix);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *indexer_get(PyObject *self, PyObject *key) {
  PyObject *matrix = ((indexer *)self)->matrix, *row = key, *column = NULL;
  mx_key_part rows, columns;
  if (PyTuple_Check(key) && PyTuple_GET_SIZE(key) == 2) {
    row = PyTuple_GET_ITEM(key, 0);
    column = PyTuple_GET_ITEM(key, 1);
  }
  bool known = (PySlice_Check(row) || PyIndex_Check(row)) &&
               (!column || PySlice_Check(column) || PyIndex_Check(column));
  if (known && (mx_key_part_of(row, &rows) < 0 || mx_key_part_of(column, &columns) < 0))
    return NULL;
  if (known && (rows.single || columns.single))
    return make_view(matrix, &rows, &columns, false);
  PyErr_SetString(PyExc_TypeError,
                  "a view must be a single row or column; use m[...] to "
                  "copy a submatrix");
  return NULL;
}

static PyType_Slot indexer_slots[] = {
    {Py_tp_doc, (void *)"What m.view[...] makes views with."},
    {Py_tp_dealloc, indexer_dealloc},
    {Py_mp_subscript, indexer_get},
    {0, NULL},
};

static PyType_Spec indexer_spec = {
    .name = "bocpy._math.MatrixViewIndexer",
    .basicsize = sizeof(indexer),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = indexer_slots,
};

PyTypeObject *mx_indexer_make_type(PyObject *module) {
  return (PyTypeObject *)PyType_FromModuleAndSpec(module, &indexer_spec, NULL);
}
