/* Find work: the order in which a worker searches its queues, the budgets, shares,
 * thefts and rescues. The scheduler is not started: the test is the worker. */
#include "harness.h"

#include "find_work.h"
#include "idle_policy.h"
#include "run.h"

enum { WORKERS = 2, MAX_COUNT = 4 * BOCI_RING };

typedef struct world {
  boci_scheduler scheduler;
  boci_worker *me, *other;
  boc_behavior *made[MAX_COUNT];
  size_t count;
} world;

static void no_body(boc_behavior *self, void *env) { (void)self, (void)env; }
static const boc_behavior_type type = {.name = "none", .body = no_body};

static int admit_anywhere(boc_behavior *self, void *env, unsigned worker,
                          bool overdue) {
  (void)self, (void)env, (void)worker, (void)overdue;
  return BOC_ADMIT;
}
static const boc_behavior_type placed_type = {
    .name = "placed", .body = no_body, .admit = admit_anywhere};

static void setup(world *all, unsigned workers) {
  const boci_scheduler_config config = {.workers = workers};
  *all = (world){.count = 0};
  CHECK_EQ(boci_scheduler_init(&all->scheduler, &config), BOC_OK);
  all->me = &all->scheduler.worker[0];
  all->other = &all->scheduler.worker[workers - 1];
  boci_thread_context_set(&all->me->context);
}

static void teardown(world *all) {
  bool overdue = false;
  CHECK(!boci_find_own(all->me));
  for (size_t i = 0; i < all->count; i++)
    boci_block_pool_free(&all->me->pool, all->made[i]);
  boci_thread_context_set(NULL);
  (void)overdue;
  boci_scheduler_fini(&all->scheduler);
}

static boc_behavior *make_typed(world *all, const boc_behavior_type *its_type) {
  boc_behavior *made =
      boci_block_pool_alloc(&all->me->pool, boci_behavior_size(0, false, 0));
  CHECK(made && all->count < MAX_COUNT);
  CHECK_EQ(boci_behavior_init(made, its_type, 0, NULL, 0, NULL), BOC_OK);
  return all->made[all->count++] = made;
}

static boc_behavior *make(world *all) { return make_typed(all, &type); }

static boc_behavior *inject(world *all) {
  boc_behavior *made = make(all);
  boci_injector_push(&all->scheduler.injector, made, made, 1);
  return made;
}

static boc_behavior *post(world *all, boci_worker *to) {
  boc_behavior *made = make(all);
  boci_injector_push(&to->inbox, made, made, 1);
  return made;
}

static boc_behavior *push(world *all, boci_worker *to) {
  boc_behavior *made = make(all);
  CHECK(boci_run_queue_push(&to->queue, made));
  return made;
}

/* As if the last body had scheduled something: its successor is warm. */
static void note_schedule(world *all) {
  all->me->scheduled_before = boci_load_relaxed(&all->me->in_flight.scheduled);
  boci_in_flight_add_scheduled(&all->me->in_flight, 1);
}

static void the_order_is_as_listed(void) {
  world all;
  setup(&all, WORKERS);
  boc_behavior *injected = inject(&all);
  boc_behavior *queued = push(&all, all.me);
  boc_behavior *posted = post(&all, all.me);
  note_schedule(&all);
  boc_behavior *handed = all.me->lifo_slot = make(&all);
  CHECK(boci_find_own(all.me) == handed);
  CHECK(boci_find_own(all.me) == posted);
  CHECK(all.me->until_turn < BOCI_COMMON_EVERY);
  boc_behavior *third = boci_find_own(all.me), *fourth = boci_find_own(all.me);
  /* with tiny capacities the third search begins with the common queues */
  CHECK((third == queued && fourth == injected) ||
        (third == injected && fourth == queued));
  CHECK_EQ(boci_load_relaxed(&all.me->counters.handed_off), 1);
  CHECK_EQ(boci_load_relaxed(&all.me->counters.injected), 1);
  teardown(&all);
}

static void the_lifo_budget_is_bounded(void) {
  world all;
  setup(&all, WORKERS);
  boc_behavior *queued = push(&all, all.me);
  unsigned in_a_row = 0;
  for (;; in_a_row++) {
    note_schedule(&all);
    boc_behavior *handed = all.me->lifo_slot = make(&all);
    boc_behavior *found = boci_find_own(all.me);
    if (found == queued)
      break;
    CHECK(found == handed);
    CHECK(in_a_row < BOCI_LIFO_BUDGET);
  }
  CHECK_EQ(in_a_row, BOCI_LIFO_BUDGET - 1);
  CHECK(boci_find_own(all.me)); /* the behavior that went behind */
  teardown(&all);
}

