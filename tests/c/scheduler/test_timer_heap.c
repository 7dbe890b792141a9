/* Timers: order, cancelling, scopes, who keeps the time; and that nothing is lost or
 * leaked while they race with each other and with the end of the runtime. */
#include "harness.h"

#include <boc/boc.h>

#include "runtime.h"

#define MS INT64_C(1000000)
#define HOUR (INT64_C(3600) * 1000 * MS)

/* Later than the caller's next steps. Under the systematic scheduler a step is a
 * nanosecond, and a thread that waits by yielding takes as many as it gets. */
#if defined(BOC_SYSTEMATIC)
#define SOON INT64_C(2000)
#else
#define SOON (5 * MS)
#endif

enum { MANY = 100, RACERS = 3, PER_RACER = 4 };

static const boc_cown_type nothing = {.name = "nothing"};

typedef struct fixture {
  boc_runtime *runtime;
  boc_cown *cown;
  boci_atomic_u32 ran, cancelled, dropped, over;
  uint32_t order[MANY];
  boci_parker parker;
} fixture;

static void setup_with(fixture *f, unsigned workers, const boc_allocator *allocator) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = workers;
  options.allocator = allocator;
  boci_init(&f->ran, 0);
  boci_init(&f->cancelled, 0);
  boci_init(&f->dropped, 0);
  boci_init(&f->over, 0);
  CHECK_EQ(boci_parker_init(&f->parker), BOC_OK);
  CHECK_EQ(boc_runtime_new(&options, &f->runtime), BOC_OK);
  CHECK_EQ(boc_cown_new(&nothing, &f->cown), BOC_OK);
}

static void setup(fixture *f) { setup_with(f, 2, NULL); }

static void teardown(fixture *f) {
  boc_runtime_free(f->runtime);
  if (f->cown)
    boc_cown_drop(f->cown);
  boci_parker_fini(&f->parker);
}

typedef struct env {
  fixture *f;
  uint32_t number;
  uint64_t deadline;
} env;

static void note(boc_behavior *self, void *environment) {
  env *mine = environment;
  fixture *f = mine->f;
  (void)self;
  CHECK(boc_now() >= mine->deadline);
  f->order[boci_add_relaxed(&f->ran, 1) % MANY] = mine->number;
}

static void note_cancelled(boc_behavior *self, void *environment) {
  fixture *f = ((env *)environment)->f;
  (void)self;
  boci_add_relaxed(&f->cancelled, 1);
}

static void note_dropped(void *environment) {
  boci_add_relaxed(&((env *)environment)->f->dropped, 1);
}

static void note_over(void *ctx, bool ran) {
  fixture *f = ctx;
  (void)ran;
  boci_add_relaxed(&f->over, 1);
}

static const boc_behavior_type noting = {
    .name = "noting", .body = note, .drop = note_dropped, .cancelled = note_cancelled};

static boc_behavior *make_over(fixture *f, const boc_behavior_type *type,
                               const boc_access *accesses, size_t count,
                               boc_scope *scope) {
  boc_behavior *made = NULL;
  const boc_behavior_options options = {
      .size = sizeof options, .scope = scope, .done = note_over, .ctx = f};
  CHECK_EQ(boc_behavior_new_with(f->runtime, type, sizeof(env), accesses, count,
                                 scope ? &options : NULL, &made),
           BOC_OK);
  *(env *)boc_behavior_env(made) = (env){.f = f};
  return made;
}

static boc_behavior *make(fixture *f, uint32_t number) {
  const boc_access access = {f->cown, BOC_WRITE};
  boc_behavior *made = make_over(f, &noting, &access, 1, NULL);
  ((env *)boc_behavior_env(made))->number = number;
  return made;
}

static void start(fixture *f, int64_t delay, uint32_t number, boc_timer **out_timer) {
  boc_behavior *made = make(f, number);
  ((env *)boc_behavior_env(made))->deadline = boc_now() + (uint64_t)delay;
  CHECK_EQ(boc_runtime_after(f->runtime, delay, made, out_timer), BOC_OK);
}

static void quiesce(fixture *f) {
  CHECK_EQ(boc_runtime_quiesce(f->runtime, BOC_FOREVER), BOC_OK);
}

/* ---- time ------------------------------------------------------------------------ */

/* A seed may let the time pass while timers are started, or real threads may be slow: a
 * timer that is started too late need not come before another. */
typedef struct times {
  uint64_t deadline[MANY], started[MANY]; /* at the latest */
} times;

