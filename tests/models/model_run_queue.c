/* The run queue: its owner pushes, pops and spills, two thieves steal, all at once.
 * The counters begin just before they wrap, and the ring is small, so that slots are
 * used again. Each item is taken once, and its taker sees what its maker wrote. */
#include "behavior.h"
#include "model.h"
#include "run_queue.h"

enum { ITEMS = 6, THIEVES = 2 };

static boci_run_queue queue, loot[THIEVES];
static boc_behavior items[ITEMS];
static unsigned taken[ITEMS];

static void start_at(boci_run_queue *at, uint32_t count) {
  boci_run_queue_init(at, false);
  boci_init(&at->head, count);
  boci_init(&at->tail, count);
}

void model_before(void) {
  start_at(&queue, UINT32_MAX - 1);
  for (unsigned i = 0; i < THIEVES; i++)
    start_at(&loot[i], i * 3);
  for (unsigned i = 0; i < ITEMS; i++)
    taken[i] = items[i].count = 0;
}

/* `count` is what the maker wrote; `taken` reveals an item that is taken twice. */
static void take(boc_behavior *item) {
  const size_t i = (size_t)(item - items);
  MODEL_CHECK(item->count == 7 + i);
  taken[i]++;
}

static void spill(void) {
  boc_behavior *half[BOCI_RING / 2];
  const uint32_t count = boci_run_queue_spill(&queue, half);
  for (uint32_t i = 0; i < count; i++)
    take(half[i]);
}

static void own(void) {
  for (unsigned i = 0; i < ITEMS; i++) {
    items[i].count = 7 + i;
    if (!boci_run_queue_push(&queue, &items[i])) {
      spill();
      MODEL_CHECK(boci_run_queue_push(&queue, &items[i]));
    }
    boc_behavior *popped = i % 3 == 2 ? boci_run_queue_pop(&queue) : NULL;
    if (popped)
      take(popped);
  }
}

static void empty(boci_run_queue *from) {
  boc_behavior *item;
  while ((item = boci_run_queue_pop(from)))
    take(item);
}

static void rob(boci_run_queue *mine) {
  for (unsigned tries = 0; tries < 2; tries++) {
    uint32_t count = 0;
    boc_behavior *item = boci_run_queue_steal(&queue, mine, &count);
    if (!item)
      continue;
    MODEL_CHECK(boci_run_queue_length(mine) == count - 1);
    take(item);
    empty(mine);
  }
}

void model_thread(unsigned index) {
  if (index == 0)
    own();
  else
    rob(&loot[index - 1]);
}

void model_after(void) {
  empty(&queue);
  for (unsigned i = 0; i < ITEMS; i++)
    MODEL_CHECK(taken[i] == 1);
}