static void a_chain_alone_goes_on(void) {
  world all;
  setup(&all, WORKERS);
  for (unsigned i = 0; i < 3 * BOCI_LIFO_BUDGET; i++) {
    note_schedule(&all);
    boc_behavior *handed = all.me->lifo_slot = make(&all);
    CHECK(boci_find_own(all.me) == handed);
  }
  teardown(&all);
}

static void a_cold_successor_goes_behind(void) {
  world all;
  setup(&all, WORKERS);
  boc_behavior *queued = push(&all, all.me);
  boc_behavior *cold = all.me->lifo_slot = make(&all); /* the body scheduled nothing */
  CHECK(boci_find_own(all.me) == queued);
  CHECK(boci_find_own(all.me) == cold);
  boc_behavior *second = push(&all, all.me);
  boc_behavior *placed = all.me->lifo_slot = make_typed(&all, &placed_type);
  all.me->until_turn = BOCI_COMMON_EVERY;
  CHECK(boci_find_own(all.me) == placed); /* its data is here */
  CHECK(boci_find_own(all.me) == second);
  teardown(&all);
}

static void the_inbox_budget_is_bounded(void) {
  world all;
  setup(&all, WORKERS);
  boc_behavior *queued = push(&all, all.me);
  for (unsigned i = 0; i <= BOCI_INBOX_BUDGET; i++)
    post(&all, all.me);
  unsigned posted = 0;
  while (boci_find_own(all.me) != queued)
    posted++;
  CHECK_EQ(posted, BOCI_INBOX_BUDGET);
  CHECK(boci_find_own(all.me));
  teardown(&all);
}

static void the_injector_has_its_turn(void) {
  world all;
  setup(&all, WORKERS);
  boc_behavior *injected = inject(&all);
  unsigned looks = 0;
  boc_behavior *found = NULL, *handed = NULL;
  while (found != injected) {
    note_schedule(&all);
    if (!all.me->lifo_slot)
      handed = all.me->lifo_slot = make(&all);
    found = boci_find_own(all.me);
    CHECK(++looks <= BOCI_COMMON_EVERY);
  }
  CHECK(!all.me->lifo_slot); /* thieves can only see the run queue */
  CHECK(boci_find_own(all.me) == handed);
  teardown(&all);
}

/* A worker with an empty run queue takes a share, so that others find the rest. */
static void a_share_of_the_injector_is_taken(void) {
  enum { INJECTED = 8 };
  world all;
  setup(&all, WORKERS);
  boc_behavior *injected[INJECTED];
  for (unsigned i = 0; i < INJECTED; i++)
    injected[i] = inject(&all);
  size_t share = INJECTED / WORKERS + 1;
  share = share < BOCI_RING / 2 ? share : BOCI_RING / 2;
  CHECK(boci_find_own(all.me) == injected[0]);
  CHECK_EQ(boci_run_queue_length(&all.me->queue), share - 1);
  CHECK_EQ(boci_injector_length(&all.scheduler.injector), INJECTED - share);
  for (unsigned i = 1; i < INJECTED; i++)
    CHECK(boci_find_own(all.me));
  teardown(&all);
}

static void what_overflowed_is_found(void) {
  world all;
  setup(&all, WORKERS);
  for (unsigned i = 0; i < BOCI_RING + BOCI_RING / 2; i++)
    boci_enqueue_own(all.me, make(&all));
  CHECK(!boci_overflow_empty(&all.me->overflow));
  CHECK(boci_load_relaxed(&all.me->counters.overflowed) >= BOCI_RING / 2);
  for (unsigned i = 0; i < BOCI_RING + BOCI_RING / 2; i++)
    CHECK(boci_find_own(all.me));
  CHECK(boci_overflow_empty(&all.me->overflow));
  teardown(&all);
}

/* Each behavior makes another one ready, so that the run queue is never empty. What
 * has overflowed has its turn all the same. */
static void what_became_ready_first_runs_first(void) {
  world all;
  setup(&all, 1);
  for (unsigned i = 0; i < 2 * BOCI_RING; i++)
    boci_enqueue_own(all.me, make(&all));
  for (unsigned i = 0; i < MAX_COUNT; i++) {
    CHECK(boci_find_own(all.me) == all.made[i]);
    if (all.count < MAX_COUNT)
      boci_enqueue_own(all.me, make(&all));
  }
  teardown(&all);
}

