/* Lanes: pinned cowns run where they are pumped; the owner is notified in every way. */
#include "harness.h"

#include <boc/boc.h>

#if !defined(_WIN32)
#include <poll.h>
#endif

typedef struct fixture {
  boc_runtime *runtime;
  boc_lane *lane;
  boc_cown *pinned, *free;
  boci_atomic_u32 filled;
} fixture;

static const boc_cown_type number = {.name = "number", .payload_size = sizeof(int)};

static void count_filled(void *ctx) { boci_add_relaxed((boci_atomic_u32 *)ctx, 1); }

static void setup(fixture *f, unsigned workers) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = workers;
  boci_init(&f->filled, 0);
  const boc_lane_options lane = {
      .size = sizeof lane, .filled = count_filled, .ctx = &f->filled};
  CHECK(boc_runtime_new(&options, &f->runtime) == BOC_OK);
  CHECK(boc_lane_new(&lane, &f->lane) == BOC_OK);
  CHECK(boc_cown_new(&number, &f->pinned) == BOC_OK);
  CHECK(boc_cown_new(&number, &f->free) == BOC_OK);
  CHECK(boc_cown_pin(f->pinned, f->lane) == BOC_OK);
}

static void teardown(fixture *f) {
  boc_runtime_free(f->runtime);
  boc_cown_drop(f->pinned);
  boc_cown_drop(f->free);
  boc_lane_free(f->lane);
}

static int *value(boc_cown *cown) { return boc_cown_payload(cown); }

static void add_here(boc_behavior *self, void *arg) {
  CHECK_EQ(boc_worker_index(arg), -1);
  for (size_t i = 0; i < boc_behavior_count(self); i++)
    ++*value(boc_behavior_cown(self, i));
}

static void add_anywhere(boc_behavior *self, void *arg) {
  (void)arg;
  ++*value(boc_behavior_cown(self, 0));
}

/* A free pinned cown is acquired without pumping. */
static void a_free_pinned_cown_is_had_at_once(void) {
  static const boc_behavior_type adding = {.name = "adding", .body = add_anywhere};
  fixture f;
  setup(&f, 1);
  const boc_access access = {f.pinned, BOC_WRITE};
  boc_behavior *first = NULL, *second = NULL;
  CHECK_EQ(boc_behavior_new(f.runtime, &adding, 0, &access, 1, &first), BOC_OK);
  CHECK(boc_behavior_schedule_or_run(first));
  CHECK_EQ(*value(f.pinned), 1);
  CHECK(boc_when(f.runtime, &f.pinned, 1, add_here, f.runtime) == BOC_OK);
  CHECK_EQ(boc_behavior_new(f.runtime, &adding, 0, &access, 1, &second), BOC_OK);
  /* it waits behind the one in the lane */
  CHECK(!boc_behavior_schedule_or_run(second));
  size_t ran;
  CHECK(boc_lane_pump(f.lane, BOC_FOREVER, SIZE_MAX, &ran) == BOC_OK);
  CHECK_EQ(*value(f.pinned), 3);
  CHECK_EQ(boc_runtime_quiesce(f.runtime, BOC_FOREVER), BOC_OK);
  teardown(&f);
}

static void pump_until(fixture *f, size_t total) {
  for (size_t done = 0, ran; done < total; done += ran) {
    CHECK(boc_lane_wait(f->lane, BOC_FOREVER) == BOC_OK);
    CHECK(boc_lane_pump(f->lane, BOC_FOREVER, SIZE_MAX, &ran) == BOC_OK);
  }
}

