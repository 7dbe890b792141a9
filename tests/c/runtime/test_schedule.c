/* Schedule: whose memory and counters the calling thread uses; refusals, after which
 * nothing has changed; boc_behavior_schedule_or_run, at once and on the calling thread
 * if the cowns are free, and in its turn if they are not. */
#include "harness.h"

#include <boc/boc.h>

#include <string.h>

#include "runtime.h"

static const boc_cown_type number_type = {.name = "number",
                                          .payload_size = sizeof(unsigned)};

typedef struct fixture {
  boc_runtime *runtime;
  boc_cown *first, *second;
  unsigned ran; /* bodies that wrote here; all of them write `first` */
} fixture;

static void setup(fixture *f, unsigned workers) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  *f = (fixture){0};
  options.workers = workers;
  CHECK_EQ(boc_runtime_new(&options, &f->runtime), BOC_OK);
  CHECK_EQ(boc_cown_new(&number_type, &f->first), BOC_OK);
  CHECK_EQ(boc_cown_new(&number_type, &f->second), BOC_OK);
}

static void teardown(fixture *f) {
  boc_runtime_free(f->runtime);
  boc_cown_drop(f->first);
  boc_cown_drop(f->second);
}

static unsigned *number_of(boc_cown *cown) { return boc_cown_payload(cown); }

static void add_one(boc_behavior *self, void *unused) {
  (void)unused;
  for (size_t i = 0; i < boc_behavior_count(self); i++)
    ++*number_of(boc_behavior_cown(self, i));
}

static void note_where(boc_behavior *self, void *env) {
  fixture *f = *(fixture **)env;
  add_one(self, NULL);
  f->ran++;
}

static void note_and_defer(boc_behavior *self, void *env) {
  boc_behavior_defer(self);
  note_where(self, env);
}

static const boc_behavior_type noting = {.name = "noting", .body = note_where};
static const boc_behavior_type holding = {.name = "holding", .body = note_and_defer};

static boc_behavior *new_behavior(fixture *f, const boc_behavior_type *type,
                                  boc_mode mode, size_t count) {
  const boc_access accesses[] = {{f->first, mode}, {f->second, mode}};
  boc_behavior *behavior = NULL;
  CHECK_EQ(
      boc_behavior_new(f->runtime, type, sizeof(fixture *), accesses, count, &behavior),
      BOC_OK);
  *(fixture **)boc_behavior_env(behavior) = f;
  return behavior;
}

static void free_cowns_run_it_here(void) {
  fixture f;
  setup(&f, 1);
  for (unsigned count = 0; count <= 2; count++) {
    CHECK(boc_behavior_schedule_or_run(new_behavior(&f, &noting, BOC_WRITE, count)));
    CHECK_EQ(f.ran, count + 1);
  }
  CHECK(boc_behavior_schedule_or_run(new_behavior(&f, &noting, BOC_READ, 2)));
  CHECK_EQ(f.ran, 4);
  CHECK(!boc_cown_busy(f.first));
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  teardown(&f);
}

/* A deferred behavior keeps its cowns: others queue behind it, and run once it has
 * ended. */
static void a_deferred_one_holds_its_cowns(void) {
  fixture f;
  setup(&f, 1);
  boc_behavior *held = new_behavior(&f, &holding, BOC_WRITE, 2);
  CHECK(boc_behavior_schedule_or_run(held));
  CHECK(!boc_behavior_schedule_or_run(new_behavior(&f, &noting, BOC_WRITE, 1)));
  CHECK_EQ(boc_runtime_quiesce(f.runtime, 0), BOC_TIMEOUT);
  CHECK_EQ(*number_of(f.first), 1);
  boc_behavior_complete(held);
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(*number_of(f.first), 2);
  teardown(&f);
}

static void a_reader_runs_here_beside_a_reader(void) {
  fixture f;
  setup(&f, 1);
  boc_behavior *held = new_behavior(&f, &holding, BOC_READ, 1);
  CHECK(boc_behavior_schedule_or_run(held));
  CHECK(boc_behavior_schedule_or_run(new_behavior(&f, &noting, BOC_READ, 1)));
  CHECK_EQ(f.ran, 2);
  CHECK(!boc_behavior_schedule_or_run(new_behavior(&f, &noting, BOC_WRITE, 1)));
  boc_behavior_complete(held);
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(f.ran, 3);
  teardown(&f);
}

