/* boc_behavior_schedule_or_run: at once and on the calling thread where the cowns are
 * free; in its turn, on a worker, where they are not. */
#include "harness.h"

#include <boc/boc.h>

static const boc_cown_type number_type = {.name = "number",
                                          .payload_size = sizeof(unsigned)};

typedef struct fixture {
  boc_runtime *runtime;
  boc_cown *first, *second;
  unsigned ran; /* bodies that noted it; all of them write `first` */
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

/* What is deferred keeps its cowns: others queue behind it, and run once it is over. */
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

/* Wherever a body runs, it has its cowns alone, and none is forgotten. */
static void nothing_is_lost_between_threads(void) {
  fixture f;
  setup(&f, 1);
  test_threads(3, add_from_outside, &f);
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(*number_of(f.second), 9);
  teardown(&f);
}

static const test_case cases[] = {
    TEST_ONCE(free_cowns_run_it_here),
    TEST_ONCE(a_deferred_one_holds_its_cowns),
    TEST_ONCE(a_reader_runs_here_beside_a_reader),
    TEST_ONCE(a_body_only_schedules),
    TEST_RACE(nothing_is_lost_between_threads, 1),
};

TEST_MAIN(cases)
