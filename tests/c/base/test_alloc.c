/* Out of memory: each public call that may be refused is called with its first, second,
 * ... allocation failing, until none fails. A refusal leaves everything as it was, to
 * the byte, and the same call then succeeds. */
#include "harness.h"

#include <boc/boc.h>

enum { COWNS = 20, TAGS = 4, LARGE = 10000 };

typedef struct world {
  test_memory memory;
  boc_cown_type type;
  boc_runtime *runtime;
  boc_cown *cowns[COWNS];
  boc_access accesses[COWNS];
  boc_scope *scope;
  boc_mailbox *mailbox;   /* has the tag "a" with the message 7 */
  boc_noticeboard *board; /* has "a" with the value 7 */
  boc_behavior *batch[2];
  unsigned ran;
  boci_atomic_word dropped; /* the sum of all payloads */
  /* the object that a call makes */
  boc_runtime *new_runtime;
  boc_cown *new_cown;
  boc_behavior *new_behavior;
  boc_scope *new_scope;
  boc_lane *new_lane;
  boc_mailbox *new_mailbox;
  boc_noticeboard *new_board;
  boc_mailbox_waiter watch;
  bool watched;
} world;

static const boc_tag tags[TAGS] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}};
static const boc_notice_key keys[] = {{"a", 1}, {"b", 1}};

static void count_run(boc_behavior *self, void *env) {
  (void)self;
  ++**(unsigned **)env;
}
static const boc_behavior_type counting = {.name = "count", .body = count_run};

static void count_call(boc_behavior *self, void *arg) {
  (void)self;
  ++*(unsigned *)arg;
}

static void add_dropped(void *ctx, void *payload) {
  boci_add_relaxed(&((world *)ctx)->dropped, (uintptr_t)payload);
}

/* ---- the world ------------------------------------------------------------------- */

static boc_mailbox_options mail_options(world *all) {
  return (boc_mailbox_options){.size = sizeof(boc_mailbox_options),
                               .tags = TAGS,
                               .capacity = 4,
                               .drop = add_dropped,
                               .ctx = all,
                               .allocator = &all->memory.base};
}

static boc_noticeboard_options board_options(world *all) {
  return (boc_noticeboard_options){sizeof(boc_noticeboard_options), add_dropped, all,
                                   &all->memory.base};
}

static boc_status open_runtime(world *all, unsigned workers, boc_runtime **out) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = workers;
  options.trace_events = workers > 1 ? 8 : 0;
  options.allocator = &all->memory.base;
  return boc_runtime_new(&options, out);
}

static void make_cowns(world *all) {
  all->type = (boc_cown_type){.payload_size = 8, .allocator = &all->memory.base};
  for (int i = 0; i < COWNS; i++) {
    CHECK_EQ(boc_cown_new(&all->type, &all->cowns[i]), BOC_OK);
    all->accesses[i] = (boc_access){all->cowns[i], i % 2 ? BOC_READ : BOC_WRITE};
  }
}

static void setup(world *all) {
  *all = (world){.runtime = NULL};
  test_memory_init(&all->memory, 0);
  boci_init(&all->dropped, 0);
  const boc_mailbox_options mail = mail_options(all);
  const boc_noticeboard_options notices = board_options(all);
  make_cowns(all);
  CHECK_EQ(open_runtime(all, 1, &all->runtime), BOC_OK);
  CHECK_EQ(boc_scope_new(NULL, &all->memory.base, &all->scope), BOC_OK);
  CHECK_EQ(boc_mailbox_new(&mail, &all->mailbox), BOC_OK);
  CHECK_EQ(boc_mailbox_send(all->mailbox, tags[0], (void *)7), BOC_OK);
  CHECK_EQ(boc_noticeboard_new(&notices, &all->board), BOC_OK);
  CHECK_EQ(boc_noticeboard_write(all->board, keys[0], (void *)7), BOC_OK);
}

static void free_made(world *all) {
  if (all->new_runtime)
    boc_runtime_free(all->new_runtime);
  if (all->new_cown)
    boc_cown_drop(all->new_cown);
  if (all->new_scope)
    boc_scope_drop(all->new_scope);
  if (all->new_lane)
    boc_lane_free(all->new_lane);
  if (all->new_mailbox)
    boc_mailbox_free(all->new_mailbox);
  if (all->new_board)
    boc_noticeboard_free(all->new_board);
  if (all->watched)
    (void)boc_mailbox_remove_waiter(all->mailbox, &all->watch);
}

static void teardown(world *all) {
  free_made(all);
  boc_runtime_free(all->runtime);
  for (int i = 0; i < COWNS; i++)
    boc_cown_drop(all->cowns[i]);
  boc_scope_drop(all->scope);
  boc_mailbox_free(all->mailbox);
  boc_noticeboard_free(all->board);
  test_memory_fini(&all->memory);
}

/* ---- the calls ------------------------------------------------------------------- */

static boc_status new_runtime(world *all) {
  return open_runtime(all, 2, &all->new_runtime);
}

