/* The overflow: order, segments that are taken in parts, no memory, and several owners
 * of run queues at both ends. */
#include "harness.h"

#include "behavior.h"
#include "overflow.h"

enum { HALF = BOCI_RING / 2, ITEMS = 4 * BOCI_RING };

static boc_behavior items[ITEMS];

static int index_of(const boc_behavior *item) {
  return item ? (int)(item - items) : -1;
}

/* Pushes items[from] and the following ones until `queue` is full; returns the next one
 * to push. */
static int fill(boci_run_queue *queue, int from) {
  while (boci_run_queue_push(queue, &items[from]))
    from++;
  return from;
}

static void the_oldest_come_back_first(void) {
  boci_overflow overflow;
  boci_run_queue full, empty;
  uint32_t count = 0;
  CHECK(boci_overflow_init(&overflow, NULL) == BOC_OK);
  boci_run_queue_init(&full, false);
  boci_run_queue_init(&empty, false);
  CHECK(boci_overflow_take(&overflow, &empty, &count) == NULL);
  CHECK(boci_overflow_take_one(&overflow) == NULL);
  for (int next = 0, segment = 0; segment < 3; segment++) {
    next = fill(&full, next);
    CHECK(boci_overflow_push(&overflow, &full, &count));
    CHECK_EQ(count, HALF);
  }
  for (int next = 0; next < 3 * HALF; next += HALF) {
    CHECK(!boci_overflow_empty(&overflow));
    CHECK_EQ(index_of(boci_overflow_take(&overflow, &empty, &count)), next);
    CHECK_EQ(count, HALF);
    for (int i = 1; i < HALF; i++)
      CHECK_EQ(index_of(boci_run_queue_pop(&empty)), next + i);
    CHECK(boci_run_queue_pop(&empty) == NULL);
  }
  CHECK(boci_overflow_empty(&overflow));
  boci_overflow_fini(&overflow);
}

static void one_by_one_and_the_rest_at_once(void) {
  boci_overflow overflow;
  boci_run_queue queue;
  uint32_t count = 0;
  CHECK(boci_overflow_init(&overflow, NULL) == BOC_OK);
  boci_run_queue_init(&queue, false);
  fill(&queue, 0);
  CHECK(boci_overflow_push(&overflow, &queue, &count));
  while (boci_run_queue_pop(&queue))
    continue;
  CHECK_EQ(index_of(boci_overflow_take_one(&overflow)), 0);
  CHECK_EQ(index_of(boci_overflow_take(&overflow, &queue, &count)), 1);
  CHECK_EQ(count, HALF - 1);
  for (int i = 2; i < HALF; i++)
    CHECK_EQ(index_of(boci_run_queue_pop(&queue)), i);
  fill(&queue, 0);
  CHECK(boci_overflow_push(&overflow, &queue, &count));
  for (int i = 0; i < HALF; i++)
    CHECK_EQ(index_of(boci_overflow_take_one(&overflow)), i);
  CHECK(boci_overflow_empty(&overflow));
  CHECK(boci_overflow_take_one(&overflow) == NULL);
  boci_overflow_fini(&overflow);
}

static int length_of(boci_overflow *overflow) {
  return (int)boci_load_relaxed(&overflow->length);
}

/* Fills `segments` segments, from items[0] on. */
static void fill_overflow(boci_overflow *overflow, int segments) {
  boci_run_queue queue;
  uint32_t count = 0;
  boci_run_queue_init(&queue, false);
  for (int next = 0; length_of(overflow) < segments;) {
    next = fill(&queue, next);
    CHECK(boci_overflow_push(overflow, &queue, &count));
  }
}

