/* The bounded queue of messages: two producers, which also take one message each, a
 * consumer, and fewer cells than messages. Each message that was taken in comes out
 * once, those of a producer in their order, and its consumer sees what its producer
 * wrote. */
#include "model.h"
#include "mpmc_ring.h"

enum { PRODUCERS = 2, EACH = 2, MESSAGES = PRODUCERS * EACH, CAPACITY = 2 };

typedef struct message {
  unsigned value;
} message;

static boci_mpmc_ring *ring;
static message messages[MESSAGES];
static bool pushed[MESSAGES];
static unsigned popped[MESSAGES];

void model_before(void) {
  ring = boci_mpmc_ring_new(&model_allocator, CAPACITY);
  for (unsigned i = 0; i < MESSAGES; i++) {
    messages[i].value = popped[i] = 0;
    pushed[i] = false;
  }
}

static void produce(unsigned producer) {
  for (unsigned i = producer * EACH; i < (producer + 1) * EACH; i++) {
    messages[i].value = 7 + i;
    pushed[i] = boci_mpmc_ring_push(ring, &messages[i]);
  }
}

/* The number after that of the message popped, or 0. */
static unsigned pop(void) {
  void *payload = NULL;
  if (!boci_mpmc_ring_pop(ring, &payload))
    return 0;
  const size_t i = (size_t)((message *)payload - messages);
  MODEL_CHECK(messages[i].value == 7 + i);
  popped[i]++;
  return (unsigned)i + 1;
}

static void consume(unsigned most) {
  unsigned last[PRODUCERS] = {0};
  for (unsigned tries = 0; tries < most; tries++) {
    const unsigned got = pop();
    if (got == 0)
      continue;
    unsigned *before = &last[(got - 1) / EACH];
    MODEL_CHECK(got > *before);
    *before = got;
  }
}

void model_thread(unsigned index) {
  if (index < PRODUCERS)
    produce(index);
  consume(index < PRODUCERS ? 1 : 3);
}

void model_after(void) {
  while (pop())
    ;
  MODEL_CHECK(!boci_mpmc_ring_ready(ring));
  for (unsigned i = 0; i < MESSAGES; i++)
    MODEL_CHECK(popped[i] == pushed[i]);
  boci_mpmc_ring_free(&model_allocator, ring);
  MODEL_CHECK(model_unreleased() == 0);
}
