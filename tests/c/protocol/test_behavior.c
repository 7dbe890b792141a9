/* Behaviors and requests, driven by a list instead of a scheduler: sorting and merging,
 * which behavior is ready when, several linked as one step; against a model, and by
 * threads. */
#include "harness.h"

#include "behavior.h"

enum { MAX_COUNT = 64 };

/* The executor: a list of behaviors, in the order in which they became ready. */
typedef struct list {
  boci_mutex mutex;
  boc_behavior *ready[MAX_COUNT];
  size_t count;
} list;

static void add_ready(void *ctx, boc_behavior *behavior) {
  list *all = ctx;
  boci_mutex_lock(&all->mutex);
  CHECK(all->count < MAX_COUNT);
  all->ready[all->count++] = behavior;
  boci_mutex_unlock(&all->mutex);
}

static boc_behavior *take_ready(list *all, size_t i) {
  boc_behavior *taken = NULL;
  boci_mutex_lock(&all->mutex);
  if (i < all->count) {
    taken = all->ready[i];
    all->ready[i] = all->ready[--all->count];
  }
  boci_mutex_unlock(&all->mutex);
  return taken;
}

/* Behaviors without a runtime: a pool, a list, some cowns. */

enum { COWNS = 3 };

typedef struct world {
  boci_block_pool pool;
  boci_mutex pool_mutex;
  list list;
  boci_executor to;
  boc_cown *cowns[COWNS];
} world;

static unsigned dropped_cowns;

static void count_drop(boc_cown *cown, void *payload) {
  (void)cown, (void)payload;
  dropped_cowns++;
}

/* The payload: how many bodies use it at the moment. */
typedef struct guard {
  boci_atomic_u32 writers, readers;
} guard;

static const boc_cown_type guard_type = {
    .name = "guard", .payload_size = sizeof(guard), .drop = count_drop};

static void no_body(boc_behavior *self, void *env) { (void)self, (void)env; }

static unsigned dropped_envs;

static void drop_env(void *env) {
  (void)env;
  dropped_envs++;
}

static const boc_behavior_type quiet_type = {.name = "quiet", .body = no_body};
static const boc_behavior_type drop_type = {
    .name = "drop", .body = no_body, .drop = drop_env};

static void world_init(world *all) {
  boci_block_pool_init(&all->pool, NULL, NULL);
  CHECK(boci_mutex_init(&all->pool_mutex) == BOC_OK);
  CHECK(boci_mutex_init(&all->list.mutex) == BOC_OK);
  all->list.count = 0;
  all->to = (boci_executor){add_ready, &all->list};
  dropped_cowns = dropped_envs = 0;
  for (int i = 0; i < COWNS; i++)
    CHECK(boc_cown_new(&guard_type, &all->cowns[i]) == BOC_OK);
}

static void world_fini(world *all) {
  CHECK_EQ(all->list.count, 0);
  for (int i = 0; i < COWNS; i++) {
    CHECK(!boc_cown_busy(all->cowns[i]));
    CHECK_EQ(boci_load_relaxed(&all->cowns[i]->references), 1);
    boc_cown_drop(all->cowns[i]);
  }
  CHECK_EQ(dropped_cowns, COWNS);
  boci_block_pool_fini(&all->pool);
  boci_mutex_fini(&all->list.mutex);
  boci_mutex_fini(&all->pool_mutex);
}

static boc_behavior *make_typed(world *all, const boc_behavior_type *type,
                                size_t env_size, const boc_access *accesses,
                                size_t count) {
  boci_mutex_lock(&all->pool_mutex);
  boc_behavior *made =
      boci_block_pool_alloc(&all->pool, boci_behavior_size(count, false, env_size));
  boci_mutex_unlock(&all->pool_mutex);
  CHECK(made != NULL);
  CHECK(boci_behavior_init(made, type, env_size, accesses, count, NULL) == BOC_OK);
  return made;
}

static boc_behavior *make(world *all, const boc_access *accesses, size_t count) {
  return make_typed(all, &quiet_type, 0, accesses, count);
}

