/* Block: see block.h. */
#include "block.h"

#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#define ALIGNMENT ((size_t)64)
#define HUGE_FROM ((size_t)4 << 20) /* bytes from which large pages are asked for */

static bool bytes_of(size_t count, size_t *out_bytes) {
  size_t bytes;
  if (!mx_multiply(count, sizeof(double), &bytes) ||
      bytes > (size_t)PY_SSIZE_T_MAX - sizeof(mx_block) - ALIGNMENT)
    return false;
  *out_bytes = bytes + sizeof(mx_block) + ALIGNMENT;
  return true;
}

/* The system maps fresh memory page by page; large pages avoid most of the page faults.
 */
static void ask_for_large_pages(void *memory, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (memory && bytes >= HUGE_FROM) {
    uintptr_t begin = ((uintptr_t)memory + 4095) & ~(uintptr_t)4095;
    madvise((void *)begin, (uintptr_t)memory + bytes - begin, MADV_HUGEPAGE);
  }
#else
  (void)memory;
  (void)bytes;
#endif
}

static mx_block *block_prepare(mx_block *block, size_t rows, size_t columns,
                               size_t bytes) {
  if (!block)
    return NULL;
  mx_count_set(&block->references, 1);
  mx_count_set(&block->exports, 0);
  block->rows = rows;
  block->columns = columns;
  block->flips = 0;
  uintptr_t end = (uintptr_t)(block + 1);
  block->data = (double *)((end + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
  ask_for_large_pages(block, bytes);
  return block;
}

static mx_block *new_block(size_t rows, size_t columns, bool zero) {
  size_t count, bytes;
  if (!mx_multiply(rows, columns, &count)) {
    PyErr_Format(PyExc_OverflowError, "a matrix of %zu x %zu has too many elements",
                 rows, columns);
    return NULL;
  }
  mx_block *block = NULL;
  if (bytes_of(count, &bytes))
    block = block_prepare(zero ? PyMem_RawCalloc(1, bytes) : PyMem_RawMalloc(bytes),
                          rows, columns, bytes);
  if (!block)
    PyErr_NoMemory();
  return block;
}

mx_block *mx_block_new(size_t rows, size_t columns) {
  return new_block(rows, columns, false);
}

mx_block *mx_block_zeros(size_t rows, size_t columns) {
  return new_block(rows, columns, true);
}

mx_block *mx_block_copy_raw(const mx_block *block) {
  size_t bytes;
  if (!bytes_of(mx_block_size(block), &bytes))
    return NULL;
  mx_block *copy =
      block_prepare(PyMem_RawMalloc(bytes), block->rows, block->columns, bytes);
  if (copy)
    memcpy(copy->data, block->data, mx_block_size(block) * sizeof(double));
  return copy;
}

mx_block *mx_block_copy(const mx_block *block) {
  mx_block *copy;
  MX_BEGIN_WORK(mx_block_size(block))
  copy = mx_block_copy_raw(block);
  MX_END_WORK()
  if (!copy)
    PyErr_NoMemory();
  return copy;
}

void mx_block_free(mx_block *block) { PyMem_RawFree(block); }

double *mx_numbers_new(size_t count) {
  size_t bytes;
  double *numbers = NULL;
  if (mx_multiply(count ? count : 1, sizeof(double), &bytes) && bytes < PY_SSIZE_T_MAX)
    numbers = PyMem_RawMalloc(bytes);
  ask_for_large_pages(numbers, bytes);
  if (!numbers)
    PyErr_NoMemory();
  return numbers;
}

void mx_numbers_free(double *numbers) { PyMem_RawFree(numbers); }
