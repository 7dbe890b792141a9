/* Costs that the library promises and that do not depend on the machine: bytes of a
 * cown and of a pending behavior, and no processor time while there is nothing to do.
 * Benchmarks measure times. */
#include "harness.h"

#include <boc/boc.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <time.h>
#endif

#if defined(BOC_CHECKS)
enum { CHECKED = 32 }; /* bytes of a behavior in builds with checks */
#else
enum { CHECKED = 0 };
#endif
enum { MANY = 1000, COWN_MAX = 64, PENDING_MAX = 96 + CHECKED };

static test_memory memory;
static const boc_cown_type number_type = {.payload_size = sizeof(uint64_t),
                                          .allocator = &memory.base};

static boc_runtime *new_runtime(unsigned workers) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  options.workers = workers;
  options.allocator = &memory.base;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  return runtime;
}

/* The bytes of a cown besides its payload. */
static void a_cown_is_small(void) {
  boc_cown *cowns[MANY];
  test_memory_init(&memory, 0);
  for (int i = 0; i < MANY; i++)
    CHECK_EQ(boc_cown_new(&number_type, &cowns[i]), BOC_OK);
  const uintptr_t bytes = boci_load_relaxed(&memory.bytes);
  CHECK(bytes <= MANY * (COWN_MAX + sizeof(uint64_t)));
  for (int i = 0; i < MANY; i++)
    boc_cown_drop(cowns[i]);
  test_memory_fini(&memory);
}

static void do_nothing(boc_behavior *self, void *env) { (void)self, (void)env; }
static const boc_behavior_type idle_type = {.body = do_nothing};

static void schedule_one(boc_runtime *runtime, boc_cown *cown) {
  const boc_access access = {cown, BOC_WRITE};
  boc_behavior *made = NULL;
  CHECK_EQ(boc_behavior_new(runtime, &idle_type, 0, &access, 1, &made), BOC_OK);
  boc_behavior_schedule(made);
}

/* Schedules until the library asks for memory again; returns how many behaviors that
 * took. */
static uintptr_t schedule_until_more(boc_runtime *runtime, boc_cown *cown) {
  const uintptr_t before = boci_load_relaxed(&memory.allocations);
  uintptr_t count = 0;
  for (; boci_load_relaxed(&memory.allocations) == before; count++)
    schedule_one(runtime, cown);
  return count;
}

typedef struct filling {
  boc_runtime *runtime;
  /* of one piece of memory, and how many behaviors fit into it */
  uintptr_t bytes, count;
} filling;

/* Holds the cown, so that everything that it schedules is pending. */
static void fill(boc_behavior *self, void *arg) {
  filling *all = arg;
  boc_cown *cown = boc_behavior_cown(self, 0);
  const uintptr_t before = boci_load_relaxed(&memory.bytes);
  schedule_until_more(all->runtime, cown);
  all->bytes = boci_load_relaxed(&memory.bytes) - before;
  all->count = schedule_until_more(all->runtime, cown);
}

