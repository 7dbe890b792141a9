/* Parked workers: searchers, the parked list, monitors, and which worker is woken.
 * First with the structs of workers without threads, then with two threads that park
 * and wake. */
#include "child_process.h"
#include "harness.h"

#include "scheduler.h"

enum { WORKERS = 4 };

typedef struct fixture {
  boci_parked_workers parked;
  boci_worker worker[WORKERS];
} fixture;

static void setup(fixture *all, uint32_t processors) {
  *all = (fixture){.parked.list = NULL};
  CHECK_EQ(boci_parked_init(&all->parked, WORKERS), BOC_OK);
  all->parked.processors = processors;
  boci_store_relaxed(&all->parked.max_searchers, 2);
  for (unsigned i = 0; i < WORKERS; i++)
    CHECK_EQ(boci_parker_init(&all->worker[i].parking.parker), BOC_OK);
}

static void teardown(fixture *all) {
  CHECK(!all->parked.list);
  CHECK_EQ(boci_load_relaxed(&all->parked.state), 0);
  for (unsigned i = 0; i < WORKERS; i++)
    boci_parker_fini(&all->worker[i].parking.parker);
  boci_parked_fini(&all->parked);
}

static bool has_token(boci_worker *worker) {
  return boci_parker_park(&worker->parking.parker, boci_os_now());
}

static void as_many_search_as_may(void) {
  fixture all;
  setup(&all, WORKERS);
  CHECK(boci_parked_start_searching(&all.parked, &all.worker[0]));
  /* it searches already */
  CHECK(boci_parked_start_searching(&all.parked, &all.worker[0]));
  CHECK(boci_parked_start_searching(&all.parked, &all.worker[1]));
  CHECK(!boci_parked_start_searching(&all.parked, &all.worker[2]));
  CHECK_EQ(boci_parked_or_searching(&all.parked), 2);
  CHECK(boci_parked_has_searcher(&all.parked));
  boci_parked_stop_searching(&all.parked, &all.worker[0]);
  CHECK(boci_parked_start_searching(&all.parked, &all.worker[2]));
  boci_parked_stop_searching(&all.parked, &all.worker[1]);
  /* it does not search any more */
  boci_parked_stop_searching(&all.parked, &all.worker[1]);
  boci_parked_stop_searching(&all.parked, &all.worker[2]);
  CHECK(!boci_parked_has_searcher(&all.parked));
  teardown(&all);
}

static void half_of_the_processors_search(void) {
  boci_parked_workers parked;
  CHECK_EQ(boci_parked_init(&parked, 1000), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&parked.max_searchers),
           (boci_os_processor_count() + 1) / 2);
  boci_parked_fini(&parked);
  CHECK_EQ(boci_parked_init(&parked, 1), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&parked.max_searchers), 1);
  boci_parked_fini(&parked);
}

static void the_latest_is_woken_and_searches(void) {
  fixture all;
  setup(&all, 2 * WORKERS);
  for (unsigned i = 0; i < WORKERS; i++)
    boci_parked_prepare_park(&all.parked, &all.worker[i]);
  CHECK_EQ(boci_parked_or_searching(&all.parked), WORKERS);
  CHECK(boci_parked_wake_one(&all.parked));
  CHECK(all.worker[WORKERS - 1].parking.searching);
  CHECK(!all.worker[WORKERS - 1].parking.listed);
  /* it searches: the next publisher relies on it */
  CHECK(!boci_parked_wake_one(&all.parked));
  CHECK(boci_parked_park(&all.parked, &all.worker[WORKERS - 1], false, BOCI_NEVER));
  boci_parked_stop_searching(&all.parked, &all.worker[WORKERS - 1]);
  CHECK(boci_parked_wake_one(&all.parked));
  CHECK(all.worker[WORKERS - 2].parking.searching);
  boci_parked_cancel_park(&all.parked, &all.worker[WORKERS - 2]); /* takes the token */
  CHECK(!has_token(&all.worker[WORKERS - 2]));
  boci_parked_stop_searching(&all.parked, &all.worker[WORKERS - 2]);
  for (unsigned i = 0; i < WORKERS - 2; i++)
    boci_parked_cancel_park(&all.parked, &all.worker[i]);
  CHECK(!boci_parked_wake_one(&all.parked));
  teardown(&all);
}

static void a_searcher_that_parks_searches_no_more(void) {
  fixture all;
  setup(&all, WORKERS);
  CHECK(boci_parked_start_searching(&all.parked, &all.worker[0]));
  boci_parked_prepare_park(&all.parked, &all.worker[0]);
  CHECK_EQ(boci_load_relaxed(&all.parked.state), 1);
  CHECK(!all.worker[0].parking.searching);
  boci_parked_cancel_park(&all.parked, &all.worker[0]);
  teardown(&all);
}

static void one_worker_is_woken_by_name(void) {
  fixture all;
  setup(&all, WORKERS);
  CHECK(!boci_parked_wake(&all.parked, &all.worker[1]));
  for (unsigned i = 0; i < 3; i++)
    boci_parked_prepare_park(&all.parked, &all.worker[i]);
  /* from the middle of the list */
  CHECK(boci_parked_wake(&all.parked, &all.worker[1]));
  CHECK(!boci_parked_wake(&all.parked, &all.worker[1]));
  CHECK(has_token(&all.worker[1]));
  boci_parked_stop_searching(&all.parked, &all.worker[1]);
  /* the oldest, then the latest */
  boci_parked_cancel_park(&all.parked, &all.worker[0]);
  boci_parked_cancel_park(&all.parked, &all.worker[2]);
  teardown(&all);
}

