/* Scopes: exactly the work that was started inside, transitively; cancelling; `done`.
 */
#include "harness.h"

#include <boc/boc.h>

typedef struct fixture {
  boc_runtime *runtime;
  boc_scope *scope;
  boc_cown *gate;
  boci_parker parker;
  boci_atomic_u32 ran, dropped, over, cancelled;
} fixture;

static const boc_cown_type nothing = {.name = "nothing"};

static void setup(fixture *f) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 2;
  boci_init(&f->ran, 0);
  boci_init(&f->dropped, 0);
  boci_init(&f->over, 0);
  boci_init(&f->cancelled, 0);
  CHECK(boci_parker_init(&f->parker) == BOC_OK);
  CHECK(boc_runtime_new(&options, &f->runtime) == BOC_OK);
  CHECK(boc_scope_new(NULL, NULL, &f->scope) == BOC_OK);
  CHECK(boc_cown_new(&nothing, &f->gate) == BOC_OK);
}

static void teardown(fixture *f) {
  boc_scope_drop(f->scope);
  boc_runtime_free(f->runtime);
  boc_cown_drop(f->gate);
  boci_parker_fini(&f->parker);
}

typedef struct env {
  fixture *f;
  unsigned depth;
} env;

static void drop(void *environment) {
  boci_add_relaxed(&((env *)environment)->f->dropped, 1);
}

static void branch(boc_behavior *self, void *environment);
static const boc_behavior_type branching = {.body = branch, .drop = drop};

static boc_behavior *make(fixture *f, const boc_behavior_type *type, unsigned depth,
                          boc_cown *cown, const boc_behavior_options *options) {
  boc_behavior *made = NULL;
  const boc_access access = {cown, BOC_WRITE};
  CHECK(boc_behavior_new_with(f->runtime, type, sizeof(env), &access, cown != NULL,
                              options, &made) == BOC_OK);
  *(env *)boc_behavior_env(made) = (env){f, depth};
  return made;
}

static void branch(boc_behavior *self, void *environment) {
  const env here = *(env *)environment;
  CHECK(boc_scope_current() == here.f->scope);
  CHECK(!boc_behavior_cancelled(self));
  boci_add_relaxed(&here.f->ran, 1);
  for (int i = 0; here.depth > 0 && i < 2; i++)
    boc_behavior_schedule(make(here.f, &branching, here.depth - 1, NULL, NULL));
}

static void a_scope_waits_for_all_below_it(void) {
  fixture f;
  setup(&f);
  const boc_behavior_options inside = {.size = sizeof inside, .scope = f.scope};
  boc_behavior_schedule(make(&f, &branching, 3, NULL, &inside));
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.ran), 15);
  CHECK_EQ(boci_load_relaxed(&f.dropped), 15);
  CHECK(boc_scope_current() == NULL);
  teardown(&f);
}

static void wait_at_gate(boc_behavior *self, void *environment) {
  fixture *f = ((env *)environment)->f;
  (void)self;
  CHECK(boci_parker_park(&f->parker, BOCI_NEVER));
}
static const boc_behavior_type waiting = {.body = wait_at_gate};

static void a_scope_does_not_wait_for_others(void) {
  fixture f;
  setup(&f);
  boc_behavior_schedule(make(&f, &waiting, 0, f.gate, NULL));
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  const boc_behavior_options inside = {.size = sizeof inside, .scope = f.scope};
  boc_behavior_schedule(make(&f, &branching, 0, f.gate, &inside));
  CHECK(boc_scope_wait(f.scope, 0) == BOC_TIMEOUT);
  boci_parker_unpark(&f.parker);
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  teardown(&f);
}

static void count_over(void *ctx, bool ran) {
  fixture *f = ctx;
  boci_add_relaxed(ran ? &f->over : &f->cancelled, 1);
}

static void cancelled_bodies_do_not_run_and_hand_on_their_cowns(void) {
  fixture f;
  boc_scope *child;
  setup(&f);
  CHECK(boc_scope_new(f.scope, NULL, &child) == BOC_OK);
  const boc_behavior_options inside = {
      .size = sizeof inside, .scope = child, .done = count_over, .ctx = &f};
  const boc_behavior_options outside = {
      .size = sizeof outside, .done = count_over, .ctx = &f};
  boc_behavior_schedule(make(&f, &waiting, 0, f.gate, NULL));
  for (int i = 0; i < 3; i++)
    boc_behavior_schedule(make(&f, &branching, 0, f.gate, &inside));
  boc_behavior_schedule(make(&f, &waiting, 0, f.gate, &outside));
  boc_scope_cancel(f.scope);
  CHECK(boc_scope_cancelled(child));
  boci_parker_unpark(&f.parker);
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.cancelled), 3);
  CHECK_EQ(boci_load_relaxed(&f.dropped), 3);
  boci_parker_unpark(&f.parker);
  CHECK(boc_runtime_quiesce(f.runtime, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.ran), 0);
  CHECK_EQ(boci_load_relaxed(&f.over), 1);
  boc_scope_drop(child);
  teardown(&f);
}

