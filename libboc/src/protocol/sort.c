/* Sort: insertion for the few cowns of most behaviors, else a heap (in place, and no
 * input makes it quadratic); a stable merge for several behaviors at once. */
#include "sort.h"

#include <string.h>

enum { FEW = 12 };

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

void boci_sort_requests(boci_request *requests, uint32_t count) {
  if (count <= FEW)
    sort_few(requests, count);
  else
    sort_heap(requests, count);
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
