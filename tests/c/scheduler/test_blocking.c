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

/* Both are in the only worker's queue when the first of them blocks. */
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
  CHECK_EQ(boc_worker_block_begin(), BOC_OK);
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

/* ---- another number of workers --------------------------------------------------- */

typedef struct fixture {
  boc_runtime *runtime;
  /* `seen`: a bit for each worker that ran a body */
  boci_atomic_u32 started, stopped, seen;
  uint32_t refuse; /* the worker whose start hook fails; 0: none */
} fixture;

static boc_status fixture_start(void *ctx, unsigned worker) {
  fixture *c = ctx;
  if (c->refuse && worker == c->refuse)
    return BOC_NO_MEMORY;
  boci_add_relaxed(&c->started, 1);
  return BOC_OK;
}

static void fixture_stop(void *ctx, unsigned worker) {
  (void)worker;
  boci_add_relaxed(&((fixture *)ctx)->stopped, 1);
}

static void fixture_setup(fixture *c, unsigned workers, unsigned more) {
  const boc_worker_hooks hooks = {
      .start = fixture_start, .stop = fixture_stop, .ctx = c};
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = workers;
  options.compensating_workers = more;
  options.hooks = &hooks;
  boci_init(&c->started, 0);
  boci_init(&c->stopped, 0);
  boci_init(&c->seen, 0);
  c->refuse = 0;
  CHECK_EQ(boc_runtime_new(&options, &c->runtime), BOC_OK);
}

static void note_worker(boc_behavior *self, void *arg) {
  fixture *c = arg;
  (void)self;
  const uint32_t bit = UINT32_C(1) << boc_worker_index(c->runtime);
  uint32_t seen = boci_load_relaxed(&c->seen);
  while (!boci_cas_weak_relaxed(&c->seen, &seen, seen | bit))
    continue;
}

static void fixture_work(fixture *c, unsigned bodies) {
  boci_store_relaxed(&c->seen, 0);
  for (unsigned i = 0; i < bodies; i++)
    CHECK_EQ(boc_when(c->runtime, NULL, 0, note_worker, c), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(c->runtime, BOC_FOREVER), BOC_OK);
}

/* Each worker's hooks run once, however often it retires. */
static void workers_rest_and_come_back(void) {
  static const unsigned numbers[] = {1, 3, 2, 4, 1, 4};
  fixture c;
  fixture_setup(&c, 2, 2);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    CHECK_EQ(boc_runtime_set_workers(c.runtime, numbers[i]), BOC_OK);
    CHECK_EQ(boc_runtime_workers(c.runtime), numbers[i]);
    fixture_work(&c, 8);
    CHECK(boci_load_relaxed(&c.seen) < UINT32_C(1) << numbers[i]);
    CHECK_EQ(boci_load_relaxed(&c.stopped), 0);
  }
  CHECK_EQ(boci_load_relaxed(&c.started), 4);
  boc_runtime_free(c.runtime);
  CHECK_EQ(boci_load_relaxed(&c.stopped), 4);
}

static void wrong_numbers_change_nothing(void) {
  fixture c;
  fixture_setup(&c, 2, 1);
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 0), BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 4), BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_runtime_workers(c.runtime), 2);
  fixture_work(&c, 4);
  boc_runtime_free(c.runtime);
}

/* The status of its start hook is returned, and the number of workers stays as before,
 * until the hook succeeds. */
static void a_worker_that_cannot_start(void) {
  fixture c;
  fixture_setup(&c, 1, 3);
  c.refuse = 2;
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 3), BOC_NO_MEMORY);
  CHECK_EQ(boc_runtime_workers(c.runtime), 1);
  fixture_work(&c, 4);
  CHECK_EQ(boci_load_relaxed(&c.seen), 1);
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 2), BOC_OK);
  fixture_work(&c, 4);
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 3), BOC_NO_MEMORY);
  CHECK_EQ(boc_runtime_workers(c.runtime), 2);
  fixture_work(&c, 4);
  c.refuse = 0;
  for (unsigned workers = 3; workers <= 4; workers++) {
    CHECK_EQ(boc_runtime_set_workers(c.runtime, workers), BOC_OK);
    CHECK_EQ(boc_runtime_workers(c.runtime), workers);
    CHECK_EQ(boci_load_relaxed(&c.started), workers);
    fixture_work(&c, 8);
  }
  boc_runtime_free(c.runtime);
  CHECK_EQ(boci_load_relaxed(&c.stopped), 4);
}

/* A set_workers that lacks memory for one of the workers that it starts leaves the
 * number as it was, and may be repeated. Returns whether it lacked memory. */
