/* Memo: which objects an encoding has met, and the numbers they were given.
 *
 * Open addressing by address. The objects are held, so that no address comes back while the
 * memo lasts. Small memos need no allocation.
 */
#ifndef BOCPY_MEMO_H
#define BOCPY_MEMO_H

#include "compat.h"

#include <stdbool.h>
#include <stdint.h>

#define BOCPY_MEMO_FIRST 32u

typedef struct bocpy_memo_entry {
  PyObject *object; /* NULL: free */
  uint32_t number;
} bocpy_memo_entry;

typedef struct bocpy_memo {
  bocpy_memo_entry *entries; /* NULL until the first add */
  size_t capacity;           /* a power of two */
  uint32_t count;
  bocpy_memo_entry first[BOCPY_MEMO_FIRST];
} bocpy_memo;

static inline void bocpy_memo_init(bocpy_memo *memo) {
  memo->entries = NULL;
  memo->capacity = 0;
  memo->count = 0;
}

/* Forgets everything and frees what it took; usable again. */
void bocpy_memo_fini(bocpy_memo *memo);

/* Whether `object` has a number, and which. */
bool bocpy_memo_find(const bocpy_memo *memo, PyObject *object, uint32_t *out_number);

/* Gives the next number to `object`, which has none. -1 with MemoryError. */
int bocpy_memo_add(bocpy_memo *memo, PyObject *object);

/* Spreads the bits of an address; what is taken of it must be masked. */
static inline size_t bocpy_hash_address(const void *address) {
  return (size_t)(((uint64_t)(uintptr_t)address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 24);
}

#endif
