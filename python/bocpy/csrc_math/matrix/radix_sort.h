/* Radix sort: of numbers, stable, NaNs last. For sort, argsort and topk: order.c. */
#ifndef MX_RADIX_SORT_H
#define MX_RADIX_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mx_sort_item {
  uint64_t key; /* ordered as the numbers are */
  size_t place;
} mx_sort_item;

/* What sorting needs beside the numbers. */
typedef struct mx_sort_room {
  mx_sort_item *items; /* twice the count */
  size_t *starts;      /* a table for each digit of a window */
} mx_sort_room;

/* Room for lines of up to `count` numbers; 0, or -1 with MemoryError set. */
int mx_sort_open(mx_sort_room *room, size_t count);
void mx_sort_close(mx_sort_room *room);

/* The places of `numbers` in their order; what is returned lies in the room. */
const mx_sort_item *mx_sort_items(mx_sort_room *room, const double *numbers,
                                  size_t count, bool descending);

/* Writes the numbers in ascending order to `out`, at every `stride`; `out` may be
 * `numbers`. False, and nothing is written, if there are NaNs or negative zeros: their
 * bits cannot be told from their keys. */
bool mx_sort_numbers(mx_sort_room *room, const double *numbers, size_t count,
                     double *out, size_t stride);

#endif
