/* Enqueue: each way in which a behavior becomes ready leads to its queue. The
 * schedulers are not started: the test is a worker, or a thread outside. */
#include "harness.h"

#include "enqueue.h"
#include "scheduler.h"

enum { MAX_COUNT = 4 * BOCI_RING };

typedef struct world {
  boci_scheduler scheduler, other;
  boci_worker *me;
  boc_behavior *made[MAX_COUNT];
  size_t count;
  boc_behavior *pushed; /* by the executor that `pinned` is pinned to */
  boci_executor lane;
  boc_cown *pinned;
} world;

static void no_body(boc_behavior *self, void *env) { (void)self, (void)env; }
static const boc_behavior_type type = {.name = "none", .body = no_body};
static const boc_cown_type cown_type = {.name = "cown", .payload_size = 8};

static void note_push(void *ctx, boc_behavior *behavior) {
  ((world *)ctx)->pushed = behavior;
}

static void setup(world *all) {
  const boci_scheduler_config config = {.workers = 2};
  *all = (world){.count = 0};
  CHECK_EQ(boci_scheduler_init(&all->scheduler, &config), BOC_OK);
  CHECK_EQ(boci_scheduler_init(&all->other, &config), BOC_OK);
  CHECK_EQ(boc_cown_new(&cown_type, &all->pinned), BOC_OK);
  all->lane = (boci_executor){note_push, all};
  boci_cown_pin(all->pinned, &all->lane);
  all->me = &all->scheduler.worker[0];
}

static void teardown(world *all) {
  for (size_t i = 0; i < all->count; i++)
    boci_block_pool_free(all->made[i]->block.home, all->made[i]);
  boc_cown_drop(all->pinned);
  boci_scheduler_fini(&all->other);
  boci_scheduler_fini(&all->scheduler);
}

static boc_behavior *make(world *all, boci_scheduler *scheduler, boc_cown *cown) {
  const boc_access access = {cown, BOC_WRITE};
  boci_block_pool *pool = &scheduler->worker[0].pool;
  boc_behavior *made =
      boci_block_pool_alloc(pool, boci_behavior_size(cown != NULL, false, 0));
  CHECK(made && all->count < MAX_COUNT);
  CHECK_EQ(boci_behavior_init(made, &type, 0, &access, cown != NULL, NULL), BOC_OK);
  return all->made[all->count++] = made;
}

static boc_behavior *take_injected(boci_scheduler *scheduler) {
  boc_behavior *taken = NULL;
  boci_injector_take(&scheduler->injector, 1, &taken);
  return taken;
}

static void a_body_fills_its_workers_queue(void) {
  world all;
  setup(&all);
  boc_behavior *first = make(&all, &all.scheduler, NULL);
  boc_behavior *second = make(&all, &all.scheduler, NULL);
  boci_enqueue_from_body(all.me, first);
  boci_enqueue_from_body(all.me, second);
  CHECK(!all.me->lifo_slot);
  CHECK(boci_run_queue_pop(&all.me->queue) == first);
  CHECK(boci_run_queue_pop(&all.me->queue) == second);
  teardown(&all);
}

static void the_first_that_an_end_makes_ready_runs_next(void) {
  world all;
  setup(&all);
  boc_cown *cown; /* the end of one behavior makes another one ready */
  CHECK_EQ(boc_cown_new(&cown_type, &cown), BOC_OK);
  boc_behavior *first = make(&all, &all.scheduler, cown);
  boc_behavior *second = make(&all, &all.scheduler, cown);
  boci_enqueue_handoff(all.me, first);
  boci_enqueue_handoff(all.me, second);
  CHECK(all.me->lifo_slot == first);
  CHECK(boci_run_queue_pop(&all.me->queue) == second);
  boc_cown_drop(cown);
  teardown(&all);
}

static void threads_outside_inject(void) {
  world all;
  setup(&all);
  boc_behavior *made = make(&all, &all.scheduler, NULL);
  boci_enqueue_external(&all.scheduler, made);
  CHECK(take_injected(&all.scheduler) == made);
  teardown(&all);
}

static void another_runtimes_go_into_its_injector(void) {
  world all;
  setup(&all);
  boc_cown *cown;
  CHECK_EQ(boc_cown_new(&cown_type, &cown), BOC_OK);
  boc_behavior *one = make(&all, &all.other, NULL);
  boc_behavior *two = make(&all, &all.other, cown);
  boc_behavior *three = make(&all, &all.other, NULL);
  boci_enqueue_from_body(all.me, one);
  boci_enqueue_handoff(all.me, two);
  boci_enqueue_external(&all.scheduler, three);
  CHECK(!all.me->lifo_slot);
  CHECK_EQ(boci_run_queue_length(&all.me->queue), 0);
  CHECK(take_injected(&all.other) == one);
  CHECK(take_injected(&all.other) == two);
  CHECK(take_injected(&all.other) == three);
  boc_cown_drop(cown);
  teardown(&all);
}

