/* Random programs on a whole runtime: threads and bodies schedule behaviors over random
 * cowns in random modes, and every body checks what the library promises.
 *
 *  - A writer has its cowns alone, a reader shares them with readers only.
 *  - Behaviors that one thread schedules keep their order on each cown that they share,
 *    unless both read it.
 *  - Each runs once; afterwards the runtime is quiescent, and all memory is freed.
 */
#include "harness.h"

#include <boc/boc.h>

enum { COWNS = 4, MAX_COUNT = 4, THREADS = 2, EACH = 6, DEPTH = 2 };

/* The payload of a cown. The tickets of each outside thread grow, from 1. */
typedef struct record {
  boci_atomic_u32 writers, readers;
  boci_atomic_u32 wrote[THREADS]; /* the latest ticket of a writer */
  boci_atomic_u32 read[THREADS];  /* the greatest ticket of a reader */
  unsigned plain;                 /* a lost update or a race shows here */
} record;

typedef struct world {
  boc_runtime *runtime;
  boc_cown *cowns[COWNS];
  test_memory memory;
  boci_atomic_u32 scheduled, ran, dropped, cowns_dropped;
  boci_atomic_u32 written;  /* expected sum of `plain` at the end */
  boci_atomic_u32 over;     /* no behavior is deferred any more */
  boci_atomic_ptr deferred; /* the latest deferred behavior that was not completed */
  unsigned workers;
  uint32_t base; /* tickets of this round are larger */
} world;

typedef struct plan {
  world *all;
  test_random random;
  uint32_t thread, ticket; /* ticket 0: scheduled by a body */
  uint32_t depth;
  bool defers;
} plan;

static world *current_world;

/* Parts of random programs besides writers and nested schedules. */
enum { READS = 1, DEFERS = 2, BATCHES = 4, FORWARDS = 8 };
static unsigned features;

static bool with(unsigned feature, test_random *random, uint32_t one_in) {
  return (features & feature) != 0 && test_draw(random, one_in) == 0;
}

static void drop_record(boc_cown *cown, void *payload) {
  record *held = payload;
  (void)cown;
  CHECK_EQ(boci_load_acquire(&held->writers), 0);
  CHECK_EQ(boci_load_acquire(&held->readers), 0);
  boci_add_acq_rel(&current_world->cowns_dropped, 1);
}

/* Order. */

static void raise(boci_atomic_u32 *greatest, uint32_t ticket) {
  uint32_t seen = boci_load_relaxed(greatest);
  while (seen < ticket && !boci_cas_weak_relaxed(greatest, &seen, ticket)) {
  }
}

static void check_order(record *held, const plan *mine, boc_mode mode) {
  if (mine->ticket == 0)
    return;
  CHECK(boci_load_relaxed(&held->wrote[mine->thread]) < mine->ticket);
  if (mode == BOC_READ) {
    raise(&held->read[mine->thread], mine->ticket);
    return;
  }
  CHECK(boci_load_relaxed(&held->read[mine->thread]) < mine->ticket);
  boci_store_relaxed(&held->wrote[mine->thread], mine->ticket);
}

/* Exclusion. */

static void enter(record *held, boc_mode mode) {
  if (mode == BOC_READ) {
    boci_add_relaxed(&held->readers, 1);
    CHECK_EQ(boci_load_relaxed(&held->writers), 0);
  } else {
    CHECK_EQ(boci_add_relaxed(&held->writers, 1), 0);
    CHECK_EQ(boci_load_relaxed(&held->readers), 0);
    held->plain++;
  }
}

static void leave(record *held, boc_mode mode) {
  if (mode == BOC_READ)
    CHECK(boci_sub_relaxed(&held->readers, 1) >= 1);
  else
    CHECK_EQ(boci_sub_relaxed(&held->writers, 1), 1);
}

static bool named_before(const boc_behavior *self, size_t i) {
  for (size_t k = 0; k < i; k++) {
    if (boc_behavior_cown(self, k) == boc_behavior_cown(self, i))
      return true;
  }
  return false;
}

