/* Text: repr, which evaluates to the matrix as long as it is small; str and format, a
 * table. */
#include "methods.h"

#include <math.h>
#include <string.h>

#include "../view/view.h"
#include "operand.h"

#define LARGE 1000 /* matrices with more elements are shortened */
#define EDGE 3     /* how many are then shown at each end */

/* ---- text that grows ------------------------------------------------------------- */

typedef struct text {
  char *bytes;
  size_t length, capacity;
} text;

static int text_put(text *t, const char *bytes, size_t length) {
  if (length == 0)
    return 0; /* `bytes` may be NULL still, which memcpy must not get */
  if (t->length + length > t->capacity) {
    size_t capacity = 2 * (t->length + length) + 64;
    char *larger = PyMem_Realloc(t->bytes, capacity);
    if (!larger) {
      PyErr_NoMemory();
      return -1;
    }
    t->bytes = larger;
    t->capacity = capacity;
  }
  memcpy(t->bytes + t->length, bytes, length);
  t->length += length;
  return 0;
}

static int text_put_string(text *t, const char *string) {
  return text_put(t, string, strlen(string));
}

static PyObject *text_finish(text *t, int status) {
  PyObject *string =
      status < 0 ? NULL : PyUnicode_FromStringAndSize(t->bytes, (Py_ssize_t)t->length);
  PyMem_Free(t->bytes);
  return string;
}

/* ---- repr ------------------------------------------------------------------------ */

/* Writes the number as Python does, without a `.0`, which an int does not need; -0.0
 * keeps it. */
