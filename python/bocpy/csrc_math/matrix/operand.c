/* Operand: see operand.h. */
#include "operand.h"

#include <string.h>

#include "../view/view.h"
#include "buffer.h"

#define SMALL (sizeof(((mx_operand *)0)->small) / sizeof(double))

/* Takes the caller's reference to the block; NULL: an exception is set. */
static int take_block(mx_operand *operand, mx_block *block) {
  if (!block)
    return -1;
  operand->pinned = block;
  operand->owned = NULL;
  operand->data = block->data;
  operand->rows = block->rows;
  operand->columns = block->columns;
  return 1;
}

static int take_matrix(mx_operand *operand, PyObject *matrix) {
  return take_block(operand, mx_matrix_pin(matrix));
}

static int take_view(mx_operand *operand, PyObject *view) {
  mx_line line;
  if (mx_view_pin(view, &line) < 0)
    return -1;
  operand->pinned = line.block;
  operand->owned = NULL;
  operand->rows = line.is_row ? 1 : line.count;
  operand->columns = line.is_row ? line.count : 1;
  operand->data = line.first;
  if (line.stride == 1)
    return 1;
  double *copy = operand->small;
  if (line.count > SMALL)
    operand->owned = copy = mx_numbers_new(line.count);
  if (copy)
    mx_line_read(&line, copy);
  operand->data = copy;
  mx_block_drop(line.block);
  operand->pinned = NULL;
  return copy ? 1 : -1;
}

static int take_row(mx_operand *operand, PyObject *sequence, const char *what) {
  size_t count;
  double *numbers = mx_numbers_of(sequence, what, operand->small, SMALL, &count);
  if (!numbers)
    return -1;
  operand->pinned = NULL;
  operand->owned = numbers == operand->small ? NULL : numbers;
  operand->data = numbers;
  operand->rows = 1;
  operand->columns = count;
  return 1;
}

/* A copy: the buffer's numbers may be of any type. */
static int take_buffer(mx_operand *operand, PyObject *object) {
  return take_block(operand, mx_buffer_block(object));
}

static int take_number(mx_operand *operand, PyObject *number) {
  if (mx_number(number, operand->small) < 0)
    return -1;
  operand->pinned = NULL;
  operand->owned = NULL;
  operand->data = operand->small;
  operand->rows = operand->columns = 1;
  return 1;
}

int mx_operand_take(mx_operand *operand, PyObject *object, const char *what) {
  if (mx_is_matrix(object))
    return take_matrix(operand, object);
  if (mx_is_number(object))
    return take_number(operand, object);
  if (mx_is_view(object))
    return take_view(operand, object);
  if (mx_is_row(object))
    return take_row(operand, object, what);
  return 0;
}

int mx_operand_need(mx_operand *operand, PyObject *object, const char *what) {
  int status = mx_operand_take(operand, object, what);
  if (status == 0 && mx_has_numbers(object))
    status = take_buffer(operand, object);
  else if (status == 0)
    PyErr_Format(PyExc_TypeError,
                 "%s must be a Matrix, a MatrixView, a number, a list or tuple of "
                 "numbers, or a buffer of them, not %.200s",
                 what, Py_TYPE(object)->tp_name);
  return status == 1 ? 0 : -1;
}

void mx_operand_release(mx_operand *operand) {
  mx_block_drop(operand->pinned);
  if (operand->owned)
    mx_numbers_free(operand->owned);
}

int mx_operand_detach(mx_operand *operand, const double *out, size_t rows,
                      size_t columns) {
  size_t count = mx_operand_size(operand);
  uintptr_t from = (uintptr_t)operand->data, to = (uintptr_t)out;
  bool apart = from + count * sizeof(double) <= to ||
               to + rows * columns * sizeof(double) <= from;
  if (apart || (from == to && operand->rows == rows && operand->columns == columns))
    return 0;
  double *copy = mx_numbers_new(count);
  if (!copy)
    return -1;
  memcpy(copy, operand->data, count * sizeof(double));
  mx_operand_release(operand);
  operand->pinned = NULL;
  operand->owned = copy;
  operand->data = copy;
  return 0;
}

bool mx_broadcast_shape(const mx_operand *a, const mx_operand *b, size_t *out_rows,
                        size_t *out_columns) {
  if ((a->rows != b->rows && a->rows != 1 && b->rows != 1) ||
      (a->columns != b->columns && a->columns != 1 && b->columns != 1))
    return false;
  *out_rows = a->rows == 1 ? b->rows : a->rows;
  *out_columns = a->columns == 1 ? b->columns : a->columns;
  return true;
}

void mx_broadcast(mx_binary_kernel kernel, const mx_operand *a, const mx_operand *b,
                  double *out, size_t rows, size_t columns) {
  size_t count = rows * columns, size_a = mx_operand_size(a),
         size_b = mx_operand_size(b);
  if ((size_a == count || size_a == 1) && (size_b == count || size_b == 1)) {
    kernel(a->data, size_a == count, b->data, size_b == count, out, count);
    return;
  }
  size_t step_a = mx_operand_step(a), step_b = mx_operand_step(b);
  for (size_t row = 0; row < rows; row++)
    kernel(mx_operand_row(a, row), step_a, mx_operand_row(b, row), step_b,
           out + row * columns, columns);
}
