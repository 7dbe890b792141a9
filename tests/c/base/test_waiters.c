/* Waiters: nodes that are notified once, cancelled, or time out. */
#include "harness.h"

#include "waiters.h"

static bool read_flag(void *ctx) {
  return boci_load_acquire((boci_atomic_u32 *)ctx) != 0;
}

static void count_call(void *ctx) { ++*(unsigned *)ctx; }

/* A condition, and its waiters. */
typedef struct world {
  boci_waiters waiters;
  boci_atomic_u32 holds;
} world;

static void setup(world *all) {
  CHECK_EQ(boci_waiters_init(&all->waiters), BOC_OK);
  boci_init(&all->holds, 0);
}

static void teardown(world *all) {
  CHECK(!all->waiters.first);
  boci_waiters_fini(&all->waiters);
}

static void check(world *all) {
  boci_waiters_check(&all->waiters, read_flag, &all->holds);
}

static void all_are_notified_once_it_holds(void) {
  world all;
  unsigned calls[3] = {0, 0, 0};
  boc_quiesce_node nodes[3];
  setup(&all);
  for (unsigned i = 0; i < 3; i++) {
    nodes[i] = (boc_quiesce_node){.done = count_call, .ctx = &calls[i]};
    boci_waiters_add(&all.waiters, &nodes[i]);
  }
  check(&all);
  CHECK_EQ(calls[0] + calls[1] + calls[2], 0);
  boci_store_release(&all.holds, 1);
  check(&all);
  check(&all);
  for (unsigned i = 0; i < 3; i++) {
    CHECK_EQ(calls[i], 1);
    CHECK(!boci_waiters_cancel(&all.waiters, &nodes[i]));
  }
  teardown(&all);
}

static void any_node_may_be_cancelled(void) {
  world all;
  unsigned calls = 0;
  boc_quiesce_node nodes[3];
  setup(&all);
  for (unsigned i = 0; i < 3; i++) {
    nodes[i] = (boc_quiesce_node){.done = count_call, .ctx = &calls};
    boci_waiters_add(&all.waiters, &nodes[i]);
  }
  CHECK(boci_waiters_cancel(&all.waiters, &nodes[1])); /* middle, last, first */
  CHECK(!boci_waiters_cancel(&all.waiters, &nodes[1]));
  CHECK(boci_waiters_cancel(&all.waiters, &nodes[0]));
  CHECK(boci_waiters_cancel(&all.waiters, &nodes[2]));
  boci_store_release(&all.holds, 1);
  check(&all);
  CHECK_EQ(calls, 0);
  teardown(&all);
}

static void add_and_check(void *ctx, boc_quiesce_node *node) {
  world *all = ctx;
  boci_waiters_add(&all->waiters, node);
  boci_fence_seq_cst();
  check(all);
}

static void a_wait_times_out_or_not(void) {
  world all;
  setup(&all);
  CHECK_EQ(boci_waiters_wait(&all.waiters, 0, add_and_check, &all), BOC_TIMEOUT);
  CHECK_EQ(boci_waiters_wait(&all.waiters, 1000, add_and_check, &all), BOC_TIMEOUT);
  boci_store_release(&all.holds, 1);
  CHECK_EQ(boci_waiters_wait(&all.waiters, 0, add_and_check, &all), BOC_OK);
  CHECK_EQ(boci_waiters_wait(&all.waiters, BOC_FOREVER, add_and_check, &all), BOC_OK);
  teardown(&all);
}

static void wait_or_make_it_hold(void *arg, unsigned index) {
  world *all = arg;
  if (index > 0) {
    CHECK_EQ(boci_waiters_wait(&all->waiters, BOC_FOREVER, add_and_check, all), BOC_OK);
    return;
  }
  boci_store_release(&all->holds, 1);
  boci_fence_seq_cst();
  check(all);
}

static void no_wake_up_is_lost(void) {
  world all;
  setup(&all);
  test_threads(3, wait_or_make_it_hold, &all);
  teardown(&all);
}

static const test_case cases[] = {
    TEST_ONCE(all_are_notified_once_it_holds),
    TEST_ONCE(any_node_may_be_cancelled),
    TEST_ONCE(a_wait_times_out_or_not),
    TEST_RACE(no_wake_up_is_lost, 1),
};
TEST_MAIN(cases)
