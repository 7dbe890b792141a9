/* Os: the clock, deadlines, processors, threads and their slot; status texts. */
#include "harness.h"

#include "atomic.h"

#include <string.h>

static void the_clock_goes_forward(void) {
  uint64_t latest = boci_os_now();
  CHECK(latest != 0);
  for (int i = 0; i < 1000; i++) {
    uint64_t now = boc_now();
    CHECK(now >= latest && now != BOCI_NEVER);
    latest = now;
  }
}

static void deadlines_saturate(void) {
  CHECK(boci_os_deadline(BOC_FOREVER) == BOCI_NEVER);
  CHECK(boci_os_deadline(INT64_MIN) == BOCI_NEVER);
  uint64_t before = boci_os_now();
  uint64_t deadline = boci_os_deadline(1000);
  CHECK(deadline >= before + 1000 && deadline <= boci_os_now() + 1000);
  deadline = boci_os_deadline(INT64_MAX);
  CHECK(deadline >= (uint64_t)INT64_MAX && deadline < BOCI_NEVER);
}

static void there_is_a_processor(void) {
  CHECK(boci_os_processor_count() >= 1);
  CHECK(boci_os_core_count() >= 1);
  CHECK(boci_os_core_count() <= boci_os_processor_count());
  CHECK_EQ(boc_core_count(), boci_os_core_count());
}

/* Store buffering, where one half fences for both. Without such a fence of the system
 * each half fences itself. */

typedef struct halves {
  boci_atomic_u32 flag[2];
  uint32_t seen[2];
  bool one_fences;
} halves;

static void store_then_load(void *arg, unsigned index) {
  halves *both = arg;
  boci_store_relaxed(&both->flag[index], 1);
  if (both->one_fences && index == 0) {
    boci_fence_compiler();
  } else {
    boci_fence_seq_cst();
    CHECK(boci_os_fence_others() == both->one_fences);
  }
  both->seen[index] = boci_load_relaxed(&both->flag[1 - index]);
}

static void a_fence_for_others_orders_their_store_and_load(void) {
  halves both = {.one_fences = boci_os_can_fence_others()};
  boci_init(&both.flag[0], 0);
  boci_init(&both.flag[1], 0);
  test_threads(2, store_then_load, &both);
  CHECK(both.seen[0] + both.seen[1] >= 1);
}

/* Threads. */

typedef struct greeting {
  int given, taken;
  void *slot_before;
} greeting;

static void greet(void *arg) {
  greeting *text = arg;
  text->slot_before = boci_tls_get();
  boci_tls_set(text);
  boci_os_yield();
  CHECK(boci_tls_get() == text);
  text->taken = text->given;
}

static void a_thread_sees_its_argument(void) {
  boci_thread thread;
  greeting text = {.given = 7};
  CHECK(boci_thread_start(&thread, greet, &text, "greeter", 0) == BOC_OK);
  boci_thread_join(&thread);
  CHECK_EQ(text.taken, 7);
}

static void stacks_of_all_sizes(void) {
  static const size_t sizes[] = {1, 4096, 100001, 1 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    boci_thread thread;
    greeting text = {.given = 7};
    CHECK(boci_thread_start(&thread, greet, &text, "a name that is far too long",
                            sizes[i]) == BOC_OK);
    boci_thread_join(&thread);
    CHECK_EQ(text.taken, 7);
  }
}

static void a_slot_is_the_threads_own(void) {
  boci_thread threads[3];
  greeting texts[3];
  int mine;
  boci_tls_set(&mine);
  for (int i = 0; i < 3; i++) {
    texts[i].given = i;
    CHECK(boci_thread_start(&threads[i], greet, &texts[i], "greeter", 0) == BOC_OK);
  }
  for (int i = 0; i < 3; i++) {
    boci_thread_join(&threads[i]);
    CHECK(texts[i].slot_before == NULL);
    CHECK_EQ(texts[i].taken, i);
  }
  CHECK(boci_tls_get() == &mine);
  boci_tls_set(NULL);
}

#if !defined(BOC_SYSTEMATIC)
static void ask_for_number(void *arg) {
  uint32_t *out_number = arg;
  *out_number = boci_thread_number();
  CHECK_EQ(boci_thread_number(), *out_number);
}

/* Eight threads that ask one after the other get eight places. */
static void threads_are_numbered_as_they_ask(void) {
  boci_thread threads[8];
  uint32_t numbers[8], places = 0;
  for (int i = 0; i < 8; i++) {
    CHECK(boci_thread_start(&threads[i], ask_for_number, &numbers[i], "asker", 0) ==
          BOC_OK);
    boci_thread_join(&threads[i]);
    places |= UINT32_C(1) << numbers[i] % 8;
  }
  CHECK_EQ(places, 255);
}
#endif

/* Status. */

static void every_status_has_a_text(void) {
  for (int i = 0; i < BOC_STATUS_COUNT; i++)
    CHECK(strlen(boc_status_text((boc_status)i)) > 0);
  CHECK(strcmp(boc_status_text(BOC_OK), "success") == 0);
  CHECK(strcmp(boc_status_text(BOC_NOT_FOUND), "no such tag or key") == 0);
  CHECK(strcmp(boc_status_text((boc_status)1000), "unknown status") == 0);
}

static void the_version_is_the_headers(void) {
  CHECK(strcmp(boc_version(), BOC_VERSION_STRING) == 0);
}

static const test_case cases[] = {
    TEST_ONCE(the_clock_goes_forward),
    TEST_ONCE(deadlines_saturate),
    TEST_ONCE(there_is_a_processor),
    TEST_RACE(a_fence_for_others_orders_their_store_and_load, 2),
    TEST_ONCE(a_thread_sees_its_argument),
    TEST_ONCE(stacks_of_all_sizes),
    TEST_RACE(a_slot_is_the_threads_own, 1),
#if !defined(BOC_SYSTEMATIC)
    TEST_ONCE(threads_are_numbered_as_they_ask),
#endif
    TEST_ONCE(every_status_has_a_text),
    TEST_ONCE(the_version_is_the_headers),
};
TEST_MAIN(cases)
