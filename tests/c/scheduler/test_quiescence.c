/* Quiescence: the sums of the counters of workers and of other threads, and waiters.
 * The scheduler is not started: the only threads are the test's. */
#include "harness.h"

#include "scheduler.h"

enum { WORKERS = 2 };

static void count_call(void *ctx) { ++*(unsigned *)ctx; }

static boci_scheduler *new_scheduler(void) {
  static boci_scheduler scheduler;
  const boci_scheduler_config config = {.workers = WORKERS, .compensating = 1};
  CHECK_EQ(boci_scheduler_init(&scheduler, &config), BOC_OK);
  return &scheduler;
}

static bool is_quiescent(boci_scheduler *scheduler) {
  const boc_status status = boci_quiescence_wait(scheduler, 0);
  CHECK(status == BOC_OK || status == BOC_TIMEOUT);
  return status == BOC_OK;
}

static void a_new_scheduler_is_quiescent(void) {
  boci_scheduler *scheduler = new_scheduler();
  CHECK(is_quiescent(scheduler));
  boci_scheduler_fini(scheduler);
}

/* One worker schedules, another one finishes. */
static void sums_count_and_not_workers(void) {
  boci_scheduler *scheduler = new_scheduler();
  boci_worker *worker = scheduler->worker;
  boci_in_flight_add_scheduled(&worker[0].in_flight, 3);
  for (unsigned i = 0; i < 3; i++) {
    CHECK(!is_quiescent(scheduler));
    boci_in_flight_add_finished(&worker[1].in_flight);
  }
  CHECK(is_quiescent(scheduler));
  boci_scheduler_fini(scheduler);
}

static void schedule_outside(void *arg, unsigned index) {
  boci_scheduler *scheduler = arg;
  boci_external_count_scheduled(&scheduler->external, index + 1);
}

/* The first thread outside has a counter of its own, the others share one. */
static void threads_outside_count(void) {
  boci_scheduler *scheduler = new_scheduler();
  boci_external_count_scheduled(&scheduler->external, 4);
  test_threads(3, schedule_outside, scheduler);
  CHECK_EQ(boci_load_relaxed(&scheduler->external.first_scheduled), 4);
  CHECK_EQ(boci_load_relaxed(&scheduler->external.in_flight.scheduled), 6);
  CHECK_EQ(boci_external_scheduled(&scheduler->external), 10);
  for (unsigned i = 0; i < 10; i++) {
    CHECK(!is_quiescent(scheduler));
    boci_quiescence_finish_external(scheduler);
  }
  CHECK(is_quiescent(scheduler));
  boci_scheduler_fini(scheduler);
}

static void compensating_workers_count(void) {
  boci_scheduler *scheduler = new_scheduler();
  boci_worker *third = &scheduler->worker[WORKERS];
  CHECK_EQ(boci_worker_init(third, scheduler, WORKERS), BOC_OK);
  boci_store_release(&scheduler->started, WORKERS + 1);
  boci_in_flight_add_scheduled(&third->in_flight, 1);
  CHECK(!is_quiescent(scheduler));
  boci_in_flight_add_finished(&third->in_flight);
  CHECK(is_quiescent(scheduler));
  boci_scheduler_fini(scheduler);
}

static void counters_may_wrap(void) {
  boci_scheduler *scheduler = new_scheduler();
  boci_init(&scheduler->worker[0].in_flight.scheduled, UINTPTR_MAX);
  boci_init(&scheduler->worker[0].in_flight.finished, UINTPTR_MAX);
  CHECK(is_quiescent(scheduler));
  boci_in_flight_add_scheduled(&scheduler->worker[0].in_flight, 1);
  CHECK(!is_quiescent(scheduler));
  boci_in_flight_add_finished(&scheduler->worker[1].in_flight);
  CHECK(is_quiescent(scheduler));
  boci_scheduler_fini(scheduler);
}

static void waiters_are_notified_once(void) {
  boci_scheduler *scheduler = new_scheduler();
  boci_in_flight *counters = &scheduler->worker[0].in_flight;
  unsigned calls[3] = {0, 0, 0};
  boc_quiesce_node nodes[3];
  boci_in_flight_add_scheduled(counters, 1);
  for (unsigned i = 0; i < 3; i++) {
    nodes[i] = (boc_quiesce_node){.done = count_call, .ctx = &calls[i]};
    boci_quiescence_notify(scheduler, &nodes[i]);
  }
  CHECK(boci_waiters_cancel(&scheduler->quiescence, &nodes[1]));
  boci_quiescence_check(scheduler);
  CHECK_EQ(calls[0] + calls[2], 0);
  boci_in_flight_add_finished(counters);
  boci_quiescence_check(scheduler);
  boci_quiescence_check(scheduler);
  CHECK_EQ(calls[0], 1);
  CHECK_EQ(calls[1], 0);
  CHECK_EQ(calls[2], 1);
  CHECK(!boci_waiters_cancel(&scheduler->quiescence, &nodes[0]));
  boci_scheduler_fini(scheduler);
}

static void a_waiter_of_a_quiescent_scheduler_is_notified_at_once(void) {
  boci_scheduler *scheduler = new_scheduler();
  unsigned calls = 0;
  boc_quiesce_node node = {.done = count_call, .ctx = &calls};
  boci_quiescence_notify(scheduler, &node);
  CHECK_EQ(calls, 1);
  boci_scheduler_fini(scheduler);
}

/* A worker that finishes, fences and checks, against a thread that begins to wait. */
static void finish_or_wait(void *arg, unsigned index) {
  boci_scheduler *scheduler = arg;
  if (index == 0) {
    CHECK_EQ(boci_quiescence_wait(scheduler, BOC_FOREVER), BOC_OK);
    return;
  }
  boci_in_flight_add_finished(&scheduler->worker[0].in_flight);
  boci_fence_seq_cst();
  boci_quiescence_check(scheduler);
}

static void no_wake_up_is_lost(void) {
  boci_scheduler *scheduler = new_scheduler();
  boci_in_flight_add_scheduled(&scheduler->worker[0].in_flight, 1);
  test_threads(2, finish_or_wait, scheduler);
  boci_scheduler_fini(scheduler);
}

static const test_case cases[] = {
    TEST_ONCE(a_new_scheduler_is_quiescent),
    TEST_ONCE(sums_count_and_not_workers),
    TEST_ONCE(threads_outside_count),
    TEST_ONCE(compensating_workers_count),
    TEST_ONCE(counters_may_wrap),
    TEST_ONCE(waiters_are_notified_once),
    TEST_ONCE(a_waiter_of_a_quiescent_scheduler_is_notified_at_once),
    TEST_RACE(no_wake_up_is_lost, 1),
};
TEST_MAIN(cases)
