/* A scope that is cancelled at each step of a program, for several seeds: a seed
 * chooses the interleaving, and a second thread cancels at the first step, at the next,
 * and so on until the program has ended before.
 *
 * The program has behaviors in the queues of two cowns, behaviors that bodies schedule,
 * deferred ones that another behavior completes, readers, and timers, in a scope and in
 * one below it. At whichever step:
 *   1. a behavior that has begun ends; one that has not is cancelled, and is told so;
 *   2. a behavior that is scheduled after the cancel does not run, and of those before
 *      it, each worker begins one at most, which it had taken already;
 *   3. the scopes become empty, and each environment is dropped once;
 *   4. every cown is free afterwards, and all memory is given back. */
#include "harness.h"

#include "systematic.h"

#include <boc/boc.h>

#include <stdio.h>

enum { WORKERS = 2, MOST = 32, SEEDS = 24, CONTROL_SEEDS = 200 };

static const boc_cown_type nothing = {.name = "nothing"};

/* What has happened to a behavior: each field is a count. */
typedef struct record {
  unsigned begun, ended, told, over, over_cancelled, dropped;
  bool late; /* scheduled after the cancel */
} record;

static struct {
  /* what a run is to do */
  uint64_t cancel_at;
  bool does_not_cancel; /* a control: the invariants find that */
  /* and what it has done. Units take turns on one thread: plain fields do. */
  test_memory memory;
  boc_runtime *runtime;
  boc_scope *outer, *inner;
  boc_cown *cowns[2];
  boc_behavior *deferred;
  record records[MOST];
  unsigned made, begun_late;
  bool waits, cancelled; /* the canceller */
  uint64_t steps;        /* until the cancel */
} all;

typedef enum deed { ENDS, SCHEDULES, STARTS_TIMERS, DEFERS, COMPLETES } deed;

typedef struct env {
  record *mine;
  deed deed;
} env;

static void require(bool condition, const char *text) {
  if (condition)
    return;
  if (!all.does_not_cancel)
    fprintf(stderr, "cancelled at step %u: %s\n", (unsigned)all.cancel_at, text);
  boci_systematic_fail();
}
#define REQUIRE(condition) require(condition, #condition)

static void run_body(boc_behavior *self, void *environment);

static void drop_env(void *environment) { ((env *)environment)->mine->dropped++; }

static void tell_cancelled(boc_behavior *self, void *environment) {
  (void)self;
  ((env *)environment)->mine->told++;
}

static void count_over(void *ctx, bool ran) {
  record *mine = ctx;
  mine->over++;
  mine->over_cancelled += !ran;
}

static const boc_behavior_type type = {
    .body = run_body, .drop = drop_env, .cancelled = tell_cancelled};

/* ---- the program ----------------------------------------------------------------- */

static boc_behavior *make(boc_scope *scope, deed what, unsigned cowns, boc_mode mode) {
  CHECK(all.made < MOST);
  record *mine = &all.records[all.made++];
  mine->late = all.cancelled;
  boc_access accesses[2];
  size_t count = 0;
  for (unsigned i = 0; i < 2; i++)
    if (cowns & 1u << i)
      accesses[count++] = (boc_access){all.cowns[i], mode};
  const boc_behavior_options options = {
      .size = sizeof options, .scope = scope, .done = count_over, .ctx = mine};
  boc_behavior *made = NULL;
  CHECK_EQ(boc_behavior_new_with(all.runtime, &type, sizeof(env), accesses, count,
                                 &options, &made),
           BOC_OK);
  *(env *)boc_behavior_env(made) = (env){mine, what};
  return made;
}

static void schedule(boc_scope *scope, deed what, unsigned cowns, boc_mode mode) {
  boc_behavior_schedule(make(scope, what, cowns, mode));
}

static void start_timer(boc_scope *scope, int64_t delay, unsigned cowns,
                        boc_timer **out_timer) {
  CHECK_EQ(boc_runtime_after(all.runtime, delay, make(scope, ENDS, cowns, BOC_WRITE),
                             out_timer),
           BOC_OK);
}

static void complete_deferred(void) {
  boc_behavior *deferred = all.deferred;
  all.deferred = NULL;
  if (deferred)
    boc_behavior_complete(deferred);
}

static void begin(boc_behavior *self, env *here) {
  here->mine->begun++;
  if (!all.cancelled)
    return;
  all.begun_late++;
  REQUIRE(!here->mine->late);
  REQUIRE(all.begun_late <= WORKERS);
  REQUIRE(all.does_not_cancel || boc_behavior_cancelled(self));
}

static void act(boc_behavior *self, deed what) {
  switch (what) {
  case ENDS:
    break;
  case SCHEDULES:
    schedule(NULL, ENDS, 1, BOC_WRITE); /* in the scope of this body */
    schedule(all.inner, ENDS, 3, BOC_WRITE);
    break;
  case STARTS_TIMERS:
    start_timer(NULL, 300, 2, NULL);
    start_timer(all.inner, 100, 0, NULL);
    break;
  case DEFERS:
    boc_behavior_defer(self);
    all.deferred = self;
    break;
  case COMPLETES:
    complete_deferred();
    break;
  }
}

static void run_body(boc_behavior *self, void *environment) {
  env here = *(env *)environment; /* once deferred, it may be completed at any time */
  begin(self, &here);
  act(self, here.deed);
  boci_systematic_point();
  here.mine->ended++;
}

/* The behavior that completes the deferred one may have been cancelled, or have run
 * before it: then this thread does that. */
