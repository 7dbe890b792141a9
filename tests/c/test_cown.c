/* Cowns: payload, references counted by several threads, one drop, refusals. */
#include "harness.h"

#include <string.h>

#include "cown.h"

enum { SIZE = 100, THREADS = 3, ROUNDS = 4 };

static test_memory memory;
static boci_atomic_u32 drops;

static void on_drop(boc_cown *cown, void *payload) {
  CHECK(payload == boc_cown_payload(cown));
  CHECK_EQ(*(unsigned char *)payload, 7);
  boci_add_relaxed(&drops, 1);
}

static const boc_cown_type type = {
    .name = "test", .payload_size = SIZE, .drop = on_drop, .allocator = &memory.base};

static boc_cown *new_cown(void) {
  boc_cown *cown = NULL;
  test_memory_init(&memory, 0);
  boci_init(&drops, 0);
  CHECK_EQ(boc_cown_new(&type, &cown), BOC_OK);
  memset(boc_cown_payload(cown), 7, SIZE);
  return cown;
}

static void check_gone(void) {
  CHECK_EQ(boci_load_relaxed(&drops), 1);
  test_memory_fini(&memory);
}

static void a_payload_is_zero_and_aligned(void) {
  boc_cown *cown = NULL;
  test_memory_init(&memory, 0);
  boci_init(&drops, 0);
  CHECK_EQ(boc_cown_new(&type, &cown), BOC_OK);
  unsigned char *payload = boc_cown_payload(cown);
  CHECK_EQ((uintptr_t)payload % 16, 0);
  for (int i = 0; i < SIZE; i++)
    CHECK_EQ(payload[i], 0);
  CHECK(boc_cown_type_of(cown) == &type);
  CHECK(!boc_cown_busy(cown));
  payload[0] = 7;
  boc_cown_drop(cown);
  check_gone();
}

static void the_last_reference_drops(void) {
  boc_cown *cown = new_cown();
  CHECK(boc_cown_hold(cown) == cown);
  boc_cown_drop(cown);
  CHECK_EQ(boci_load_relaxed(&drops), 0);
  boc_cown_drop(cown);
  check_gone();
}

static void refusals_leave_nothing(void) {
  boc_cown_type huge = type;
  boc_cown *cown = NULL;
  huge.payload_size = SIZE_MAX;
  test_memory_init(&memory, 1);
  CHECK_EQ(boc_cown_new(&huge, &cown), BOC_NO_MEMORY);
  CHECK_EQ(boc_cown_new(&type, &cown), BOC_NO_MEMORY);
  CHECK(cown == NULL);
  test_memory_fini(&memory);
}

/* Each thread has a reference, makes and drops more, and ends with its own. */
static void hold_and_drop(void *arg, unsigned index) {
  boc_cown *cown = arg;
  (void)index;
  for (int i = 0; i < ROUNDS; i++) {
    boc_cown_hold(cown);
    CHECK_EQ(*(unsigned char *)boc_cown_payload(cown), 7);
    boc_cown_drop(cown);
  }
  boc_cown_drop(cown);
}

static void threads_hold_and_drop(void) {
  boc_cown *cown = new_cown();
  for (int i = 0; i < THREADS - 1; i++)
    boc_cown_hold(cown);
  test_threads(THREADS, hold_and_drop, cown);
  check_gone();
}

static const test_case cases[] = {
    TEST_ONCE(a_payload_is_zero_and_aligned),
    TEST_ONCE(the_last_reference_drops),
    TEST_ONCE(refusals_leave_nothing),
    TEST_RACE(threads_hold_and_drop, 1),
};
TEST_MAIN(cases)