static void cancel_own(boc_behavior *self, void *environment) {
  fixture *f = ((env *)environment)->f;
  CHECK(!boc_behavior_cancelled(self));
  boc_scope_cancel(f->scope);
  CHECK(boc_behavior_cancelled(self));
  boc_behavior_schedule(make(f, &branching, 0, NULL, NULL));
}
static const boc_behavior_type cancelling = {.body = cancel_own};

static void a_running_body_can_ask(void) {
  fixture f;
  setup(&f);
  const boc_behavior_options inside = {.size = sizeof inside, .scope = f.scope};
  boc_behavior_schedule(make(&f, &cancelling, 0, NULL, &inside));
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.ran), 0);
  CHECK_EQ(boci_load_relaxed(&f.dropped), 1);
  teardown(&f);
}

static void an_unscheduled_behavior_leaves_its_scope(void) {
  fixture f;
  setup(&f);
  const boc_behavior_options inside = {
      .size = sizeof inside, .scope = f.scope, .done = count_over, .ctx = &f};
  boc_behavior *made = make(&f, &branching, 0, NULL, &inside);
  CHECK(boc_scope_wait(f.scope, 0) == BOC_TIMEOUT);
  boc_behavior_free(made);
  CHECK(boc_scope_wait(f.scope, 0) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.over) + boci_load_relaxed(&f.cancelled), 0);
  teardown(&f);
}

static void on_empty(void *ctx) { boci_parker_unpark(ctx); }

static void being_told_needs_no_thread(void) {
  fixture f;
  setup(&f);
  const boc_behavior_options inside = {.size = sizeof inside, .scope = f.scope};
  boc_quiesce_node node = {.done = on_empty, .ctx = &f.parker};
  boc_behavior_schedule(make(&f, &branching, 2, NULL, &inside));
  boc_scope_on_empty(f.scope, &node);
  CHECK(boci_parker_park(&f.parker, BOCI_NEVER));
  CHECK(!boc_scope_on_empty_cancel(f.scope, &node));
  CHECK_EQ(boci_load_relaxed(&f.ran), 7);
  teardown(&f);
}

static void a_lane_runs_its_bodies_in_their_scope(void) {
  fixture f;
  boc_lane *lane;
  setup(&f);
  CHECK(boc_lane_new(NULL, &lane) == BOC_OK);
  CHECK(boc_cown_pin(f.gate, lane) == BOC_OK);
  const boc_behavior_options inside = {.size = sizeof inside, .scope = f.scope};
  boc_behavior_schedule(make(&f, &branching, 1, f.gate, &inside));
  CHECK(boc_lane_pump(lane, BOC_FOREVER, SIZE_MAX, NULL) == BOC_OK);
  CHECK(boc_scope_current() == NULL);
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.ran), 3);
  teardown(&f);
  boc_lane_free(lane);
}

/* A body of one lane pumps another lane: the bodies there do not belong to its
 * scope. */

static void expect_no_scope(boc_behavior *self, void *unused) {
  (void)self, (void)unused;
  CHECK(boc_scope_current() == NULL);
}

typedef struct nest {
  fixture f;
  boc_lane *lanes[2];
} nest;

static void pump_other(boc_behavior *self, void *environment) {
  nest *all = *(nest **)environment;
  (void)self;
  CHECK(boc_scope_current() == all->f.scope);
  CHECK(boc_lane_pump(all->lanes[1], BOC_FOREVER, 1, NULL) == BOC_OK);
  CHECK(boc_scope_current() == all->f.scope);
}
static const boc_behavior_type pumping = {.body = pump_other};