static void a_thief_takes_the_older_half(void) {
  enum { SEGMENTS = 6 };
  boci_overflow victim, mine;
  CHECK(boci_overflow_init(&victim, NULL) == BOC_OK);
  CHECK(boci_overflow_init(&mine, NULL) == BOC_OK);
  boci_overflow_steal(&victim, &mine);
  CHECK(boci_overflow_empty(&mine));
  fill_overflow(&victim, SEGMENTS);
  boci_overflow_steal(&victim, &mine);
  const int stolen = length_of(&mine);
  CHECK(stolen == SEGMENTS / 2 || stolen == 2); /* with tiny capacities: two at most */
  CHECK_EQ(length_of(&victim), SEGMENTS - stolen);
  for (int i = 0; i < stolen * HALF; i++)
    CHECK_EQ(index_of(boci_overflow_take_one(&mine)), i);
  for (int i = stolen * HALF; i < SEGMENTS * HALF; i++)
    CHECK_EQ(index_of(boci_overflow_take_one(&victim)), i);
  boci_overflow_fini(&victim);
  boci_overflow_fini(&mine);
}

static void the_last_segment_is_not_stolen_but_taken(void) {
  boci_overflow victim, mine;
  boci_run_queue queue;
  uint32_t count = 0;
  CHECK(boci_overflow_init(&victim, NULL) == BOC_OK);
  CHECK(boci_overflow_init(&mine, NULL) == BOC_OK);
  boci_run_queue_init(&queue, false);
  fill_overflow(&victim, 1);
  boci_overflow_steal(&victim, &mine);
  CHECK(boci_overflow_empty(&mine));
  CHECK_EQ(index_of(boci_overflow_take(&victim, &queue, &count)), 0);
  boci_overflow_fini(&victim);
  boci_overflow_fini(&mine);
}

static void without_memory_nothing_is_stolen(void) {
  test_memory memory;
  boci_overflow victim, mine;
  test_memory_init(&memory, 4); /* a ring, two segments, and then `mine` needs a ring */
  CHECK(boci_overflow_init(&victim, &memory.base) == BOC_OK);
  CHECK(boci_overflow_init(&mine, &memory.base) == BOC_OK);
  fill_overflow(&victim, 2);
  boci_overflow_steal(&victim, &mine);
  CHECK_EQ(length_of(&victim), 2);
  CHECK_EQ(length_of(&mine), 0);
  boci_overflow_steal(&victim, &mine);
  CHECK_EQ(length_of(&mine), 1);
  while (boci_overflow_take_one(&victim) || boci_overflow_take_one(&mine))
    continue;
  boci_overflow_fini(&mine);
  boci_overflow_fini(&victim);
  test_memory_fini(&memory);
}

static void without_memory_nothing_moves(void) {
  test_memory memory;
  boci_overflow overflow;
  boci_run_queue queue;
  uint32_t count = 7;
  test_memory_init(&memory, 1);
  CHECK(boci_overflow_init(&overflow, &memory.base) == BOC_OK);
  boci_run_queue_init(&queue, false);
  CHECK_EQ(fill(&queue, 0), BOCI_RING);
  CHECK(!boci_overflow_push(&overflow, &queue, &count));
  CHECK_EQ(count, 7);
  CHECK_EQ(boci_run_queue_length(&queue), BOCI_RING);
  CHECK(boci_overflow_push(&overflow, &queue, &count));
  CHECK_EQ(count, HALF);
  while (boci_overflow_take_one(&overflow))
    continue;
  boci_overflow_fini(&overflow);
  test_memory_fini(&memory);
}

static void all_of_a_queue_goes_behind(void) {
  boci_overflow overflow;
  boci_run_queue queue;
  uint32_t count = 7;
  CHECK(boci_overflow_init(&overflow, NULL) == BOC_OK);
  boci_run_queue_init(&queue, false);
  CHECK(boci_overflow_push_all(&overflow, &queue, &count));
  CHECK_EQ(count, 0);
  CHECK(boci_overflow_empty(&overflow));
  fill_overflow(&overflow, 1);
  fill(&queue, HALF);
  CHECK(boci_overflow_push_all(&overflow, &queue, &count));
  CHECK_EQ(count, BOCI_RING);
  CHECK_EQ(boci_run_queue_length(&queue), 0);
  CHECK_EQ(length_of(&overflow), 3);
  for (int i = 0; i < HALF + BOCI_RING; i++)
    CHECK_EQ(index_of(boci_overflow_take_one(&overflow)), i);
  boci_overflow_fini(&overflow);
}

