/* Address map: see address_map.h. */
#include "address_map.h"

#define ADDRESS_MAP_FIRST 32 /* entries */

static bool address_map_grow(bocpy_address_map *map) {
  size_t capacity = map->capacity ? 4 * map->capacity : ADDRESS_MAP_FIRST;
  bocpy_address_entry *entries = PyMem_RawCalloc(capacity, sizeof *entries);
  if (!entries)
    return false;
  bocpy_address_map old = *map;
  map->entries = entries;
  map->capacity = capacity;
  for (size_t i = 0; i < old.capacity; i++)
    if (old.entries[i].key)
      *bocpy_address_map_place(map, old.entries[i].key) = old.entries[i];
  PyMem_RawFree(old.entries);
  return true;
}

bool bocpy_address_map_put(bocpy_address_map *map, const void *key, uint64_t word) {
  bocpy_address_entry *entry = bocpy_address_map_find(map, key);
  if (!entry) {
    if (2 * (map->count + 1) > map->capacity && !address_map_grow(map))
      return false;
    entry = bocpy_address_map_place(map, key);
    entry->key = key;
    map->count++;
  }
  entry->word = word;
  return true;
}

/* Closes the gap: an entry behind it may stand there only because its own place was
 * taken, and a search would stop at the gap. */
void bocpy_address_map_remove(bocpy_address_map *map, const void *key) {
  bocpy_address_entry *found = bocpy_address_map_find(map, key),
                      *entries = map->entries;
  if (!found)
    return;
  size_t mask = map->capacity - 1, hole = (size_t)(found - entries);
  for (size_t at = (hole + 1) & mask; entries[at].key; at = (at + 1) & mask) {
    size_t wanted = bocpy_hash_address(entries[at].key) & mask;
    if (((at - wanted) & mask) >= ((at - hole) & mask)) {
      entries[hole] = entries[at];
      hole = at;
    }
  }
  entries[hole].key = NULL;
  map->count--;
}

void bocpy_address_map_fini(bocpy_address_map *map) {
  PyMem_RawFree(map->entries);
  *map = (bocpy_address_map){0};
}