static void a_pump_within_a_body_leaves_its_scope(void) {
  nest all;
  setup(&all.f);
  boc_cown *cowns[2] = {all.f.gate};
  CHECK(boc_cown_new(&nothing, &cowns[1]) == BOC_OK);
  for (int i = 0; i < 2; i++) {
    CHECK(boc_lane_new(NULL, &all.lanes[i]) == BOC_OK);
    CHECK(boc_cown_pin(cowns[i], all.lanes[i]) == BOC_OK);
  }
  const boc_behavior_options inside = {.size = sizeof inside, .scope = all.f.scope};
  boc_behavior *outer = make(&all.f, &pumping, 0, cowns[0], &inside);
  *(nest **)boc_behavior_env(outer) = &all;
  boc_behavior_schedule(outer);
  CHECK(boc_when(all.f.runtime, &cowns[1], 1, expect_no_scope, NULL) == BOC_OK);
  CHECK(boc_lane_pump(all.lanes[0], BOC_FOREVER, 1, NULL) == BOC_OK);
  CHECK_EQ(boc_lane_length(all.lanes[1]), 0);
  teardown(&all.f);
  boc_cown_drop(cowns[1]);
  for (int i = 0; i < 2; i++)
    boc_lane_free(all.lanes[i]);
}

/* ---- what cancelled behaviors are told, room, data ------------------------------- */

static void never(boc_behavior *self, void *environment) {
  (void)self;
  (void)environment;
  CHECK(!"a cancelled body has run");
}

static void tell_cancelled(boc_behavior *self, void *environment) {
  env *here = environment;
  CHECK_EQ(boc_behavior_count(self), 1);
  CHECK_EQ(boci_load_relaxed(&here->f->dropped), here->depth);
  boci_add_relaxed(&here->f->cancelled, 1);
}

static const boc_behavior_type cancelled_type = {
    .body = never, .drop = drop, .cancelled = tell_cancelled};

static void cancelled_behaviors_are_told_with_their_cowns(void) {
  fixture f;
  setup(&f);
  const boc_behavior_options inside = {.size = sizeof inside, .scope = f.scope};
  boc_scope_cancel(f.scope);
  for (unsigned i = 0; i < 3; i++)
    boc_behavior_schedule(make(&f, &cancelled_type, i, f.gate, &inside));
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.cancelled), 3);
  CHECK_EQ(boci_load_relaxed(&f.dropped), 3);
  teardown(&f);
}

static void count_told(void *f) { boci_add_relaxed(&((fixture *)f)->over, 1); }

static void unpark_over(void *ctx) {
  fixture *f = ctx;
  boci_add_relaxed(&f->over, 1);
  boci_parker_unpark(&f->parker);
}

static void hold_gate(boc_behavior *self, void *environment) {
  boc_behavior_defer(self);
  boci_add_release(&((env *)environment)->f->ran, 1);
}
static const boc_behavior_type holding = {.body = hold_gate};

static void room_is_told_before_it_is_empty(void) {
  fixture f;
  setup(&f);
  const boc_behavior_options inside = {.size = sizeof inside, .scope = f.scope};
  boc_quiesce_node at_once = {.done = count_told, .ctx = &f};
  boc_scope_on_room(f.scope, 1, &at_once);
  CHECK_EQ(boci_load_relaxed(&f.over), 1);
  boc_behavior *held[3];
  for (int i = 0; i < 3; i++) {
    held[i] = make(&f, &holding, 0, NULL, &inside);
    boc_behavior_schedule(held[i]);
  }
  CHECK_EQ(boc_scope_pending(f.scope), 3);
  while (boci_load_acquire(&f.ran) < 3)
    boci_os_yield();
  boc_quiesce_node taken_back = {.done = count_told, .ctx = &f};
  boc_scope_on_room(f.scope, 3, &taken_back);
  CHECK(boc_scope_on_room_cancel(f.scope, &taken_back));
  boc_quiesce_node later = {.done = unpark_over, .ctx = &f};
  boc_scope_on_room(f.scope, 3, &later);
  CHECK_EQ(boci_load_relaxed(&f.over), 1);
  boc_behavior_complete(held[0]);
  CHECK(boci_parker_park(&f.parker, boci_os_now() + UINT64_C(30000000000)));
  CHECK(!boc_scope_on_room_cancel(f.scope, &later));
  CHECK_EQ(boc_scope_pending(f.scope), 2);
  boc_behavior_complete(held[1]);
  boc_behavior_complete(held[2]);
  CHECK(boc_scope_wait(f.scope, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&f.over), 2);
  teardown(&f);
}

static void drop_count(void *count) { ++*(int *)count; }

static void data_goes_with_the_last_reference(void) {
  int dropped = 0;
  boc_scope *scope;
  CHECK(boc_scope_new(NULL, NULL, &scope) == BOC_OK);
  CHECK(boc_scope_data(scope) == NULL);
  boc_scope_set_data(scope, &dropped, drop_count);
  CHECK(boc_scope_data(scope) == &dropped);
  CHECK(boc_scope_try_hold(scope) == scope);
  boc_scope_drop(scope);
  CHECK_EQ(dropped, 0);
  boc_scope_drop(scope);
  CHECK_EQ(dropped, 1);
}