static void start_all(fixture *f, times *all, uint64_t base, uint32_t step) {
  for (uint32_t i = 0; i < MANY; i++) {
    const uint32_t number = step ? (i * 37) % MANY : i; /* a permutation */
    all->deadline[number] = base + step * number;
    CHECK_EQ(boc_runtime_at(f->runtime, all->deadline[number], make(f, number), NULL),
             BOC_OK);
    all->started[number] = boc_now();
  }
}

static void check_order(const fixture *f, const times *all) {
  for (uint32_t i = 0; i < MANY; i++)
    for (uint32_t k = i + 1; k < MANY; k++) {
      const uint32_t first = f->order[i], second = f->order[k];
      const uint64_t due = all->deadline[first];
      CHECK(first < second || all->started[first] >= due ||
            all->started[second] >= due);
    }
}

static void run_all(uint32_t step) {
  fixture f;
  times all;
  setup(&f);
  const uint64_t base = boc_now() + 20 * (uint64_t)MS;
  start_all(&f, &all, base, step);
  quiesce(&f);
  CHECK(boc_now() >= base);
  CHECK_EQ(boci_load_relaxed(&f.ran), MANY);
  CHECK_EQ(boci_load_relaxed(&f.dropped), MANY);
  check_order(&f, &all);
  teardown(&f);
}

static void they_run_in_the_order_of_their_times(void) { run_all(1); }

static void equal_times_keep_the_order_of_starting(void) { run_all(0); }

static void what_is_scheduled_before_goes_first(void) {
  fixture f;
  setup(&f);
  const uint64_t deadline = boc_now() + 20 * (uint64_t)MS;
  CHECK_EQ(boc_runtime_at(f.runtime, deadline, make(&f, 1), NULL), BOC_OK);
  boc_behavior_schedule(make(&f, 0));
  const bool in_time = boc_now() < deadline;
  quiesce(&f);
  CHECK(!in_time || f.order[0] == 0);
  CHECK(f.order[0] != f.order[1]);
  teardown(&f);
}

static void bounds(void) {
  fixture f;
  boc_timer *timer = NULL;
  setup(&f);
  boc_behavior *made = make(&f, 0);
  CHECK_EQ(boc_runtime_after(f.runtime, -1, made, &timer), BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_runtime_after(f.runtime, INT64_MIN, made, &timer), BOC_BAD_ARGUMENT);
  CHECK(timer == NULL);
  CHECK_EQ(boc_runtime_after(f.runtime, 0, made, &timer), BOC_OK);
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 1);
  CHECK(!boc_timer_cancel(timer));
  boc_timer_drop(timer);
  CHECK_EQ(boc_runtime_at(f.runtime, 0, make(&f, 0), NULL), BOC_OK);
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 2);
  CHECK_EQ(boc_runtime_after(f.runtime, INT64_MAX, make(&f, 0), &timer), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(f.runtime, MS), BOC_TIMEOUT);
  CHECK(boc_timer_cancel(timer));
  boc_timer_drop(timer);
  CHECK_EQ(boc_runtime_at(f.runtime, UINT64_MAX, make(&f, 0), &timer), BOC_OK);
  CHECK(boc_timer_cancel(timer));
  boc_timer_drop(timer);
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 2);
  CHECK_EQ(boci_load_relaxed(&f.cancelled), 2);
  teardown(&f);
}

/* The earliest timer is an hour away until a sooner one comes, which must not wait. */
static void a_sooner_timer_wakes_the_keeper(void) {
  fixture f;
  boc_timer *late = NULL;
  setup(&f);
  start(&f, HOUR, 1, &late);
  CHECK_EQ(boc_runtime_quiesce(f.runtime, 5 * MS), BOC_TIMEOUT); /* all are parked */
  start(&f, SOON, 0, NULL);
  TEST_WAIT(boci_load_relaxed(&f.ran) >= 1);
  const bool cancelled = boc_timer_cancel(late); /* a seed may pass the hour, too */
  boc_timer_drop(late);
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 2 - cancelled);
  teardown(&f);
}

static void hold_worker(boc_behavior *self, void *environment) {
  fixture *f = ((env *)environment)->f;
  (void)self;
  CHECK(boci_parker_park(&f->parker, BOCI_NEVER));
}

static void note_held(void *environment) {
  boci_add_relaxed(&((env *)environment)->f->over, 1);
}
static const boc_behavior_type holding = {.body = hold_worker, .drop = note_held};

/* The keeper runs a body, and the other worker is idle: that one keeps the time from
 * then on. */
