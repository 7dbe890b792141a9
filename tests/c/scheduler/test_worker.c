/* The worker's loop: no behavior starves. On one worker the test counts bodies: the
 * number of bodies that run between a behavior's becoming ready and its start is
 * bounded, whatever else goes on for ever. On several workers, the bodies that go on
 * for ever stop once the other behavior has run: if that starved, the test would not
 * end. */
#include "harness.h"

#include <boc/boc.h>

#include "behavior.h"
#include "runtime.h"

/* As in find_work.h, where builds with tiny capacities have less; what overflows there
 * waits longer in return. */
enum { LIFO_BUDGET = 32, COMMON_EVERY = 61, INBOX_BUDGET = 8 };
enum { CHAINS = 6, LINKS = 100, OUTSIDERS = 4 };

static const boc_cown_type nothing = {.name = "nothing"};

typedef struct field {
  boc_runtime *runtime;
  boc_cown *cowns[CHAINS];
  boci_atomic_u32 ran;    /* bodies that have run */
  boci_atomic_u32 over;   /* chains end */
  boci_atomic_u32 waited; /* the longest wait of the kind that a case tests */
} field;

static void setup(field *all, unsigned workers) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = workers;
  boci_init(&all->ran, 0);
  boci_init(&all->over, 0);
  boci_init(&all->waited, 0);
  CHECK_EQ(boc_runtime_new(&options, &all->runtime), BOC_OK);
  for (int i = 0; i < CHAINS; i++)
    CHECK_EQ(boc_cown_new(&nothing, &all->cowns[i]), BOC_OK);
}

static void teardown(field *all) {
  boc_runtime_free(all->runtime);
  for (int i = 0; i < CHAINS; i++)
    boc_cown_drop(all->cowns[i]);
}

typedef struct env {
  field *all;
  uint32_t since; /* `ran` when it became ready, approximately */
  uint32_t left;  /* links of its chain; 0: until the test is over */
} env;

static boc_behavior *make(const boc_behavior_type *type, boc_cown *cown, boc_mode mode,
                          env fresh) {
  boc_behavior *made = NULL;
  const boc_access access = {cown, mode};
  CHECK_EQ(boc_behavior_new(fresh.all->runtime, type, sizeof fresh, &access,
                            cown != NULL, &made),
           BOC_OK);
  *(env *)boc_behavior_env(made) = fresh;
  return made;
}

/* Bodies that go on for ever yield: the systematic scheduler need not switch
 * otherwise. */
static uint32_t count_body(field *all) {
  boci_pause();
  return boci_add_relaxed(&all->ran, 1);
}

static void note_wait(const env *mine, uint32_t now) {
  if (now > mine->since && now - mine->since > boci_load_relaxed(&mine->all->waited))
    boci_store_relaxed(&mine->all->waited, now - mine->since);
}

/* ---- one worker ------------------------------------------------------------------ */

/* Each body schedules the next one on its own cown, so that its end makes that
 * ready. */
static void link(boc_behavior *self, void *environment);
static const boc_behavior_type linking = {.name = "link", .body = link};

static void link(boc_behavior *self, void *environment) {
  env mine = *(env *)environment;
  const uint32_t now = count_body(mine.all);
  note_wait(&mine, now);
  if (mine.left == 1 || boci_load_acquire(&mine.all->over))
    return;
  mine.since = now + 1;
  mine.left -= mine.left > 0;
  boc_behavior_schedule(make(&linking, boc_behavior_cown(self, 0), BOC_WRITE, mine));
}

static void begin(boc_behavior *self, void *environment) {
  const env mine = *(env *)environment;
  (void)self;
  for (int i = 0; i < CHAINS; i++)
    boc_behavior_schedule(
        make(&linking, mine.all->cowns[i], BOC_WRITE, (env){mine.all, 0, mine.left}));
}
static const boc_behavior_type beginning = {.name = "begin", .body = begin};

