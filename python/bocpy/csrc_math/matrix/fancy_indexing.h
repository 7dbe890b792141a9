/* Fancy indexing: selections by lists of indices. */
#ifndef MX_FANCY_INDEXING_H
#define MX_FANCY_INDEXING_H

#include "matrix.h"

/* Whether a list is in the key. */
bool mx_is_fancy(PyObject *key);
PyObject *mx_fancy_get(PyObject *self, PyObject *key);
int mx_fancy_set(PyObject *self, PyObject *key, PyObject *value);

#endif
