/* Pickle: a matrix as its shape and the bytes of its numbers, in this machine's order.
 */
#include "methods.h"

#include <string.h>

PyObject *mx_matrix_reduce(PyObject *self, PyObject *unused) {
  (void)unused;
  mx_block *block = mx_matrix_pin(self);
  if (!block)
    return NULL;
  PyObject *bytes = PyBytes_FromStringAndSize(
      (const char *)block->data, (Py_ssize_t)(mx_block_size(block) * sizeof(double)));
  Py_ssize_t rows = (Py_ssize_t)block->rows, columns = (Py_ssize_t)block->columns;
  mx_block_drop(block);
  if (!bytes)
    return NULL;
  return Py_BuildValue("O(nnN)", mx_state_of(Py_TYPE(self))->unpickle, rows, columns,
                       bytes);
}

static int check_payload(Py_ssize_t rows, Py_ssize_t columns, const Py_buffer *bytes) {
  size_t count;
  if (rows >= 1 && columns >= 1 && mx_multiply((size_t)rows, (size_t)columns, &count) &&
      count <= PY_SSIZE_T_MAX / sizeof(double) &&
      (size_t)bytes->len == count * sizeof(double))
    return 0;
  PyErr_Format(PyExc_ValueError, "a pickled matrix of %zdx%zd does not have %zd bytes",
               rows, columns, bytes->len);
  return -1;
}

PyObject *mx_matrix_unpickle(PyObject *module, PyObject *args) {
  Py_ssize_t rows, columns;
  Py_buffer bytes;
  if (!PyArg_ParseTuple(args, "nny*:_matrix_unpickle", &rows, &columns, &bytes))
    return NULL;
  mx_block *block = NULL;
  if (check_payload(rows, columns, &bytes) == 0)
    block = mx_block_new((size_t)rows, (size_t)columns);
  if (block)
    memcpy(block->data, bytes.buf, (size_t)bytes.len);
  PyBuffer_Release(&bytes);
  return mx_matrix_wrap(((mx_state *)PyModule_GetState(module))->matrix, block);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_reduce_doc[] =
    "__reduce__($self, /)\n"
    "--\n"
    "\n"
    "What pickle and copy use: a function, and its arguments: rows, columns, and\n"
    "the 8 * size bytes of the elements in this machine's order. RuntimeError: the\n"
    "matrix has moved elsewhere. The function raises ValueError for bytes that do\n"
    "not fill the shape.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> import pickle\n"
    ">>> pickle.loads(pickle.dumps(Matrix(1, 2, [1, 2])))\n"
    "Matrix(1, 2, [1, 2])";
