/* Runtimes from outside: starting and its refusals, hooks, quiescence and waiting for
 * it, pokes, two runtimes that share cowns, ends. */
#include "harness.h"

#include <boc/boc.h>

#include <string.h>

static const boc_cown_type number_type = {.name = "number",
                                          .payload_size = sizeof(unsigned)};

static boc_cown *new_number(void) {
  boc_cown *cown = NULL;
  CHECK_EQ(boc_cown_new(&number_type, &cown), BOC_OK);
  return cown;
}

static unsigned *number_of(boc_cown *cown) { return boc_cown_payload(cown); }

static boc_runtime *new_runtime(unsigned workers) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  options.workers = workers;
  options.spin = 0;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  CHECK_EQ(boc_runtime_workers(runtime), workers);
  return runtime;
}

static void add_one(boc_behavior *self, void *unused) {
  (void)unused;
  ++*number_of(boc_behavior_cown(self, 0));
}

/* Starting. */

static void start_and_free(void) {
  for (unsigned workers = 1; workers <= 3; workers++)
    boc_runtime_free(new_runtime(workers));
}

static void bad_options_are_refused(void) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  options.workers = 1025;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_BAD_ARGUMENT);
  options.workers = 1;
  options.size = 1;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_BAD_ARGUMENT);
  CHECK(runtime == NULL);
}

static void every_allocation_of_a_start_may_fail(void) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  test_memory memory;
  bool failed = true;
  options.workers = 2;
  options.allocator = &memory.base;
  for (uintptr_t k = 1; failed; k++) {
    boc_runtime *runtime = NULL;
    test_memory_init(&memory, k);
    boc_status status = boc_runtime_new(&options, &runtime);
    failed = test_memory_failed(&memory);
    CHECK_EQ(status, failed ? BOC_NO_MEMORY : BOC_OK);
    if (status == BOC_OK)
      boc_runtime_free(runtime);
    else
      CHECK(runtime == NULL);
    test_memory_fini(&memory);
  }
}

/* Hooks: the last one that was called for each worker. */

enum { NOTHING, ACTIVE, PARKED, STOPPED };
typedef struct diary {
  boci_atomic_u32 state[3];
  boci_atomic_u32 pokes[3];
  unsigned refuser; /* the start hook of this worker fails */
} diary;

static void move(diary *book, unsigned worker, uint32_t from, uint32_t to) {
  CHECK_EQ(boci_swap_relaxed(&book->state[worker], to), from);
}

static boc_status on_start(void *ctx, unsigned worker) {
  diary *book = ctx;
  CHECK(boc_runtime_current() != NULL);
  if (worker == book->refuser)
    return BOC_BAD_STATE;
  move(book, worker, NOTHING, PARKED);
  return BOC_OK;
}

static void on_stop(void *ctx, unsigned worker) {
  diary *book = ctx;
  uint32_t before = boci_swap_relaxed(&book->state[worker], STOPPED);
  CHECK(before == ACTIVE || before == PARKED);
}

static void on_park(void *ctx, unsigned worker) { move(ctx, worker, ACTIVE, PARKED); }
static void on_wake(void *ctx, unsigned worker) { move(ctx, worker, PARKED, ACTIVE); }

static void on_poke(void *ctx, unsigned worker) {
  diary *book = ctx;
  CHECK_EQ(boci_load_relaxed(&book->state[worker]), ACTIVE);
  boci_add_release(&book->pokes[worker], 1);
}

static boc_worker_hooks hooks_for(diary *book) {
  for (int i = 0; i < 3; i++) {
    boci_init(&book->state[i], NOTHING);
    boci_init(&book->pokes[i], 0);
  }
  book->refuser = UINT_MAX;
  return (boc_worker_hooks){on_start, on_stop, on_park, on_wake, on_poke, book};
}