static void for_each_record(boc_behavior *self, const plan *mine, bool entering) {
  for (size_t i = 0; i < boc_behavior_count(self); i++) {
    record *held = boc_cown_payload(boc_behavior_cown(self, i));
    boc_mode mode = boc_behavior_mode(self, i);
    if (named_before(self, i))
      continue;
    if (!entering) {
      leave(held, mode);
      continue;
    }
    enter(held, mode);
    check_order(held, mine, mode);
  }
}

/* Scheduling. */

static void body(boc_behavior *self, void *env);
static int admit(boc_behavior *self, void *env, unsigned worker, bool overdue);

static void drop_plan(void *env) {
  plan *mine = env;
  boci_add_relaxed(&mine->all->dropped, 1);
}

static const boc_behavior_type plain_type = {
    .name = "plain", .body = body, .drop = drop_plan};
static const boc_behavior_type choosy_type = {
    .name = "choosy", .body = body, .drop = drop_plan, .admit = admit};

static boc_behavior *make(world *all, test_random *random, plan fresh) {
  boc_access accesses[MAX_COUNT];
  bool written[COWNS] = {false};
  size_t count = test_draw(random, MAX_COUNT + 1);
  for (size_t i = 0; i < count; i++) {
    uint32_t which = test_draw(random, COWNS);
    accesses[i].cown = all->cowns[which];
    accesses[i].mode = with(READS, random, 2) ? BOC_READ : BOC_WRITE;
    written[which] |= accesses[i].mode == BOC_WRITE;
  }
  for (size_t i = 0; i < COWNS; i++)
    boci_add_relaxed(&all->written, written[i]);
  boc_behavior *made = NULL;
  const boc_behavior_type *type =
      with(FORWARDS, random, 3) ? &choosy_type : &plain_type;
  CHECK_EQ(boc_behavior_new(all->runtime, type, sizeof fresh, accesses, count, &made),
           BOC_OK);
  fresh.random.state = random->state + test_draw(random, 1000);
  fresh.defers = with(DEFERS, random, 4);
  *(plan *)boc_behavior_env(made) = fresh;
  boci_add_relaxed(&all->scheduled, 1);
  return made;
}

static void schedule_children(plan *mine) {
  plan fresh = {.all = mine->all, .depth = mine->depth + 1};
  for (uint32_t i = test_draw(&mine->random, 3); mine->depth < DEPTH && i > 0; i--)
    boc_behavior_schedule(make(mine->all, &mine->random, fresh));
}

/* A thread of their own completes deferred behaviors, or the next body does: never
 * their own body, which has to return first. */

static void complete(boc_behavior *deferred) {
  for_each_record(deferred, boc_behavior_env(deferred), false);
  boc_behavior_complete(deferred);
}

static void post_deferred(world *all, boc_behavior *self) {
  boc_behavior *before = boci_swap_acq_rel(&all->deferred, self);
  if (before)
    complete(before);
}

static void complete_rest(void *arg, unsigned index) {
  world *all = arg;
  (void)index;
  while (boci_load_acquire(&all->over) == 0) {
    boc_behavior *deferred = boci_swap_acq_rel(&all->deferred, NULL);
    if (deferred)
      complete(deferred);
    boci_os_yield();
  }
}

static void body(boc_behavior *self, void *env) {
  plan *mine = env;
  world *all = mine->all;
  for_each_record(self, mine, true);
  schedule_children(mine);
  boci_add_relaxed(&all->ran, 1);
  if (mine->defers) {
    boc_behavior_defer(self);
    post_deferred(all, self);
  } else {
    for_each_record(self, mine, false);
  }
}

static int admit(boc_behavior *self, void *env, unsigned worker, bool overdue) {
  plan *mine = env;
  (void)self, (void)worker;
  if (overdue || test_draw(&mine->random, 3) == 0)
    return BOC_ADMIT;
  return (int)test_draw(&mine->random, mine->all->workers);
}

