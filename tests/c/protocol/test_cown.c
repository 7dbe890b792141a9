/* Cowns: payload, references counted by several threads, one drop, refusals; pools that
 *   outlive their workers. */
#include "harness.h"

#include <stddef.h>
#include <string.h>

#include <boc/boc.h>

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

/* Cowns without an allocator come from the pools, which no runtime owns. */

static const boc_cown_type pooled = {
    .name = "pooled", .payload_size = sizeof(uint64_t), .drop = on_drop};
static const boc_cown_type sizes[] = {{.name = "none", .payload_size = 0},
                                      {.name = "word", .payload_size = 8},
                                      {.name = "line", .payload_size = 80},
                                      {.name = "large", .payload_size = 5000}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static boc_cown *new_pooled(const boc_cown_type *its) {
  boc_cown *cown = NULL;
  CHECK_EQ(boc_cown_new(its, &cown), BOC_OK);
  unsigned char *payload = boc_cown_payload(cown);
  CHECK_EQ((uintptr_t)payload % _Alignof(max_align_t), 0);
  for (size_t i = 0; i < its->payload_size; i++)
    CHECK_EQ(payload[i], 0);
  memset(payload, 7, its->payload_size);
  return cown;
}

static void cowns_of_all_sizes_are_apart(void) {
  enum { ROUNDS_OF_ALL = 20 };
  boc_cown *cowns[ROUNDS_OF_ALL][SIZES];
  for (int round = 0; round < 2 * ROUNDS_OF_ALL; round++)
    for (int i = 0; i < SIZES; i++) {
      boc_cown **place = &cowns[round % ROUNDS_OF_ALL][i];
      const unsigned char *payload =
          round < ROUNDS_OF_ALL ? NULL : boc_cown_payload(*place);
      for (size_t k = 0; payload && k < sizes[i].payload_size; k++)
        CHECK_EQ(payload[k], 7);
      if (payload)
        boc_cown_drop(*place);
      *place = new_pooled(&sizes[i]);
    }
  for (int round = 0; round < ROUNDS_OF_ALL; round++)
    for (int i = 0; i < SIZES; i++)
      boc_cown_drop(cowns[round][i]);
}

typedef struct exchange {
  boci_atomic_ptr slots[2];
} exchange;

/* Makes cowns, and drops cowns of other threads. */
static void make_and_swap(void *arg, unsigned index) {
  exchange *all = arg;
  test_random random = test_random_stream(index);
  for (int i = 0; i < 2 * ROUNDS; i++) {
    boc_cown *cown = new_pooled(&pooled);
    boc_cown *other = boci_swap_acq_rel(&all->slots[test_draw(&random, 2)], cown);
    if (other)
      boc_cown_drop(other);
  }
}

static void make_in_a_body(boc_behavior *self, void *arg) {
  (void)self;
  make_and_swap(arg, 0);
}

/* Made by workers and by other threads at once; those that are left outlive the
 * runtime. */
static void cowns_outlive_who_made_them(void) {
  exchange all;
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime;
  options.workers = 2;
  boci_init(&drops, 0);
  for (int i = 0; i < 2; i++)
    boci_init(&all.slots[i], NULL);
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  for (int i = 0; i < 2; i++)
    CHECK_EQ(boc_when(runtime, NULL, 0, make_in_a_body, &all), BOC_OK);
  test_threads(2, make_and_swap, &all);
  boc_runtime_free(runtime);
  for (int i = 0; i < 2; i++) {
    boc_cown *cown = boci_load_relaxed(&all.slots[i]);
    if (cown)
      boc_cown_drop(cown);
  }
  CHECK_EQ(boci_load_relaxed(&drops), 4 * 2 * ROUNDS);
}

enum { CHAIN = 1000000 };

static unsigned long ended;

static void drop_next(boc_cown *cown, void *payload) {
  boc_cown *next = *(boc_cown **)payload;
  (void)cown;
  ended++;
  if (next)
    boc_cown_drop(next);
}

static const boc_cown_type link_type = {
    .name = "link", .payload_size = sizeof(boc_cown *), .drop = drop_next};

static boc_cown *make_chain(void) {
  boc_cown *head = NULL;
  for (int i = 0; i < CHAIN; i++) {
    boc_cown *cown = NULL;
    CHECK_EQ(boc_cown_new(&link_type, &cown), BOC_OK);
    *(boc_cown **)boc_cown_payload(cown) = head;
    head = cown;
  }
  return head;
}

/* On a thread outside of the workers. */
static void a_chain_of_any_length_ends(void) {
  boc_cown *head = make_chain();
  ended = 0;
  boc_cown_drop(head);
  CHECK_EQ(ended, CHAIN);
}

#if !defined(BOC_SYSTEMATIC)
static void do_nothing(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
}

static void a_chain_ends_on_a_worker(void) {
  boc_runtime *runtime = NULL;
  boc_cown *head = make_chain();
  ended = 0;
  CHECK_EQ(boc_runtime_new(NULL, &runtime), BOC_OK);
  CHECK_EQ(boc_when(runtime, &head, 1, do_nothing, NULL), BOC_OK);
  boc_cown_drop(head);
  boc_runtime_free(runtime);
  CHECK_EQ(ended, CHAIN);
}
#endif

static const test_case cases[] = {
    TEST_ONCE(a_payload_is_zero_and_aligned),  TEST_ONCE(the_last_reference_drops),
    TEST_ONCE(refusals_leave_nothing),         TEST_RACE(threads_hold_and_drop, 1),
    TEST_ALONE(a_chain_of_any_length_ends),    TEST_ONCE(cowns_of_all_sizes_are_apart),
    TEST_RACE(cowns_outlive_who_made_them, 4),
#if !defined(BOC_SYSTEMATIC) /* a worker would need a million steps for it */
    TEST_ALONE(a_chain_ends_on_a_worker),
#endif
};
TEST_MAIN(cases)