static void hooks_alternate(void) {
  diary book;
  boc_worker_hooks hooks = hooks_for(&book);
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  boc_cown *cown = new_number();
  options.workers = 2;
  options.spin = 1000;
  options.hooks = &hooks;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  for (int i = 0; i < 3; i++)
    CHECK_EQ(boc_when(runtime, &cown, 1, add_one, NULL), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
  for (int i = 0; i < 3; i++)
    CHECK_EQ(boc_when(runtime, &cown, 1, add_one, NULL), BOC_OK);
  boc_runtime_free(runtime);
  CHECK_EQ(*number_of(cown), 6);
  for (int i = 0; i < 2; i++)
    CHECK_EQ(boci_load_relaxed(&book.state[i]), STOPPED);
  boc_cown_drop(cown);
}

/* A worker that finished the last behavior notifies before it searches for more. */
static void quiescence_does_not_wait_for_a_search(void) {
  const int64_t second = 1000000000;
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  boc_cown *cown = new_number();
  options.workers = 1;
  options.spin = (uint64_t)(1000 * second);
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  for (unsigned i = 1; i <= 3; i++) {
    CHECK_EQ(boc_when(runtime, &cown, 1, add_one, NULL), BOC_OK);
    CHECK_EQ(boc_runtime_quiesce(runtime, 60 * second), BOC_OK);
    CHECK_EQ(*number_of(cown), i);
  }
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
}

static void a_start_hook_may_refuse(void) {
  for (unsigned refuser = 0; refuser < 3; refuser++) {
    diary book;
    boc_worker_hooks hooks = hooks_for(&book);
    boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
    boc_runtime *runtime = NULL;
    test_memory memory;
    test_memory_init(&memory, 0);
    options.workers = 3;
    options.hooks = &hooks;
    options.allocator = &memory.base;
    book.refuser = refuser;
    CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_BAD_STATE);
    CHECK(runtime == NULL);
    for (unsigned i = 0; i < 3; i++)
      CHECK_EQ(boci_load_relaxed(&book.state[i]), i == refuser ? NOTHING : STOPPED);
    test_memory_fini(&memory);
  }
}

static void every_poke_is_answered(void) {
  diary book;
  boc_worker_hooks hooks = hooks_for(&book);
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  options.workers = 2;
  options.spin = 0;
  options.hooks = &hooks;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  for (uint32_t round = 0; round < 3; round++) {
    for (unsigned i = 0; i < 2; i++) {
      uint32_t before = boci_load_acquire(&book.pokes[i]);
      boc_worker_poke(runtime, i);
      TEST_WAIT(boci_load_acquire(&book.pokes[i]) > before);
    }
  }
  boc_runtime_free(runtime);
}

/* Where a body runs. */

static void look_around(boc_behavior *self, void *arg) {
  boc_runtime *runtime = arg;
  CHECK(boc_runtime_current() == runtime);
  CHECK(boc_worker_index(runtime) >= 0 && boc_worker_index(runtime) < 2);
  CHECK_EQ(boc_runtime_quiesce(runtime, 0), BOC_BAD_STATE);
  CHECK_EQ(boc_behavior_count(self), 0);
}

static void a_body_knows_its_worker(void) {
  boc_runtime *runtime = new_runtime(2);
  CHECK(boc_runtime_current() == NULL);
  CHECK_EQ(boc_worker_index(runtime), -1);
  for (int i = 0; i < 4; i++)
    CHECK_EQ(boc_when(runtime, NULL, 0, look_around, runtime), BOC_OK);
  boc_runtime_free(runtime);
}

/* Quiescence. */

typedef struct held {
  boc_runtime *runtime;
  boci_atomic_ptr deferred;
} held;

static void hold_on(boc_behavior *self, void *arg) {
  held *place = arg;
  boc_behavior_defer(self);
  boci_store_release(&place->deferred, self);
}

static void a_deferred_behavior_is_in_flight(void) {
  held place = {.runtime = new_runtime(1)};
  boci_init(&place.deferred, NULL);
  CHECK_EQ(boc_runtime_quiesce(place.runtime, 0), BOC_OK);
  boc_cown *cown = new_number();
  CHECK_EQ(boc_when(place.runtime, &cown, 1, hold_on, &place), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(place.runtime, 0), BOC_TIMEOUT);
  TEST_WAIT(boci_load_acquire(&place.deferred) != NULL);
  CHECK_EQ(boc_runtime_quiesce(place.runtime, 100000), BOC_TIMEOUT);
  CHECK(boc_cown_busy(cown));
  boc_behavior_complete(boci_load_acquire(&place.deferred));
  CHECK_EQ(boc_runtime_quiesce(place.runtime, BOC_FOREVER), BOC_OK);
  CHECK(!boc_cown_busy(cown));
  boc_cown_drop(cown);
  boc_runtime_free(place.runtime);
}

