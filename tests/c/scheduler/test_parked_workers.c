/* Idle: searchers, the parked list, monitors, and which worker is woken. First with the
 * structs of workers without threads, then with two threads that park and wake. */
#include "harness.h"

#include "scheduler.h"

enum { WORKERS = 4 };

typedef struct crew {
  boci_idle idle;
  boci_worker worker[WORKERS];
} crew;

static void setup(crew *all, uint32_t processors) {
  *all = (crew){.idle.parked = NULL};
  CHECK_EQ(boci_idle_init(&all->idle, WORKERS), BOC_OK);
  all->idle.processors = processors;
  boci_store_relaxed(&all->idle.max_searchers, 2);
  for (unsigned i = 0; i < WORKERS; i++)
    CHECK_EQ(boci_parker_init(&all->worker[i].parking.parker), BOC_OK);
}

static void teardown(crew *all) {
  CHECK(!all->idle.parked);
  CHECK_EQ(boci_load_relaxed(&all->idle.state), 0);
  for (unsigned i = 0; i < WORKERS; i++)
    boci_parker_fini(&all->worker[i].parking.parker);
  boci_idle_fini(&all->idle);
}

static bool has_token(boci_worker *worker) {
  return boci_parker_park(&worker->parking.parker, boci_os_now());
}

static void as_many_search_as_may(void) {
  crew all;
  setup(&all, WORKERS);
  CHECK(boci_idle_start_searching(&all.idle, &all.worker[0]));
  CHECK(boci_idle_start_searching(&all.idle, &all.worker[0])); /* it searches already */
  CHECK(boci_idle_start_searching(&all.idle, &all.worker[1]));
  CHECK(!boci_idle_start_searching(&all.idle, &all.worker[2]));
  CHECK_EQ(boci_idle_count(&all.idle), 2);
  CHECK(boci_idle_has_searcher(&all.idle));
  boci_idle_stop_searching(&all.idle, &all.worker[0]);
  CHECK(boci_idle_start_searching(&all.idle, &all.worker[2]));
  boci_idle_stop_searching(&all.idle, &all.worker[1]);
  boci_idle_stop_searching(&all.idle, &all.worker[1]); /* it does not search any more */
  boci_idle_stop_searching(&all.idle, &all.worker[2]);
  CHECK(!boci_idle_has_searcher(&all.idle));
  teardown(&all);
}

static void half_of_the_processors_search(void) {
  boci_idle idle;
  CHECK_EQ(boci_idle_init(&idle, 1000), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&idle.max_searchers), (boci_os_processor_count() + 1) / 2);
  boci_idle_fini(&idle);
  CHECK_EQ(boci_idle_init(&idle, 1), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&idle.max_searchers), 1);
  boci_idle_fini(&idle);
}

static void the_latest_is_woken_and_searches(void) {
  crew all;
  setup(&all, 2 * WORKERS);
  for (unsigned i = 0; i < WORKERS; i++)
    boci_idle_prepare_park(&all.idle, &all.worker[i]);
  CHECK_EQ(boci_idle_count(&all.idle), WORKERS);
  CHECK(boci_idle_wake_one(&all.idle));
  CHECK(all.worker[WORKERS - 1].parking.searching);
  CHECK(!all.worker[WORKERS - 1].parking.listed);
  /* it searches: the next publisher relies on it */
  CHECK(!boci_idle_wake_one(&all.idle));
  CHECK(boci_idle_park(&all.idle, &all.worker[WORKERS - 1], false, BOCI_NEVER));
  boci_idle_stop_searching(&all.idle, &all.worker[WORKERS - 1]);
  CHECK(boci_idle_wake_one(&all.idle));
  CHECK(all.worker[WORKERS - 2].parking.searching);
  boci_idle_cancel_park(&all.idle, &all.worker[WORKERS - 2]); /* takes the token */
  CHECK(!has_token(&all.worker[WORKERS - 2]));
  boci_idle_stop_searching(&all.idle, &all.worker[WORKERS - 2]);
  for (unsigned i = 0; i < WORKERS - 2; i++)
    boci_idle_cancel_park(&all.idle, &all.worker[i]);
  CHECK(!boci_idle_wake_one(&all.idle));
  teardown(&all);
}

static void a_searcher_that_parks_searches_no_more(void) {
  crew all;
  setup(&all, WORKERS);
  CHECK(boci_idle_start_searching(&all.idle, &all.worker[0]));
  boci_idle_prepare_park(&all.idle, &all.worker[0]);
  CHECK_EQ(boci_load_relaxed(&all.idle.state), 1);
  CHECK(!all.worker[0].parking.searching);
  boci_idle_cancel_park(&all.idle, &all.worker[0]);
  teardown(&all);
}

