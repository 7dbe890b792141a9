/* The overflow: two owners of run queues push what they have no room for, and all take,
 * singly and by segments. Each item is taken once, and its taker sees what its maker
 * wrote. */
#include "behavior.h"
#include "model.h"
#include "overflow.h"

enum { OWNERS = 2, EACH = BOCI_RING + 1, ITEMS = OWNERS * EACH };

static boci_overflow overflow;
static boc_behavior items[ITEMS];
static boci_run_queue queues[OWNERS + 1];
static unsigned taken[ITEMS];

void model_before(void) {
  MODEL_CHECK(boci_overflow_init(&overflow, NULL) == BOC_OK);
  for (unsigned i = 0; i < ITEMS; i++)
    taken[i] = items[i].count = 0;
  for (unsigned i = 0; i <= OWNERS; i++)
    boci_run_queue_init(&queues[i], true);
}

static void take(boc_behavior *item) {
  const size_t i = (size_t)(item - items);
  MODEL_CHECK(item->count == 7 + i);
  taken[i]++;
}

static void empty(boci_run_queue *from) {
  boc_behavior *item;
  while ((item = boci_run_queue_pop(from)))
    take(item);
}

static void push_all(boci_run_queue *queue, unsigned first) {
  uint32_t count;
  for (unsigned i = first; i < first + EACH; i++) {
    items[i].count = 7 + i;
    while (!boci_run_queue_push(queue, &items[i]))
      MODEL_CHECK(boci_overflow_push(&overflow, queue, &count));
  }
}

void model_thread(unsigned index) {
  boci_run_queue *queue = &queues[index];
  uint32_t count;
  if (index < OWNERS)
    push_all(queue, index * EACH);
  empty(queue);
  boc_behavior *one = index > 0 ? boci_overflow_take_one(&overflow) : NULL;
  if (one)
    take(one);
  boc_behavior *first = boci_overflow_take(&overflow, queue, &count);
  if (first)
    take(first);
  empty(queue);
}

void model_after(void) {
  boc_behavior *item;
  while ((item = boci_overflow_take_one(&overflow)))
    take(item);
  MODEL_CHECK(boci_overflow_empty(&overflow));
  for (unsigned i = 0; i < ITEMS; i++)
    MODEL_CHECK(taken[i] == 1);
  boci_overflow_fini(&overflow);
}
