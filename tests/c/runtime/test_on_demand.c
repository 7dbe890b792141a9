/* Workers on demand: which of them start and when, and what happens to the others: with
 * another number of workers, timers, scopes, bodies that block, and refusals. */
#include "harness.h"

#include <boc/boc.h>

enum { WORKERS = 3 };

typedef struct fixture {
  boc_runtime *runtime;
  boci_atomic_u32 started[WORKERS + 2], stopped[WORKERS + 2];
  boci_atomic_u32 present, ran;
  unsigned refuser; /* the start hook of this worker fails */
} fixture;

static boc_status on_start(void *ctx, unsigned worker) {
  fixture *c = ctx;
  if (worker == c->refuser)
    return BOC_BAD_STATE;
  CHECK_EQ(boci_add_relaxed(&c->started[worker], 1), 0);
  return BOC_OK;
}

static void on_stop(void *ctx, unsigned worker) {
  CHECK_EQ(boci_add_relaxed(&((fixture *)ctx)->stopped[worker], 1), 0);
}

static void setup_refusing(fixture *c, unsigned on_demand, unsigned refuser) {
  const boc_worker_hooks hooks = {.start = on_start, .stop = on_stop, .ctx = c};
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = WORKERS;
  options.compensating_workers = 2;
  options.workers_on_demand = on_demand;
  options.spin = 1000;
  options.hooks = &hooks;
  for (int i = 0; i < WORKERS + 2; i++) {
    boci_init(&c->started[i], 0);
    boci_init(&c->stopped[i], 0);
  }
  boci_init(&c->present, 0);
  boci_init(&c->ran, 0);
  c->refuser = refuser;
  CHECK_EQ(boc_runtime_new(&options, &c->runtime), BOC_OK);
  CHECK_EQ(boc_runtime_workers(c->runtime), WORKERS);
}

static void setup(fixture *c) { setup_refusing(c, WORKERS - 1, UINT_MAX); }

static unsigned started_count(fixture *c) {
  unsigned count = 0;
  for (int i = 0; i < WORKERS + 2; i++)
    count += boci_load_relaxed(&c->started[i]);
  return count;
}

/* Each worker that has started has stopped. */
static void teardown(fixture *c) {
  boc_runtime_free(c->runtime);
  for (int i = 0; i < WORKERS + 2; i++)
    CHECK_EQ(boci_load_relaxed(&c->stopped[i]), boci_load_relaxed(&c->started[i]));
}

static void quiesce(fixture *c) {
  CHECK_EQ(boc_runtime_quiesce(c->runtime, BOC_FOREVER), BOC_OK);
}

static void count_body(boc_behavior *self, void *arg) {
  (void)self;
  boci_add_relaxed(&((fixture *)arg)->ran, 1);
}

/* Ends once two of them run at the same time. */
static void meet(boc_behavior *self, void *arg) {
  fixture *c = arg;
  (void)self;
  boci_add_release(&c->present, 1);
  TEST_WAIT(boci_load_acquire(&c->present) >= 2);
}

static void two_meet(fixture *c) {
  boci_store_relaxed(&c->present, 0);
  for (int i = 0; i < 2; i++)
    CHECK_EQ(boc_when(c->runtime, NULL, 0, meet, c), BOC_OK);
  quiesce(c);
}

/* ---- which start ----------------------------------------------------------------- */

static void without_work_only_the_first_starts(void) {
  fixture c;
  setup(&c);
  CHECK_EQ(started_count(&c), 1);
  teardown(&c);
  CHECK_EQ(boci_load_relaxed(&c.started[0]), 1);
  CHECK_EQ(started_count(&c), 1);
}

static void all_on_demand_are_all_but_one(void) {
  fixture c;
  setup_refusing(&c, UINT_MAX, UINT_MAX);
  CHECK_EQ(started_count(&c), 1);
  two_meet(&c);
  CHECK(started_count(&c) >= 2);
  teardown(&c);
}

