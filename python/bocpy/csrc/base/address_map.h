/* Address map: from the address of an object to a word; the one hash table here.
 *
 * Open addressing with linear probing, at most half full; removing an entry leaves no
 * mark behind. The map holds no references: its user keeps each key's object alive, so
 * that no other object gets its address.
 *
 *   used by           key            word
 *   memo.h            an object      its number in the encoding
 *   classes.c         a type         what is known of it
 *   code.c            a code object  the first of its entries
 *   pickled_handle.c  a core         its serial number
 *
 * Memory is CPython's raw domain.
 *
 * Threads: one at a time; the user has a lock, or is the only thread.
 */
#ifndef BOCPY_ADDRESS_MAP_H
#define BOCPY_ADDRESS_MAP_H

#include "compat.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct bocpy_address_entry {
  const void *key; /* NULL: free */
  uint64_t word;
} bocpy_address_entry;

/* Zeroed memory is an empty map. */
typedef struct bocpy_address_map {
  size_t count, capacity; /* the capacity is a power of two, or 0 */
  bocpy_address_entry *entries;
} bocpy_address_map;

/* Spreads the bits of an address; the caller masks the result. */
static inline size_t bocpy_hash_address(const void *address) {
  return (size_t)(((uint64_t)(uintptr_t)address >> 4) * UINT64_C(0x9E3779B97F4A7C15) >>
                  24);
}

/* The entry of `key`, or the free one where it belongs. The map has a capacity. */
static inline bocpy_address_entry *bocpy_address_map_place(const bocpy_address_map *map,
                                                           const void *key) {
  for (size_t at = bocpy_hash_address(key);; at++) {
    bocpy_address_entry *entry = &map->entries[at & (map->capacity - 1)];
    if (!entry->key || entry->key == key)
      return entry;
  }
}

/* The entry of `key`, or NULL. Valid until the map changes. */
static inline bocpy_address_entry *bocpy_address_map_find(const bocpy_address_map *map,
                                                          const void *key) {
  bocpy_address_entry *entry = map->capacity ? bocpy_address_map_place(map, key) : NULL;
  return entry && entry->key ? entry : NULL;
}

/* The word of `key` as a pointer, or NULL. */
static inline void *bocpy_address_map_pointer(const bocpy_address_map *map,
                                              const void *key) {
  const bocpy_address_entry *entry = bocpy_address_map_find(map, key);
  return entry ? (void *)(uintptr_t)entry->word : NULL;
}

/* Sets the word of `key`. Returns false, and changes nothing, if there is no memory. */
bool bocpy_address_map_put(bocpy_address_map *map, const void *key, uint64_t word);

static inline bool bocpy_address_map_put_pointer(bocpy_address_map *map,
                                                 const void *key, void *pointer) {
  return bocpy_address_map_put(map, key, (uint64_t)(uintptr_t)pointer);
}

/* Removes `key`, if it is there. */
void bocpy_address_map_remove(bocpy_address_map *map, const void *key);

/* Frees the memory; the map is empty. */
void bocpy_address_map_fini(bocpy_address_map *map);

#endif
