/* Matrix: the object, a handle of a block.
 *
 * `block` is NULL once the matrix has moved: to another interpreter, or into a cown,
 * whose behaviors then have it. Every operation pins the block first and unpins it last
 * (block.h): what happens to the object meanwhile, by another thread or by Python code
 * that the operation runs, does not touch the numbers that it works on.
 *
 * Threads: with a GIL, whoever has it. Without one, any: `block` changes and is pinned
 * under the object's lock. Numbers themselves are not locked: a program that shares a
 * matrix between threads puts it into a cown. */
#ifndef MX_MATRIX_H
#define MX_MATRIX_H

#include "../base/arguments.h"
#include "../base/block.h"
#include "../base/number.h"
#include "../base/state.h"
#include "../kernels/kernels.h"

typedef struct mx_matrix {
  PyObject_HEAD mx_block *block;
} mx_matrix;

void mx_matrix_dealloc(PyObject *self); /* mx_is_matrix compares types by it */

static inline bool mx_is_matrix(PyObject *object) {
  return Py_TYPE(object)->tp_dealloc == mx_matrix_dealloc;
}

/* Sets the RuntimeError for a matrix that has moved. */
MX_NOINLINE void mx_matrix_refuse(void);

/* The block, with a reference for the caller; NULL with RuntimeError if it has moved.
 */
static inline mx_block *mx_matrix_pin(PyObject *object) {
  mx_block *block;
  MX_LOCK(object);
  block = ((mx_matrix *)object)->block;
  if (MX_LIKELY(block != NULL))
    mx_block_hold(block);
  MX_UNLOCK();
  if (!MX_LIKELY(block != NULL))
    mx_matrix_refuse();
  return block;
}

/* Makes a matrix of the block, and takes the reference even if that fails. NULL for
 * NULL. */
PyObject *mx_matrix_wrap(PyTypeObject *type, mx_block *block);

/* Replaces the object's block, and returns the old one. NULL with RuntimeError if it
 * has moved: `block` is then dropped. */
int mx_matrix_replace(PyObject *object, mx_block *block);

PyTypeObject *mx_matrix_make_type(PyObject *module);

/* ---- where results go ------------------------------------------------------------ */

/* A new matrix, or one that the caller was given as `out` or changes in place. */
typedef struct mx_result {
  PyTypeObject *type;
  PyObject *object; /* `out`, borrowed; or NULL: a new one */
  mx_block *block;
} mx_result;

/* `out` may be NULL or None. TypeError if it is no Matrix, ValueError if it has another
 * shape. */
int mx_result_open(mx_result *result, PyTypeObject *type, PyObject *out, size_t rows,
                   size_t columns);
/* A new reference; or, if `failed`, NULL. */
PyObject *mx_result_close(mx_result *result, bool failed);

/* `out` or, if `in_place`, `self`; ValueError for both. NULL in *out_target: neither.
 */
int mx_target(PyObject *self, PyObject *in_place, PyObject *out, PyObject **out_target);

/* The block of a mask, pinned, of that shape; NULL without an exception where there is
 * none (NULL, None). */
int mx_mask_pin(PyObject *mask, const mx_block *block, mx_block **out_mask);

#endif