static void without_memory_the_younger_ones_stay(void) {
  test_memory memory;
  boci_overflow overflow;
  boci_run_queue queue;
  uint32_t count = 7;
  test_memory_init(&memory, 3); /* a ring, a segment, and then the second segment */
  CHECK(boci_overflow_init(&overflow, &memory.base) == BOC_OK);
  boci_run_queue_init(&queue, false);
  fill(&queue, 0);
  CHECK(!boci_overflow_push_all(&overflow, &queue, &count));
  CHECK_EQ(count, HALF);
  CHECK_EQ(boci_run_queue_length(&queue), BOCI_RING - HALF);
  for (int i = 0; i < HALF; i++)
    CHECK_EQ(index_of(boci_overflow_take_one(&overflow)), i);
  CHECK_EQ(index_of(boci_run_queue_pop(&queue)), HALF);
  boci_overflow_fini(&overflow);
  test_memory_fini(&memory);
}

/* Two owners push into their own overflows and take from any; each item is taken
 * once. */

enum { OWNERS = 2, EACH = BOCI_RING + HALF };

typedef struct market {
  boci_overflow overflows[OWNERS];
  boci_atomic_u32 taken[OWNERS * EACH];
  boci_atomic_u32 total;
} market;

static void note(market *all, const boc_behavior *item) {
  CHECK_EQ(boci_add_relaxed(&all->taken[index_of(item)], 1), 0);
  boci_add_relaxed(&all->total, 1);
}

static void take_something(market *all, test_random *random) {
  boci_run_queue empty;
  uint32_t count = 1;
  boci_overflow *overflow = &all->overflows[test_draw(random, OWNERS)];
  boci_run_queue_init(&empty, true);
  boc_behavior *item = test_draw(random, 2) == 0
                           ? boci_overflow_take_one(overflow)
                           : boci_overflow_take(overflow, &empty, &count);
  for (; item; item = boci_run_queue_pop(&empty), count--)
    note(all, item);
  CHECK(count <= 1);
}

static void trade(void *arg, unsigned index) {
  market *all = arg;
  boci_run_queue queue;
  uint32_t count;
  test_random random = test_random_stream(index);
  boci_run_queue_init(&queue, true);
  for (unsigned i = 0; i < EACH; i++) {
    while (!boci_run_queue_push(&queue, &items[index * EACH + i]))
      CHECK(boci_overflow_push(&all->overflows[index], &queue, &count));
    if (test_draw(&random, HALF) == 0)
      take_something(all, &random);
  }
  for (boc_behavior *item; (item = boci_run_queue_pop(&queue));)
    note(all, item);
}

static void owners_share_what_overflows(void) {
  market all;
  boc_behavior *item;
  for (int i = 0; i < OWNERS; i++)
    CHECK(boci_overflow_init(&all.overflows[i], NULL) == BOC_OK);
  for (int i = 0; i < OWNERS * EACH; i++)
    boci_init(&all.taken[i], 0);
  boci_init(&all.total, 0);
  test_threads(OWNERS, trade, &all);
  for (int i = 0; i < OWNERS; i++)
    while ((item = boci_overflow_take_one(&all.overflows[i])))
      note(&all, item);
  CHECK_EQ(boci_load_relaxed(&all.total), OWNERS * EACH);
  for (int i = 0; i < OWNERS; i++)
    boci_overflow_fini(&all.overflows[i]);
}

static const test_case cases[] = {
    TEST_ONCE(the_oldest_come_back_first),
    TEST_ONCE(one_by_one_and_the_rest_at_once),
    TEST_ONCE(a_thief_takes_the_older_half),
    TEST_ONCE(the_last_segment_is_not_stolen_but_taken),
    TEST_ONCE(without_memory_nothing_is_stolen),
    TEST_ONCE(without_memory_nothing_moves),
    TEST_ONCE(all_of_a_queue_goes_behind),
    TEST_ONCE(without_memory_the_younger_ones_stay),
    TEST_RACE(owners_share_what_overflows, 1),
};
TEST_MAIN(cases)