static void chains_take_turns(void) {
  field all;
  setup(&all, 1);
  boc_behavior_schedule(make(&beginning, NULL, BOC_WRITE, (env){&all, 0, LINKS}));
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&all.ran), CHAINS * LINKS);
  CHECK(boci_load_relaxed(&all.waited) <= (CHAINS - 1) * LIFO_BUDGET);
  teardown(&all);
}

/* Behaviors from outside, and chains that go on until all of those have run. */
static void count_outsider(boc_behavior *self, void *environment) {
  const env mine = *(env *)environment;
  (void)self;
  note_wait(&mine, boci_load_relaxed(&mine.all->ran));
  if (mine.left == 1)
    boci_store_release(&mine.all->over, 1);
}
static const boc_behavior_type outside = {.name = "outsider", .body = count_outsider};

static void outsiders_are_not_forgotten(void) {
  field all;
  setup(&all, 1);
  boc_behavior_schedule(make(&beginning, NULL, BOC_WRITE, (env){&all, 0, 0}));
  TEST_WAIT(boci_load_relaxed(&all.ran) > CHAINS);
  boc_behavior *made[OUTSIDERS];
  for (uint32_t i = 0; i < OUTSIDERS; i++)
    made[i] = make(&outside, NULL, BOC_WRITE, (env){&all, UINT32_MAX, OUTSIDERS - i});
  CHECK_EQ(boc_behavior_schedule_all(made, OUTSIDERS), BOC_OK);
  teardown(&all);
}

/* One behavior from outside for each that ran: the wait of each depends on the loop
 * alone. */
static void visit(boc_behavior *self, void *environment);
static const boc_behavior_type visiting = {.name = "visit", .body = visit};

static void to_injector(void *ctx, boc_behavior *behavior) {
  boci_injector_push(&((boci_scheduler *)ctx)->injector, behavior, behavior, 1);
}

static void to_inbox(void *ctx, boc_behavior *behavior) {
  boci_injector_push(&((boci_scheduler *)ctx)->worker[0].inbox, behavior, behavior, 1);
}

/* As if it had come in this `way`. */
static void schedule_by(void (*way)(void *ctx, boc_behavior *behavior),
                        boc_behavior *behavior) {
  boci_scheduler *scheduler = boci_behavior_scheduler(behavior);
  const boci_executor by_way = {way, scheduler};
  boci_in_flight_add_scheduled(&scheduler->worker[0].in_flight, 1);
  boci_behavior_link(behavior, &by_way);
}

static void visit(boc_behavior *self, void *environment) {
  env mine = *(env *)environment;
  const uint32_t now = count_body(mine.all);
  (void)self;
  note_wait(&mine, now);
  if (--mine.left == 0) {
    boci_store_release(&mine.all->over, 1);
    return;
  }
  mine.since = now + 1;
  schedule_by(to_injector, make(&visiting, NULL, BOC_WRITE, mine));
}

static void schedule_visitor(boc_behavior *self, void *environment) {
  begin(self, environment);
  schedule_by(to_injector, make(&visiting, NULL, BOC_WRITE,
                                (env){((env *)environment)->all, 0, LINKS / 10}));
}
static const boc_behavior_type with_visitor = {.name = "both",
                                               .body = schedule_visitor};

/* Chains until the visitor has come ten times; their own waits count as well. */
static void the_injector_has_its_turn(void) {
  field all;
  setup(&all, 1);
  boc_behavior_schedule(make(&with_visitor, NULL, BOC_WRITE, (env){&all, 0, 0}));
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  CHECK(boci_load_relaxed(&all.waited) <= CHAINS * (LIFO_BUDGET + 1) + COMMON_EVERY);
  teardown(&all);
}

/* The inbox is never empty: each behavior that comes from it puts another one there. */
static void come_again(boc_behavior *self, void *environment);
static const boc_behavior_type coming = {.name = "forwarded", .body = come_again};

static void come_again(boc_behavior *self, void *environment) {
  env mine = *(env *)environment;
  const uint32_t now = count_body(mine.all);
  (void)self;
  note_wait(&mine, now);
  mine.since = now + 1;
  if (!boci_load_acquire(&mine.all->over))
    schedule_by(to_inbox, make(&coming, NULL, BOC_WRITE, mine));
}