static void two_bodies_at_a_time_start_a_second(void) {
  fixture c;
  setup(&c);
  for (int i = 0; i < 3; i++)
    two_meet(&c);
  CHECK(started_count(&c) >= 2);
  teardown(&c);
}

static uint64_t first_parked(fixture *c) {
  boc_worker_stats first;
  boc_runtime_stats(c->runtime, sizeof first, &first, 1);
  return first.parked;
}

/* A parked worker is woken before another one would have to start. A worker that
 * searches once more before it parks is not parked yet: then another may start. */
static void one_after_the_other_needs_one_worker(void) {
  fixture c;
  setup(&c);
  for (int i = 0; i < 4; i++) {
    TEST_WAIT(first_parked(&c) > 0);
    const uint64_t parked = first_parked(&c);
    CHECK_EQ(boc_when(c.runtime, NULL, 0, count_body, &c), BOC_OK);
    quiesce(&c);
    TEST_WAIT(first_parked(&c) > parked);
  }
  CHECK_EQ(boci_load_relaxed(&c.ran), 4);
  CHECK_EQ(started_count(&c), 1);
  teardown(&c);
}

static void nothing_is_lost_while_workers_start(void) {
  fixture c;
  setup(&c);
  for (int i = 0; i < 60; i++)
    CHECK_EQ(boc_when(c.runtime, NULL, 0, count_body, &c), BOC_OK);
  quiesce(&c);
  CHECK_EQ(boci_load_relaxed(&c.ran), 60);
  teardown(&c);
}

#if defined(BOC_SYSTEMATIC) /* which takes a hundred steps for each */
#define TINY_BODIES 100
#else
#define TINY_BODIES 10000
#endif

/* The worker that looked at many short bodies without starting starts for long ones. */
static void after_tiny_bodies_two_that_meet_start_a_second(void) {
  fixture c;
  setup(&c);
  for (int i = 0; i < TINY_BODIES; i++)
    CHECK_EQ(boc_when(c.runtime, NULL, 0, count_body, &c), BOC_OK);
  quiesce(&c);
  CHECK_EQ(boci_load_relaxed(&c.ran), TINY_BODIES);
  two_meet(&c);
  CHECK(started_count(&c) >= 2);
  teardown(&c);
}

#if !defined(BOC_SYSTEMATIC) /* whose schedules need not let a worker look in time */
static void run_for_a_ms(boc_behavior *self, void *arg) {
  const uint64_t end = boci_os_now() + 1000000;
  TEST_WAIT(boci_os_now() >= end);
  count_body(self, arg);
}

/* None of the bursts takes as long as a start, all of them together do. */
static void short_bursts_again_and_again_start_a_second(void) {
  fixture c;
  setup(&c);
  for (int burst = 0; burst < 100 && started_count(&c) < 2; burst++) {
    for (int i = 0; i < 5; i++)
      CHECK_EQ(boc_when(c.runtime, NULL, 0, run_for_a_ms, &c), BOC_OK);
    quiesce(&c);
  }
  CHECK(started_count(&c) >= 2);
  teardown(&c);
}
#endif

static void whoever_refuses_is_missing(void) {
  for (unsigned refuser = 1; refuser < WORKERS; refuser++) {
    fixture c;
    setup_refusing(&c, WORKERS - 1, refuser);
    for (int i = 0; i < 2; i++)
      two_meet(&c);
    for (int i = 0; i < 20; i++)
      CHECK_EQ(boc_when(c.runtime, NULL, 0, count_body, &c), BOC_OK);
    quiesce(&c);
    CHECK_EQ(boci_load_relaxed(&c.ran), 20);
    teardown(&c);
    CHECK_EQ(boci_load_relaxed(&c.started[refuser]), 0);
  }
}

static void a_poke_is_answered_sooner_or_later(void) {
  fixture c;
  setup(&c);
  for (unsigned i = 0; i < WORKERS; i++)
    boc_worker_poke(c.runtime, i);
  two_meet(&c);
  teardown(&c);
}

/* ---- another number of workers --------------------------------------------------- */

