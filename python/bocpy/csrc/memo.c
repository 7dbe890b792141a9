/* Memo: see memo.h. */
#include "memo.h"

#include <string.h>

static bocpy_memo_entry *slot_of(const bocpy_memo *memo, PyObject *object) {
  size_t at = bocpy_hash_address(object);
  for (;; at++) {
    bocpy_memo_entry *entry = &memo->entries[at & (memo->capacity - 1)];
    if (!entry->object || entry->object == object)
      return entry;
  }
}

void bocpy_memo_fini(bocpy_memo *memo) {
  bocpy_memo_entry *entries = memo->entries;
  size_t capacity = memo->capacity;
  bocpy_memo_init(memo);
  for (size_t i = 0; i < capacity; i++)
    Py_XDECREF(entries[i].object);
  if (entries != memo->first)
    PyMem_RawFree(entries);
}

bool bocpy_memo_find(const bocpy_memo *memo, PyObject *object, uint32_t *out_number) {
  if (!memo->entries)
    return false;
  const bocpy_memo_entry *entry = slot_of(memo, object);
  if (!entry->object)
    return false;
  *out_number = entry->number;
  return true;
}

static int grow(bocpy_memo *memo) {
  bocpy_memo old = {.entries = memo->entries, .capacity = memo->capacity};
  if (!old.entries) {
    memo->entries = memo->first;
    memo->capacity = BOCPY_MEMO_FIRST;
    memset(memo->first, 0, sizeof memo->first);
    return 0;
  }
  size_t capacity = 4 * old.capacity;
  bocpy_memo_entry *entries = PyMem_RawCalloc(capacity, sizeof *entries);
  if (!entries || memo->count == UINT32_MAX) {
    PyMem_RawFree(entries);
    PyErr_NoMemory();
    return -1;
  }
  memo->entries = entries;
  memo->capacity = capacity;
  for (size_t i = 0; i < old.capacity; i++)
    if (old.entries[i].object)
      *slot_of(memo, old.entries[i].object) = old.entries[i];
  if (old.entries != memo->first)
    PyMem_RawFree(old.entries);
  return 0;
}

int bocpy_memo_add(bocpy_memo *memo, PyObject *object) {
  if (2 * (size_t)memo->count >= memo->capacity && grow(memo) < 0)
    return -1;
  bocpy_memo_entry *entry = slot_of(memo, object);
  entry->object = Py_NewRef(object);
  entry->number = memo->count++;
  return 0;
}