static bool set_workers_may_lack_memory(uintptr_t at) {
  fixture c = {.refuse = 0};
  test_memory memory;
  test_memory_init(&memory, 0);
  const boc_worker_hooks hooks = {
      .start = fixture_start, .stop = fixture_stop, .ctx = &c};
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 1;
  options.compensating_workers = 3;
  options.trace_events = 8; /* the only thing that each worker allocates */
  options.allocator = &memory.base;
  options.hooks = &hooks;
  boci_init(&c.started, 0);
  boci_init(&c.stopped, 0);
  CHECK_EQ(boc_runtime_new(&options, &c.runtime), BOC_OK);
  memory.fail_at = boci_load_relaxed(&memory.allocations) + at;
  const boc_status status = boc_runtime_set_workers(c.runtime, 4);
  const bool failed = test_memory_failed(&memory);
  memory.fail_at = 0;
  CHECK_EQ(status, failed ? BOC_NO_MEMORY : BOC_OK);
  CHECK_EQ(boc_runtime_workers(c.runtime), failed ? 1 : 4);
  fixture_work(&c, 8);
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 4), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&c.started), 4);
  fixture_work(&c, 8);
  boc_runtime_free(c.runtime);
  CHECK_EQ(boci_load_relaxed(&c.stopped), 4);
  test_memory_fini(&memory);
  return failed;
}

static void every_allocation_of_set_workers_may_fail(void) {
  uintptr_t at = 1;
  while (set_workers_may_lack_memory(at))
    at++;
  CHECK(at > 3);
}

static bool has_reported(boci_worker *worker) {
  boci_scheduler *scheduler = worker->scheduler;
  boci_mutex_lock(&scheduler->start_mutex);
  const bool reported = worker->reported;
  boci_mutex_unlock(&scheduler->start_mutex);
  return reported;
}

static void wait_for_report(boc_behavior *self, void *arg) {
  (void)self;
  TEST_WAIT(has_reported(arg));
}

/* Nobody waits for its start hook: other workers do its work, and it starts if it is
 * asked for again. */
static void a_worker_on_demand_that_cannot_start(void) {
  fixture c = {.refuse = 1};
  boci_init(&c.started, 0);
  boci_init(&c.stopped, 0);
  const boc_worker_hooks hooks = {
      .start = fixture_start, .stop = fixture_stop, .ctx = &c};
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 2;
  options.workers_on_demand = 1;
  options.compensating_workers = 1;
  options.hooks = &hooks;
  CHECK_EQ(boc_runtime_new(&options, &c.runtime), BOC_OK);
  boci_worker *refused = &c.runtime->scheduler.worker[1];
  for (int i = 0; i < 2; i++)
    CHECK_EQ(boc_when(c.runtime, NULL, 0, wait_for_report, refused), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(c.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 1), BOC_OK);
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 2), BOC_NO_MEMORY);
  CHECK_EQ(boc_runtime_workers(c.runtime), 1);
  c.refuse = 0;
  CHECK_EQ(boc_runtime_set_workers(c.runtime, 2), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&c.started), 2);
  fixture_work(&c, 8);
  boc_runtime_free(c.runtime);
  CHECK_EQ(boci_load_relaxed(&c.stopped), 2);
}

static boc_status refuse_once_asked_to_rest(void *ctx, unsigned worker) {
  meeting *m = ctx;
  if (worker == 0)
    return BOC_OK;
  boci_scheduler *scheduler = &m->runtime->scheduler;
  TEST_WAIT(boci_load_relaxed(&scheduler->worker[worker].poked));
  return BOC_BAD_STATE;
}

static void block_briefly(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
  boc_worker_block_begin();
  boc_worker_block_end();
}

