/* Iterate: rows, elements, and views, one after another. */
#ifndef MX_ITERATE_H
#define MX_ITERATE_H

#include "matrix.h"

typedef enum mx_iteration {
  MX_ROWS,
  MX_VALUES, /* of a matrix or a view */
  MX_ROW_VIEWS,
  MX_COLUMN_VIEWS,
} mx_iteration;

PyObject *mx_iterator_new(mx_state *state, PyObject *source, mx_iteration kind,
                          bool read_only);
PyTypeObject *mx_iterator_make_type(PyObject *module);

#endif
