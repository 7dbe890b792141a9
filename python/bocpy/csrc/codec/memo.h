/* Memo: the objects that an encoding has met, and their numbers.
 *
 * The first few objects are kept in the order of their numbers and searched one by one;
 * if there are more, all go into a map. The memo holds references, so that no other
 * object gets an address while it lasts.
 */
#ifndef BOCPY_MEMO_H
#define BOCPY_MEMO_H

#include "address_map.h"

#define BOCPY_MEMO_FEW 12u

typedef struct bocpy_memo {
  uint32_t count;
  bocpy_address_map map;         /* empty while there are few */
  PyObject *few[BOCPY_MEMO_FEW]; /* by number, while the map is empty */
} bocpy_memo;

static inline void bocpy_memo_init(bocpy_memo *memo) {
  memo->count = 0;
  memo->map = (bocpy_address_map){0};
}

/* Forgets everything and frees its memory; the memo can be used again. */
void bocpy_memo_fini(bocpy_memo *memo);

/* Whether `object` has a number, and which one. */
bool bocpy_memo_find(const bocpy_memo *memo, PyObject *object, uint32_t *out_number);

/* Gives the next number to `object`, which has none. -1 with MemoryError. */
int bocpy_memo_add(bocpy_memo *memo, PyObject *object);

#endif