/* Setting a number waits for surplus workers, but not for one that could not start. */
static void a_compensating_worker_that_cannot_start(void) {
  meeting m;
  const boc_worker_hooks hooks = {.start = refuse_once_asked_to_rest, .ctx = &m};
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 1;
  options.compensating_workers = 1;
  options.hooks = &hooks;
  CHECK_EQ(boc_runtime_new(&options, &m.runtime), BOC_OK);
  CHECK_EQ(boc_when(m.runtime, NULL, 0, block_briefly, &m), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(m.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boc_runtime_set_workers(m.runtime, 1), BOC_OK);
  boc_runtime_free(m.runtime);
}

/* ---- no worker for one that blocks ----------------------------------------------- */

typedef struct blocked_alone {
  test_memory memory;
  boc_runtime *runtime;
  boc_status seen[3];
} blocked_alone;

static void block_and_see(boc_status *out_seen) {
  *out_seen = boc_worker_block_begin();
  boc_worker_block_end();
}

static void see_full(boc_behavior *self, void *arg) {
  (void)self;
  block_and_see(&((blocked_alone *)arg)->seen[0]);
}

/* Lacks memory, then a thread, then nothing. */
static void see_each(boc_behavior *self, void *arg) {
  blocked_alone *b = arg;
  boci_scheduler *scheduler = &b->runtime->scheduler;
  (void)self;
  b->memory.fail_at = boci_load_relaxed(&b->memory.allocations) + 1;
  block_and_see(&b->seen[0]);
  b->memory.fail_at = 0;
  scheduler->stack_size = SIZE_MAX - SIZE_MAX / 8; /* no system has room for that */
  block_and_see(&b->seen[1]);
  scheduler->stack_size = 0;
  CHECK_EQ(boci_scheduler_started(scheduler), 1);
  block_and_see(&b->seen[2]);
  CHECK_EQ(boci_scheduler_started(scheduler), 2);
}

static void blocked_run(blocked_alone *b, unsigned compensating,
                        void (*body)(boc_behavior *self, void *arg)) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  test_memory_init(&b->memory, 0);
  options.workers = 1;
  options.compensating_workers = compensating;
  options.trace_events = 8; /* the only thing that each worker allocates */
  options.allocator = &b->memory.base;
  CHECK_EQ(boc_runtime_new(&options, &b->runtime), BOC_OK);
  CHECK_EQ(boc_when(b->runtime, NULL, 0, body, b), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(b->runtime, BOC_FOREVER), BOC_OK);
  boc_runtime_free(b->runtime);
  test_memory_fini(&b->memory);
}

static void a_worker_that_blocks_alone_is_told_why(void) {
  blocked_alone b;
  blocked_run(&b, 1, see_each);
  CHECK_EQ(b.seen[0], BOC_NO_MEMORY);
  CHECK_EQ(b.seen[1], BOC_NO_THREAD);
  CHECK_EQ(b.seen[2], BOC_OK);
  blocked_run(&b, 0, see_full);
  CHECK_EQ(b.seen[0], BOC_FULL);
}

static void set_in_a_body(boc_behavior *self, void *arg) {
  (void)self;
  CHECK_EQ(boc_runtime_set_workers(((fixture *)arg)->runtime, 2), BOC_BAD_STATE);
}

static void not_from_a_body(void) {
  fixture c;
  fixture_setup(&c, 1, 1);
  CHECK_EQ(boc_when(c.runtime, NULL, 0, set_in_a_body, &c), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(c.runtime, BOC_FOREVER), BOC_OK);
  boc_runtime_free(c.runtime);
}

/* A compensating worker may become an ordinary one, and then another may compensate for
 * it. */
static void compensating_workers_may_become_others(void) {
  meeting m;
  setup(&m, 1, 3);
  for (unsigned workers = 1; workers <= 3; workers++) {
    CHECK_EQ(boc_runtime_set_workers(m.runtime, workers), BOC_OK);
    CHECK(boc_when(m.runtime, NULL, 0, block_then_unblock, &m) == BOC_OK);
    CHECK(boc_runtime_quiesce(m.runtime, BOC_FOREVER) == BOC_OK);
  }
  CHECK_EQ(boc_runtime_set_workers(m.runtime, 1), BOC_OK);
  CHECK(boc_when(m.runtime, NULL, 0, block_then_unblock, &m) == BOC_OK);
  CHECK(boc_runtime_quiesce(m.runtime, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&m.met), 4);
  teardown(&m);
}

static const test_case cases[] = {
    TEST_ONCE(outside_it_does_nothing),
    TEST_RACE(one_worker_suffices_for_two_that_meet, 1),
    TEST_RACE(retired_workers_are_used_again, 4),
    TEST_RACE(without_compensation_it_only_waits, 2),
    TEST_RACE(a_retired_worker_can_be_poked, 2),
    TEST_RACE(workers_rest_and_come_back, 4),
    TEST_ONCE(wrong_numbers_change_nothing),
    TEST_RACE(a_worker_that_cannot_start, 4),
    TEST_RACE(every_allocation_of_set_workers_may_fail, 4),
    TEST_RACE(a_worker_on_demand_that_cannot_start, 4),
    TEST_RACE(a_compensating_worker_that_cannot_start, 4),
    TEST_RACE(a_worker_that_blocks_alone_is_told_why, 2),
    TEST_ONCE(not_from_a_body),
    TEST_RACE(compensating_workers_may_become_others, 4),
};

TEST_MAIN(cases)
