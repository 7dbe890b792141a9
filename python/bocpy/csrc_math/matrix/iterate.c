/* Iterate: see iterate.h. Each step checks again whether the matrix has moved. */
#include "iterate.h"

#include "../view/view.h"
#include "methods.h"

typedef struct iterator {
  PyObject_HEAD PyObject *source; /* NULL at the end */
  size_t next;
  mx_iteration kind;
  bool read_only;
} iterator;

PyObject *mx_iterator_new(mx_state *state, PyObject *source, mx_iteration kind,
                          bool read_only) {
  PyObject *self = state->iterator->tp_alloc(state->iterator, 0);
  if (!self)
    return NULL;
  iterator *it = (iterator *)self;
  it->source = Py_NewRef(source);
  it->kind = kind;
  it->read_only = read_only;
  return self;
}

static void iterator_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_XDECREF(((iterator *)self)->source);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *next_value_of_view(PyObject *view, size_t at) {
  mx_line line;
  if (mx_view_pin(view, &line) < 0)
    return NULL;
  PyObject *number = at < line.count
                         ? PyFloat_FromDouble(line.first[(ptrdiff_t)at * line.stride])
                         : NULL;
  mx_block_drop(line.block);
  return number;
}

/* NULL without an exception: there is no such element. */
static PyObject *item_of(mx_state *state, PyObject *source, mx_iteration kind,
                         size_t at, bool read_only) {
  if (mx_is_view(source))
    return next_value_of_view(source, at);
  mx_block *block = mx_matrix_pin(source);
  if (!block)
    return NULL;
  PyObject *item = NULL;
  size_t rows = block->rows, columns = block->columns;
  if (kind == MX_VALUES && at < rows * columns)
    item = PyFloat_FromDouble(block->data[at]);
  else if (kind == MX_ROWS && at < rows)
    item = mx_matrix_row(source, block, at);
  else if (kind == MX_ROW_VIEWS && at < rows)
    item = mx_view_new(state, source, true, at, 0, columns, 1, read_only);
  else if (kind == MX_COLUMN_VIEWS && at < columns)
    item = mx_view_new(state, source, false, at, 0, rows, 1, read_only);
  mx_block_drop(block);
  return item;
}

/* Two threads that share an iterator get each element once between them. */
static PyObject *iterator_next(PyObject *self) {
  iterator *it = (iterator *)self;
  PyObject *source;
  size_t at;
  MX_LOCK(self);
  source = it->source ? Py_NewRef(it->source) : NULL;
  at = it->next++;
  MX_UNLOCK();
  if (!source)
    return NULL;
  PyObject *item =
      item_of(mx_state_of(Py_TYPE(self)), source, it->kind, at, it->read_only);
  Py_DECREF(source);
  return item;
}

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"An iterator over a Matrix or a MatrixView."},
    {Py_tp_dealloc, iterator_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, iterator_next},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "bocpy._math.MatrixIterator",
    .basicsize = sizeof(iterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

PyTypeObject *mx_iterator_make_type(PyObject *module) {
  return (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
}

/* ---- of a Matrix ----------------------------------------------------------------- */

/* A matrix that has moved is refused at once. */
static PyObject *iterate_over(PyObject *self, mx_iteration kind, bool read_only) {
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return NULL;
  mx_block_drop(block);
  return mx_iterator_new(mx_state_of(Py_TYPE(self)), self, kind, read_only);
}

PyObject *mx_matrix_iter(PyObject *self) { return iterate_over(self, MX_ROWS, false); }

PyObject *mx_matrix_values(PyObject *self, PyObject *unused) {
  (void)unused;
  return iterate_over(self, MX_VALUES, false);
}

static PyObject *iterate_views(const mx_signature *signature, mx_iteration kind,
                               PyObject *self, PyObject *const *args, Py_ssize_t count,
                               PyObject *names) {
  PyObject *found[1];
  bool read_only = false;
  if (mx_arguments(signature, args, count, names, found) < 0 ||
      mx_truth(found[0], &read_only) < 0)
    return NULL;
  return iterate_over(self, kind, read_only);
}

PyObject *mx_matrix_row_views(PyObject *self, PyObject *const *args, Py_ssize_t count,
                              PyObject *names) {
  MX_SIGNATURE("row_views", 0, 0, 0, "read_only");
  return iterate_views(&signature_, MX_ROW_VIEWS, self, args, count, names);
}

PyObject *mx_matrix_column_views(PyObject *self, PyObject *const *args,
                                 Py_ssize_t count, PyObject *names) {
  MX_SIGNATURE("column_views", 0, 0, 0, "read_only");
  return iterate_views(&signature_, MX_COLUMN_VIEWS, self, args, count, names);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_values_doc[] =
    "values($self, /)\n"
    "--\n"
    "\n"
    "An iterator over the elements as floats, row by row. RuntimeError, at a later\n"
    "step too: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> list(Matrix(2, 1, [1, 2]).values())\n"
    "[1.0, 2.0]";

const char mx_matrix_row_views_doc[] =
    "row_views($self, *, read_only=False)\n"
    "--\n"
    "\n"
    "An iterator over views of the rows, each 1 x columns; read_only views refuse\n"
    "to be written. RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> [view.x for view in Matrix(2, 2, [1, 2, 3, 4]).row_views()]\n"
    "[1.0, 3.0]";

const char mx_matrix_column_views_doc[] =
    "column_views($self, *, read_only=False)\n"
    "--\n"
    "\n"
    "An iterator over views of the columns, each rows x 1; read_only views refuse\n"
    "to be written. RuntimeError: the matrix has moved elsewhere.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> [view.x for view in Matrix(2, 2, [1, 2, 3, 4]).column_views()]\n"
    "[1.0, 2.0]";