static void finish(world *all, boc_behavior *behavior) {
  boci_behavior_end(behavior, &all->to);
  boci_mutex_lock(&all->pool_mutex);
  boci_block_pool_free(&all->pool, behavior);
  boci_mutex_unlock(&all->pool_mutex);
}

static boc_access writes(world *all, int i) {
  return (boc_access){all->cowns[i], BOC_WRITE};
}

static boc_access reads(world *all, int i) {
  return (boc_access){all->cowns[i], BOC_READ};
}

/* Finishes all behaviors that become ready, which must be `expected` in this order. */
static void run_in_order(world *all, boc_behavior **expected, size_t count) {
  for (size_t i = 0; i < count; i++) {
    CHECK_EQ(all->list.count, 1);
    CHECK(all->list.ready[0] == expected[i]);
    finish(all, take_ready(&all->list, 0));
  }
}

/* One thread. */

static void without_cowns_it_is_ready_at_once(void) {
  world all;
  world_init(&all);
  boc_behavior *behavior = make(&all, NULL, 0);
  boci_behavior_link(behavior, &all.to);
  run_in_order(&all, &behavior, 1);
  world_fini(&all);
}

static void writers_follow_one_another(void) {
  world all;
  world_init(&all);
  boc_behavior *made[5];
  boc_access access = writes(&all, 0);
  for (int i = 0; i < 5; i++) {
    made[i] = make(&all, &access, 1);
    boci_behavior_link(made[i], &all.to);
  }
  CHECK(boc_cown_busy(all.cowns[0]));
  run_in_order(&all, made, 5);
  world_fini(&all);
}

static void readers_share_and_writers_do_not(void) {
  world all;
  world_init(&all);
  boc_access reading = reads(&all, 0), writing = writes(&all, 0);
  boc_behavior *first = make(&all, &reading, 1), *second = make(&all, &reading, 1);
  boc_behavior *writer = make(&all, &writing, 1), *third = make(&all, &reading, 1);
  boci_behavior_link(first, &all.to);
  boci_behavior_link(second, &all.to);
  boci_behavior_link(writer, &all.to);
  boci_behavior_link(third, &all.to);
  CHECK_EQ(all.list.count, 2);
  finish(&all, take_ready(&all.list, 1));
  CHECK_EQ(all.list.count, 1);
  finish(&all, take_ready(&all.list, 0));
  boc_behavior *rest[] = {writer, third};
  run_in_order(&all, rest, 2);
  world_fini(&all);
}

static void duplicates_are_merged(void) {
  world all;
  world_init(&all);
  boc_access named[] = {reads(&all, 2),  writes(&all, 0), reads(&all, 0),
                        writes(&all, 2), reads(&all, 1),  reads(&all, 1)};
  boc_behavior *behavior = make(&all, named, 6);
  CHECK_EQ(boc_behavior_count(behavior), 6);
  CHECK_EQ(boci_behavior_unique(behavior), 3);
  for (size_t i = 0; i < 6; i++) {
    CHECK(boc_behavior_cown(behavior, i) == named[i].cown);
    CHECK_EQ(boc_behavior_mode(behavior, i), i < 4 ? BOC_WRITE : BOC_READ);
  }
  boci_behavior_link(behavior, &all.to);
  run_in_order(&all, &behavior, 1);
  world_fini(&all);
}

static boc_cown *new_cown(void) {
  boc_cown *cown;
  CHECK(boc_cown_new(&guard_type, &cown) == BOC_OK);
  return cown;
}

static void drop_idle(boc_cown *cown) {
  CHECK(!boc_cown_busy(cown));
  CHECK_EQ(boci_load_relaxed(&cown->references), 1);
  boc_cown_drop(cown);
  dropped_cowns--;
}

