/* Steal back-off: when a worker begins to leave a maker's queue alone, for how long,
 * and how useless attempts make that rarer; when one that follows a maker rests. The
 * test writes the counters; the time is real. */
#include "harness.h"

#include "find_work.h"
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

/* ---- keeping a distance ---------------------------------------------------------- */

enum { TURNS = 4, RUN = TURNS * BOCI_COMMON_EVERY, FEW = 8, ENOUGH = 4096 };
#define PACE_NS UINT64_C(500) /* for one behavior: tiny, but slow */

/* The thief runs `run` behaviors of the maker in `took` ns, and has its turns. Returns
 * whether it rested at the last one. */
static bool follow(pair *p, uintptr_t run, uint64_t took) {
  boci_steal_backoff *backoff = &p->thief->backoff;
  for (unsigned i = 1; i < TURNS; i++)
    CHECK(!boci_steal_backoff_keep_distance(p->thief));
  backoff->others_run += run;
  const uint64_t before = boci_os_now(), now = boci_os_now();
  const uint64_t tick = now - before; /* long, if the clock is the systematic one */
  backoff->pace.at = now + tick - took;
  return boci_steal_backoff_keep_distance(p->thief);
}

/* `in_flight` behaviors of the maker have not been run yet. */
static void set_in_flight(pair *p, uintptr_t in_flight) {
  boci_store_relaxed(&p->maker->in_flight.scheduled,
                     boci_load_relaxed(&p->maker->in_flight.finished) + in_flight);
}

/* The maker of these tests makes nothing meanwhile: a rest ends at its first look. The
 * system may take the processor from the test, which makes the thief slow: then it
 * tries again. */
static void a_slow_follower_rests(void) {
  pair p;
  setup(&p);
  set_in_flight(&p, FEW);
  TEST_WAIT(follow(&p, RUN, RUN * PACE_NS));
  TEST_WAIT(follow(&p, RUN / 2, RUN * PACE_NS));
  teardown(&p);
}

static void a_fast_one_or_one_far_behind_does_not(void) {
  pair p;
  setup(&p);
  set_in_flight(&p, FEW);
  TEST_WAIT(!follow(&p, RUN, 0));
  CHECK(!follow(&p, RUN, RUN * UINT64_C(100000))); /* long behaviors */
  CHECK(!follow(&p, RUN / 4, RUN * PACE_NS));      /* most are its own */
  boci_in_flight_add_scheduled(&p.thief->in_flight, RUN);
  CHECK(!follow(&p, RUN, RUN * PACE_NS)); /* it makes some, too */
  set_in_flight(&p, ENOUGH);
  CHECK(!follow(&p, RUN, RUN * PACE_NS));
  p.scheduler.spin = 0;
  set_in_flight(&p, 0);
  CHECK(!follow(&p, RUN, RUN * PACE_NS));
  teardown(&p);
}

/* Thread 1 makes behaviors until the thief, thread 0, has looked, and mostly rested. */
typedef struct chase {
  pair p;
  boci_atomic_u32 looked;
} chase;

static void rest_or_make(void *arg, unsigned index) {
  chase *all = arg;
  if (index == 0) {
    follow(&all->p, RUN, RUN * PACE_NS);
    boci_store_release(&all->looked, 1);
    return;
  }
  while (!boci_load_acquire(&all->looked)) {
    boci_in_flight_add_scheduled(&all->p.maker->in_flight, 1);
    boci_pause();
  }
}

static void a_rest_ends_while_the_maker_goes_on(void) {
  chase all;
  setup(&all.p);
  boci_init(&all.looked, 0);
  set_in_flight(&all.p, FEW);
  test_threads(2, rest_or_make, &all);
  CHECK(boci_load_relaxed(&all.p.maker->in_flight.scheduled) >= FEW);
  teardown(&all.p);
}

static const test_case cases[] = {
    TEST_ONCE(tiny_behaviors_of_a_maker_make_it_back_off),
    TEST_ONCE(own_long_or_no_behaviors_do_not),
    TEST_ONCE(a_worker_that_does_not_spin_does_not),
    TEST_ONCE(threads_outside_are_makers_too),
    TEST_ONCE(finding_work_ends_it),
    TEST_ONCE(useless_attempts_get_rarer),
    TEST_ONCE(a_busy_maker_is_waited_for),
    TEST_ONCE(a_slow_follower_rests),
    TEST_ONCE(a_fast_one_or_one_far_behind_does_not),
    TEST_RACE(a_rest_ends_while_the_maker_goes_on, 1),
};
TEST_MAIN(cases)