static void wait_for_inbox(boc_behavior *self, void *environment) {
  const env mine = *(env *)environment;
  (void)self;
  note_wait(&mine, count_body(mine.all));
  boci_store_release(&mine.all->over, 1);
}
static const boc_behavior_type waiting = {.name = "waiting", .body = wait_for_inbox};

static void fill_inbox(boc_behavior *self, void *environment) {
  field *all = ((env *)environment)->all;
  (void)self;
  for (int i = 0; i < 2; i++)
    schedule_by(to_inbox, make(&coming, NULL, BOC_WRITE, (env){all, 0, 0}));
  boc_behavior_schedule(make(&waiting, NULL, BOC_WRITE, (env){all, 0, 0}));
}
static const boc_behavior_type filling = {.name = "fill", .body = fill_inbox};

static void the_own_queue_has_its_turn(void) {
  field all;
  setup(&all, 1);
  boc_behavior_schedule(make(&filling, NULL, BOC_WRITE, (env){&all, 0, 0}));
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  CHECK(boci_load_relaxed(&all.waited) <= INBOX_BUDGET + 1);
  teardown(&all);
}

/* An inbox that is never empty, and chains. */
static void everything(boc_behavior *self, void *environment) {
  field *all = ((env *)environment)->all;
  schedule_visitor(self, environment);
  for (int i = 0; i < 2; i++)
    schedule_by(to_inbox, make(&coming, NULL, BOC_WRITE, (env){all, 0, 0}));
}
static const boc_behavior_type all_kinds = {.name = "all", .body = everything};

static void nobody_waits_without_bound(void) {
  field all;
  setup(&all, 1);
  boc_behavior_schedule(make(&all_kinds, NULL, BOC_WRITE, (env){&all, 0, 0}));
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  CHECK(boci_load_relaxed(&all.waited) <=
        (CHAINS + 1) * (LIFO_BUDGET + INBOX_BUDGET + 1) + COMMON_EVERY);
  teardown(&all);
}

/* ---- readers and writers, on two workers ----------------------------------------- */

/* Each schedules another one of its kind behind itself, until one of the other kind has
 * run. */
static void go_on(boc_behavior *self, void *environment);
static const boc_behavior_type going_on = {.name = "on", .body = go_on};

static void go_on(boc_behavior *self, void *environment) {
  const env mine = *(env *)environment;
  count_body(mine.all);
  if (!boci_load_acquire(&mine.all->over))
    boc_behavior_schedule(
        make(&going_on, boc_behavior_cown(self, 0), boc_behavior_mode(self, 0), mine));
}

static void the_other_kind_gets_in(boc_mode many, boc_mode one) {
  field all;
  setup(&all, 2);
  for (int i = 0; i < 3; i++)
    boc_behavior_schedule(make(&going_on, all.cowns[0], many, (env){&all, 0, 0}));
  TEST_WAIT(boci_load_relaxed(&all.ran) > 3);
  boc_behavior_schedule(make(&outside, all.cowns[0], one, (env){&all, UINT32_MAX, 1}));
  CHECK_EQ(boc_runtime_quiesce(all.runtime, BOC_FOREVER), BOC_OK);
  teardown(&all);
}

static void writers_get_in_between_readers(void) {
  the_other_kind_gets_in(BOC_READ, BOC_WRITE);
}

static void readers_get_in_between_writers(void) {
  the_other_kind_gets_in(BOC_WRITE, BOC_READ);
}

/* Behaviors that were made long before run in the order in which they were made,
 * whatever cowns they have. */

enum { CROWD = 40, SHARED_BY = 3 };

static void note_turn(boc_behavior *self, void *environment) {
  const env *mine = environment;
  (void)self;
  CHECK_EQ(boci_add_relaxed(&mine->all->ran, 1), mine->since);
}
static const boc_behavior_type turn_type = {.name = "turn", .body = note_turn};