static void set(fixture *c, unsigned workers) {
  CHECK_EQ(boc_runtime_set_workers(c->runtime, workers), BOC_OK);
  CHECK_EQ(boc_runtime_workers(c->runtime), workers);
}

/* Neither fewer nor more dormant workers make any of them start. */
static void numbers_start_nobody(void) {
  static const unsigned numbers[] = {1, 3, 2, 1, 2, 3, 1};
  fixture c;
  setup(&c);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    set(&c, numbers[i]);
    CHECK(boc_runtime_idle_workers(c.runtime) >= numbers[i] - 1);
  }
  CHECK_EQ(started_count(&c), 1);
  teardown(&c);
  CHECK_EQ(started_count(&c), 1);
}

static void too_many_do_not_start_for_work(void) {
  fixture c;
  setup(&c);
  set(&c, 1);
  for (int i = 0; i < 40; i++)
    CHECK_EQ(boc_when(c.runtime, NULL, 0, count_body, &c), BOC_OK);
  quiesce(&c);
  CHECK_EQ(started_count(&c), 1);
  set(&c, 3);
  two_meet(&c);
  CHECK(started_count(&c) >= 2);
  set(&c, 1);
  set(&c, 2);
  two_meet(&c);
  teardown(&c);
}

/* The change comes while a worker that was woken for the last body is still
 * starting. */
static void a_number_while_one_starts(void) {
  fixture c;
  setup(&c);
  for (unsigned workers = 1; workers <= 5; workers++) {
    for (int i = 0; i < 4; i++)
      CHECK_EQ(boc_when(c.runtime, NULL, 0, count_body, &c), BOC_OK);
    quiesce(&c);
    set(&c, 6 - workers);
  }
  CHECK_EQ(boci_load_relaxed(&c.ran), 20);
  teardown(&c);
}

static void meet_all(boc_behavior *self, void *arg) {
  fixture *c = arg;
  (void)self;
  boci_add_release(&c->present, 1);
  TEST_WAIT(boci_load_acquire(&c->present) >= boc_runtime_workers(c->runtime));
}

/* As many bodies at once as there are workers, however many workers have started. */
static void all_meet(fixture *c) {
  boci_store_relaxed(&c->present, 0);
  for (unsigned i = 0; i < boc_runtime_workers(c->runtime); i++)
    CHECK_EQ(boc_when(c->runtime, NULL, 0, meet_all, c), BOC_OK);
  quiesce(c);
}

static void as_many_at_once_as_there_are(void) {
  static const unsigned numbers[] = {3, 1, 2, 4, 1, 5, 2, 3};
  fixture c;
  setup(&c);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    set(&c, numbers[i]);
    all_meet(&c);
  }
  teardown(&c);
}

static void all_at_once_from_the_start(void) {
  fixture c;
  setup(&c);
  all_meet(&c);
  all_meet(&c);
  teardown(&c);
}

/* A worker that retired before it ever started must not leave work to others because of
 * that. */
static void as_many_at_once_after_fewer(void) {
  fixture c;
  setup(&c);
  set(&c, 1);
  all_meet(&c);
  set(&c, 3);
  all_meet(&c);
  teardown(&c);
}

/* ---- bodies that block ----------------------------------------------------------- */

static void block_until_met(boc_behavior *self, void *arg) {
  boc_worker_block_begin();
  meet(self, arg);
  boc_worker_block_end();
}

/* The compensating worker may be a retired one that has not started yet. */
static void those_that_rest_stand_in(void) {
  fixture c;
  setup(&c);
  set(&c, 1);
  for (int round = 0; round < 3; round++) {
    boci_store_relaxed(&c.present, 0);
    for (int i = 0; i < 2; i++)
      CHECK_EQ(boc_when(c.runtime, NULL, 0, block_until_met, &c), BOC_OK);
    quiesce(&c);
  }
  CHECK(started_count(&c) >= 2);
  teardown(&c);
}

/* ---- timers and scopes ----------------------------------------------------------- */