static void another_keeps_the_time_while_the_keeper_works(void) {
  fixture f;
  setup(&f);
  start(&f, 4 * SOON, 0, NULL);
  for (int i = 0; i < 5; i++) {
    boc_behavior_schedule(make_over(&f, &holding, NULL, 0, NULL));
    start(&f, (i + 1) * SOON / 5, 0, NULL);
    TEST_WAIT(boci_load_relaxed(&f.ran) >= (uint32_t)i + 1);
    boci_parker_unpark(&f.parker);
    TEST_WAIT(boci_load_relaxed(&f.over) == (uint32_t)i + 1);
  }
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 6);
  teardown(&f);
}

static void chain(boc_behavior *self, void *environment) {
  env mine = *(env *)environment;
  (void)self;
  if (boci_load_relaxed(&mine.f->ran) == 0)
    boc_behavior_schedule(make_over(mine.f, self->type, NULL, 0, NULL));
}
static const boc_behavior_type chaining = {.body = chain};

/* The only worker always has something to run, until the timer's behavior has run. */
static void a_busy_worker_looks_at_the_clock(void) {
  fixture f;
  setup_with(&f, 1, NULL);
  boc_behavior_schedule(make_over(&f, &chaining, NULL, 0, NULL));
  start(&f, SOON, 0, NULL);
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 1);
  teardown(&f);
}

/* ---- cancelling ------------------------------------------------------------------ */

static void cancelled_holds_no_queue(void) {
  fixture f;
  boc_timer *timer = NULL;
  boc_cown *result = NULL;
  setup(&f);
  CHECK_EQ(boc_cown_new(&nothing, &result), BOC_OK);
  const boc_access held = {f.cown, BOC_WRITE}, read = {result, BOC_READ};
  boc_behavior_schedule(make_over(&f, &holding, &held, 1, NULL));
  const boc_access accesses[] = {{f.cown, BOC_WRITE}, {result, BOC_FRESH}};
  boc_behavior *made = make_over(&f, &noting, accesses, 2, NULL);
  CHECK_EQ(boc_runtime_after(f.runtime, HOUR, made, &timer), BOC_OK);
  boc_behavior_schedule(make_over(&f, &noting, &read, 1, NULL)); /* behind the result */
  /* otherwise a seed has let the hour pass */
  const bool in_time = boc_timer_cancel(timer);
  CHECK(!boc_timer_cancel(timer));
  if (in_time)
    TEST_WAIT(boci_load_relaxed(&f.ran) == 1); /* although f.cown is held */
  CHECK_EQ(boci_load_relaxed(&f.cancelled), in_time);
  boci_parker_unpark(&f.parker);
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.dropped), 2);
  boc_timer_drop(timer);
  boc_cown_drop(result);
  teardown(&f);
}

/* ---- its result and its cowns ---------------------------------------------------- */

static boc_cown *start_with_result(fixture *f, int64_t delay, boc_timer **out_timer) {
  boc_cown *result = NULL;
  CHECK_EQ(boc_cown_new(&nothing, &result), BOC_OK);
  const boc_access accesses[] = {{f->cown, BOC_WRITE}, {result, BOC_FRESH}};
  boc_behavior *made = make_over(f, &noting, accesses, 2, NULL);
  ((env *)boc_behavior_env(made))->number = 1;
  CHECK_EQ(boc_runtime_after(f->runtime, delay, made, out_timer), BOC_OK);
  return result;
}

static void note_and_go_on(boc_behavior *self, void *environment) {
  env *mine = environment;
  note(self, environment);
  boc_behavior_schedule(make(mine->f, 3));
}
static const boc_behavior_type going_on = {
    .name = "going_on", .body = note_and_go_on, .drop = note_dropped};

/* The way that timer.h gives: over the result, and in that body over the cown. */
static void behind_its_result_over_its_cown(void) {
  fixture f;
  setup(&f);
  boc_cown *result = start_with_result(&f, SOON, NULL);
  const boc_access write = {result, BOC_WRITE};
  boc_behavior *behind = make_over(&f, &going_on, &write, 1, NULL);
  ((env *)boc_behavior_env(behind))->number = 2;
  boc_behavior_schedule(behind);
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 3);
  for (uint32_t i = 0; i < 3; i++)
    CHECK_EQ(f.order[i], i + 1);
  boc_cown_drop(result);
  teardown(&f);
}