static void a_deadline_ends_a_park(void) {
  fixture all;
  setup(&all, WORKERS);
  boci_parked_prepare_park(&all.parked, &all.worker[0]);
  CHECK(!boci_parked_park(&all.parked, &all.worker[0], false, boci_os_now()));
  CHECK(!all.worker[0].parking.listed);
  boci_parked_prepare_park(&all.parked, &all.worker[0]);
  /* as a monitor */
  CHECK(!boci_parked_park(&all.parked, &all.worker[0], true, BOCI_NEVER));
  CHECK_EQ(boci_load_relaxed(&all.parked.monitors), 0);
  teardown(&all);
}

/* Two processors, four workers of which one is parked: another one would only take
 * turns. */
static void oversubscribed_publishers_rely_on_a_monitor(void) {
  fixture all;
  setup(&all, 2);
  CHECK(boci_parked_oversubscribed(&all.parked));
  boci_parked_prepare_park(&all.parked, &all.worker[0]);
  CHECK(boci_parked_oversubscribed(&all.parked));
  boci_add_relaxed(&all.parked.monitors, 1);
  CHECK(!boci_parked_wake_one(&all.parked));
  boci_sub_relaxed(&all.parked.monitors, 1);
  CHECK(boci_parked_wake_one(&all.parked)); /* there is no monitor */
  boci_parked_cancel_park(&all.parked, &all.worker[0]);
  boci_parked_stop_searching(&all.parked, &all.worker[0]);
  for (unsigned i = 0; i < 3; i++)
    boci_parked_prepare_park(&all.parked, &all.worker[i]);
  CHECK(!boci_parked_oversubscribed(&all.parked)); /* one awake, two processors */
  for (unsigned i = 0; i < 3; i++)
    boci_parked_cancel_park(&all.parked, &all.worker[i]);
  teardown(&all);
}

/* A publisher and a worker, as in the table of parked_workers.h. */
typedef struct meeting {
  fixture all;
  boci_atomic_u32 work;
} meeting;

static void publish_or_park(void *arg, unsigned index) {
  meeting *m = arg;
  boci_worker *worker = &m->all.worker[0];
  if (index == 0) {
    boci_store_release(&m->work, 1);
    boci_parked_wake_one(&m->all.parked);
    return;
  }
  while (!boci_load_acquire(&m->work)) {
    boci_parked_prepare_park(&m->all.parked, worker);
    if (boci_load_acquire(&m->work))
      boci_parked_cancel_park(&m->all.parked, worker);
    else
      CHECK(boci_parked_park(&m->all.parked, worker, false, BOCI_NEVER));
  }
  boci_parked_stop_searching(&m->all.parked, worker);
}

static void no_wake_up_is_lost(void) {
  meeting m;
  setup(&m.all, 2 * WORKERS);
  boci_init(&m.work, 0);
  test_threads(2, publish_or_park, &m);
  teardown(&m.all);
}

/* A filter of system calls that comes after the start refuses the fence for others. */
#if defined(__has_include)
#if __has_include(<linux/filter.h>) /* musl comes without the headers of Linux */
#define TEST_HAS_FILTERS
#endif
#endif
#if defined(TEST_HAS_FILTERS) && TEST_HAS_CHILD_PROCESS && !defined(BOC_SYSTEMATIC)
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static bool refuse_membarrier(void) {
  struct sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof steps / sizeof steps[0], steps};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

static void park_under_a_filter(const void *arg) {
  fixture *all = (fixture *)arg;
  if (!refuse_membarrier()) /* an emulator has no filters */
    return;
  boci_parked_prepare_park(&all->parked, &all->worker[0]);
  CHECK_EQ(boci_load_relaxed(&all->parked.fences_others), 0);
  CHECK(boci_parked_may_wake(&all->parked));
  CHECK(boci_parked_wake_one(&all->parked));
  CHECK(has_token(&all->worker[0]));
}

static void a_refused_fence_is_the_publishers_again(void) {
  fixture all;
  char text[512];
  setup(&all, WORKERS);
  CHECK_EQ(boci_load_relaxed(&all.parked.fences_others), boci_os_fence_others());
  const int status = test_in_child(park_under_a_filter, &all, text, sizeof text);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  teardown(&all);
}
#define TEST_REFUSED_FENCE TEST_ONCE(a_refused_fence_is_the_publishers_again),
#else
#define TEST_REFUSED_FENCE
#endif

static const test_case cases[] = {
    TEST_ONCE(as_many_search_as_may),
    TEST_ONCE(half_of_the_processors_search),
    TEST_ONCE(the_latest_is_woken_and_searches),
    TEST_ONCE(a_searcher_that_parks_searches_no_more),
    TEST_ONCE(one_worker_is_woken_by_name),
    TEST_ONCE(a_deadline_ends_a_park),
    TEST_ONCE(oversubscribed_publishers_rely_on_a_monitor),
    TEST_REFUSED_FENCE TEST_RACE(no_wake_up_is_lost, 1),
};
TEST_MAIN(cases)
