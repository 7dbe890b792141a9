/* Operand: what stands on one side of an operation, as rows of numbers in memory.
 *
 *   Matrix, MatrixView       where they are (a view with gaps is copied)
 *   a number                 1 x 1
 *   list, tuple, range, ...  1 x length
 *
 * An operand may not be copied or moved: it may point into itself. */
#ifndef MX_OPERAND_H
#define MX_OPERAND_H

#include "matrix.h"

typedef struct mx_operand {
  const double *data;
  size_t rows, columns;
  mx_block *pinned;
  double *owned;
  double small[8];
} mx_operand;

/* 1: taken; the caller releases it. 0: not one of these, without an exception. -1:
 * exception. */
int mx_operand_take(mx_operand *operand, PyObject *object, const char *what);
void mx_operand_release(mx_operand *operand);

/* The same, with TypeError in place of 0. 0, or -1. */
int mx_operand_need(mx_operand *operand, PyObject *object, const char *what);

static inline size_t mx_operand_size(const mx_operand *operand) {
  return operand->rows * operand->columns;
}

/* Makes sure that writing `count` numbers to `out` in order changes no number of the
 * operand before it has been read: copies the operand if it must. -1 with MemoryError.
 */
int mx_operand_detach(mx_operand *operand, const double *out, size_t rows,
                      size_t columns);

/* ---- broadcasting ---------------------------------------------------------------- */

/* The shape of both together: a dimension of 1 is repeated. False: they do not fit. */
bool mx_broadcast_shape(const mx_operand *a, const mx_operand *b, size_t *out_rows,
                        size_t *out_columns);

/* The numbers of `operand` for row `row` of a result with `columns`, and their step. */
static inline const double *mx_operand_row(const mx_operand *operand, size_t row) {
  return operand->data + (operand->rows == 1 ? 0 : row * operand->columns);
}
static inline size_t mx_operand_step(const mx_operand *operand) {
  return operand->columns == 1 ? 0 : 1;
}

void mx_broadcast(mx_binary_kernel kernel, const mx_operand *a, const mx_operand *b,
                  double *out, size_t rows, size_t columns);

#endif