/* Behaviors scheduled after the maker wait for it; it waits for none of them. */
static void a_fresh_cown_is_held_at_once(void) {
  world all;
  world_init(&all);
  boc_cown *result = new_cown();
  boc_access made_of[] = {
      writes(&all, 2), writes(&all, 0), reads(&all, 2), {result, BOC_FRESH}};
  for (size_t from = 0; from < 4; from++) {
    boc_behavior *maker = make(&all, made_of + from, 4 - from);
    CHECK_EQ(boc_behavior_mode(maker, 3 - from), BOC_WRITE);
    boci_behavior_link(maker, &all.to);
    CHECK_EQ(all.list.count, 1);
    CHECK(boc_cown_busy(result));
    boc_access looks = {result, BOC_READ};
    boc_behavior *reader = make(&all, &looks, 1);
    boci_behavior_link(reader, &all.to);
    CHECK_EQ(all.list.count, 1);
    boc_behavior *both[] = {maker, reader};
    run_in_order(&all, both, 2);
    drop_idle(result);
    made_of[3].cown = result = new_cown();
  }
  drop_idle(result);
  world_fini(&all);
}

static void the_queue_keeps_a_fresh_cown(void) {
  world all;
  world_init(&all);
  boc_access made_of[] = {writes(&all, 0), {new_cown(), BOC_FRESH}};
  boc_behavior *maker = make(&all, made_of, 2);
  boci_behavior_link(maker, &all.to);
  boc_cown_drop(made_of[1].cown);
  CHECK_EQ(dropped_cowns, 0);
  run_in_order(&all, &maker, 1);
  CHECK_EQ(dropped_cowns, 1);
  dropped_cowns = 0;
  world_fini(&all);
}

static void fresh_cowns_of_behaviors_that_are_one_step(void) {
  world all;
  boci_request *scratch[2 * 4];
  world_init(&all);
  boc_access first[] = {writes(&all, 0), {new_cown(), BOC_FRESH}};
  boc_access second[] = {writes(&all, 0), {new_cown(), BOC_FRESH}};
  boc_behavior *pair[] = {make(&all, first, 2), make(&all, second, 2)};
  CHECK_EQ(boci_behavior_scratch(pair, 2), 4);
  boci_behavior_link_all(pair, 2, scratch, &all.to);
  CHECK(boc_cown_busy(first[1].cown) && boc_cown_busy(second[1].cown));
  run_in_order(&all, pair, 2);
  drop_idle(first[1].cown);
  drop_idle(second[1].cown);
  world_fini(&all);
}

static void only_the_last_cown_may_be_fresh(void) {
  world all;
  world_init(&all);
  boc_access wrong[] = {{all.cowns[0], BOC_FRESH}, writes(&all, 1)};
  boc_behavior *block =
      boci_block_pool_alloc(&all.pool, boci_behavior_size(2, false, 0));
  CHECK_EQ(boci_behavior_init(block, &quiet_type, 0, wrong, 2, NULL), BOC_BAD_ARGUMENT);
  boci_block_pool_free(&all.pool, block);
  world_fini(&all);
}

static void the_environment_is_zero_and_dropped_once(void) {
  world all;
  world_init(&all);
  boc_access access = writes(&all, 0);
  boc_behavior *behavior = make_typed(&all, &drop_type, 100, &access, 1);
  const char *env = boc_behavior_env(behavior);
  CHECK_EQ((uintptr_t)env % 16, 0);
  for (int i = 0; i < 100; i++)
    CHECK_EQ(env[i], 0);
  boci_behavior_link(behavior, &all.to);
  CHECK_EQ(dropped_envs, 0);
  run_in_order(&all, &behavior, 1);
  CHECK_EQ(dropped_envs, 1);
  world_fini(&all);
}

static void sizes_that_overflow_are_none(void) {
  CHECK_EQ(boci_behavior_size(SIZE_MAX, false, 0), 0);
  CHECK_EQ(boci_behavior_size(0, false, SIZE_MAX), 0);
  CHECK_EQ(boci_behavior_size(SIZE_MAX / 2, false, SIZE_MAX / 2), 0);
  CHECK(boci_behavior_size(0, false, 0) >= sizeof(boc_behavior));
}

