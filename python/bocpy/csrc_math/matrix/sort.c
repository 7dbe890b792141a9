/* Sort: a merge sort, from the bottom up, of runs that an insertion sort has made.
 *
 * Numbers are compared as integers that are ordered as they are: sign and exponent come
 * first in the bits of a double. 0.0 and -0.0 are equal, and so are all NaNs, which are
 * the last in both directions. */
#include "sort.h"

#define RUN ((size_t)16)
#define SIGN ((uint64_t)1 << 63)

static uint64_t key_of(double number, bool descending) {
  uint64_t bits;
  if (number != number)
    return UINT64_MAX;
  number += 0.0; /* -0.0 becomes 0.0 */
  memcpy(&bits, &number, sizeof bits);
  bits = bits & SIGN ? ~bits : bits | SIGN;
  return descending ? ~bits : bits;
}

static void sort_run(mx_sort_item *items, size_t count) {
  for (size_t i = 1; i < count; i++) {
    mx_sort_item item = items[i];
    size_t at = i;
    for (; at && item.key < items[at - 1].key; at--)
      items[at] = items[at - 1];
    items[at] = item;
  }
}

static void merge(const mx_sort_item *a, size_t count_a, const mx_sort_item *b,
                  size_t count_b, mx_sort_item *out) {
  while (count_a && count_b) {
    bool second = b->key < a->key;
    *out++ = second ? *b : *a;
    b += second;
    count_b -= second;
    a += !second;
    count_a -= !second;
  }
  memcpy(out, count_a ? a : b, (count_a + count_b) * sizeof *out);
}

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

void mx_sort_items(const double *numbers, size_t count, bool descending,
                   mx_sort_item *items) {
  mx_sort_item *from = items, *to = items + count;
  for (size_t i = 0; i < count; i++)
    items[i] = (mx_sort_item){key_of(numbers[i], descending), i, numbers[i]};
  for (size_t i = 0; i < count; i += RUN)
    sort_run(items + i, least_of(RUN, count - i));
  for (size_t width = RUN; width < count; width *= 2) {
    for (size_t i = 0; i < count; i += 2 * width) {
      size_t first = least_of(width, count - i);
      size_t second = least_of(width, count - i - first);
      merge(from + i, first, from + i + first, second, to + i);
    }
    mx_sort_item *other = from;
    from = to;
    to = other;
  }
  if (from != items)
    memcpy(items, from, count * sizeof *items);
}