static void count_env(boc_behavior *self, void *env) {
  count_body(self, *(fixture **)env);
}

static void meet_env(boc_behavior *self, void *env) { meet(self, *(fixture **)env); }

static const boc_behavior_type counting = {.name = "counting", .body = count_env};
static const boc_behavior_type meeting = {.name = "meeting", .body = meet_env};

static boc_behavior *make(fixture *c, const boc_behavior_type *type, boc_scope *scope) {
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  boc_behavior *behavior = NULL;
  options.scope = scope;
  CHECK_EQ(
      boc_behavior_new_with(c->runtime, type, sizeof c, NULL, 0, &options, &behavior),
      BOC_OK);
  *(fixture **)boc_behavior_env(behavior) = c;
  return behavior;
}

static void after_a_while(fixture *c) {
  boc_behavior *behavior = make(c, &counting, NULL);
  CHECK_EQ(boc_runtime_after(c->runtime, 1000000, behavior, NULL), BOC_OK);
}

static void timers_need_no_second_worker(void) {
  fixture c;
  setup(&c);
  for (int i = 0; i < 3; i++) {
    TEST_WAIT(boc_runtime_idle_workers(c.runtime) == WORKERS);
    after_a_while(&c);
    quiesce(&c);
  }
  CHECK_EQ(boci_load_relaxed(&c.ran), 3);
  teardown(&c);
}

static void wait_for_the_timer(boc_behavior *self, void *arg) {
  (void)self;
  fixture *c = arg;
  boci_add_release(&c->present, 1);
  TEST_WAIT(boci_load_relaxed(&c->ran));
}

static void a_timer_while_the_first_is_busy(void) {
  fixture c;
  setup(&c);
  CHECK_EQ(boc_when(c.runtime, NULL, 0, wait_for_the_timer, &c), BOC_OK);
  /* Otherwise the first could run the timer's behavior before this one. */
  TEST_WAIT(boci_load_acquire(&c.present));
  after_a_while(&c);
  quiesce(&c);
  CHECK(started_count(&c) >= 2);
  teardown(&c);
}

static void a_scope_waits_for_workers_that_start(void) {
  fixture c;
  boc_scope *scope = NULL;
  setup(&c);
  CHECK_EQ(boc_scope_new(NULL, NULL, &scope), BOC_OK);
  for (int i = 0; i < 2; i++)
    boc_behavior_schedule(make(&c, &meeting, scope));
  CHECK_EQ(boc_scope_wait(scope, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&c.present), 2);
  boc_scope_drop(scope);
  teardown(&c);
}

static const test_case cases[] = {
    TEST_RACE(without_work_only_the_first_starts, 4),
    TEST_RACE(all_on_demand_are_all_but_one, 4),
    TEST_RACE(two_bodies_at_a_time_start_a_second, 4),
    TEST_RACE(one_after_the_other_needs_one_worker, 4),
    TEST_RACE(nothing_is_lost_while_workers_start, 4),
    TEST_RACE(after_tiny_bodies_two_that_meet_start_a_second, 8),
#if !defined(BOC_SYSTEMATIC)
    TEST_RACE(short_bursts_again_and_again_start_a_second, 4),
#endif
    TEST_RACE(whoever_refuses_is_missing, 8),
    TEST_RACE(a_poke_is_answered_sooner_or_later, 4),
    TEST_RACE(numbers_start_nobody, 4),
    TEST_RACE(too_many_do_not_start_for_work, 4),
    TEST_RACE(a_number_while_one_starts, 4),
    TEST_RACE(as_many_at_once_as_there_are, 4),
    TEST_RACE(all_at_once_from_the_start, 4),
    TEST_RACE(as_many_at_once_after_fewer, 1),
    TEST_RACE(those_that_rest_stand_in, 4),
    TEST_RACE(timers_need_no_second_worker, 8),
    TEST_RACE(a_timer_while_the_first_is_busy, 8),
    TEST_RACE(a_scope_waits_for_workers_that_start, 4),
};

TEST_MAIN(cases)