/* Many cowns, in every order and with repetitions: sorted by address, each once. */
static void many_cowns_are_sorted(void) {
  enum { MANY = 2000 };
  static boc_access accesses[MANY];
  static boc_cown *cowns[MANY];
  world all;
  test_random random = test_random_stream(0);
  world_init(&all);
  for (int i = 0; i < MANY; i++)
    CHECK(boc_cown_new(&guard_type, &cowns[i]) == BOC_OK);
  size_t sizes[] = {2, 11, 12, 13, 100, MANY};
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    uint32_t different = 1 + test_draw(&random, (uint32_t)sizes[k]);
    for (size_t i = 0; i < sizes[k]; i++)
      accesses[i] = (boc_access){cowns[test_draw(&random, different)], BOC_WRITE};
    boc_behavior *behavior = make(&all, accesses, sizes[k]);
    boci_request *requests = boci_behavior_requests(behavior);
    for (uint32_t i = 1; i < boci_behavior_unique(behavior); i++)
      CHECK((uintptr_t)boci_request_cown(&requests[requests[i - 1].order]) <
            (uintptr_t)boci_request_cown(&requests[requests[i].order]));
    boci_behavior_link(behavior, &all.to);
    run_in_order(&all, &behavior, 1);
  }
  for (int i = 0; i < MANY; i++)
    boc_cown_drop(cowns[i]);
  dropped_cowns = 0;
  world_fini(&all);
}

/* The model: a request is granted if no earlier behavior that is not finished uses its
 * cown, or if all those and the request itself only read. A behavior is ready once all
 * its requests are granted. */

enum { STEPS = 60, LIVE = 12 };

typedef struct modelled {
  boc_behavior *behavior;
  bool uses[COWNS], writes[COWNS];
} modelled;

typedef struct model {
  world all;
  modelled live[LIVE]; /* oldest first */
  size_t count;
  test_random random;
} model;

static bool model_ready(const model *now, size_t i) {
  const modelled *mine = &now->live[i];
  for (int c = 0; c < COWNS; c++) {
    for (size_t k = 0; mine->uses[c] && k < i; k++) {
      const modelled *other = &now->live[k];
      if (other->uses[c] && (mine->writes[c] || other->writes[c]))
        return false;
    }
  }
  return true;
}

static bool is_ready(const model *now, const boc_behavior *behavior) {
  for (size_t i = 0; i < now->all.list.count; i++) {
    if (now->all.list.ready[i] == behavior)
      return true;
  }
  return false;
}

static void compare(const model *now) {
  for (size_t i = 0; i < now->count; i++)
    CHECK_EQ(is_ready(now, now->live[i].behavior), model_ready(now, i));
}

static boc_behavior *model_new(model *now) {
  boc_access accesses[4];
  modelled *fresh = &now->live[now->count++];
  uint32_t count = test_draw(&now->random, 5);
  *fresh = (modelled){0};
  for (uint32_t i = 0; i < count; i++) {
    uint32_t c = test_draw(&now->random, COWNS);
    bool reading = test_draw(&now->random, 2) == 0;
    accesses[i] = reading ? reads(&now->all, (int)c) : writes(&now->all, (int)c);
    fresh->uses[c] = true;
    fresh->writes[c] |= !reading;
  }
  return fresh->behavior = make(&now->all, accesses, count);
}

static void model_schedule(model *now) {
  boc_behavior *batch[3];
  boci_request *scratch[2 * 3 * 4];
  size_t count = 1 + test_draw(&now->random, 3);
  if (now->count + count > LIVE)
    return;
  for (size_t i = 0; i < count; i++)
    batch[i] = model_new(now);
  CHECK(boci_behavior_scratch(batch, count) <= sizeof scratch / sizeof scratch[0]);
  if (count == 1)
    boci_behavior_link(batch[0], &now->all.to);
  else
    boci_behavior_link_all(batch, count, scratch, &now->all.to);
}

static void model_finish(model *now) {
  if (now->all.list.count == 0)
    return;
  size_t which = test_draw(&now->random, (uint32_t)now->all.list.count);
  boc_behavior *behavior = take_ready(&now->all.list, which);
  size_t i = 0;
  while (now->live[i].behavior != behavior)
    i++;
  for (now->count--; i < now->count; i++)
    now->live[i] = now->live[i + 1];
  finish(&now->all, behavior);
}

