/* Idle policy: when a worker without work parks, and what ends that. The scheduler is
 * not started: the test is the worker. */
#include "harness.h"

#include "find_work.h"
#include "idle_policy.h"
#include "run.h"

enum { WORKERS = 2, MAX_COUNT = 4 };

typedef struct fixture {
  boci_scheduler scheduler;
  boci_worker *me, *other;
  boc_behavior *made[MAX_COUNT], *found;
  size_t count;
  unsigned before, after; /* calls of the hooks */
} fixture;

static void no_body(boc_behavior *self, void *env) { (void)self, (void)env; }
static const boc_behavior_type type = {.name = "none", .body = no_body};

static void note_before_park(void *ctx, unsigned worker) {
  fixture *all = ctx;
  CHECK_EQ(worker, 0);
  CHECK_EQ(all->before++, all->after);
}

static void note_after_park(void *ctx, unsigned worker) {
  fixture *all = ctx;
  CHECK_EQ(worker, 0);
  CHECK_EQ(++all->after, all->before);
}

static void setup(fixture *all) {
  *all = (fixture){.count = 0};
  const boc_worker_hooks hooks = {
      .before_park = note_before_park, .after_park = note_after_park, .ctx = all};
  const boci_scheduler_config config = {.workers = WORKERS, .hooks = &hooks};
  CHECK_EQ(boci_scheduler_init(&all->scheduler, &config), BOC_OK);
  all->me = &all->scheduler.worker[0];
  all->other = &all->scheduler.worker[1];
  all->me->hooked_as_parked = false; /* as after its first behavior */
  boci_thread_context_set(&all->me->context);
  for (; all->count < MAX_COUNT; all->count++) {
    boc_behavior *made =
        boci_block_pool_alloc(&all->me->pool, boci_behavior_size(0, false, 0));
    CHECK(made);
    CHECK_EQ(boci_behavior_init(made, &type, 0, NULL, 0, NULL), BOC_OK);
    all->made[all->count] = made;
  }
}

static void teardown(fixture *all) {
  CHECK_EQ(all->before, all->after);
  CHECK_EQ(boci_load_relaxed(&all->scheduler.parked.state), 0);
  boci_thread_context_set(&all->me->context);
  while (boci_find_own(all->me))
    continue;
  for (size_t i = 0; i < all->count; i++)
    boci_block_pool_free(&all->me->pool, all->made[i]);
  boci_thread_context_set(NULL);
  boci_scheduler_fini(&all->scheduler);
}

static uintptr_t parked_count(const fixture *all) {
  return boci_load_relaxed(&all->me->counters.parked);
}

static void work_is_found_without_parking(void) {
  fixture all;
  bool overdue = false;
  setup(&all);
  boci_injector_push(&all.scheduler.injector, all.made[0], all.made[0], 1);
  CHECK(boci_find_or_park(all.me, &overdue) == all.made[0]);
  CHECK(!overdue);
  CHECK_EQ(parked_count(&all), 0);
  CHECK_EQ(all.before, 1);
  teardown(&all);
}

/* Thread 0 is the worker, thread 1 publishes work once the worker has parked. */
static void park_or_publish(void *arg, unsigned index) {
  fixture *all = arg;
  if (index == 0) {
    bool overdue = false;
    boci_thread_context_set(&all->me->context);
    all->found = boci_find_or_park(all->me, &overdue);
    boci_thread_context_set(NULL);
    CHECK(!overdue);
    return;
  }
  boci_parked_workers *parked = &all->scheduler.parked;
  TEST_WAIT(boci_load_relaxed(&parked->state) == 1 && parked_count(all) > 0);
  boci_injector_push(&all->scheduler.injector, all->made[0], all->made[0], 1);
  CHECK(boci_parked_wake_one(parked));
}

static void a_worker_parks_until_a_publisher_wakes_it(void) {
  fixture all;
  setup(&all);
  all.scheduler.parked.processors = WORKERS + 1; /* so that it is no monitor */
  boci_thread_context_set(NULL);
  test_threads(2, park_or_publish, &all);
  CHECK(all.found == all.made[0]);
  CHECK_EQ(parked_count(&all), 1);
  CHECK_EQ(all.before, 1);
  teardown(&all);
}

/* Publishers relied on the searcher: it wakes another one for the work that is left. */
static void a_searcher_that_found_work_wakes_another(void) {
  fixture all;
  bool overdue = false;
  setup(&all);
  boci_parked_prepare_park(&all.scheduler.parked, all.other);
  boci_injector_push(&all.scheduler.injector, all.made[0], all.made[0], 1);
  boci_injector_push(&all.scheduler.injector, all.made[1], all.made[1], 1);
  CHECK(boci_find_or_park(all.me, &overdue));
  CHECK(!all.other->parking.listed);
  CHECK(boci_parker_park(&all.other->parking.parker, boci_os_now()));
  boci_parked_stop_searching(&all.scheduler.parked, all.other);
  teardown(&all);
}

static void the_last_work_wakes_no_other_worker(void) {
  fixture all;
  bool overdue = false;
  setup(&all);
  boci_parked_prepare_park(&all.scheduler.parked, all.other);
  boci_injector_push(&all.scheduler.injector, all.made[0], all.made[0], 1);
  CHECK(boci_find_or_park(all.me, &overdue));
  CHECK(all.other->parking.listed);
  boci_parked_cancel_park(&all.scheduler.parked, all.other);
  teardown(&all);
}

/* A parked worker wakes up by itself when another one's inbox is overdue. */
static void an_overdue_inbox_is_taken(void) {
  fixture all;
  bool overdue = false;
  setup(&all);
  boci_injector_push(&all.other->inbox, all.made[0], all.made[0], 1);
  CHECK(boci_find_or_park(all.me, &overdue) == all.made[0]);
  CHECK(overdue);
  teardown(&all);
}

static void a_poke_or_a_stop_ends_the_search(void) {
  fixture all;
  bool overdue = false;
  setup(&all);
  boci_worker_poke(all.me);
  CHECK(!boci_find_or_park(all.me, &overdue));
  boci_worker_answer_poke(all.me);
  boci_store_release(&all.scheduler.stopping, 1);
  CHECK(!boci_find_or_park(all.me, &overdue));
  CHECK_EQ(parked_count(&all), 0);
  CHECK_EQ(all.before, 2);
  teardown(&all);
}

static const test_case cases[] = {
    TEST_ONCE(work_is_found_without_parking),
    TEST_RACE(a_worker_parks_until_a_publisher_wakes_it, 1),
    TEST_ONCE(a_searcher_that_found_work_wakes_another),
    TEST_ONCE(the_last_work_wakes_no_other_worker),
    TEST_ONCE(an_overdue_inbox_is_taken),
    TEST_ONCE(a_poke_or_a_stop_ends_the_search),
};
TEST_MAIN(cases)