/* ---- cancelling at any step ------------------------------------------------------ */

enum { PARENTS = 3, CHILDREN = 2 };

typedef struct crossing {
  fixture f;
  boc_scope *inner;
  boci_atomic_u32 scheduled;
} crossing;

typedef struct crossing_env {
  fixture *f; /* first, as drop() finds it */
  crossing *all;
  unsigned children;
} crossing_env;

static void cross(boc_behavior *self, void *environment);
static const boc_behavior_type crossing_type = {.body = cross, .drop = drop};

static void cross_later(crossing *all, boc_scope *scope, unsigned children) {
  const boc_behavior_options options = {
      .size = sizeof options, .scope = scope, .done = count_over, .ctx = &all->f};
  const boc_access access = {all->f.gate, BOC_WRITE};
  boc_behavior *made = NULL;
  CHECK(boc_behavior_new_with(all->f.runtime, &crossing_type, sizeof(crossing_env),
                              &access, 1, &options, &made) == BOC_OK);
  *(crossing_env *)boc_behavior_env(made) = (crossing_env){&all->f, all, children};
  boci_add_relaxed(&all->scheduled, 1);
  boc_behavior_schedule(made);
}

static void cross(boc_behavior *self, void *environment) {
  crossing_env *here = environment;
  (void)self;
  boci_add_relaxed(&here->f->ran, 1);
  for (unsigned i = 0; i < here->children; i++)
    cross_later(here->all, here->all->inner, 0);
}

static void schedule_or_cancel(void *arg, unsigned index) {
  crossing *all = arg;
  if (index == 1)
    boc_scope_cancel(all->f.scope);
  for (int i = 0; index == 0 && i < PARENTS; i++)
    cross_later(all, all->f.scope, CHILDREN);
}

/* The scheduler chooses the step at which the other thread cancels. At every step: each
 * behavior has run or is notified that it was cancelled, its environment is dropped
 * once, and nothing of the scope runs after it has been waited for. */
static void cancelled_at_any_step_nothing_is_left(void) {
  crossing all;
  setup(&all.f);
  boci_init(&all.scheduled, 0);
  CHECK(boc_scope_new(all.f.scope, NULL, &all.inner) == BOC_OK);
  test_threads(2, schedule_or_cancel, &all);
  CHECK(boc_scope_wait(all.f.scope, BOC_FOREVER) == BOC_OK);
  const uint32_t ran = boci_load_relaxed(&all.f.ran);
  const uint32_t scheduled = boci_load_relaxed(&all.scheduled);
  CHECK_EQ(boci_load_relaxed(&all.f.over), ran);
  CHECK_EQ(boci_load_relaxed(&all.f.cancelled), scheduled - ran);
  CHECK_EQ(boci_load_relaxed(&all.f.dropped), scheduled);
  CHECK(scheduled >= PARENTS && scheduled <= PARENTS * (1 + CHILDREN));
  CHECK(boc_runtime_quiesce(all.f.runtime, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&all.f.ran), ran);
  cross_later(&all, all.inner, CHILDREN); /* too late: it does not run */
  CHECK(boc_scope_wait(all.f.scope, BOC_FOREVER) == BOC_OK);
  CHECK_EQ(boci_load_relaxed(&all.f.ran), ran);
  boc_scope_drop(all.inner);
  teardown(&all.f);
}

static const test_case cases[] = {
    TEST_RACE(cancelled_behaviors_are_told_with_their_cowns, 1),
    TEST_ONCE(room_is_told_before_it_is_empty),
    TEST_ONCE(data_goes_with_the_last_reference),
    TEST_RACE(a_scope_waits_for_all_below_it, 1),
    TEST_RACE(a_scope_does_not_wait_for_others, 2),
    TEST_RACE(cancelled_bodies_do_not_run_and_hand_on_their_cowns, 1),
    TEST_RACE(cancelled_at_any_step_nothing_is_left, 1),
    TEST_RACE(a_running_body_can_ask, 2),
    TEST_ONCE(an_unscheduled_behavior_leaves_its_scope),
    TEST_RACE(being_told_needs_no_thread, 1),
    TEST_ONCE(a_lane_runs_its_bodies_in_their_scope),
    TEST_ONCE(a_pump_within_a_body_leaves_its_scope),
};

TEST_MAIN(cases)
