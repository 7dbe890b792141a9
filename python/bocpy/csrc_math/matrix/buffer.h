/* Buffer: numbers of other objects, copied in. */
#ifndef MX_BUFFER_H
#define MX_BUFFER_H

#include "matrix.h"

/* Fills the block from a buffer of as many numbers, of one dimension or of its shape.
 * TypeError: no numbers; ValueError: another shape. */
int mx_buffer_fill(mx_block *block, PyObject *object);

/* A block of the buffer's own shape; of one dimension: a row. NULL with an exception.
 */
mx_block *mx_buffer_block(PyObject *object);

#endif