static void in_a_body(boc_behavior *self, void *env) {
  fixture *f = *(fixture **)env;
  const boc_access access = {f->second, BOC_WRITE};
  boc_behavior *inner = NULL;
  (void)self;
  CHECK_EQ(boc_behavior_new(f->runtime, &noting, sizeof(fixture *), &access, 1, &inner),
           BOC_OK);
  *(fixture **)boc_behavior_env(inner) = f;
  CHECK(!boc_behavior_schedule_or_run(inner));
  CHECK_EQ(*number_of(f->second), 0); /* bodies do not nest */
}

static const boc_behavior_type nesting = {.name = "nesting", .body = in_a_body};

static void a_body_only_schedules(void) {
  fixture f;
  setup(&f, 1);
  boc_behavior_schedule(new_behavior(&f, &nesting, BOC_WRITE, 1));
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(*number_of(f.second), 1);
  teardown(&f);
}

static const boc_behavior_type adding = {.name = "adding", .body = add_one};

static void add_from_outside(void *arg, unsigned index) {
  fixture *f = arg;
  for (unsigned i = 0; i < 3; i++) {
    const boc_access accesses[] = {{f->first, BOC_WRITE}, {f->second, BOC_WRITE}};
    const boc_access *mine = accesses + (index + i) % 2;
    const size_t count = mine == accesses ? 2 : 1;
    boc_behavior *behavior = NULL;
    CHECK_EQ(boc_behavior_new(f->runtime, &adding, 0, mine, count, &behavior), BOC_OK);
    boc_behavior_schedule_or_run(behavior);
  }
}

/* Wherever a body runs, it holds its cowns alone, and none is lost. */
static void nothing_is_lost_between_threads(void) {
  fixture f;
  setup(&f, 1);
  test_threads(3, add_from_outside, &f);
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(*number_of(f.second), 9);
  teardown(&f);
}

/* ---- whose memory, whose counters ------------------------------------------------ */

static boci_block_pool *pool_of(fixture *f) {
  boc_behavior *made = new_behavior(f, &noting, BOC_WRITE, 1);
  boci_block_pool *home = made->block.home;
  boc_behavior_free(made);
  return home;
}

static void use_shared_pool(void *arg, unsigned index) {
  fixture *f = arg;
  (void)index;
  CHECK(pool_of(f) == &f->runtime->scheduler.external.pool);
}

static void use_own_pool(boc_behavior *self, void *env) {
  fixture *f = *(fixture **)env;
  boci_worker *worker = boci_runtime_own_worker(f->runtime);
  (void)self;
  CHECK(worker != NULL);
  CHECK(pool_of(f) == &worker->pool);
  boc_behavior_schedule(new_behavior(f, &adding, BOC_WRITE, 2));
  CHECK_EQ(boci_load_relaxed(&worker->in_flight.scheduled), 1);
}

static const boc_behavior_type using_own_pool = {.name = "own", .body = use_own_pool};

static void each_thread_has_its_memory(void) {
  fixture f;
  setup(&f, 1);
  CHECK(pool_of(&f) == &f.runtime->scheduler.external.first_pool);
  test_threads(2, use_shared_pool, &f);
  CHECK(pool_of(&f) == &f.runtime->scheduler.external.first_pool);
  boc_behavior_schedule(new_behavior(&f, &using_own_pool, BOC_WRITE, 1));
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boc_runtime_scheduled_outside(f.runtime), 1);
  CHECK_EQ(*number_of(f.second), 1);
  teardown(&f);
}

/* ---- refusals -------------------------------------------------------------------- */

static void behaviors_of_two_runtimes_are_no_batch(void) {
  fixture one, two;
  setup(&one, 1);
  setup(&two, 1);
  boc_behavior *both[] = {new_behavior(&one, &adding, BOC_WRITE, 1),
                          new_behavior(&two, &adding, BOC_WRITE, 1)};
  CHECK_EQ(boc_behavior_schedule_all(both, 2), BOC_BAD_ARGUMENT);
  CHECK(!boc_cown_busy(one.first) && !boc_cown_busy(two.first));
  CHECK_EQ(boc_behavior_schedule_all(both, 0), BOC_OK);
  CHECK_EQ(boc_behavior_schedule_all(both, 1), BOC_OK);
  CHECK_EQ(boc_behavior_schedule_all(both + 1, 1), BOC_OK);
  teardown(&one);
  teardown(&two);
}