static void schedule_some(void *arg, unsigned index) {
  world *all = arg;
  test_random random = test_random_stream(index);
  boc_behavior *batch[3];
  plan fresh = {.all = all, .thread = index};
  for (uint32_t i = 0; i < EACH;) {
    size_t count = with(BATCHES, &random, 2) ? 2 + test_draw(&random, 2) : 1;
    for (size_t k = 0; k < count; k++, i++) {
      fresh.ticket = all->base + i + 1;
      batch[k] = make(all, &random, fresh);
    }
    if (count == 1)
      boc_behavior_schedule(batch[0]);
    else
      CHECK_EQ(boc_behavior_schedule_all(batch, count), BOC_OK);
  }
}

/* A run. */

static void make_world(world *all) {
  static boc_cown_type type = {
      .name = "record", .payload_size = sizeof(record), .drop = drop_record};
  test_random random = test_random_stream(1000);
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  test_memory_init(&all->memory, 0);
  type.allocator = &all->memory.base;
  current_world = all;
  all->base = 0;
  all->workers = 1 + test_draw(&random, 3);
  options.workers = all->workers;
  options.spin = test_draw(&random, 2) ? 0 : 2000;
  options.allocator = &all->memory.base;
  CHECK_EQ(boc_runtime_new(&options, &all->runtime), BOC_OK);
  for (int i = 0; i < COWNS; i++)
    CHECK_EQ(boc_cown_new(&type, &all->cowns[i]), BOC_OK);
  boci_init(&all->scheduled, 0);
  boci_init(&all->ran, 0);
  boci_init(&all->dropped, 0);
  boci_init(&all->cowns_dropped, 0);
  boci_init(&all->written, 0);
  boci_init(&all->deferred, NULL);
  boci_init(&all->over, 0);
}

static void check_end(world *all) {
  unsigned written = 0;
  for (int i = 0; i < COWNS; i++) {
    CHECK(!boc_cown_busy(all->cowns[i]));
    written += ((record *)boc_cown_payload(all->cowns[i]))->plain;
  }
  CHECK_EQ(boci_load_relaxed(&all->ran), boci_load_relaxed(&all->scheduled));
  CHECK_EQ(boci_load_relaxed(&all->dropped), boci_load_relaxed(&all->scheduled));
  CHECK_EQ(written, boci_load_relaxed(&all->written));
}

static void run_rounds(void *arg, unsigned index) {
  world *all = arg;
  if (index == 0) {
    complete_rest(arg, index);
    return;
  }
  test_threads(THREADS, schedule_some, all);
  CHECK_EQ(boc_runtime_quiesce(all->runtime, BOC_FOREVER), BOC_OK);
  check_end(all);
  all->base = 2 * EACH;
  test_threads(THREADS, schedule_some, all);
  boc_runtime_free(all->runtime);
  boci_store_release(&all->over, 1);
}

static void random_program(unsigned with_features) {
  features = with_features;
  world all;
  make_world(&all);
  test_threads(2, run_rounds, &all);
  check_end(&all);
  for (int i = 0; i < COWNS; i++)
    boc_cown_drop(all.cowns[i]);
  CHECK_EQ(boci_load_relaxed(&all.cowns_dropped), COWNS);
  test_memory_fini(&all.memory);
}

static void writers(void) { random_program(0); }
static void readers(void) { random_program(READS); }
static void batches(void) { random_program(BATCHES); }
static void batches_of_readers(void) { random_program(BATCHES | READS); }
static void deferred(void) { random_program(DEFERS); }
static void forwarded(void) { random_program(FORWARDS); }
static void everything(void) { random_program(READS | DEFERS | BATCHES | FORWARDS); }

static const test_case cases[] = {
    TEST_RACE(writers, 5),    TEST_RACE(readers, 5),
    TEST_RACE(batches, 5),    TEST_RACE(batches_of_readers, 5),
    TEST_RACE(deferred, 5),   TEST_RACE(forwarded, 5),
    TEST_RACE(everything, 1),
};
TEST_MAIN(cases)
