/* The bounded queue: order, bounds, and several threads at both ends. */
#include "harness.h"

#include "mpmc_ring.h"

enum { CAPACITY = 4, THREADS = 2, EACH = 8 };

static void *number(uintptr_t value) { return (void *)value; }

static void it_is_first_in_first_out_and_bounded(void) {
  test_memory memory;
  void *payload = NULL;
  test_memory_init(&memory, 0);
  boci_mpmc_ring *ring = boci_mpmc_ring_new(&memory.base, CAPACITY);
  for (uintptr_t lap = 0; lap < 3; lap++) {
    CHECK(!boci_mpmc_ring_ready(ring) && !boci_mpmc_ring_pop(ring, &payload));
    for (uintptr_t i = 0; i < CAPACITY; i++)
      CHECK(boci_mpmc_ring_push(ring, number(lap + i)));
    CHECK(!boci_mpmc_ring_push(ring, NULL) && boci_mpmc_ring_ready(ring));
    for (uintptr_t i = 0; i < CAPACITY; i++) {
      CHECK(boci_mpmc_ring_pop(ring, &payload));
      CHECK_EQ((uintptr_t)payload, lap + i);
    }
  }
  boci_mpmc_ring_free(&memory.base, ring);
  test_memory_fini(&memory);
}

static void no_memory_is_no_ring(void) {
  test_memory memory;
  test_memory_init(&memory, 1);
  CHECK(!boci_mpmc_ring_new(&memory.base, CAPACITY));
  test_memory_fini(&memory);
}

typedef struct traffic {
  boci_mpmc_ring *ring;
  boci_atomic_u32 taken[THREADS * EACH];
  boci_atomic_u32 total;
} traffic;

static void produce(traffic *all, uintptr_t producer) {
  for (uintptr_t i = 0; i < EACH; i++)
    while (!boci_mpmc_ring_push(all->ring, number(producer * EACH + i)))
      boci_os_yield();
}

static void consume(traffic *all) {
  intptr_t latest[THREADS] = {-1, -1};
  while (boci_load_relaxed(&all->total) < THREADS * EACH) {
    void *payload;
    if (!boci_mpmc_ring_pop(all->ring, &payload)) {
      boci_os_yield();
      continue;
    }
    const uintptr_t at = (uintptr_t)payload;
    CHECK(latest[at / EACH] < (intptr_t)at);
    latest[at / EACH] = (intptr_t)at;
    CHECK_EQ(boci_add_relaxed(&all->taken[at], 1), 0);
    boci_add_relaxed(&all->total, 1);
  }
}

static void produce_or_consume(void *arg, unsigned index) {
  if (index < THREADS)
    produce(arg, index);
  else
    consume(arg);
}

static void each_is_taken_once_and_in_order(void) {
  traffic all = {.ring = boci_mpmc_ring_new(NULL, CAPACITY)};
  for (int i = 0; i < THREADS * EACH; i++)
    boci_init(&all.taken[i], 0);
  boci_init(&all.total, 0);
  test_threads(2 * THREADS, produce_or_consume, &all);
  CHECK(!boci_mpmc_ring_ready(all.ring));
  boci_mpmc_ring_free(NULL, all.ring);
}

static const test_case cases[] = {
    TEST_ONCE(it_is_first_in_first_out_and_bounded),
    TEST_ONCE(no_memory_is_no_ring),
    TEST_RACE(each_is_taken_once_and_in_order, 1),
};

TEST_MAIN(cases)