static void wait_for_scope(void) {
  while (boc_scope_wait(all.outer, 1000) != BOC_OK)
    complete_deferred();
}

static void run_program(void) {
  boc_timer *timer = NULL;
  while (!all.waits)
    boci_systematic_yield();
  schedule(all.outer, SCHEDULES, 1, BOC_WRITE);
  schedule(all.inner, DEFERS, 2, BOC_WRITE);
  start_timer(all.inner, 200, 3, NULL);
  start_timer(all.outer, 400, 1, &timer);
  for (int i = 0; i < 2; i++)
    schedule(all.outer, ENDS, 1, BOC_READ);
  schedule(all.outer, COMPLETES, 0, BOC_WRITE);
  schedule(all.inner, STARTS_TIMERS, 2, BOC_WRITE);
  boc_timer_cancel(timer);
  boc_timer_drop(timer);
  wait_for_scope();
}

static void run_or_cancel(void *unused, unsigned index) {
  (void)unused;
  if (index == 0) {
    run_program();
    return;
  }
  all.waits = true;
  boci_systematic_wait_for_step(all.cancel_at);
  all.steps = boci_systematic_steps();
  if (!all.does_not_cancel)
    boc_scope_cancel(all.outer);
  all.cancelled = true;
}

/* ---- a run ----------------------------------------------------------------------- */

static void setup(void) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  test_memory_init(&all.memory, 0);
  options.workers = WORKERS;
  options.allocator = &all.memory.base;
  CHECK_EQ(boc_runtime_new(&options, &all.runtime), BOC_OK);
  CHECK_EQ(boc_scope_new(NULL, &all.memory.base, &all.outer), BOC_OK);
  CHECK_EQ(boc_scope_new(all.outer, &all.memory.base, &all.inner), BOC_OK);
  for (int i = 0; i < 2; i++)
    CHECK_EQ(boc_cown_new(&nothing, &all.cowns[i]), BOC_OK);
  all.deferred = NULL;
  all.made = all.begun_late = 0;
  all.waits = all.cancelled = false;
  for (int i = 0; i < MOST; i++)
    all.records[i] = (record){0};
}

static void teardown(void) {
  boc_scope_drop(all.inner);
  boc_scope_drop(all.outer);
  boc_runtime_free(all.runtime);
  for (int i = 0; i < 2; i++)
    boc_cown_drop(all.cowns[i]);
  test_memory_fini(&all.memory);
}

static void check_records(void) {
  for (unsigned i = 0; i < all.made; i++) {
    const record *it = &all.records[i];
    REQUIRE(it->begun + it->told == 1);
    REQUIRE(it->ended == it->begun);
    REQUIRE(it->over == 1 && it->over_cancelled == it->told);
    REQUIRE(it->dropped == 1);
    REQUIRE(!it->late || it->told);
  }
}

static void count_free(boc_behavior *self, void *count) {
  (void)self;
  ++*(unsigned *)count;
}

static void check_cowns(void) {
  unsigned ran = 0;
  CHECK_EQ(boc_when(all.runtime, all.cowns, 2, count_free, &ran), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  REQUIRE(ran == 1);
}

static void run_once(void *unused) {
  (void)unused;
  setup();
  test_threads(2, run_or_cancel, NULL);
  wait_for_scope();
  REQUIRE(boc_scope_pending(all.outer) == 0 && boc_scope_pending(all.inner) == 0);
  check_records();
  const unsigned made = all.made;
  schedule(all.inner, SCHEDULES, 3, BOC_WRITE); /* too late */
  wait_for_scope();
  check_cowns();
  check_records();
  REQUIRE(all.made == made + 1);
  teardown();
}

/* ---- the cases ------------------------------------------------------------------- */

static unsigned cancelled_ones(void) {
  unsigned count = 0;
  for (unsigned i = 0; i < all.made; i++)
    count += all.records[i].over_cancelled;
  return count;
}

static void cancel_at(uint64_t seed, uint64_t step) {
  all.cancel_at = step;
  const boci_run_outcome outcome = boci_systematic_try(seed, run_once, NULL);
  if (outcome != BOCI_RUN_FINISHED)
    boci_systematic_report();
  CHECK_EQ(outcome, BOCI_RUN_FINISHED);
}

static void at_each_step(void) {
  uint64_t runs = 0;
  for (uint64_t seed = 0; seed < SEEDS; seed++) {
    unsigned fewest = MOST, most = 0;
    uint64_t step = 0;
    do {
      step = step ? all.steps + 1 : 1;
      cancel_at(seed, step);
      const unsigned count = cancelled_ones();
      fewest = count < fewest ? count : fewest;
      most = count > most ? count : most;
      runs++;
    } while (all.steps >= step);
    CHECK(fewest <= 2); /* cancelled at the end: the handle's timer, and the last one */
    CHECK(most >= 9);   /* at the beginning: all */
  }
  printf("%u runs\n", (unsigned)runs);
}

/* A control: the canceller leaves out the cancel. The invariants find that in some
 * run. */
static void a_cancel_that_does_nothing_is_found(void) {
  unsigned found = 0;
  all.does_not_cancel = true;
  all.cancel_at = 1;
  for (uint64_t seed = 0; seed < CONTROL_SEEDS; seed++)
    found += boci_systematic_try(seed, run_once, NULL) == BOCI_RUN_FAILED;
  all.does_not_cancel = false;
  CHECK_EQ(found, CONTROL_SEEDS);
}

static const test_case cases[] = {
    TEST_ALONE(at_each_step),
    TEST_ALONE(a_cancel_that_does_nothing_is_found),
};
TEST_MAIN(cases)