static void a_pending_behavior_is_small(void) {
  test_memory_init(&memory, 0);
  filling all = {.runtime = new_runtime(1)};
  boc_cown *cown = NULL;
  CHECK_EQ(boc_cown_new(&number_type, &cown), BOC_OK);
  CHECK_EQ(boc_when(all.runtime, &cown, 1, fill, &all), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  CHECK(all.bytes <= all.count * PENDING_MAX);
  boc_cown_drop(cown);
  boc_runtime_free(all.runtime);
  test_memory_fini(&memory);
}

#if !defined(BOC_SYSTEMATIC)

#define MS UINT64_C(1000000)
enum { IDLE_MAX = 5 /* ms of processor time in a second */ };

/* Of the whole process, in ns. */
static uint64_t processor_time(void) {
#if defined(_WIN32)
  FILETIME ignored, kernel, user;
  CHECK(GetProcessTimes(GetCurrentProcess(), &ignored, &ignored, &kernel, &user));
  return 100 * ((((uint64_t)kernel.dwHighDateTime + user.dwHighDateTime) << 32) +
                kernel.dwLowDateTime + user.dwLowDateTime);
#else
  return (uint64_t)clock() * (UINT64_C(1000000000) / CLOCKS_PER_SEC);
#endif
}

typedef struct waiting {
  boc_runtime *runtime;
  boc_mailbox *mailbox;
  boc_lane *lane;
} waiting;

/* One second in which nothing happens, while two threads wait. */
static void measure_second(waiting *all) {
  const uint64_t before = processor_time();
  CHECK_EQ(boc_lane_wait(all->lane, 1000 * (int64_t)MS), BOC_TIMEOUT);
  const uint64_t spent = processor_time() - before;
  CHECK(spent < IDLE_MAX * MS);
  boc_mailbox_close(all->mailbox);
}

static void wait_for_message(waiting *all) {
  const boc_tag tag = {"a", 1};
  size_t index;
  void *payload;
  CHECK_EQ(
      boc_mailbox_receive(all->mailbox, &tag, 1, BOC_FOREVER, NULL, &index, &payload),
      BOC_CLOSED);
}

static void measure_or_wait(void *arg, unsigned index) {
  if (index == 0)
    measure_second(arg);
  else
    wait_for_message(arg);
}

/* After some work, so that the workers have run before they park. */
static void nothing_to_do_costs_nothing(void) {
  test_memory_init(&memory, 0);
  waiting all = {.runtime = new_runtime(2)};
  boc_cown *cown = NULL;
  CHECK_EQ(boc_mailbox_new(NULL, &all.mailbox), BOC_OK);
  CHECK_EQ(boc_lane_new(NULL, &all.lane), BOC_OK);
  CHECK_EQ(boc_cown_new(&number_type, &cown), BOC_OK);
  for (int i = 0; i < MANY; i++)
    schedule_one(all.runtime, cown);
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  TEST_WAIT(boc_runtime_idle_workers(all.runtime) == 2);
  test_threads(2, measure_or_wait, &all);
  boc_cown_drop(cown);
  boc_lane_free(all.lane);
  boc_mailbox_free(all.mailbox);
  boc_runtime_free(all.runtime);
  test_memory_fini(&memory);
}

static boci_atomic_ptr deferred;

/* Keeps the cown until boc_behavior_complete. */
static void defer(boc_behavior *self, void *env) {
  (void)env;
  boc_behavior_defer(self);
  boci_store_release(&deferred, self);
}

static void memory_of_a_burst_is_given_back(void) {
  enum { BURST = 100000 };
  static const boc_behavior_type defer_type = {.body = defer};
  test_memory_init(&memory, 0);
  boc_runtime *runtime = new_runtime(1);
  boc_cown *cown = NULL;
  boc_behavior *first = NULL;
  boci_init(&deferred, NULL);
  CHECK_EQ(boc_cown_new(&number_type, &cown), BOC_OK);
  const boc_access access = {cown, BOC_WRITE};
  CHECK_EQ(boc_behavior_new(runtime, &defer_type, 0, &access, 1, &first), BOC_OK);
  boc_behavior_schedule(first);
  TEST_WAIT(boci_load_acquire(&deferred) != NULL);
  for (int i = 0; i < BURST; i++)
    schedule_one(runtime, cown);
  const uintptr_t most = boci_load_relaxed(&memory.live);
  boc_behavior_complete(first);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
  TEST_WAIT(boc_runtime_idle_workers(runtime) == 1);
  boc_runtime_trim(runtime);
  CHECK(boci_load_relaxed(&memory.live) < most);
  schedule_one(runtime, cown);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
  boc_cown_drop(cown);
  boc_runtime_free(runtime);
  test_memory_fini(&memory);
}

#endif

static const test_case cases[] = {
    TEST_ONCE(a_cown_is_small),
    TEST_ONCE(a_pending_behavior_is_small),
#if !defined(BOC_SYSTEMATIC)
    TEST_ONCE(nothing_to_do_costs_nothing),
    TEST_ONCE(memory_of_a_burst_is_given_back),
#endif
};
TEST_MAIN(cases)
