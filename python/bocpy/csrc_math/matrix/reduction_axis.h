/* Reduction axis: what a reduction reduces: the whole matrix, each column, or each row.
 *
 * A reduction gets each of these lines as adjacent numbers. The numbers of a column,
 * and those that a mask includes, are first copied together. */
#ifndef MX_REDUCTION_AXIS_H
#define MX_REDUCTION_AXIS_H

#include "matrix.h"

typedef struct mx_lines {
  const mx_block *block;
  const mx_block *mask; /* or NULL */
  mx_axis axis;
  size_t count;   /* how many lines */
  size_t length;  /* how many numbers each has, before a mask */
  double *room;   /* for the numbers of a line that are not adjacent */
  size_t *places; /* with a mask: where in the line these numbers were */
} mx_lines;

/* -1 with MemoryError. `places`: whether the caller reads `places`. */
int mx_lines_open(mx_lines *lines, const mx_block *block, const mx_block *mask,
                  mx_axis axis, bool places);
void mx_lines_close(mx_lines *lines);

/* The numbers of line `i` that the mask includes, and how many. */
const double *mx_lines_at(mx_lines *lines, size_t i, size_t *out_count);

/* The shape of `each` numbers for each line: each x columns, rows x each, or a row. */
static inline void mx_lines_shape(const mx_lines *lines, size_t each, size_t *out_rows,
                                  size_t *out_columns) {
  *out_rows = lines->axis == MX_DOWN ? each : lines->count;
  *out_columns = lines->axis == MX_DOWN ? lines->count : each;
}

#endif
