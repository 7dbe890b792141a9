/* Memo: see memo.h. */
#include "memo.h"

static bocpy_memo_entry *memo_slot_of(const bocpy_memo *memo, PyObject *object) {
  for (size_t at = bocpy_hash_address(object);; at++) {
    bocpy_memo_entry *entry = &memo->entries[at & (memo->capacity - 1)];
    if (!entry->object || entry->object == object)
      return entry;
  }
}

void bocpy_memo_fini(bocpy_memo *memo) {
  bocpy_memo old = *memo;
  bocpy_memo_init(memo);
  if (!old.capacity)
    for (uint32_t i = 0; i < old.count; i++)
      Py_DECREF(old.few[i]);
  for (size_t i = 0; i < old.capacity; i++)
    Py_XDECREF(old.entries[i].object);
  PyMem_RawFree(old.entries);
}

bool bocpy_memo_find(const bocpy_memo *memo, PyObject *object, uint32_t *out_number) {
  if (memo->capacity) {
    const bocpy_memo_entry *entry = memo_slot_of(memo, object);
    *out_number = entry->number;
    return entry->object != NULL;
  }
  for (uint32_t i = 0; i < memo->count; i++)
    if (memo->few[i] == object) {
      *out_number = i;
      return true;
    }
  return false;
}

/* Makes a table, or a larger one. */
static int memo_grow(bocpy_memo *memo) {
  size_t old_capacity = memo->capacity;
  bocpy_memo_entry *old = memo->entries;
  size_t capacity = old_capacity ? 4 * old_capacity : 64;
  bocpy_memo_entry *entries = PyMem_RawCalloc(capacity, sizeof *entries);
  if (!entries || memo->count == UINT32_MAX) {
    PyMem_RawFree(entries);
    PyErr_NoMemory();
    return -1;
  }
  memo->entries = entries;
  memo->capacity = capacity;
  for (uint32_t i = 0; !old && i < memo->count; i++)
    *memo_slot_of(memo, memo->few[i]) = (bocpy_memo_entry){memo->few[i], i};
  for (size_t i = 0; i < old_capacity; i++)
    if (old[i].object)
      *memo_slot_of(memo, old[i].object) = old[i];
  PyMem_RawFree(old);
  return 0;
}

int bocpy_memo_add(bocpy_memo *memo, PyObject *object) {
  if (!memo->capacity && memo->count < BOCPY_MEMO_FEW) {
    memo->few[memo->count++] = Py_NewRef(object);
    return 0;
  }
  if (2 * (size_t)memo->count >= memo->capacity && memo_grow(memo) < 0)
    return -1;
  *memo_slot_of(memo, object) = (bocpy_memo_entry){Py_NewRef(object), memo->count++};
  return 0;
}
