/* Sort: orders of requests by the addresses of their cowns, few and many of them. */
#include "harness.h"

#include <stdlib.h>

#include "sort.h"

enum { MAX_COUNT = 300 };

/* Addresses that no cown has, but that a request may contain. */
static boc_cown *cown_at(uint32_t number) {
  return (boc_cown *)(uintptr_t)(64 * (number + 1));
}

static void fill(boci_request *requests, uint32_t count, uint32_t different,
                 test_random *random) {
  for (uint32_t i = 0; i < count; i++) {
    const boc_access access = {cown_at(test_draw(random, different)),
                               test_draw(random, 2) ? BOC_READ : BOC_WRITE};
    boci_request_init(&requests[i], &access, i);
  }
}

static bool comes_before(const boci_request *requests, uint32_t a, uint32_t b) {
  const boc_cown *left = boci_request_cown(&requests[a]);
  const boc_cown *right = boci_request_cown(&requests[b]);
  return left < right || (left == right && a < b);
}

static void check_orders(const boci_request *requests, uint32_t count) {
  bool seen[MAX_COUNT] = {false};
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t at = requests[i].order;
    CHECK(at < count && !seen[at]);
    seen[at] = true;
    if (i > 0)
      CHECK(comes_before(requests, requests[i - 1].order, at));
  }
}

static void every_count_is_sorted(void) {
  test_random random = test_random_stream(1);
  boci_request requests[MAX_COUNT];
  for (uint32_t count = 0; count < MAX_COUNT; count++) {
    fill(requests, count, 1 + test_draw(&random, 2 * MAX_COUNT), &random);
    boci_sort_requests(requests, count, NULL);
    check_orders(requests, count);
  }
}

static void sorted_and_reversed_input_is_sorted(void) {
  boci_request requests[MAX_COUNT];
  for (int reversed = 0; reversed < 2; reversed++) {
    for (uint32_t i = 0; i < MAX_COUNT; i++) {
      const boc_access access = {cown_at(reversed ? MAX_COUNT - i : i), BOC_WRITE};
      boci_request_init(&requests[i], &access, i);
    }
    boci_sort_requests(requests, MAX_COUNT, NULL);
    check_orders(requests, MAX_COUNT);
  }
}

/* Addresses that differ in their first and last digits. */
static void addresses_far_apart_are_sorted(void) {
  boci_request requests[MAX_COUNT];
  for (uint32_t i = 0; i < MAX_COUNT; i++) {
    const uintptr_t high = (uintptr_t)(i * 7 % 5) << (sizeof high * 8 - 4);
    const boc_access access = {(boc_cown *)(high + 64 * (uintptr_t)(i * 31 % 97 + 1)),
                               BOC_WRITE};
    boci_request_init(&requests[i], &access, i);
  }
  boci_sort_requests(requests, MAX_COUNT, NULL);
  check_orders(requests, MAX_COUNT);
}

static void without_memory_many_are_sorted_in_place(void) {
  test_random random = test_random_stream(3);
  boci_request requests[MAX_COUNT];
  test_memory memory;
  test_memory_init(&memory, 1);
  fill(requests, MAX_COUNT, MAX_COUNT, &random);
  boci_sort_requests(requests, MAX_COUNT, &memory.base);
  CHECK(test_memory_failed(&memory));
  check_orders(requests, MAX_COUNT);
  fill(requests, MAX_COUNT, MAX_COUNT, &random);
  boci_sort_requests(requests, MAX_COUNT, &memory.base);
  check_orders(requests, MAX_COUNT);
  test_memory_fini(&memory);
}

static void equals_keep_their_order(void) {
  test_random random = test_random_stream(2);
  boci_request requests[MAX_COUNT];
  boci_request *all[MAX_COUNT], *scratch[MAX_COUNT];
  for (uint32_t count = 0; count < MAX_COUNT; count += 7) {
    fill(requests, count, 5, &random);
    for (uint32_t i = 0; i < count; i++)
      all[i] = &requests[i];
    boci_sort_by_cown(all, scratch, count);
    for (uint32_t i = 1; i < count; i++)
      CHECK(comes_before(requests, all[i - 1]->index, all[i]->index));
  }
}

static const test_case cases[] = {
    TEST_ONCE(every_count_is_sorted),
    TEST_ONCE(sorted_and_reversed_input_is_sorted),
    TEST_ONCE(addresses_far_apart_are_sorted),
    TEST_ONCE(without_memory_many_are_sorted_in_place),
    TEST_ONCE(equals_keep_their_order),
};
TEST_MAIN(cases)
