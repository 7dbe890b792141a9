/* Number: Python objects as numbers, axes, counts and indices.
 *
 * All functions give -1 (or false) with an exception where they cannot. They may run
 * Python code (`__float__`, `__index__`), so callers convert everything before they
 * look at the memory of a matrix. */
#ifndef MX_NUMBER_H
#define MX_NUMBER_H

#include "compat.h"

/* Whether `object` is one number: it has `__float__` or `__index__`, and no length. */
bool mx_is_number(PyObject *object);

int mx_number_slow(PyObject *object, double *out_number);
static inline int mx_number(PyObject *object, double *out_number) {
  if (MX_LIKELY(PyFloat_CheckExact(object))) {
    *out_number = PyFloat_AS_DOUBLE(object);
    return 0;
  }
  return mx_number_slow(object, out_number);
}

/* Whether `object` stands for a row of numbers: list, tuple, range, array and their
 * like, and iterators. Text, bytes and types that define `+` themselves do not. */
bool mx_is_row(PyObject *object);

/* Converts a list, a tuple, or another sequence to numbers. `what` names it in errors.
 * The caller frees the memory with mx_numbers_free; the memory is `small` itself if the
 * numbers fit into it. There is at least one number. */
double *mx_numbers_of(PyObject *sequence, const char *what, double *small,
                      size_t small_capacity, size_t *out_count);

typedef enum mx_axis { MX_ALL = -1, MX_DOWN = 0, MX_ALONG = 1 } mx_axis;

/* None (or NULL), 0, 1, -1 for 1, -2 for 0. TypeError or ValueError for anything else.
 */
int mx_axis_of(PyObject *object, mx_axis *out_axis);
/* The same, but None is refused, another number is a KeyError, and NULL means 0. */
int mx_line_axis_of(PyObject *object, mx_axis *out_axis);

/* An integer by `__index__`. OverflowError. */
int mx_integer(PyObject *object, Py_ssize_t *out_integer);

/* Rows and columns, both at least 1: else AssertionError. */
int mx_dimensions(PyObject *rows, PyObject *columns, size_t *out_rows,
                  size_t *out_columns);
/* The same from a tuple or a list of two. */
int mx_dimensions_of(PyObject *size, size_t *out_rows, size_t *out_columns);

/* Whether the object is true. For NULL, *out_truth keeps its value. */
int mx_truth(PyObject *object, bool *out_truth);

#endif
