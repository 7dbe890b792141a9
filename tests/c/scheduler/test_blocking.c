/* Blocking: a body that blocks does not keep the others from running. */
#include "harness.h"

#include <boc/boc.h>

#include "runtime.h"

typedef struct meeting {
  boc_runtime *runtime;
  boci_parker parker;
  boci_atomic_u32 hooks_started, met;
} meeting;

static boc_status count_start(void *ctx, unsigned worker) {
  meeting *m = ctx;
  (void)worker;
  boci_add_relaxed(&m->hooks_started, 1);
  return BOC_OK;
}

static void setup(meeting *m, unsigned workers, unsigned compensating) {
  const boc_worker_hooks hooks = {.start = count_start, .ctx = m};
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = workers;
  options.compensating_workers = compensating;
  options.hooks = &hooks;
  boci_init(&m->hooks_started, 0);
  boci_init(&m->met, 0);
  CHECK(boci_parker_init(&m->parker) == BOC_OK);
  CHECK(boc_runtime_new(&options, &m->runtime) == BOC_OK);
}

static void teardown(meeting *m) {
  boc_runtime_free(m->runtime);
  boci_parker_fini(&m->parker);
}

static void block(boc_behavior *self, void *arg) {
  meeting *m = arg;
  (void)self;
  boc_worker_block_begin();
  CHECK(boci_parker_park(&m->parker, BOCI_NEVER));
  boc_worker_block_end();
  boci_add_relaxed(&m->met, 1);
}

static void unblock(boc_behavior *self, void *arg) {
  meeting *m = arg;
  (void)self;
  boci_parker_unpark(&m->parker);
}

/* Both are in the one worker's own queue when the first of them blocks. */
static void block_then_unblock(boc_behavior *self, void *arg) {
  meeting *m = arg;
  (void)self;
  CHECK(boc_when(m->runtime, NULL, 0, block, m) == BOC_OK);
  CHECK(boc_when(m->runtime, NULL, 0, unblock, m) == BOC_OK);
}

static void one_worker_suffices_for_two_that_meet(void) {
  meeting m;
  setup(&m, 1, 1);
  CHECK(boc_when(m.runtime, NULL, 0, block_then_unblock, &m) == BOC_OK);
  CHECK(boc_runtime_quiesce(m.runtime, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&m.met), 1);
  teardown(&m);
}

static void retired_workers_are_used_again(void) {
  meeting m;
  setup(&m, 1, 2);
  for (int i = 0; i < 3; i++) {
    CHECK(boc_when(m.runtime, NULL, 0, block_then_unblock, &m) == BOC_OK);
    CHECK(boc_runtime_quiesce(m.runtime, BOC_FOREVER) == BOC_OK);
  }
  CHECK_EQ(boci_load_relaxed(&m.met), 3);
  CHECK(boci_load_relaxed(&m.hooks_started) <= 3);
  CHECK_EQ(boc_runtime_workers(m.runtime), 1);
  teardown(&m);
}

static void outside_it_does_nothing(void) {
  boc_worker_block_begin();
  boc_worker_block_end();
}

static void without_compensation_it_only_waits(void) {
  meeting m;
  setup(&m, 1, 0);
  CHECK(boc_when(m.runtime, NULL, 0, block, &m) == BOC_OK);
  boci_parker_unpark(&m.parker);
  CHECK(boc_runtime_quiesce(m.runtime, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boc_runtime_stats(m.runtime, 0, NULL, 0), 1);
  teardown(&m);
}

static void poke_all(void *arg, unsigned index) {
  meeting *m = arg;
  (void)index;
  for (unsigned i = 0; i < boc_runtime_stats(m->runtime, 0, NULL, 0); i++)
    boc_worker_poke(m->runtime, i);
}

static void a_retired_worker_can_be_poked(void) {
  meeting m;
  setup(&m, 1, 1);
  CHECK(boc_when(m.runtime, NULL, 0, block_then_unblock, &m) == BOC_OK);
  test_threads(2, poke_all, &m);
  CHECK(boc_runtime_quiesce(m.runtime, BOC_FOREVER) == BOC_OK);
  CHECK(boc_when(m.runtime, NULL, 0, block_then_unblock, &m) == BOC_OK);
  CHECK(boc_runtime_quiesce(m.runtime, BOC_FOREVER) == BOC_OK);
  poke_all(&m, 0);
  teardown(&m);
}

static const test_case cases[] = {
    TEST_ONCE(outside_it_does_nothing),
    TEST_RACE(one_worker_suffices_for_two_that_meet, 1),
    TEST_RACE(retired_workers_are_used_again, 4),
    TEST_RACE(without_compensation_it_only_waits, 2),
    TEST_RACE(a_retired_worker_can_be_poked, 2),
};

TEST_MAIN(cases)
