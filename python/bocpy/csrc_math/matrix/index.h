/* Index: keys of [] as rows and columns. */
#ifndef MX_INDEX_H
#define MX_INDEX_H

#include "matrix.h"

/* Numbers from `start` in steps; `single` if the key was an integer. */
typedef struct mx_range {
  size_t start, count;
  ptrdiff_t step;
  bool single;
} mx_range;

/* A key before it meets a matrix: converting it may run Python code, which may move or
 * transpose the matrix. */
typedef struct mx_key_part {
  bool single;
  Py_ssize_t index;             /* single */
  Py_ssize_t start, stop, step; /* a slice */
} mx_key_part;

/* An int or a slice; TypeError for all else. NULL is `:`. */
int mx_key_part_of(PyObject *key, mx_key_part *out_part);

/* Fits the key to an axis of `length`. IndexError if nothing is left; `what` is row or
 * column. */
int mx_key_part_fit(const mx_key_part *part, size_t length, const char *what,
                    mx_range *out_range);

static inline mx_range mx_range_all(size_t length) {
  return (mx_range){0, length, 1, false};
}
static inline size_t mx_range_at(const mx_range *range, size_t i) {
  return (size_t)((ptrdiff_t)range->start + (ptrdiff_t)i * range->step);
}

#endif