static void readiness_is_as_in_the_model(void) {
  model now = {.count = 0, .random = test_random_stream(0)};
  world_init(&now.all);
  for (int step = 0; step < STEPS; step++) {
    if (test_draw(&now.random, 2) == 0)
      model_schedule(&now);
    else
      model_finish(&now);
    compare(&now);
  }
  while (now.count > 0) {
    model_finish(&now);
    compare(&now);
  }
  world_fini(&now.all);
}

/* Threads: each links some behaviors and runs all that are ready, its own or not. */

enum { THREADS = 3, EACH = 4 };

typedef struct fixture {
  world all;
  boci_atomic_u32 finished;
} fixture;

static void enter_and_leave(boc_behavior *self) {
  for (size_t i = 0; i < boc_behavior_count(self); i++) {
    guard *held = boc_cown_payload(boc_behavior_cown(self, i));
    if (boc_behavior_mode(self, i) == BOC_READ) {
      boci_add_relaxed(&held->readers, 1);
      CHECK_EQ(boci_load_relaxed(&held->writers), 0);
    } else {
      CHECK_EQ(boci_add_relaxed(&held->writers, 1), 0);
      CHECK_EQ(boci_load_relaxed(&held->readers), 0);
    }
  }
  for (size_t i = 0; i < boc_behavior_count(self); i++) {
    guard *held = boc_cown_payload(boc_behavior_cown(self, i));
    bool reading = boc_behavior_mode(self, i) == BOC_READ;
    boci_sub_relaxed(reading ? &held->readers : &held->writers, 1);
  }
}

static bool run_one(fixture *us) {
  boc_behavior *behavior = take_ready(&us->all.list, 0);
  if (!behavior)
    return false;
  enter_and_leave(behavior);
  finish(&us->all, behavior);
  boci_add_relaxed(&us->finished, 1);
  return true;
}

/* Different cowns only: the guards count each access. */
static size_t choose(world *all, test_random *random, boc_access *accesses) {
  size_t count = 0;
  for (int c = 0; c < COWNS; c++) {
    if (test_draw(random, 2))
      accesses[count++] = test_draw(random, 2) ? reads(all, c) : writes(all, c);
  }
  return count;
}

static void link_and_run(void *arg, unsigned index) {
  fixture *us = arg;
  test_random random = test_random_stream(index);
  boc_access accesses[COWNS];
  boci_request *scratch[2 * 2 * COWNS];
  for (int i = 0; i < EACH; i += 2) {
    boc_behavior *pair[2];
    for (int k = 0; k < 2; k++) {
      size_t count = choose(&us->all, &random, accesses);
      pair[k] = make(&us->all, accesses, count);
    }
    if (test_draw(&random, 3) == 0) {
      boci_behavior_link_all(pair, 2, scratch, &us->all.to);
    } else {
      boci_behavior_link(pair[0], &us->all.to);
      boci_behavior_link(pair[1], &us->all.to);
    }
    run_one(us);
  }
  while (boci_load_relaxed(&us->finished) < THREADS * EACH) {
    if (!run_one(us))
      boci_os_yield();
  }
}

static void threads_link_and_run(void) {
  fixture us;
  world_init(&us.all);
  boci_init(&us.finished, 0);
  test_threads(THREADS, link_and_run, &us);
  CHECK_EQ(boci_load_relaxed(&us.finished), THREADS * EACH);
  world_fini(&us.all);
}

static const test_case cases[] = {
    TEST_ONCE(without_cowns_it_is_ready_at_once),
    TEST_ONCE(writers_follow_one_another),
    TEST_ONCE(readers_share_and_writers_do_not),
    TEST_ONCE(duplicates_are_merged),
    TEST_ONCE(a_fresh_cown_is_held_at_once),
    TEST_ONCE(the_queue_keeps_a_fresh_cown),
    TEST_ONCE(fresh_cowns_of_behaviors_that_are_one_step),
    TEST_ONCE(only_the_last_cown_may_be_fresh),
    TEST_ONCE(the_environment_is_zero_and_dropped_once),
    TEST_ONCE(sizes_that_overflow_are_none),
    TEST_ALONE(many_cowns_are_sorted),
    TEST_RACE(readiness_is_as_in_the_model, 1),
    TEST_RACE(threads_link_and_run, 1),
};
TEST_MAIN(cases)