static int put_exact(text *t, double number) {
  if (isnan(number))
    return text_put_string(t, "float('nan')");
  if (isinf(number))
    return text_put_string(t, number < 0 ? "float('-inf')" : "float('inf')");
  char *digits = PyOS_double_to_string(number, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
  if (!digits)
    return -1;
  size_t length = strlen(digits);
  if (length > 2 && strcmp(digits + length - 2, ".0") == 0 &&
      (number != 0.0 || !signbit(number)))
    length -= 2;
  int status = text_put(t, digits, length);
  PyMem_Free(digits);
  return status;
}

static int text_put_list(text *t, const double *numbers, size_t count) {
  int status = text_put_string(t, "[");
  for (size_t i = 0; i < count && status == 0; i++) {
    if (i)
      status = text_put_string(t, ", ");
    if (i == EDGE && count > LARGE) {
      status = text_put_string(t, "..., ");
      i = count - EDGE;
    }
    if (status == 0)
      status = put_exact(t, numbers[i]);
  }
  return status < 0 ? -1 : text_put_string(t, "]");
}

PyObject *mx_matrix_repr(PyObject *self) {
  mx_block *block = mx_matrix_pin(self);
  if (!block) {
    PyErr_Clear();
    return PyUnicode_FromString("Matrix(<not acquired>)");
  }
  char head[80];
  text t = {0};
  PyOS_snprintf(head, sizeof head, "Matrix(%zu, %zu, ", block->rows, block->columns);
  int status = text_put_string(&t, head);
  if (status == 0)
    status = text_put_list(&t, block->data, mx_block_size(block));
  if (status == 0)
    status = text_put_string(&t, ")");
  mx_block_drop(block);
  return text_finish(&t, status);
}

/* ---- str ------------------------------------------------------------------------- */

/* The index of the i-th shown element out of `count`; `count` stands for the ellipsis.
 */
static size_t shown_index(size_t i, size_t count, bool shortens) {
  if (!shortens || count <= 2 * EDGE)
    return i;
  return i < EDGE ? i : i == EDGE ? count : count - (2 * EDGE + 1) + i;
}
static size_t shown_count(size_t count, bool shortens) {
  return shortens && count > 2 * EDGE ? 2 * EDGE + 1 : count;
}

/* What a cell shows: the number in six digits or as `spec` says, or an ellipsis. A
 * `spec` of NULL is none. */
static PyObject *text_cell(const mx_operand *m, size_t row, size_t column,
                           PyObject *spec) {
  if (row == m->rows || column == m->columns)
    return PyUnicode_FromString("...");
  double number = m->data[row * m->columns + column];
  PyObject *cell = NULL, *object = spec ? PyFloat_FromDouble(number) : NULL;
  if (object)
    cell = PyObject_Format(object, spec);
  Py_XDECREF(object);
  if (spec)
    return cell;
  char *digits = PyOS_double_to_string(number, 'g', 6, 0, NULL);
  if (!digits)
    return NULL;
  cell = PyUnicode_FromString(digits);
  PyMem_Free(digits);
  return cell;
}

/* The cell, with blanks before it up to `width`. */
static int put_cell(text *t, PyObject *cell, Py_ssize_t width) {
  Py_ssize_t length;
  const char *bytes = PyUnicode_AsUTF8AndSize(cell, &length);
  if (!bytes)
    return -1;
  for (Py_ssize_t at = PyUnicode_GET_LENGTH(cell); at < width; at++)
    if (text_put_string(t, " ") < 0)
      return -1;
  return text_put(t, bytes, (size_t)length);
}

/* A table: `t` is NULL while its widest cell is looked for. */
typedef struct table {
  const mx_operand *m;
  PyObject *spec;
  text *t;
  Py_ssize_t width;
} table;

static int visit_cell(table *shown, size_t row, size_t column, bool first) {
  PyObject *cell = text_cell(shown->m, row, column, shown->spec);
  if (!cell)
    return -1;
  Py_ssize_t width = PyUnicode_GET_LENGTH(cell);
  int status = 0;
  if (shown->t)
    status = put_cell(shown->t, cell, shown->width + (first ? 0 : 1));
  else if (width > shown->width)
    shown->width = width;
  Py_DECREF(cell);
  return status;
}

/* Visits each cell that is shown: finds the widest cell, or writes them. */
static int visit_cells(table *shown) {
  const mx_operand *m = shown->m;
  bool shortens = mx_operand_size(m) > LARGE;
  size_t rows = shown_count(m->rows, shortens);
  size_t columns = shown_count(m->columns, shortens);
  for (size_t i = 0; i < rows; i++) {
    if (shown->t && text_put_string(shown->t, i ? " [" : "[[") < 0)
      return -1;
    for (size_t j = 0; j < columns; j++)
      if (visit_cell(shown, shown_index(i, m->rows, shortens),
                     shown_index(j, m->columns, shortens), j == 0) < 0)
        return -1;
    if (shown->t && text_put_string(shown->t, i + 1 < rows ? "]\n" : "]]") < 0)
      return -1;
  }
  return 0;
}

static int put_table(text *t, const mx_operand *m, PyObject *spec) {
  table shown = {m, spec, NULL, 0};
  if (visit_cells(&shown) < 0)
    return -1;
  shown.t = t;
  return visit_cells(&shown);
}

static PyObject *text_table(PyObject *self, PyObject *spec, const char *before,
                            const char *after) {
  mx_operand operand;
  text t = {0};
  if (mx_operand_take(&operand, self, "self") < 0) {
    if (!PyErr_ExceptionMatches(PyExc_RuntimeError))
      return NULL;
    PyErr_Clear();
    return PyUnicode_FromFormat("%s<not acquired>%s", before, after);
  }
  int status = text_put_string(&t, before);
  if (status == 0)
    status = put_table(&t, &operand, spec);
  if (status == 0)
    status = text_put_string(&t, after);
  mx_operand_release(&operand);
  return text_finish(&t, status);
}

PyObject *mx_matrix_str(PyObject *self) { return text_table(self, NULL, "", ""); }

PyObject *mx_view_repr(PyObject *self) {
  return text_table(self, NULL, "MatrixView(", ")");
}

PyObject *mx_matrix_format(PyObject *self, PyObject *spec) {
  if (!PyUnicode_Check(spec)) {
    PyErr_Format(PyExc_TypeError, "a format specification must be a str, not %.200s",
                 Py_TYPE(spec)->tp_name);
    return NULL;
  }
  bool view = mx_is_view(self);
  return text_table(self, PyUnicode_GET_LENGTH(spec) ? spec : NULL,
                    view ? "MatrixView(" : "", view ? ")" : "");
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_format_doc[] =
    "__format__($self, spec, /)\n"
    "--\n"
    "\n"
    "The table of str(), rows x columns or a shortened one, with each element as\n"
    "the float's format specification has it. ValueError: spec is none; TypeError:\n"
    "spec is no str.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> print(f\"{Matrix(2, 2, [1, 2.5, -10, 0.125]):.2f}\")\n"
    "[[  1.00   2.50]\n"
    " [-10.00   0.12]]";