static void pinned_behaviors_leave_by_their_executor(void) {
  world all;
  setup(&all);
  boc_behavior *made = make(&all, &all.scheduler, all.pinned);
  CHECK(boci_behavior_pinned_to(made) == &all.lane);
  boci_enqueue_from_body(all.me, made);
  CHECK(all.pushed == made);
  all.pushed = NULL;
  boci_enqueue_handoff(all.me, made);
  CHECK(all.pushed == made && !all.me->lifo_slot);
  all.pushed = NULL;
  boci_enqueue_external(&all.scheduler, made);
  CHECK(all.pushed == made);
  CHECK_EQ(boci_injector_length(&all.scheduler.injector), 0);
  teardown(&all);
}

static void a_full_queue_overflows_by_half(void) {
  world all;
  setup(&all);
  for (unsigned i = 0; i <= BOCI_RING; i++)
    boci_enqueue_own(all.me, make(&all, &all.scheduler, NULL));
  CHECK(!boci_overflow_empty(&all.me->overflow));
  CHECK_EQ(boci_run_queue_length(&all.me->queue), BOCI_RING / 2 + 1);
  CHECK_EQ(boci_load_relaxed(&all.me->counters.overflowed), BOCI_RING / 2);
  unsigned left = 0;
  while (boci_overflow_take_one(&all.me->overflow))
    left++;
  CHECK_EQ(left, BOCI_RING / 2);
  while (boci_run_queue_pop(&all.me->queue))
    continue;
  teardown(&all);
}

static void an_inbox_is_its_workers(void) {
  world all;
  setup(&all);
  boc_behavior *made = make(&all, &all.scheduler, NULL), *taken = NULL;
  boci_enqueue_inbox(&all.scheduler.worker[1], made);
  CHECK_EQ(boci_injector_length(&all.me->inbox), 0);
  CHECK_EQ(boci_injector_take(&all.scheduler.worker[1].inbox, 1, &taken), 1);
  CHECK(taken == made);
  teardown(&all);
}

static void draining_leaves_nothing_behind(void) {
  world all;
  setup(&all);
  for (unsigned i = 0; i < 2; i++) {
    boci_enqueue_own(all.me, make(&all, &all.scheduler, NULL));
    boci_enqueue_inbox(all.me, make(&all, &all.scheduler, NULL));
  }
  boci_enqueue_drain(all.me);
  CHECK_EQ(boci_run_queue_length(&all.me->queue), 0);
  CHECK_EQ(boci_injector_length(&all.me->inbox), 0);
  for (unsigned i = 0; i < 4; i++)
    CHECK(take_injected(&all.scheduler));
  teardown(&all);
}

/* A parked worker is woken for work that it could steal, and counted. */
static void surplus_wakes_one_worker(void) {
  world all;
  setup(&all);
  boci_worker *parked = &all.scheduler.worker[1];
  all.scheduler.parked.processors = 8;
  boci_parked_prepare_park(&all.scheduler.parked, parked);
  boci_enqueue_from_body(all.me, make(&all, &all.scheduler, NULL));
  boci_enqueue_from_body(all.me, make(&all, &all.scheduler, NULL));
  CHECK_EQ(boci_load_relaxed(&all.me->counters.woken), 1);
  CHECK(parked->parking.searching && !parked->parking.listed);
  boci_parked_cancel_park(&all.scheduler.parked, parked);
  boci_parked_stop_searching(&all.scheduler.parked, parked);
  while (boci_run_queue_pop(&all.me->queue))
    continue;
  teardown(&all);
}

static const test_case cases[] = {
    TEST_ONCE(a_body_fills_its_workers_queue),
    TEST_ONCE(the_first_that_an_end_makes_ready_runs_next),
    TEST_ONCE(threads_outside_inject),
    TEST_ONCE(another_runtimes_go_into_its_injector),
    TEST_ONCE(pinned_behaviors_leave_by_their_executor),
    TEST_ONCE(a_full_queue_overflows_by_half),
    TEST_ONCE(an_inbox_is_its_workers),
    TEST_ONCE(draining_leaves_nothing_behind),
    TEST_ONCE(surplus_wakes_one_worker),
};
TEST_MAIN(cases)