static void the_injector_has_its_turn_beside_what_overflowed(void) {
  world all;
  setup(&all, 1);
  for (unsigned i = 0; i < 2 * BOCI_RING; i++)
    boci_enqueue_own(all.me, make(&all));
  boc_behavior *injected = inject(&all);
  unsigned looks = 1;
  for (; boci_find_own(all.me) != injected; looks++)
    CHECK(looks < BOCI_COMMON_EVERY);
  for (; looks <= 2 * BOCI_RING; looks++)
    CHECK(boci_find_own(all.me));
  teardown(&all);
}

/* Checks that the worker finds the `count` behaviors that remain in the order in which
 * they were made, from `first`. */
static void check_order(world *all, size_t first, size_t count) {
  for (size_t i = 0; i < count; i++)
    CHECK(boci_find_own(all->me) == all->made[first + i]);
}

/* With thieves, too, what overflows keeps its order: nothing is taken out of the next
 * segment while one is in the run queue. */
static void a_segment_is_not_overtaken(void) {
  world all;
  setup(&all, WORKERS);
  for (unsigned i = 0; i < MAX_COUNT; i++)
    boci_enqueue_own(all.me, make(&all));
  while (boci_run_queue_pop(&all.me->queue))
    continue;
  const size_t left = BOCI_RING / 2 * boci_load_relaxed(&all.me->overflow.length);
  CHECK(left >= BOCI_RING);
  check_order(&all, 0, left);
  teardown(&all);
}

/* The same for what other threads have injected. */
static void a_share_is_not_overtaken(void) {
  enum { INJECTED = BOCI_RING };
  world all;
  setup(&all, WORKERS);
  for (unsigned i = 0; i < INJECTED; i++)
    inject(&all);
  check_order(&all, 0, INJECTED);
  teardown(&all);
}

static void half_of_a_run_queue_is_stolen(void) {
  world all;
  bool overdue = false;
  setup(&all, WORKERS);
  for (unsigned i = 0; i < BOCI_RING / 2; i++)
    push(&all, all.other);
  CHECK(boci_find_or_park(all.me, &overdue));
  CHECK(!overdue);
  CHECK_EQ(boci_run_queue_length(&all.other->queue), BOCI_RING / 4);
  CHECK_EQ(boci_run_queue_length(&all.me->queue), BOCI_RING / 4 - 1);
  CHECK_EQ(boci_load_relaxed(&all.me->counters.stolen), BOCI_RING / 4);
  CHECK_EQ(boci_load_relaxed(&all.scheduler.parked.state), 0);
  while (boci_find_own(all.me))
    continue;
  while (boci_run_queue_pop(&all.other->queue))
    continue;
  teardown(&all);
}

static void a_blocked_workers_inbox_is_taken(void) {
  world all;
  bool overdue = false;
  setup(&all, WORKERS);
  boc_behavior *posted = post(&all, all.other);
  boci_store_relaxed(&all.other->blocked, 1);
  CHECK(boci_find_or_park(all.me, &overdue) == posted);
  CHECK(overdue);
  CHECK_EQ(boci_load_relaxed(&all.me->counters.rescued), 1);
  teardown(&all);
}

static void one_worker_alone_steals_from_nobody(void) {
  world all;
  bool overdue = false;
  setup(&all, 1);
  CHECK(all.me->queue.alone);
  boc_behavior *queued = push(&all, all.me);
  CHECK(boci_find_or_park(all.me, &overdue) == queued);
  boci_store_release(&all.scheduler.stopping, 1);
  teardown(&all);
}

static const test_case cases[] = {
    TEST_ONCE(the_order_is_as_listed),
    TEST_ONCE(the_lifo_budget_is_bounded),
    TEST_ONCE(a_chain_alone_goes_on),
    TEST_ONCE(a_cold_successor_goes_behind),
    TEST_ONCE(the_inbox_budget_is_bounded),
    TEST_ONCE(the_injector_has_its_turn),
    TEST_ONCE(a_share_of_the_injector_is_taken),
    TEST_ONCE(what_overflowed_is_found),
    TEST_ONCE(what_became_ready_first_runs_first),
    TEST_ONCE(the_injector_has_its_turn_beside_what_overflowed),
    TEST_ONCE(a_segment_is_not_overtaken),
    TEST_ONCE(a_share_is_not_overtaken),
    TEST_ONCE(half_of_a_run_queue_is_stolen),
    TEST_ONCE(a_blocked_workers_inbox_is_taken),
    TEST_ONCE(one_worker_alone_steals_from_nobody),
};
TEST_MAIN(cases)
