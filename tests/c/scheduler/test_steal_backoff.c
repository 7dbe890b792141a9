/* Steal back-off: when a worker begins to leave a maker's queue alone, for how long,
 * and how useless attempts make that rarer. The test writes the counters; the time is
 * real. */
#include "harness.h"

#include "scheduler.h"

enum { MANY = 1000000 }; /* so many behaviors may take 2 s and still be tiny */

typedef struct pair {
  boci_scheduler scheduler;
  boci_worker *thief, *maker;
} pair;

static void setup(pair *p) {
  const boci_scheduler_config config = {.workers = 2, .spin = 1};
  CHECK_EQ(boci_scheduler_init(&p->scheduler, &config), BOC_OK);
  p->scheduler.spin = 1; /* spin with one processor, too */
  p->thief = &p->scheduler.worker[0];
  p->maker = &p->scheduler.worker[1];
}

static void teardown(pair *p) { boci_scheduler_fini(&p->scheduler); }

static void add_finished(boci_worker *worker, uintptr_t more) {
  const uintptr_t count = boci_load_relaxed(&worker->in_flight.finished);
  boci_store_release(&worker->in_flight.finished, count + more);
}

/* The thief finds work, runs `count` behaviors of `pool`, and is out of work. */
static void run_some(pair *p, boci_block_pool *pool, uintptr_t count) {
  boci_steal_backoff_found_work(p->thief);
  add_finished(p->thief, count);
  if (pool != &p->thief->pool) {
    boci_steal_backoff_note(&p->thief->backoff, pool);
    p->thief->backoff.others_run = count;
  }
  boci_steal_backoff_out_of_work(p->thief);
}

static bool backs_off(const pair *p) { return p->thief->backoff.until != 0; }

/* Reads the counter of a maker that schedules nothing, until the thief gives up. */
static void wait_in_vain(pair *p) {
  CHECK(backs_off(p));
  TEST_WAIT(!boci_steal_backoff_active(p->thief));
  CHECK(!backs_off(p));
}

static void tiny_behaviors_of_a_maker_make_it_back_off(void) {
  pair p;
  setup(&p);
  CHECK(!boci_steal_backoff_active(p.thief));
  run_some(&p, &p.maker->pool, MANY);
  CHECK(backs_off(&p));
  CHECK(p.thief->backoff.maker_pool == &p.maker->pool);
  CHECK(!boci_steal_backoff_from_external(p.thief));
  teardown(&p);
}

static void own_long_or_no_behaviors_do_not(void) {
  pair p;
  setup(&p);
  run_some(&p, &p.thief->pool, MANY);
  CHECK(!backs_off(&p));
  run_some(&p, &p.maker->pool, 0);
  CHECK(!backs_off(&p));
  boci_steal_backoff_found_work(p.thief);
  add_finished(p.thief, 1);
  boci_steal_backoff_note(&p.thief->backoff, &p.maker->pool);
  p.thief->backoff.since -= UINT64_C(1000000000); /* pretend that it took a second */
  boci_steal_backoff_out_of_work(p.thief);
  CHECK(!backs_off(&p));
  teardown(&p);
}

static void a_worker_that_does_not_spin_does_not(void) {
  pair p;
  setup(&p);
  p.scheduler.spin = 0;
  run_some(&p, &p.maker->pool, MANY);
  CHECK(!backs_off(&p));
  teardown(&p);
}

static void threads_outside_are_makers_too(void) {
  pair p;
  setup(&p);
  run_some(&p, &p.scheduler.external.first_pool, MANY);
  CHECK(backs_off(&p) && boci_steal_backoff_from_external(p.thief));
  run_some(&p, &p.scheduler.external.pool, MANY);
  CHECK(backs_off(&p) && boci_steal_backoff_from_external(p.thief));
  teardown(&p);
}

static void finding_work_ends_it(void) {
  pair p;
  setup(&p);
  run_some(&p, &p.maker->pool, MANY);
  CHECK(boci_steal_backoff_active(p.thief) || !backs_off(&p));
  boci_steal_backoff_found_work(p.thief);
  CHECK(!boci_steal_backoff_active(p.thief));
  teardown(&p);
}

/* After useless attempts 1, 3, 7, ... occasions are skipped, 64 at most. */
static void useless_attempts_get_rarer(void) {
  pair p;
  setup(&p);
  uint32_t expected = 1;
  for (unsigned attempt = 0; attempt < 9; attempt++) {
    run_some(&p, &p.maker->pool, MANY);
    wait_in_vain(&p);
    CHECK_EQ(p.thief->backoff.skips, expected);
    for (uint32_t i = 0; i < expected; i++) {
      run_some(&p, &p.maker->pool, MANY);
      CHECK(!backs_off(&p));
    }
    expected = 2 * expected + 1 < 64 ? 2 * expected + 1 : 64;
  }
  teardown(&p);
}

/* A maker that goes on scheduling is waited for, up to 200 us, and nothing is skipped
 * then. */
static void a_busy_maker_is_waited_for(void) {
  pair p;
  setup(&p);
  run_some(&p, &p.maker->pool, MANY);
  const uint64_t until = p.thief->backoff.until;
  do
    boci_in_flight_add_scheduled(&p.maker->in_flight, MANY);
  while (boci_steal_backoff_active(p.thief));
  CHECK(boci_os_now() >= until);
  CHECK_EQ(p.thief->backoff.skips, 0);
  teardown(&p);
}

static const test_case cases[] = {
    TEST_ONCE(tiny_behaviors_of_a_maker_make_it_back_off),
    TEST_ONCE(own_long_or_no_behaviors_do_not),
    TEST_ONCE(a_worker_that_does_not_spin_does_not),
    TEST_ONCE(threads_outside_are_makers_too),
    TEST_ONCE(finding_work_ends_it),
    TEST_ONCE(useless_attempts_get_rarer),
    TEST_ONCE(a_busy_maker_is_waited_for),
};
TEST_MAIN(cases)