static boc_status new_cown(world *all) {
  return boc_cown_new(&all->type, &all->new_cown);
}

static boc_status schedule_made(world *all, boc_status status) {
  if (status != BOC_OK)
    return status;
  *(unsigned **)boc_behavior_env(all->new_behavior) = &all->ran;
  boc_behavior_schedule(all->new_behavior);
  CHECK_EQ(boc_runtime_quiesce(all->runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(all->ran, 1);
  return BOC_OK;
}

static boc_status new_behavior(world *all) {
  return schedule_made(all, boc_behavior_new(all->runtime, &counting, sizeof(void *),
                                             all->accesses, COWNS, &all->new_behavior));
}

static boc_status new_large_behavior(world *all) {
  return schedule_made(all, boc_behavior_new(all->runtime, &counting, LARGE,
                                             all->accesses, 1, &all->new_behavior));
}

static boc_status new_behavior_in_scope(world *all) {
  const boc_behavior_options options = {.size = sizeof options, .scope = all->scope};
  return schedule_made(all, boc_behavior_new_with(all->runtime, &counting,
                                                  sizeof(void *), all->accesses, 2,
                                                  &options, &all->new_behavior));
}

static boc_status when(world *all) {
  const boc_status status =
      boc_when(all->runtime, all->cowns, COWNS, count_call, &all->ran);
  if (status != BOC_OK)
    return status;
  CHECK_EQ(boc_runtime_quiesce(all->runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(all->ran, 1);
  return BOC_OK;
}

static void make_batch(world *all) {
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(boc_behavior_new(all->runtime, &counting, sizeof(void *), all->accesses,
                              COWNS, &all->batch[i]),
             BOC_OK);
    *(unsigned **)boc_behavior_env(all->batch[i]) = &all->ran;
  }
}

static boc_status schedule_all(world *all) {
  const boc_status status = boc_behavior_schedule_all(all->batch, 2);
  if (status != BOC_OK)
    return status;
  CHECK_EQ(boc_runtime_quiesce(all->runtime, BOC_FOREVER), BOC_OK);
  CHECK_EQ(all->ran, 2);
  return BOC_OK;
}

static boc_status new_scope(world *all) {
  return boc_scope_new(all->scope, &all->memory.base, &all->new_scope);
}

static boc_status new_lane(world *all) {
  const boc_lane_options options = {.size = sizeof options,
                                    .allocator = &all->memory.base};
  return boc_lane_new(&options, &all->new_lane);
}

static boc_status new_mailbox(world *all) {
  const boc_mailbox_options options = mail_options(all);
  return boc_mailbox_new(&options, &all->new_mailbox);
}

static boc_status send(world *all) {
  return boc_mailbox_send(all->mailbox, tags[1], (void *)8);
}

static boc_status receive(world *all) {
  size_t index;
  void *payload;
  const boc_status status =
      boc_mailbox_receive(all->mailbox, &tags[1], 2, 0, NULL, &index, &payload);
  return status == BOC_TIMEOUT ? BOC_OK : status;
}

static void ignore(void *ctx) { (void)ctx; }

static boc_status watch(world *all) {
  all->watch.notify = ignore;
  const boc_status status =
      boc_mailbox_add_waiter(all->mailbox, &tags[1], 2, &all->watch);
  all->watched = status == BOC_OK;
  return status;
}

static boc_status set_tags(world *all) {
  return boc_mailbox_set_tags(all->mailbox, &tags[1], 3);
}

static boc_status new_board(world *all) {
  const boc_noticeboard_options options = board_options(all);
  return boc_noticeboard_new(&options, &all->new_board);
}

static boc_status write_old(world *all) {
  return boc_noticeboard_write(all->board, keys[0], (void *)8);
}

static boc_status write_new(world *all) {
  return boc_noticeboard_write_if(all->board, keys[1], 0, (void *)8);
}

static boc_status delete_notice(world *all) {
  return boc_noticeboard_delete(all->board, keys[0]);
}

static boc_status delete_if(world *all) {
  return boc_noticeboard_delete_if(all->board, keys[0], 1);
}

static boc_status clear(world *all) { return boc_noticeboard_clear(all->board); }

/* An update drops the value that it made and cannot store. */
static boc_verdict make_zero(void *ctx, const boc_notice *present, void **out_payload) {
  (void)ctx;
  CHECK_EQ((uintptr_t)present->payload, 7);
  *out_payload = NULL;
  return BOC_NOTICE_WRITE;
}

static boc_status update(world *all) {
  return boc_noticeboard_update(all->board, keys[0], make_zero, NULL);
}

typedef struct refusable {
  const char *name;
  boc_status (*call)(world *all);
  void (*prepare)(world *all);
} refusable;

static const refusable calls[] = {
    {"boc_runtime_new", new_runtime, NULL},
    {"boc_cown_new", new_cown, NULL},
    {"boc_behavior_new", new_behavior, NULL},
    {"boc_behavior_new, large", new_large_behavior, NULL},
    {"boc_behavior_new_with", new_behavior_in_scope, NULL},
    {"boc_when", when, NULL},
    {"boc_behavior_schedule_all", schedule_all, make_batch},
    {"boc_scope_new", new_scope, NULL},
    {"boc_lane_new", new_lane, NULL},
    {"boc_mailbox_new", new_mailbox, NULL},
    {"boc_mailbox_send", send, NULL},
    {"boc_mailbox_receive", receive, NULL},
    {"boc_mailbox_add_waiter", watch, NULL},
    {"boc_mailbox_set_tags", set_tags, NULL},
    {"boc_noticeboard_new", new_board, NULL},
    {"boc_noticeboard_write", write_old, NULL},
    {"boc_noticeboard_write_if", write_new, NULL},
    {"boc_noticeboard_delete", delete_notice, NULL},
    {"boc_noticeboard_delete_if", delete_if, NULL},
    {"boc_noticeboard_clear", clear, NULL},
    {"boc_noticeboard_update", update, NULL},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

/* ---- as it was ------------------------------------------------------------------- */

static void check_scheduling(world *all) {
  CHECK_EQ(boc_runtime_quiesce(all->runtime, 0), BOC_OK);
  CHECK_EQ(boc_scope_wait(all->scope, 0), BOC_OK);
  for (int i = 0; i < COWNS; i++)
    CHECK(!boc_cown_busy(all->cowns[i]));
  CHECK_EQ(all->ran, 0);
  CHECK(!all->new_runtime && !all->new_cown && !all->new_behavior && !all->new_scope);
  CHECK(!all->new_lane && !all->new_mailbox && !all->new_board);
}

static void check_board(world *all) {
  const boc_notices *notices = boc_noticeboard_read(all->board);
  CHECK_EQ(boc_notices_version(notices), 1);
  CHECK_EQ(boc_notices_count(notices), 1);
  CHECK_EQ((uintptr_t)boc_notices_find(notices, keys[0])->payload, 7);
  boc_notices_drop(notices);
}

static void check_as_it_was(world *all, uintptr_t live, uintptr_t bytes) {
  CHECK_EQ(boci_load_relaxed(&all->memory.live), live);
  CHECK_EQ(boci_load_relaxed(&all->memory.bytes), bytes);
  CHECK_EQ(boci_load_relaxed(&all->dropped), 0);
  check_scheduling(all);
  check_board(all);
}

static boc_status look(world *all, boc_tag tag, uintptr_t *out_payload) {
  size_t index;
  void *payload = NULL;
  const boc_status status =
      boc_mailbox_receive(all->mailbox, &tag, 1, 0, NULL, &index, &payload);
  *out_payload = (uintptr_t)payload;
  return status;
}

/* Tag "a" has its message, and all other places for tags are free. */
static void check_mailbox(world *all) {
  static const boc_tag others[TAGS] = {{"w", 1}, {"x", 1}, {"y", 1}, {"z", 1}};
  uintptr_t payload;
  CHECK_EQ(look(all, tags[0], &payload), BOC_OK);
  CHECK_EQ(payload, 7);
  for (int i = 0; i < TAGS; i++)
    CHECK_EQ(look(all, others[i], &payload),
             i < TAGS - 1 ? BOC_TIMEOUT : BOC_NOT_FOUND);
}

/* Whether an allocation failed: the `k`-th of the call. After a refusal either the call
 * is made again, or the mailbox is checked, which cannot be checked without a
 * change. */
static bool refuse(const refusable *what, uintptr_t k, bool again) {
  world all;
  setup(&all);
  if (what->prepare)
    what->prepare(&all);
  const uintptr_t live = boci_load_relaxed(&all.memory.live);
  const uintptr_t bytes = boci_load_relaxed(&all.memory.bytes);
  all.memory.fail_at = boci_load_relaxed(&all.memory.allocations) + k;
  const boc_status status = what->call(&all);
  const bool failed = test_memory_failed(&all.memory);
  all.memory.fail_at = 0;
  CHECK_EQ(status, failed ? BOC_NO_MEMORY : BOC_OK);
  if (failed)
    check_as_it_was(&all, live, bytes);
  if (failed && again)
    CHECK_EQ(what->call(&all), BOC_OK);
  else if (failed)
    check_mailbox(&all);
  for (int i = 0; i < 2 && all.batch[i] && all.ran == 0; i++)
    boc_behavior_free(all.batch[i]);
  teardown(&all);
  return failed;
}

static void every_allocation_may_fail(void) {
  for (int i = 0; i < CALLS; i++) {
    uintptr_t k = 1;
    while (refuse(&calls[i], k, true) && refuse(&calls[i], k, false))
      k++;
    CHECK(k > 1); /* a call that takes no memory does not belong here */
  }
}

static const test_case cases[] = {TEST_ONCE(every_allocation_may_fail)};
TEST_MAIN(cases)