#if !defined(BOC_SYSTEMATIC) /* which lets the hour pass while all wait */
/* What timer.h forbids holds both back; cancelling the timer ends that. */
static void over_both_until_it_is_cancelled(void) {
  fixture f;
  boc_timer *timer = NULL;
  setup(&f);
  boc_cown *result = start_with_result(&f, HOUR, &timer);
  const boc_access both[] = {{result, BOC_WRITE}, {f.cown, BOC_WRITE}};
  boc_behavior_schedule(make_over(&f, &noting, both, 2, NULL));
  boc_behavior_schedule(make(&f, 3));
  CHECK_EQ(boc_runtime_quiesce(f.runtime, 5 * MS), BOC_TIMEOUT);
  CHECK_EQ(boci_load_relaxed(&f.ran), 0);
  CHECK(boc_timer_cancel(timer));
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 2);
  CHECK_EQ(boci_load_relaxed(&f.cancelled), 1);
  CHECK_EQ(f.order[1], 3);
  boc_timer_drop(timer);
  boc_cown_drop(result);
  teardown(&f);
}
#endif

static void a_timer_keeps_its_cowns(void) {
  fixture f;
  setup(&f);
  const boc_access twice[] = {{f.cown, BOC_READ}, {f.cown, BOC_WRITE}};
  CHECK_EQ(
      boc_runtime_after(f.runtime, MS, make_over(&f, &noting, twice, 2, NULL), NULL),
      BOC_OK);
  boc_cown_drop(f.cown);
  f.cown = NULL;
  quiesce(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 1);
  teardown(&f);
}

static void the_end_waits_for_timers(void) {
  fixture f;
  boc_timer *timer = NULL;
  setup(&f);
  start(&f, 10 * MS, 0, NULL);
  start(&f, HOUR, 0, &timer);
  const bool cancelled = boc_timer_cancel(timer);
  teardown(&f);
  CHECK_EQ(boci_load_relaxed(&f.ran), 2 - cancelled);
  CHECK_EQ(boci_load_relaxed(&f.dropped), 2);
  CHECK(!boc_timer_cancel(boc_timer_hold(timer))); /* the runtime is freed */
  boc_timer_drop(timer);
  boc_timer_drop(timer);
}

/* ---- scopes ---------------------------------------------------------------------- */

static void a_scope_cancels_its_timers(void) {
  fixture f;
  boc_scope *outer = NULL, *inner = NULL, *other = NULL;
  setup(&f);
  CHECK_EQ(boc_scope_new(NULL, NULL, &outer), BOC_OK);
  CHECK_EQ(boc_scope_new(outer, NULL, &inner), BOC_OK);
  CHECK_EQ(boc_scope_new(NULL, NULL, &other), BOC_OK);
  const boc_access access = {f.cown, BOC_WRITE};
  boc_scope *scopes[] = {outer, inner, other};
  for (int i = 0; i < 9; i++)
    CHECK_EQ(boc_runtime_after(f.runtime, i % 3 == 2 ? SOON : HOUR,
                               make_over(&f, &noting, &access, 1, scopes[i % 3]), NULL),
             BOC_OK);
  CHECK_EQ(boc_scope_pending(outer), 6);
  boc_scope_cancel(outer);
  CHECK_EQ(boc_scope_wait(outer, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.cancelled), 6);
  CHECK_EQ(boc_runtime_after(f.runtime, HOUR, make_over(&f, &noting, &access, 1, inner),
                             NULL),
           BOC_OK); /* cancelled at once */
  CHECK_EQ(boc_scope_wait(outer, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.cancelled), 7);
  CHECK_EQ(boc_scope_wait(other, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.ran), 3);
  CHECK_EQ(boci_load_relaxed(&f.over), 10);
  boc_scope_drop(outer);
  boc_scope_drop(inner);
  boc_scope_drop(other);
  teardown(&f);
}

/* ---- races ----------------------------------------------------------------------- */

typedef struct race {
  fixture f;
  boc_scope *scope;
  boc_timer *timers[RACERS * PER_RACER];
  boci_atomic_u32 taken;
} race;

static void start_and_cancel(void *arg, unsigned index) {
  race *all = arg;
  fixture *f = &all->f;
  test_random random = test_random_stream(index + 1);
  const boc_access access = {f->cown, test_draw(&random, 2) ? BOC_WRITE : BOC_READ};
  for (unsigned i = 0; i < PER_RACER; i++) {
    boc_timer **timer = &all->timers[index * PER_RACER + i];
    const bool scoped = test_draw(&random, 2) != 0;
    boc_behavior *made = make_over(f, &noting, &access, 1, scoped ? all->scope : NULL);
    CHECK_EQ(boc_runtime_after(f->runtime, test_draw(&random, 3000), made, timer),
             BOC_OK);
    if (test_draw(&random, 3) == 0 && boc_timer_cancel(*timer))
      boci_add_relaxed(&all->taken, 1);
  }
  if (index == 0 && test_draw(&random, 2))
    boc_scope_cancel(all->scope);
}

