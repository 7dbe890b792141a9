/* The injector: order, batches, age, and several threads at both ends. */
#include "harness.h"

#include "behavior.h"
#include "injector.h"

enum { ITEMS = 24, THREADS = 2, EACH = 6 };

static boc_behavior items[ITEMS];

static int index_of(const boc_behavior *item) { return (int)(item - items); }

/* Links items[from] to items[from + count - 1]. */
static void push_run(boci_injector *queue, int from, int count) {
  for (int i = from; i + 1 < from + count; i++)
    items[i].next = &items[i + 1];
  boci_injector_push(queue, &items[from], &items[from + count - 1], (size_t)count);
}

static void batches_keep_their_order(void) {
  boci_injector queue;
  boc_behavior *first = NULL;
  CHECK(boci_injector_init(&queue) == BOC_OK);
  CHECK_EQ(boci_injector_take(&queue, 5, &first), 0);
  push_run(&queue, 0, 3);
  push_run(&queue, 3, 1);
  push_run(&queue, 4, 4);
  CHECK_EQ(boci_injector_length(&queue), 8);
  for (int next = 0; next < 8;) {
    size_t count = boci_injector_take(&queue, 3, &first);
    CHECK_EQ(count, next < 6 ? 3 : 2);
    for (size_t i = 0; i < count; i++, first = first->next)
      CHECK_EQ(index_of(first), next++);
    CHECK(first == NULL);
  }
  CHECK_EQ(boci_injector_length(&queue), 0);
  push_run(&queue, 0, 1);
  CHECK_EQ(boci_injector_take(&queue, 1, &first), 1);
  boci_injector_fini(&queue);
}

static void only_what_waits_is_overdue(void) {
  boci_injector queue;
  boc_behavior *first = NULL;
  CHECK(boci_injector_init(&queue) == BOC_OK);
  queue.timed = true;
  CHECK(!boci_injector_overdue(&queue, 0));
  push_run(&queue, 0, 1);
  CHECK(!boci_injector_overdue(&queue, TEST_TIMEOUT));
  TEST_WAIT(boci_injector_overdue(&queue, 50000));
  CHECK_EQ(boci_injector_take(&queue, 1, &first), 1);
  CHECK(!boci_injector_overdue(&queue, 0));
  boci_injector_fini(&queue);
}

/* Producers push in batches, consumers take: each once, each producer's in order. */

typedef struct traffic {
  boci_injector queue;
  boci_atomic_u32 taken[ITEMS];
  boci_atomic_u32 total;
} traffic;

static void produce(traffic *all, int producer) {
  test_random random = test_random_stream((uint64_t)producer);
  for (int i = 0; i < EACH;) {
    int count = 1 + (int)test_draw(&random, 3);
    if (count > EACH - i)
      count = EACH - i;
    push_run(&all->queue, producer * EACH + i, count);
    i += count;
  }
}

static void consume(traffic *all) {
  int latest[THREADS] = {-1, -1};
  while (boci_load_relaxed(&all->total) < THREADS * EACH) {
    boc_behavior *item = NULL;
    size_t count = boci_injector_take(&all->queue, 2, &item);
    for (size_t i = 0; i < count; i++, item = item->next) {
      int index = index_of(item);
      CHECK(latest[index / EACH] < index);
      latest[index / EACH] = index;
      CHECK_EQ(boci_add_relaxed(&all->taken[index], 1), 0);
      boci_add_relaxed(&all->total, 1);
    }
    if (count == 0)
      boci_os_yield();
  }
}

static void produce_or_consume(void *arg, unsigned index) {
  if (index < THREADS)
    produce(arg, (int)index);
  else
    consume(arg);
}

static void each_is_taken_once_and_in_order(void) {
  traffic all;
  CHECK(boci_injector_init(&all.queue) == BOC_OK);
  for (int i = 0; i < ITEMS; i++)
    boci_init(&all.taken[i], 0);
  boci_init(&all.total, 0);
  test_threads(2 * THREADS, produce_or_consume, &all);
  CHECK_EQ(boci_injector_length(&all.queue), 0);
  boci_injector_fini(&all.queue);
}

static const test_case cases[] = {
    TEST_ONCE(batches_keep_their_order),
    TEST_ONCE(only_what_waits_is_overdue),
    TEST_RACE(each_is_taken_once_and_in_order, 1),
};
TEST_MAIN(cases)
