/* Block: the memory of a matrix, which belongs to no interpreter.
 *
 *   [ references exports rows columns flips data | padding | rows * columns doubles ]
 *
 * One allocation; row-major; the numbers begin at a multiple of 64. Its shape never
 * changes: transposing in place gives the object another block. What moves between
 * interpreters is the pointer to it (ship.c).
 *
 * A matrix object has one reference. An operation takes another one (a *pin*) while it
 * reads or writes the numbers, and so does every exported buffer. A block with more
 * than one reference does not move to another interpreter: a copy moves instead. */
#ifndef MX_BLOCK_H
#define MX_BLOCK_H

#include "compat.h"

typedef struct mx_block {
  mx_count references;
  mx_count exports; /* exported buffers of it */
  size_t rows, columns;
  size_t flips; /* how often its matrix has been transposed in place */
  double *data;
} mx_block;

static inline size_t mx_block_size(const mx_block *block) {
  return block->rows * block->columns;
}

/* Memory for numbers that the caller writes. NULL with MemoryError, or with
 * OverflowError if rows * columns does not fit into a size_t. Both are at least 1. */
mx_block *mx_block_new(size_t rows, size_t columns);
mx_block *mx_block_zeros(size_t rows, size_t columns);
mx_block *mx_block_copy(const mx_block *block);

/* For bocpy's hooks: needs no GIL and sets no exception. NULL: no memory. */
mx_block *mx_block_copy_raw(const mx_block *block);
void mx_block_free(mx_block *block);

static inline void mx_block_hold(mx_block *block) { mx_count_up(&block->references); }
static inline void mx_block_drop(mx_block *block) {
  /* the only reference is the caller's: nobody can add one, and no write is needed */
  if (block && (mx_count_read(&block->references) == 1 ||
                mx_count_down(&block->references) == 0))
    mx_block_free(block);
}

/* Memory for numbers during one operation; NULL with MemoryError. */
double *mx_numbers_new(size_t count);
void mx_numbers_free(double *numbers);

/* An operation gives up the GIL for work on at least this many numbers. */
#define MX_LONG ((size_t)1 << 16)

#define MX_BEGIN_WORK(amount)                                                          \
  {                                                                                    \
    PyThreadState *mx_thread = (amount) >= MX_LONG ? PyEval_SaveThread() : NULL;
#define MX_END_WORK()                                                                  \
  if (mx_thread)                                                                       \
    PyEval_RestoreThread(mx_thread);                                                   \
  }

#endif
