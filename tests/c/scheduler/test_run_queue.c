/* The run queue: order, bounds, wrap-around, spilling, and stealing meanwhile. */
#include "harness.h"

#include "behavior.h"
#include "run_queue.h"

enum { ITEMS = 3 * BOCI_RING };

static boc_behavior items[ITEMS];

static int index_of(const boc_behavior *item) {
  return item ? (int)(item - items) : -1;
}

static void first_in_first_out(void) {
  for (int alone = 0; alone < 2; alone++) {
    boci_run_queue queue;
    boci_run_queue_init(&queue, alone);
    CHECK(boci_run_queue_pop(&queue) == NULL);
    for (int i = 0; i < BOCI_RING; i++)
      CHECK(boci_run_queue_push(&queue, &items[i]));
    CHECK(!boci_run_queue_push(&queue, &items[0]));
    CHECK_EQ(boci_run_queue_length(&queue), BOCI_RING);
    for (int i = 0; i < BOCI_RING; i++)
      CHECK_EQ(index_of(boci_run_queue_pop(&queue)), i);
    CHECK(boci_run_queue_pop(&queue) == NULL);
  }
}

/* The counters pass their greatest value. */
static void counters_wrap(void) {
  boci_run_queue queue, thief;
  uint32_t count = 0;
  boci_run_queue_init(&queue, false);
  boci_run_queue_init(&thief, false);
  boci_init(&queue.head, UINT32_MAX - 1);
  boci_init(&queue.tail, UINT32_MAX - 1);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < BOCI_RING; i++)
      CHECK(boci_run_queue_push(&queue, &items[i]));
    CHECK(!boci_run_queue_push(&queue, &items[0]));
    CHECK_EQ(index_of(boci_run_queue_steal(&queue, &thief, &count)), BOCI_RING / 2 - 1);
    CHECK_EQ(count, BOCI_RING / 2);
    for (int i = 0; i < BOCI_RING / 2 - 1; i++)
      CHECK_EQ(index_of(boci_run_queue_pop(&thief)), i);
    for (int i = BOCI_RING / 2; i < BOCI_RING; i++)
      CHECK_EQ(index_of(boci_run_queue_pop(&queue)), i);
    CHECK_EQ(boci_run_queue_length(&queue), 0);
  }
}

static void one_can_be_stolen(void) {
  boci_run_queue queue, thief;
  uint32_t count = 0;
  boci_run_queue_init(&queue, false);
  boci_run_queue_init(&thief, false);
  CHECK(boci_run_queue_steal(&queue, &thief, &count) == NULL);
  CHECK(boci_run_queue_push(&queue, &items[7]));
  CHECK_EQ(index_of(boci_run_queue_steal(&queue, &thief, &count)), 7);
  CHECK_EQ(count, 1);
  CHECK_EQ(boci_run_queue_length(&queue), 0);
  CHECK_EQ(boci_run_queue_length(&thief), 0);
}

static void spilling_takes_the_oldest_half(void) {
  boci_run_queue queue;
  boc_behavior *half[BOCI_RING / 2];
  boci_run_queue_init(&queue, false);
  CHECK_EQ(boci_run_queue_spill(&queue, half), 0);
  for (int i = 0; i < BOCI_RING; i++)
    CHECK(boci_run_queue_push(&queue, &items[i]));
  CHECK_EQ(boci_run_queue_spill(&queue, half), BOCI_RING / 2);
  for (int i = 0; i < BOCI_RING / 2; i++)
    CHECK_EQ(index_of(half[i]), i);
  CHECK_EQ(index_of(boci_run_queue_pop(&queue)), BOCI_RING / 2);
}

/* The owner pushes, pops and spills while others steal: each item is taken once. */

enum { THIEVES = 2, PUSHED = ITEMS < 14 ? ITEMS : 14 };

typedef struct heist {
  boci_run_queue queue, loot[THIEVES];
  boci_atomic_u32 taken[PUSHED];
  boci_atomic_u32 total;
} heist;

static void note(heist *all, const boc_behavior *item) {
  CHECK_EQ(boci_add_relaxed(&all->taken[index_of(item)], 1), 0);
  boci_add_relaxed(&all->total, 1);
}

static void make_room(heist *all) {
  boc_behavior *half[BOCI_RING / 2];
  uint32_t count = boci_run_queue_spill(&all->queue, half);
  for (uint32_t i = 0; i < count; i++)
    note(all, half[i]);
}

static void own(heist *all) {
  test_random random = test_random_stream(0);
  for (int i = 0; i < PUSHED; i++) {
    while (!boci_run_queue_push(&all->queue, &items[i]))
      make_room(all);
    boc_behavior *mine =
        test_draw(&random, 3) == 0 ? boci_run_queue_pop(&all->queue) : NULL;
    if (mine)
      note(all, mine);
  }
  for (boc_behavior *mine; (mine = boci_run_queue_pop(&all->queue));)
    note(all, mine);
}

static void rob(heist *all, unsigned thief) {
  boci_run_queue *mine = &all->loot[thief], *other = &all->loot[1 - thief];
  while (boci_load_relaxed(&all->total) < PUSHED) {
    uint32_t count = 0;
    boc_behavior *item = boci_run_queue_steal(&all->queue, mine, &count);
    if (!item)
      item = boci_run_queue_steal(other, mine, &count);
    CHECK(count <= BOCI_RING / 2);
    for (; item; item = boci_run_queue_pop(mine))
      note(all, item);
    boci_os_yield();
  }
}

static void own_or_rob(void *arg, unsigned index) {
  if (index == 0)
    own(arg);
  else
    rob(arg, index - 1);
}

static void each_item_is_taken_once(void) {
  heist all;
  boci_run_queue_init(&all.queue, false);
  for (int i = 0; i < THIEVES; i++)
    boci_run_queue_init(&all.loot[i], false);
  for (int i = 0; i < PUSHED; i++)
    boci_init(&all.taken[i], 0);
  boci_init(&all.total, 0);
  test_threads(1 + THIEVES, own_or_rob, &all);
  for (int i = 0; i < PUSHED; i++)
    CHECK_EQ(boci_load_relaxed(&all.taken[i]), 1);
}

static const test_case cases[] = {
    TEST_ONCE(first_in_first_out),         TEST_ONCE(counters_wrap),
    TEST_ONCE(one_can_be_stolen),          TEST_ONCE(spilling_takes_the_oldest_half),
    TEST_RACE(each_item_is_taken_once, 1),
};
TEST_MAIN(cases)