/* Several threads wait while others schedule: a thread that wakes up sees that its own
 * behaviors have run. */

typedef struct crowd {
  boc_runtime *runtime;
  boc_cown *cowns[3];
} crowd;

static void schedule_and_quiesce(void *arg, unsigned index) {
  crowd *all = arg;
  for (unsigned i = 1; i <= 3; i++) {
    CHECK_EQ(boc_when(all->runtime, &all->cowns[index], 1, add_one, NULL), BOC_OK);
    CHECK_EQ(boc_runtime_quiesce(all->runtime, BOC_FOREVER), BOC_OK);
    CHECK_EQ(*number_of(all->cowns[index]), i);
  }
}

static void several_may_wait(void) {
  crowd all = {.runtime = new_runtime(2)};
  for (int i = 0; i < 3; i++)
    all.cowns[i] = new_number();
  test_threads(3, schedule_and_quiesce, &all);
  boc_runtime_free(all.runtime);
  for (int i = 0; i < 3; i++)
    boc_cown_drop(all.cowns[i]);
}

/* A notification of quiescence against its cancellation: one of the two happens. */

static void count_call(void *ctx) { boci_add_release((boci_atomic_u32 *)ctx, 1); }

static void a_notice_comes_or_is_cancelled(void) {
  boc_runtime *runtime = new_runtime(1);
  boc_cown *cown = new_number();
  boci_atomic_u32 calls;
  boci_init(&calls, 0);
  for (uint32_t i = 0; i < 3; i++) {
    boc_quiesce_node node = {.done = count_call, .ctx = &calls};
    uint32_t before = boci_load_acquire(&calls);
    CHECK_EQ(boc_when(runtime, &cown, 1, add_one, NULL), BOC_OK);
    boc_runtime_on_quiescent(runtime, &node);
    if (i == 2)
      CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
    bool cancelled = boc_runtime_quiesce_cancel(runtime, &node);
    CHECK_EQ(boci_load_acquire(&calls), before + !cancelled);
    CHECK(i != 2 || !cancelled);
  }
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
}

/* Ends: behaviors that bodies schedule while the runtime ends are finished, too. */

enum { CHAIN = 12 };

static void go_on(boc_behavior *self, void *arg) {
  boc_runtime *runtime = arg;
  boc_cown *cown = boc_behavior_cown(self, 0);
  if (++*number_of(cown) < CHAIN)
    CHECK_EQ(boc_when(runtime, &cown, 1, go_on, runtime), BOC_OK);
}

static void a_chain_outlives_the_call_of_free(void) {
  boc_runtime *runtime = new_runtime(2);
  boc_cown *cown = new_number();
  CHECK_EQ(boc_when(runtime, &cown, 1, go_on, runtime), BOC_OK);
  boc_runtime_free(runtime);
  CHECK_EQ(*number_of(cown), CHAIN);
  boc_cown_drop(cown);
}

/* Two runtimes over the same cowns; each ends on its own. */

static void use_own_runtime(void *arg, unsigned index) {
  crowd *all = arg;
  boc_runtime *mine = new_runtime(1 + index);
  for (int i = 0; i < 4; i++) {
    boc_cown *both[] = {all->cowns[(index + i) % 2], all->cowns[(index + i + 1) % 2]};
    CHECK_EQ(boc_when(mine, both, 1 + i % 2, add_one, NULL), BOC_OK);
  }
  boc_runtime_free(mine);
}

static void runtimes_share_cowns(void) {
  crowd all = {.cowns = {new_number(), new_number()}};
  test_threads(2, use_own_runtime, &all);
  CHECK_EQ(*number_of(all.cowns[0]) + *number_of(all.cowns[1]), 8);
  boc_cown_drop(all.cowns[0]);
  boc_cown_drop(all.cowns[1]);
}

/* Refusals of scheduling leave the cowns as they were. */

static void try_to_schedule(boc_runtime *runtime, boc_cown **cowns, size_t count,
                            test_memory *memory) {
  boc_status status = boc_when(runtime, cowns, count, add_one, NULL);
  CHECK_EQ(status, test_memory_failed(memory) ? BOC_NO_MEMORY : BOC_OK);
  if (status == BOC_OK)
    return;
  for (size_t i = 0; i < count; i++)
    CHECK(!boc_cown_busy(cowns[i]));
  CHECK_EQ(boc_runtime_quiesce(runtime, 0), BOC_OK);
  CHECK_EQ(boc_when(runtime, cowns, count, add_one, NULL), BOC_OK);
}

