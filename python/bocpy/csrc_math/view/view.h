/* View: a window on a row or a column of a matrix, whose numbers it shares.
 *
 * It refers to the matrix, not to its memory: once the matrix has moved, the view
 * refuses every use, as the matrix does. The view remembers which row or column it
 * shows. When the matrix is transposed in place, rows become columns, and the view
 * follows them.
 *
 * Threads: a view does not change; the numbers are the matrix's, with its rules. */
#ifndef MX_VIEW_H
#define MX_VIEW_H

#include "../matrix/matrix.h"

/* Numbers at equal distances. */
typedef struct mx_line {
  mx_block *block;
  double *first;
  size_t count;
  ptrdiff_t stride;
  bool is_row; /* whether it is shown as a row or a column */
} mx_line;

void mx_view_dealloc(PyObject *self);

static inline bool mx_is_view(PyObject *object) {
  return Py_TYPE(object)->tp_dealloc == mx_view_dealloc;
}

/* The view's numbers, pinned: drop line->block afterwards. -1 with RuntimeError. */
int mx_view_pin(PyObject *view, mx_line *out_line);

void mx_line_read(const mx_line *line, double *to);

/* A view of `matrix` along row (or column) `line`, from `start` in steps. */
PyObject *mx_view_new(mx_state *state, PyObject *matrix, bool along_row, size_t line,
                      size_t start, size_t count, ptrdiff_t step, bool read_only);
PyObject *mx_view_matrix(PyObject *view); /* borrowed */
bool mx_view_is_row(PyObject *view);

PyObject *mx_view_copy(PyObject *self, PyObject *unused);
PyObject *mx_view_indexer_of(PyObject *matrix, void *unused);

/* Methods of Matrix, and their documentation. */
PyObject *mx_matrix_row_view(PyObject *self, PyObject *const *args, Py_ssize_t count,
                             PyObject *names);
PyObject *mx_matrix_column_view(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                PyObject *names);
extern const char mx_matrix_row_view_doc[], mx_matrix_column_view_doc[];

PyTypeObject *mx_view_make_type(PyObject *module);
PyTypeObject *mx_indexer_make_type(PyObject *module);

#endif
