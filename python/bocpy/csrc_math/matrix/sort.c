/* Sort: few numbers by insertion, more by their bytes, from the last to the first.
 *
 * Numbers are compared as integers that are ordered as they are: sign and exponent come
 * first in the bits of a double. 0.0 and -0.0 are equal, and so are all NaNs, which are
 * the last in both directions. Sorting by bytes is stable, and skips bytes in which all
 * are alike (Knuth, "The Art of Computer Programming" 3, 5.2.5). */
#include "sort.h"

#define FEW ((size_t)64)
#define SIGN ((uint64_t)1 << 63)
#define BYTES 8

static uint64_t key_of(double number, bool descending) {
  uint64_t bits;
  if (number != number)
    return UINT64_MAX;
  number += 0.0; /* -0.0 becomes 0.0 */
  memcpy(&bits, &number, sizeof bits);
  bits = bits & SIGN ? ~bits : bits | SIGN;
  return descending ? ~bits : bits;
}

static void sort_few_numbers(mx_sort_item *items, size_t count) {
  for (size_t i = 1; i < count; i++) {
    mx_sort_item item = items[i];
    size_t at = i;
    for (; at && item.key < items[at - 1].key; at--)
      items[at] = items[at - 1];
    items[at] = item;
  }
}

static unsigned byte_of(uint64_t key, int byte) { return key >> (8 * byte) & 255; }

/* Where the first item with each byte goes; false if all items have the same byte. */
static bool starts_of(const size_t *counts, size_t count, size_t *out_starts) {
  size_t start = 0;
  for (int value = 0; value < 256; value++) {
    if (counts[value] == count)
      return false;
    out_starts[value] = start;
    start += counts[value];
  }
  return true;
}

static void sort_by_bytes(mx_sort_item *items, size_t count) {
  size_t counts[BYTES][256], starts[256];
  mx_sort_item *from = items, *to = items + count;
  memset(counts, 0, sizeof counts);
  for (size_t i = 0; i < count; i++)
    for (int byte = 0; byte < BYTES; byte++)
      counts[byte][byte_of(items[i].key, byte)]++;
  for (int byte = 0; byte < BYTES; byte++) {
    if (!starts_of(counts[byte], count, starts))
      continue;
    for (size_t i = 0; i < count; i++)
      to[starts[byte_of(from[i].key, byte)]++] = from[i];
    mx_sort_item *other = from;
    from = to;
    to = other;
  }
  if (from != items)
    memcpy(items, from, count * sizeof *items);
}

void mx_sort_items(const double *numbers, size_t count, bool descending,
                   mx_sort_item *items) {
  for (size_t i = 0; i < count; i++)
    items[i] = (mx_sort_item){key_of(numbers[i], descending), i};
  if (count <= FEW)
    sort_few_numbers(items, count);
  else
    sort_by_bytes(items, count);
}