/* Each ends once: by its deadline, its handle or its scope. */
static void each_ends_once(void) {
  race all;
  test_memory memory;
  test_memory_init(&memory, 0);
  setup_with(&all.f, 2, &memory.base);
  boci_init(&all.taken, 0);
  CHECK_EQ(boc_scope_new(NULL, &memory.base, &all.scope), BOC_OK);
  test_threads(RACERS, start_and_cancel, &all);
  quiesce(&all.f);
  const uint32_t cancelled = boci_load_relaxed(&all.f.cancelled);
  CHECK_EQ(boci_load_relaxed(&all.f.ran) + cancelled, RACERS * PER_RACER);
  CHECK(cancelled >= boci_load_relaxed(&all.taken));
  CHECK_EQ(boci_load_relaxed(&all.f.dropped), RACERS * PER_RACER);
  CHECK_EQ(boc_scope_pending(all.scope), 0);
  boc_scope_drop(all.scope);
  teardown(&all.f);
  for (int i = 0; i < RACERS * PER_RACER; i++)
    boc_timer_drop(all.timers[i]);
  test_memory_fini(&memory);
}

static void rearm(boc_behavior *self, void *environment) {
  env mine = *(env *)environment;
  (void)self;
  if (mine.number == 0)
    return;
  boc_behavior *made = make_over(mine.f, self->type, NULL, 0, NULL);
  ((env *)boc_behavior_env(made))->number = mine.number - 1;
  CHECK_EQ(boc_runtime_after(mine.f->runtime, mine.number % 2 ? 1000 : 0, made, NULL),
           BOC_OK);
}
static const boc_behavior_type rearming = {.body = rearm, .drop = note_dropped};

/* The end of the runtime waits for timers that bodies start meanwhile. */
static void bodies_start_timers_to_the_end(void) {
  fixture f;
  setup(&f);
  for (uint32_t i = 0; i < 3; i++) {
    boc_behavior *made = make_over(&f, &rearming, NULL, 0, NULL);
    ((env *)boc_behavior_env(made))->number = 4;
    CHECK_EQ(boc_runtime_after(f.runtime, 500 * i, made, NULL), BOC_OK);
  }
  teardown(&f);
  CHECK_EQ(boci_load_relaxed(&f.dropped), 15);
}

static void out_of_memory(void) {
  bool failed = true;
  for (uintptr_t fail_at = 1; failed; fail_at++) {
    fixture f;
    test_memory memory;
    setup_with(&f, 1, NULL);
    boc_runtime_free(f.runtime);
    test_memory_init(&memory, 0);
    boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
    options.workers = 1;
    options.allocator = &memory.base;
    CHECK_EQ(boc_runtime_new(&options, &f.runtime), BOC_OK);
    boc_behavior *made[20];
    for (int i = 0; i < 20; i++)
      made[i] = make(&f, 0);
    memory.fail_at = boci_load_relaxed(&memory.allocations) + fail_at;
    uint32_t refused = 0;
    for (int i = 0; i < 20; i++)
      if (boc_runtime_after(f.runtime, MS, made[i], NULL) != BOC_OK) {
        boc_behavior_free(made[i]);
        refused++;
      }
    failed = test_memory_failed(&memory);
    CHECK_EQ(refused, failed);
    quiesce(&f);
    CHECK_EQ(boci_load_relaxed(&f.ran), 20 - refused);
    CHECK_EQ(boci_load_relaxed(&f.dropped), 20);
    teardown(&f);
    test_memory_fini(&memory);
  }
}

static const test_case cases[] = {
    TEST_RACE(they_run_in_the_order_of_their_times, 50),
    TEST_RACE(equal_times_keep_the_order_of_starting, 50),
    TEST_ONCE(what_is_scheduled_before_goes_first),
    TEST_ONCE(bounds),
    TEST_RACE(a_sooner_timer_wakes_the_keeper, 50),
    TEST_RACE(another_keeps_the_time_while_the_keeper_works, 50),
    TEST_ONCE(a_busy_worker_looks_at_the_clock),
    TEST_RACE(cancelled_holds_no_queue, 5),
    TEST_RACE(behind_its_result_over_its_cown, 20),
#if !defined(BOC_SYSTEMATIC)
    TEST_ONCE(over_both_until_it_is_cancelled),
#endif
    TEST_ONCE(a_timer_keeps_its_cowns),
    TEST_RACE(the_end_waits_for_timers, 20),
    TEST_ONCE(a_scope_cancels_its_timers),
    TEST_RACE(each_ends_once, 1),
    TEST_RACE(bodies_start_timers_to_the_end, 2),
    TEST_ONCE(out_of_memory),
};
TEST_MAIN(cases)
