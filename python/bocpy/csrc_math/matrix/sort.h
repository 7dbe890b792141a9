/* Sort: the order of numbers: stable, NaNs last. */
#ifndef MX_SORT_H
#define MX_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mx_sort_item {
  uint64_t key; /* ordered as the numbers are */
  size_t place;
} mx_sort_item;

/* The places of `numbers` in their order, in items[0 .. count - 1]; there is room for
 * twice `count`. */
void mx_sort_items(const double *numbers, size_t count, bool descending,
                   mx_sort_item *items);

#endif
