/* Memo: which objects an encoding has met, and the numbers they were given.
 *
 * A few objects are kept in the order of their numbers and searched one by one; more
 * are put into a table, open addressing by address. The objects are held, so that no
 * address comes back while the memo lasts.
 */
#ifndef BOCPY_MEMO_H
#define BOCPY_MEMO_H

#include "compat.h"

#include <stdbool.h>
#include <stdint.h>

#define BOCPY_MEMO_FEW 12u

typedef struct bocpy_memo_entry {
  PyObject *object; /* NULL: free */
  uint32_t number;
} bocpy_memo_entry;

typedef struct bocpy_memo {
  uint32_t count;
  size_t capacity;           /* of the table, a power of two; 0: there is none yet */
  bocpy_memo_entry *entries; /* the table */
  PyObject *few[BOCPY_MEMO_FEW]; /* by number, while there is no table */
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
  return (size_t)(((uint64_t)(uintptr_t)address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >>
                  24);
}

#endif
