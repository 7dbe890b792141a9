/* The overflow: two owners of run queues push what they have no room for, each into its
 * own, and all take from the first, singly and by segments; a thief takes half. The
 * second moves all that is in its queue behind what it has pushed. Each item is taken
 * once, and its taker sees what its maker wrote. */
#include "behavior.h"
#include "model.h"
#include "overflow.h"

enum { OWNERS = 2, EACH = 2 * BOCI_RING, ITEMS = OWNERS * EACH };

static boci_overflow overflows[OWNERS + 1];
static boc_behavior items[ITEMS];
static boci_run_queue queues[OWNERS + 1];
static unsigned taken[ITEMS];

void model_before(void) {
  for (unsigned i = 0; i <= OWNERS; i++)
    MODEL_CHECK(boci_overflow_init(&overflows[i], NULL) == BOC_OK);
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

static void push_all(unsigned owner) {
  boci_run_queue *queue = &queues[owner];
  const unsigned first = owner * EACH;
  uint32_t count;
  for (unsigned i = first; i < first + EACH; i++) {
    items[i].count = 7 + i;
    while (!boci_run_queue_push(queue, &items[i]))
      MODEL_CHECK(boci_overflow_push(&overflows[owner], queue, &count));
  }
}

void model_thread(unsigned index) {
  boci_run_queue *queue = &queues[index];
  uint32_t count;
  if (index < OWNERS)
    push_all(index);
  if (index == 1)
    MODEL_CHECK(boci_overflow_push_all(&overflows[index], queue, &count));
  empty(queue);
  boc_behavior *one = index > 0 ? boci_overflow_take_one(&overflows[0]) : NULL;
  if (one)
    take(one);
  if (index > 0)
    boci_overflow_steal(&overflows[0], &overflows[index]);
  for (unsigned i = 0; i <= index; i += index + (index == 0)) {
    boc_behavior *first = boci_overflow_take(&overflows[i], queue, &count);
    if (first)
      take(first);
    empty(queue);
  }
}

void model_after(void) {
  boc_behavior *item;
  for (unsigned i = 0; i <= OWNERS; i++) {
    while ((item = boci_overflow_take_one(&overflows[i])))
      take(item);
    MODEL_CHECK(boci_overflow_empty(&overflows[i]));
    boci_overflow_fini(&overflows[i]);
  }
  for (unsigned i = 0; i < ITEMS; i++)
    MODEL_CHECK(taken[i] == 1);
}
