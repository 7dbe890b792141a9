/* Buffer: numbers of other objects, copied in. */
#ifndef MX_BUFFER_H
#define MX_BUFFER_H

#include "matrix.h"

/* A buffer that is no text: an array, or a memoryview. */
static inline bool mx_has_numbers(PyObject *object) {
  return PyObject_CheckBuffer(object) && !PyBytes_Check(object) &&
         !PyByteArray_Check(object);
}

/* Fills the block from a buffer with as many numbers, of one dimension or of the
 * block's shape. TypeError: it has no numbers; ValueError: it has another shape. */
int mx_buffer_fill(mx_block *block, PyObject *object);

/* A block of the buffer's shape; a buffer of one dimension becomes a row. NULL with an
 * exception. */
mx_block *mx_buffer_block(PyObject *object);

#endif