static void schedule_turns(boc_behavior *self, void *environment) {
  field *all = ((env *)environment)->all;
  (void)self;
  for (uint32_t i = 0; i < CROWD; i++)
    boc_behavior_schedule(
        make(&turn_type, all->cowns[i % SHARED_BY], BOC_WRITE, (env){all, i, 0}));
}
static const boc_behavior_type turns_type = {.name = "turns", .body = schedule_turns};

static void old_chains_go_by_age(void) {
  field all;
  setup(&all, 1);
  boc_behavior_schedule(make(&turns_type, NULL, BOC_WRITE, (env){&all, 0, 0}));
  teardown(&all);
  CHECK_EQ(boci_load_relaxed(&all.ran), CROWD);
}

/* A body that made many tiny behaviors waits for them: another worker runs them all,
 * even if it backed off from their maker before. */

static void count_tiny(boc_behavior *self, void *environment) {
  const env *mine = environment;
  (void)self;
  boci_add_relaxed(&mine->all->ran, 1);
}
static const boc_behavior_type tiny_type = {.name = "tiny", .body = count_tiny};

static void make_and_wait(boc_behavior *self, void *environment) {
  field *all = ((env *)environment)->all;
  (void)self;
  for (uint32_t i = 1; i <= CROWD; i++) {
    boc_behavior_schedule(
        make(&tiny_type, all->cowns[i % CHAINS], BOC_WRITE, (env){all, 0, 0}));
    if (i % (CROWD / 4) == 0)
      TEST_WAIT(boci_load_relaxed(&all->ran) == i);
  }
}
static const boc_behavior_type waiting_maker = {.name = "maker", .body = make_and_wait};

static void a_maker_that_waits_is_helped(void) {
  field all;
  setup(&all, 2);
  boc_behavior_schedule(make(&waiting_maker, NULL, BOC_WRITE, (env){&all, 0, 0}));
  teardown(&all);
}

/* Bodies that block in the system without the runtime knowing it: each worker runs one,
 * even if there are fewer processors. */

enum { BLOCKED = 4 };

static void block(boc_behavior *self, void *environment) {
  field *all = ((env *)environment)->all;
  (void)self;
  boci_add_relaxed(&all->ran, 1);
  TEST_WAIT(boci_load_relaxed(&all->ran) == BLOCKED);
}
static const boc_behavior_type block_type = {.name = "block", .body = block};

static void block_all(boc_behavior *self, void *environment) {
  const env *mine = environment;
  for (uint32_t i = 1; i < BLOCKED; i++)
    boc_behavior_schedule(make(&block_type, NULL, BOC_WRITE, (env){mine->all, 0, 0}));
  block(self, environment);
}
static const boc_behavior_type block_all_type = {.name = "block all",
                                                 .body = block_all};

static void bodies_that_block_get_all_workers(void) {
  for (int inside = 0; inside < 2; inside++) {
    field all;
    setup(&all, BLOCKED);
    for (uint32_t i = 0; i < (inside ? 1 : BLOCKED); i++)
      boc_behavior_schedule(make(inside ? &block_all_type : &block_type, NULL,
                                 BOC_WRITE, (env){&all, 0, 0}));
    teardown(&all);
    CHECK_EQ(boci_load_relaxed(&all.ran), BLOCKED);
  }
}

static const test_case cases[] = {
    TEST_RACE(chains_take_turns, 10),
    TEST_RACE(outsiders_are_not_forgotten, 2),
    TEST_RACE(the_injector_has_its_turn, 10),
    TEST_RACE(the_own_queue_has_its_turn, 10),
    TEST_RACE(nobody_waits_without_bound, 10),
    TEST_RACE(writers_get_in_between_readers, 2),
    TEST_RACE(readers_get_in_between_writers, 2),
    TEST_ONCE(old_chains_go_by_age),
    TEST_RACE(a_maker_that_waits_is_helped, 4),
    TEST_RACE(bodies_that_block_get_all_workers, 4),
};
TEST_MAIN(cases)
