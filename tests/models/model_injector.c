/* The injector: one thread pushes one behavior after the other, one pushes several
 * at once, and all take. Each is taken once, and no thread takes two of one producer
 * against their order. */
#include "behavior.h"
#include "injector.h"
#include "model.h"

enum { ITEMS = 6, HALF = ITEMS / 2 };

static boci_injector queue;
static boc_behavior items[ITEMS];
static unsigned taken[ITEMS];

void model_before(void) {
  MODEL_CHECK(boci_injector_init(&queue) == BOC_OK);
  for (unsigned i = 0; i < ITEMS; i++)
    taken[i] = items[i].count = 0;
}

static void push_singly(void) {
  for (unsigned i = 0; i < HALF; i++) {
    items[i].count = 7 + i;
    boci_injector_push(&queue, &items[i], &items[i], 1);
  }
}

static void push_together(void) {
  for (unsigned i = HALF; i < ITEMS; i++) {
    items[i].count = 7 + i;
    items[i].next = i + 1 < ITEMS ? &items[i + 1] : NULL;
  }
  boci_injector_push(&queue, &items[HALF], &items[ITEMS - 1], HALF);
}

/* `last`: the next number that each producer's may have. */
static void take(size_t most, unsigned last[2]) {
  boc_behavior *first = NULL;
  const size_t count = boci_injector_take(&queue, most, &first);
  MODEL_CHECK(count <= most);
  size_t seen = 0;
  for (boc_behavior *at = first; at; at = at->next, seen++) {
    const unsigned i = (unsigned)(at - items);
    MODEL_CHECK(at->count == 7 + i && i >= last[i / HALF]);
    last[i / HALF] = i + 1;
    taken[i]++;
  }
  MODEL_CHECK(seen == count);
}

void model_thread(unsigned index) {
  unsigned last[2] = {0};
  if (index == 0)
    push_singly();
  if (index == 1)
    push_together();
  take(2, last);
  take(1, last);
}

void model_after(void) {
  unsigned last[2] = {0};
  take(ITEMS, last);
  MODEL_CHECK(boci_injector_length(&queue) == 0);
  for (unsigned i = 0; i < ITEMS; i++)
    MODEL_CHECK(taken[i] == 1);
  boci_injector_fini(&queue);
}