static void what_does_not_fit_is_refused(void) {
  fixture f;
  setup(&f, 1);
  const boc_access access = {f.first, BOC_WRITE};
  const boc_access fresh[] = {{f.first, BOC_FRESH}, {f.second, BOC_WRITE}};
  boc_behavior *made = NULL;
  CHECK_EQ(boc_behavior_new(f.runtime, &adding, SIZE_MAX, &access, 1, &made),
           BOC_NO_MEMORY);
  CHECK_EQ(boc_behavior_new(f.runtime, &adding, 0, &access, SIZE_MAX, &made),
           BOC_NO_MEMORY);
  CHECK_EQ(boc_behavior_new(f.runtime, &adding, 0, fresh, 2, &made), BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_when(f.runtime, &f.first, SIZE_MAX, add_one, NULL), BOC_NO_MEMORY);
  CHECK(!made && !boc_cown_busy(f.first));
  teardown(&f);
}

static void closing_refuses_threads_outside(void) {
  fixture f;
  setup(&f, 1);
  const boc_access access = {f.first, BOC_WRITE};
  boc_behavior *made = NULL;
  boci_store_release(&f.runtime->closing, 1);
  CHECK_EQ(boc_behavior_new(f.runtime, &adding, 0, &access, 1, &made), BOC_CLOSED);
  CHECK_EQ(boc_when(f.runtime, &f.first, 1, add_one, NULL), BOC_CLOSED);
  CHECK(!made);
  teardown(&f);
}

/* ---- making ---------------------------------------------------------------------- */

static unsigned dropped;
static void count_drop(void *env) { dropped += *(unsigned char *)env; }
static const boc_behavior_type dropping = {
    .name = "dropping", .body = add_one, .drop = count_drop};

static void an_environment_is_zero_aligned_and_dropped_once(void) {
  fixture f;
  setup(&f, 1);
  dropped = 0;
  for (size_t count = 0; count <= 2; count++) {
    const boc_access accesses[] = {{f.first, BOC_WRITE}, {f.second, BOC_READ}};
    boc_behavior *made = NULL;
    CHECK_EQ(boc_behavior_new(f.runtime, &dropping, 33, accesses, count, &made),
             BOC_OK);
    unsigned char *env = boc_behavior_env(made);
    const unsigned char zeros[33] = {0};
    CHECK_EQ((uintptr_t)env % 16, 0);
    CHECK_EQ(memcmp(env, zeros, sizeof zeros), 0);
    CHECK_EQ(boc_behavior_count(made), count);
    *env = 1;
    boc_behavior_free(made);
    CHECK_EQ(dropped, count + 1);
  }
  teardown(&f);
}

enum { MANY = 20 }; /* more than boc_when has room for on its stack */

static void count_cowns(boc_behavior *self, void *arg) {
  for (size_t i = 0; i < boc_behavior_count(self); i++)
    *(unsigned *)arg += boc_behavior_mode(self, i) == BOC_WRITE;
}

static void when_takes_any_number_of_cowns(void) {
  fixture f;
  setup(&f, 1);
  boc_cown *cowns[MANY];
  unsigned counted = 0;
  for (unsigned i = 0; i < MANY; i++)
    CHECK_EQ(boc_cown_new(&number_type, &cowns[i]), BOC_OK);
  const size_t counts[] = {0, 1, 16, 17, MANY};
  size_t expected = 0;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    CHECK_EQ(boc_when(f.runtime, cowns, counts[i], count_cowns, &counted), BOC_OK);
    CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
    CHECK_EQ(counted, expected += counts[i]);
  }
  for (unsigned i = 0; i < MANY; i++)
    boc_cown_drop(cowns[i]);
  teardown(&f);
}

static const test_case cases[] = {
    TEST_ONCE(each_thread_has_its_memory),
    TEST_ONCE(behaviors_of_two_runtimes_are_no_batch),
    TEST_ONCE(what_does_not_fit_is_refused),
    TEST_ONCE(closing_refuses_threads_outside),
    TEST_ONCE(an_environment_is_zero_aligned_and_dropped_once),
    TEST_ONCE(when_takes_any_number_of_cowns),
    TEST_ONCE(free_cowns_run_it_here),
    TEST_ONCE(a_deferred_one_holds_its_cowns),
    TEST_ONCE(a_reader_runs_here_beside_a_reader),
    TEST_ONCE(a_body_only_schedules),
    TEST_RACE(nothing_is_lost_between_threads, 1),
};

TEST_MAIN(cases)
