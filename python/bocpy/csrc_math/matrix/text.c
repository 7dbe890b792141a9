/* Text: repr, which evaluates to the matrix as long as it is small, and str, a table.
 */
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

/* The number in six digits, or an ellipsis; with 1 byte for the NUL. */
static int text_cell(const mx_operand *m, size_t row, size_t column, char *out,
                     size_t room) {
  if (row == m->rows || column == m->columns)
    return PyOS_snprintf(out, room, "...");
  char *digits =
      PyOS_double_to_string(m->data[row * m->columns + column], 'g', 6, 0, NULL);
  if (!digits)
    return -1;
  int length = PyOS_snprintf(out, room, "%s", digits);
  PyMem_Free(digits);
  return length;
}

/* Visits each cell that is shown: finds the widest cell, or writes them. */
static int each_cell(const mx_operand *m, text *t, int *width) {
  bool shortens = mx_operand_size(m) > LARGE;
  char digits[40];
  size_t rows = shown_count(m->rows, shortens);
  size_t columns = shown_count(m->columns, shortens);
  for (size_t i = 0; i < rows; i++) {
    if (t && text_put_string(t, i ? " [" : "[[") < 0)
      return -1;
    for (size_t j = 0; j < columns; j++) {
      int length =
          text_cell(m, shown_index(i, m->rows, shortens),
                    shown_index(j, m->columns, shortens), digits, sizeof digits);
      if (length < 0)
        return -1;
      if (!t) {
        *width = length > *width ? length : *width;
        continue;
      }
      for (int blank = length - (j ? 1 : 0); blank < *width; blank++)
        if (text_put_string(t, " ") < 0)
          return -1;
      if (text_put(t, digits, (size_t)length) < 0)
        return -1;
    }
    if (t && text_put_string(t, i + 1 < rows ? "]\n" : "]]") < 0)
      return -1;
  }
  return 0;
}

static int put_table(text *t, const mx_operand *m) {
  int width = 0;
  return each_cell(m, NULL, &width) < 0 ? -1 : each_cell(m, t, &width);
}

static PyObject *text_table(PyObject *self, const char *before, const char *after) {
  mx_operand operand;
  text t = {0};
  if (mx_operand_take(&operand, self, "self") < 0) {
    PyErr_Clear();
    return PyUnicode_FromFormat("%s<not acquired>%s", before, after);
  }
  int status = text_put_string(&t, before);
  if (status == 0)
    status = put_table(&t, &operand);
  if (status == 0)
    status = text_put_string(&t, after);
  mx_operand_release(&operand);
  return text_finish(&t, status);
}

PyObject *mx_matrix_str(PyObject *self) { return text_table(self, "", ""); }

PyObject *mx_view_repr(PyObject *self) { return text_table(self, "MatrixView(", ")"); }
