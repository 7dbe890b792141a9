/* Memo: see memo.h. */
#include "memo.h"

void bocpy_memo_fini(bocpy_memo *memo) {
  bocpy_memo old = *memo;
  bocpy_memo_init(memo);
  if (!old.map.capacity)
    for (uint32_t i = 0; i < old.count; i++)
      Py_DECREF(old.few[i]);
  for (size_t i = 0; i < old.map.capacity; i++)
    Py_XDECREF((PyObject *)old.map.entries[i].key);
  bocpy_address_map_fini(&old.map);
}

bool bocpy_memo_find(const bocpy_memo *memo, PyObject *object, uint32_t *out_number) {
  if (memo->map.capacity) {
    const bocpy_address_entry *entry = bocpy_address_map_find(&memo->map, object);
    if (entry)
      *out_number = (uint32_t)entry->word;
    return entry != NULL;
  }
  for (uint32_t i = 0; i < memo->count; i++)
    if (memo->few[i] == object) {
      *out_number = i;
      return true;
    }
  return false;
}

static bool memo_move_to_map(bocpy_memo *memo) {
  bocpy_address_map map = {0};
  for (uint32_t i = 0; i < memo->count; i++)
    if (!bocpy_address_map_put(&map, memo->few[i], i)) {
      bocpy_address_map_fini(&map);
      return false;
    }
  memo->map = map;
  return true;
}

int bocpy_memo_add(bocpy_memo *memo, PyObject *object) {
  if (!memo->map.capacity && memo->count < BOCPY_MEMO_FEW) {
    memo->few[memo->count++] = Py_NewRef(object);
    return 0;
  }
  if (memo->count == UINT32_MAX || (!memo->map.capacity && !memo_move_to_map(memo)) ||
      !bocpy_address_map_put(&memo->map, object, memo->count)) {
    PyErr_NoMemory();
    return -1;
  }
  Py_INCREF(object);
  memo->count++;
  return 0;
}