static void one_worker_is_woken_by_name(void) {
  crew all;
  setup(&all, WORKERS);
  CHECK(!boci_idle_wake(&all.idle, &all.worker[1]));
  for (unsigned i = 0; i < 3; i++)
    boci_idle_prepare_park(&all.idle, &all.worker[i]);
  CHECK(boci_idle_wake(&all.idle, &all.worker[1])); /* from the middle of the list */
  CHECK(!boci_idle_wake(&all.idle, &all.worker[1]));
  CHECK(has_token(&all.worker[1]));
  boci_idle_stop_searching(&all.idle, &all.worker[1]);
  boci_idle_cancel_park(&all.idle, &all.worker[0]); /* the oldest, then the latest */
  boci_idle_cancel_park(&all.idle, &all.worker[2]);
  teardown(&all);
}

static void a_deadline_ends_a_park(void) {
  crew all;
  setup(&all, WORKERS);
  boci_idle_prepare_park(&all.idle, &all.worker[0]);
  CHECK(!boci_idle_park(&all.idle, &all.worker[0], false, boci_os_now()));
  CHECK(!all.worker[0].parking.listed);
  boci_idle_prepare_park(&all.idle, &all.worker[0]);
  CHECK(!boci_idle_park(&all.idle, &all.worker[0], true, BOCI_NEVER)); /* a monitor */
  CHECK_EQ(boci_load_relaxed(&all.idle.monitors), 0);
  teardown(&all);
}

/* Two processors, four workers of which one is parked: another one would only take
 * turns. */
static void oversubscribed_publishers_rely_on_a_monitor(void) {
  crew all;
  setup(&all, 2);
  CHECK(boci_idle_oversubscribed(&all.idle));
  boci_idle_prepare_park(&all.idle, &all.worker[0]);
  CHECK(boci_idle_oversubscribed(&all.idle));
  boci_add_relaxed(&all.idle.monitors, 1);
  CHECK(!boci_idle_wake_one(&all.idle));
  boci_sub_relaxed(&all.idle.monitors, 1);
  CHECK(boci_idle_wake_one(&all.idle)); /* there is no monitor */
  boci_idle_cancel_park(&all.idle, &all.worker[0]);
  boci_idle_stop_searching(&all.idle, &all.worker[0]);
  for (unsigned i = 0; i < 3; i++)
    boci_idle_prepare_park(&all.idle, &all.worker[i]);
  CHECK(!boci_idle_oversubscribed(&all.idle)); /* one awake, two processors */
  for (unsigned i = 0; i < 3; i++)
    boci_idle_cancel_park(&all.idle, &all.worker[i]);
  teardown(&all);
}

/* A publisher and a worker, as in the table of parked_workers.h. */
typedef struct meeting {
  crew all;
  boci_atomic_u32 work;
} meeting;

static void publish_or_park(void *arg, unsigned index) {
  meeting *m = arg;
  boci_worker *worker = &m->all.worker[0];
  if (index == 0) {
    boci_store_release(&m->work, 1);
    boci_idle_wake_one(&m->all.idle);
    return;
  }
  while (!boci_load_acquire(&m->work)) {
    boci_idle_prepare_park(&m->all.idle, worker);
    if (boci_load_acquire(&m->work))
      boci_idle_cancel_park(&m->all.idle, worker);
    else
      CHECK(boci_idle_park(&m->all.idle, worker, false, BOCI_NEVER));
  }
  boci_idle_stop_searching(&m->all.idle, worker);
}

static void no_wake_up_is_lost(void) {
  meeting m;
  setup(&m.all, 2 * WORKERS);
  boci_init(&m.work, 0);
  test_threads(2, publish_or_park, &m);
  teardown(&m.all);
}

static const test_case cases[] = {
    TEST_ONCE(as_many_search_as_may),
    TEST_ONCE(half_of_the_processors_search),
    TEST_ONCE(the_latest_is_woken_and_searches),
    TEST_ONCE(a_searcher_that_parks_searches_no_more),
    TEST_ONCE(one_worker_is_woken_by_name),
    TEST_ONCE(a_deadline_ends_a_park),
    TEST_ONCE(oversubscribed_publishers_rely_on_a_monitor),
    TEST_RACE(no_wake_up_is_lost, 1),
};
TEST_MAIN(cases)
