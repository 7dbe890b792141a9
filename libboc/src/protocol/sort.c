/* Sort: few cowns, as most behaviors have, by insertion; more of them by the digits of
 * their addresses, in memory beside the requests; without that memory by a heap, in
 * place. Then requests for one cown are merged. And a stable merge sort for several
 * behaviors at once. */
#include "sort.h"

#include <string.h>

#include "alloc.h"

enum { FEW = 12, ON_STACK = 128, DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };

static bool request_precedes(const boci_request *requests, uint32_t a, uint32_t b) {
  const uintptr_t left = (uintptr_t)boci_request_cown(&requests[a]);
  const uintptr_t right = (uintptr_t)boci_request_cown(&requests[b]);
  return left != right ? left < right : a < b;
}

static void swap_orders(boci_request *requests, uint32_t i, uint32_t k) {
  const uint32_t order = requests[i].order;
  requests[i].order = requests[k].order;
  requests[k].order = order;
}

static bool orders_ascend(const boci_request *requests, uint32_t i, uint32_t k) {
  return request_precedes(requests, requests[i].order, requests[k].order);
}

static void sort_few(boci_request *requests, uint32_t count) {
  for (uint32_t i = 1; i < count; i++)
    for (uint32_t k = i; k > 0 && orders_ascend(requests, k, k - 1); k--)
      swap_orders(requests, k, k - 1);
}

static void sift_down(boci_request *requests, uint32_t root, uint32_t count) {
  for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
    if (child + 1 < count && orders_ascend(requests, child, child + 1))
      child++;
    if (!orders_ascend(requests, root, child))
      return;
    swap_orders(requests, root, child);
  }
}

static void sort_heap(boci_request *requests, uint32_t count) {
  for (uint32_t i = count / 2; i-- > 0;)
    sift_down(requests, i, count);
  for (uint32_t end = count; end-- > 1;) {
    swap_orders(requests, 0, end);
    sift_down(requests, 0, end);
  }
}

/* Sorting moves these: an entry is shorter than a request, and all are contiguous. */
typedef struct sort_entry {
  uintptr_t address;
  uint32_t index;
} sort_entry;

/* Sorts by one digit, from `from` to `to`; keeps the order of equals. */
static void sort_by_digit(const sort_entry *from, sort_entry *to, uint32_t count,
                          unsigned shift) {
  uint32_t at[DIGITS] = {0};
  for (uint32_t i = 0; i < count; i++)
    at[(from[i].address >> shift) % DIGITS]++;
  uint32_t sum = 0;
  for (unsigned digit = 0; digit < DIGITS; digit++) {
    const uint32_t first = sum;
    sum += at[digit];
    at[digit] = first;
  }
  for (uint32_t i = 0; i < count; i++)
    to[at[(from[i].address >> shift) % DIGITS]++] = from[i];
}

/* Returns the bits in which some addresses differ. */
static uintptr_t fill_entries(const boci_request *requests, uint32_t count,
                              sort_entry *entries) {
  uintptr_t varying = 0;
  for (uint32_t i = 0; i < count; i++) {
    entries[i] = (sort_entry){(uintptr_t)boci_request_cown(&requests[i]), i};
    varying |= entries[i].address ^ entries[0].address;
  }
  return varying;
}

/* Sorts from the least significant digit that differs to the most significant one.
 * `entries` is twice as long. */
static void sort_by_digits(boci_request *requests, uint32_t count,
                           sort_entry *entries) {
  sort_entry *from = entries, *to = entries + count;
  uintptr_t varying = fill_entries(requests, count, entries);
  for (unsigned shift = 0; varying != 0;) {
    if (varying & 1) {
      sort_by_digit(from, to, count, shift);
      sort_entry *sorted = to;
      to = from;
      from = sorted;
    }
    const unsigned step = varying & 1 ? DIGIT_BITS : 1;
    varying >>= step;
    shift += step;
  }
  for (uint32_t i = 0; i < count; i++)
    requests[i].order = from[i].index;
}

static void sort_many(boci_request *requests, uint32_t count,
                      const boc_allocator *allocator) {
  const size_t size = 2 * (size_t)count * sizeof(sort_entry);
  sort_entry *entries = boci_allocate(allocator, size);
  if (!entries) {
    sort_heap(requests, count);
    return;
  }
  sort_by_digits(requests, count, entries);
  boci_release(allocator, entries, size);
}

void boci_sort_requests(boci_request *requests, uint32_t count,
                        const boc_allocator *allocator) {
  sort_entry entries[2 * ON_STACK];
  if (count <= FEW)
    sort_few(requests, count);
  else if (count <= ON_STACK)
    sort_by_digits(requests, count, entries);
  else
    sort_many(requests, count, allocator);
}

uint32_t boci_merge_requests(boci_request *requests, uint32_t count) {
  uint32_t unique = 0;
  boci_request *kept = NULL;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t at = requests[i].order;
    boci_request *request = &requests[at];
    if (kept && boci_request_cown(kept) == boci_request_cown(request)) {
      if (!boci_request_reads(request))
        kept->target &= ~BOCI_READS;
      request->target |= BOCI_MERGED;
      boci_init(&request->word, kept->index);
    } else {
      kept = request;
      requests[unique++].order = at;
    }
  }
  return unique;
}

static void merge_halves(boci_request **from, size_t middle, size_t count,
                         boci_request **to) {
  size_t left = 0, right = middle;
  for (size_t i = 0; i < count; i++) {
    const bool take_right =
        left == middle ||
        (right < count && (uintptr_t)boci_request_cown(from[right]) <
                              (uintptr_t)boci_request_cown(from[left]));
    to[i] = take_right ? from[right++] : from[left++];
  }
}

void boci_sort_by_cown(boci_request **all, boci_request **scratch, size_t count) {
  if (count < 2)
    return;
  const size_t middle = count / 2;
  boci_sort_by_cown(all, scratch, middle);
  boci_sort_by_cown(all + middle, scratch, count - middle);
  memcpy(scratch, all, count * sizeof *all);
  merge_halves(scratch, middle, count, all);
}