static void pinned_behaviors_run_where_they_are_pumped(void) {
  fixture f;
  setup(&f, 2);
  boc_cown *both[] = {f.pinned, f.free};
  for (int i = 0; i < 5; i++) {
    CHECK(boc_when(f.runtime, both, 2, add_here, f.runtime) == BOC_OK);
    CHECK(boc_when(f.runtime, &f.free, 1, add_anywhere, NULL) == BOC_OK);
  }
  CHECK(boc_runtime_quiesce(f.runtime, 0) == BOC_TIMEOUT);
  pump_until(&f, 5);
  CHECK(boc_runtime_quiesce(f.runtime, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(*value(f.pinned), 5);
  CHECK_EQ(*value(f.free), 10);
  CHECK(boci_load_relaxed(&f.filled) >= 1);
  teardown(&f);
}

static void a_pump_stops_at_its_most(void) {
  fixture f;
  size_t ran = 0;
  setup(&f, 1);
  for (int i = 0; i < 3; i++)
    CHECK(boc_when(f.runtime, &f.pinned, 1, add_here, f.runtime) == BOC_OK);
  CHECK(boc_lane_pump(f.lane, BOC_FOREVER, 2, &ran) == BOC_OK);
  CHECK_EQ(ran, 2);
  CHECK_EQ(boc_lane_length(f.lane), 1);
  CHECK(boc_lane_wait(f.lane, 0) == BOC_OK);
  CHECK(boc_lane_pump(f.lane, 0, SIZE_MAX, &ran) == BOC_OK);
  CHECK_EQ(ran, 1);
  CHECK(boc_lane_pump(f.lane, 0, SIZE_MAX, &ran) == BOC_OK);
  CHECK_EQ(ran, 0);
  CHECK(boc_lane_wait(f.lane, 1000) == BOC_TIMEOUT);
  teardown(&f);
}

static void a_pump_stops_at_its_deadline(void) {
  fixture f;
  boc_cown *other;
  size_t ran = 0;
  setup(&f, 1);
  CHECK(boc_cown_new(&number, &other) == BOC_OK);
  CHECK(boc_cown_pin(other, f.lane) == BOC_OK);
  CHECK(boc_when(f.runtime, &f.pinned, 1, add_here, f.runtime) == BOC_OK);
  CHECK(boc_when(f.runtime, &other, 1, add_here, f.runtime) == BOC_OK);
  CHECK(boc_lane_pump(f.lane, 0, SIZE_MAX, &ran) == BOC_TIMEOUT);
  CHECK_EQ(ran, 1);
  CHECK(boc_lane_pump(f.lane, 0, SIZE_MAX, &ran) == BOC_OK);
  CHECK_EQ(ran, 1);
  teardown(&f);
  boc_cown_drop(other);
}

static void pump_again(boc_behavior *self, void *arg) {
  (void)self;
  CHECK(boc_lane_pump(arg, BOC_FOREVER, SIZE_MAX, NULL) == BOC_BAD_STATE);
}

static void a_pump_is_not_nested_nor_on_a_worker(void) {
  fixture f;
  setup(&f, 1);
  CHECK(boc_when(f.runtime, &f.pinned, 1, pump_again, f.lane) == BOC_OK);
  CHECK(boc_when(f.runtime, &f.free, 1, pump_again, f.lane) == BOC_OK);
  pump_until(&f, 1);
  teardown(&f);
}

static void a_cown_has_one_lane_and_a_behavior_too(void) {
  fixture f;
  boc_lane *second;
  boc_cown *stranger;
  setup(&f, 1);
  CHECK(boc_lane_new(NULL, &second) == BOC_OK);
  CHECK(boc_cown_new(&number, &stranger) == BOC_OK);
  CHECK(boc_cown_pin(f.pinned, second) == BOC_BAD_STATE);
  CHECK(boc_cown_pin(stranger, second) == BOC_OK);
  boc_cown *both[] = {f.pinned, stranger};
  CHECK(boc_when(f.runtime, both, 2, add_here, f.runtime) == BOC_BAD_ARGUMENT);
  boc_cown_drop(stranger);
  boc_lane_free(second);
  teardown(&f);
}

static void spawn_here(boc_behavior *self, void *arg) {
  fixture *f = arg;
  if (++*value(boc_behavior_cown(self, 0)) < 4)
    CHECK(boc_when(f->runtime, &f->pinned, 1, spawn_here, f) == BOC_OK);
}

static void a_chain_stays_in_one_pump(void) {
  fixture f;
  size_t ran = 0;
  setup(&f, 1);
  CHECK(boc_when(f.runtime, &f.pinned, 1, spawn_here, &f) == BOC_OK);
  CHECK(boc_lane_pump(f.lane, BOC_FOREVER, SIZE_MAX, &ran) == BOC_OK);
  CHECK_EQ(ran, 4);
  teardown(&f);
}

#if !defined(_WIN32)
static bool readable(int descriptor) {
  struct pollfd entry = {.fd = descriptor, .events = POLLIN};
  return poll(&entry, 1, 0) == 1;
}

static void the_descriptor_is_readable_while_there_is_work(void) {
  fixture f;
  int descriptor = -1;
  setup(&f, 1);
  CHECK(boc_when(f.runtime, &f.pinned, 1, add_here, f.runtime) == BOC_OK);
  CHECK(boc_lane_descriptor(f.lane, &descriptor) == BOC_OK);
  CHECK(readable(descriptor));
  CHECK(boc_lane_pump(f.lane, BOC_FOREVER, SIZE_MAX, NULL) == BOC_OK);
  CHECK(!readable(descriptor));
  for (int i = 0; i < 2; i++)
    CHECK(boc_when(f.runtime, &f.pinned, 1, add_here, f.runtime) == BOC_OK);
  CHECK(readable(descriptor));
  CHECK(boc_lane_pump(f.lane, BOC_FOREVER, 1, NULL) == BOC_OK);
  CHECK(readable(descriptor));
  pump_until(&f, 1);
  teardown(&f);
}
#endif

typedef struct race {
  fixture f;
  unsigned each;
} race;

static void produce(void *arg, unsigned index) {
  race *shared = arg;
  (void)index;
  for (unsigned i = 0; i < shared->each; i++)
    CHECK(boc_when(shared->f.runtime, &shared->f.pinned, 1, add_here,
                   shared->f.runtime) == BOC_OK);
}

static void produce_or_pump(void *arg, unsigned index) {
  race *shared = arg;
  if (index == 0)
    pump_until(&shared->f, 2 * shared->each);
  else
    produce(arg, index);
}

static void no_fill_is_lost(void) {
  race shared = {.each = 3};
  setup(&shared.f, 1);
  test_threads(3, produce_or_pump, &shared);
  CHECK_EQ(*value(shared.f.pinned), 6);
  teardown(&shared.f);
}

static const test_case cases[] = {
    TEST_ONCE(pinned_behaviors_run_where_they_are_pumped),
    TEST_ONCE(a_free_pinned_cown_is_had_at_once),
    TEST_ONCE(a_pump_stops_at_its_most),
    TEST_ONCE(a_pump_stops_at_its_deadline),
    TEST_ONCE(a_pump_is_not_nested_nor_on_a_worker),
    TEST_ONCE(a_cown_has_one_lane_and_a_behavior_too),
    TEST_ONCE(a_chain_stays_in_one_pump),
#if !defined(_WIN32)
    TEST_ONCE(the_descriptor_is_readable_while_there_is_work),
#endif
    TEST_RACE(no_fill_is_lost, 1),
};

TEST_MAIN(cases)