static void every_allocation_of_a_schedule_may_fail(void) {
  enum { MANY = 40 };
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_cown *cowns[MANY];
  test_memory memory;
  options.workers = 1;
  options.allocator = &memory.base;
  for (int i = 0; i < MANY; i++)
    cowns[i] = new_number();
  for (uintptr_t k = 1; k <= 4; k++) {
    boc_runtime *runtime = NULL;
    test_memory_init(&memory, 0);
    CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
    memory.fail_at = boci_load_relaxed(&memory.allocations) + k;
    try_to_schedule(runtime, cowns, MANY, &memory);
    CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
    CHECK_EQ(*number_of(cowns[0]), k);
    boc_runtime_free(runtime);
    test_memory_fini(&memory);
  }
  for (int i = 0; i < MANY; i++)
    boc_cown_drop(cowns[i]);
}

/* The counters agree once the runtime is quiescent. */

static void counters_add_up(void) {
  boc_runtime *runtime = new_runtime(2);
  boc_cown *cown = new_number();
  boc_worker_stats stats[2];
  uint64_t scheduled, finished;
  CHECK_EQ(boc_when(runtime, &cown, 1, go_on, runtime), BOC_OK);
  CHECK_EQ(boc_when(runtime, NULL, 0, look_around, runtime), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boc_runtime_stats(runtime, 0, NULL, 0), 2);
  CHECK_EQ(boc_runtime_stats(runtime, sizeof stats[0], stats, 2), 2);
  scheduled = stats[0].scheduled + stats[1].scheduled;
  finished = stats[0].finished + stats[1].finished;
  CHECK_EQ(boc_runtime_scheduled_outside(runtime), 2);
  CHECK_EQ(scheduled, CHAIN - 1);
  CHECK_EQ(finished, CHAIN + 1);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
}

/* Programs compiled with other versions of the struct: one that has only the first two
 * counters, and one that has some that this library does not know. */

typedef struct older {
  uint64_t scheduled, finished;
} older;

typedef struct newer {
  boc_worker_stats known;
  uint64_t unknown[2];
} newer;

static void counters_are_for_callers_of_all_versions(void) {
  boc_runtime *runtime = new_runtime(2);
  older old[3] = {{0, 0}, {0, 0}, {7, 7}};
  newer new[2];
  memset(new, 0xa5, sizeof new);
  for (int i = 0; i < 3; i++)
    CHECK_EQ(boc_when(runtime, NULL, 0, look_around, runtime), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boc_runtime_stats(runtime, sizeof old[0], (void *)old, 3), 2);
  CHECK_EQ(boc_runtime_stats(runtime, sizeof new[0], (void *)new, 2), 2);
  CHECK_EQ(old[0].finished + old[1].finished, 3);
  CHECK(old[2].scheduled == 7 && old[2].finished == 7);
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(new[i].known.finished, old[i].finished);
    CHECK(new[i].unknown[0] == 0 && new[i].unknown[1] == 0);
  }
  boc_runtime_free(runtime);
}

static const test_case cases[] = {
    TEST_RACE(start_and_free, 4),
    TEST_ONCE(bad_options_are_refused),
    TEST_ONCE(every_allocation_of_a_start_may_fail),
    TEST_RACE(hooks_alternate, 2),
    TEST_ONCE(quiescence_does_not_wait_for_a_search),
    TEST_RACE(a_start_hook_may_refuse, 4),
    TEST_RACE(every_poke_is_answered, 2),
    TEST_RACE(a_body_knows_its_worker, 2),
    TEST_RACE(a_deferred_behavior_is_in_flight, 2),
    TEST_RACE(several_may_wait, 2),
    TEST_RACE(a_notice_comes_or_is_cancelled, 2),
    TEST_RACE(a_chain_outlives_the_call_of_free, 2),
    TEST_RACE(runtimes_share_cowns, 2),
    TEST_RACE(every_allocation_of_a_schedule_may_fail, 10),
    TEST_RACE(counters_add_up, 2),
    TEST_RACE(counters_are_for_callers_of_all_versions, 10),
};
TEST_MAIN(cases)
