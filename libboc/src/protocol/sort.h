/* Sort: requests by the address of their cown, the one order in which all threads link.
 */
#ifndef BOCI_SORT_H
#define BOCI_SORT_H

#include "request.h"

/* Sets `order` of the first `count` requests to their indices in ascending order of
 * cowns; among equals, the lower index comes first. O(n), for many with memory of
 * `allocator`; O(n log n) without that memory. */
void boci_sort_requests(boci_request *requests, uint32_t count,
                        const boc_allocator *allocator);

/* After sorting, requests for one cown are neighbors: the first one represents the
 * others, and writes if one of them does. Returns how many are left. */
uint32_t boci_merge_requests(boci_request *requests, uint32_t count);

/* Sorts `all` by cown; equals keep their order (a merge sort). `scratch` has room for
 * as many. */
void boci_sort_by_cown(boci_request **all, boci_request **scratch, size_t count);

#endif
