/* Tracing: every behavior leaves its events in order, and the JSON is complete. */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <boc/boc.h>

enum { BEHAVIORS = 5, EVENTS = 256, COWNS = 3 };

typedef struct seen {
  unsigned count[BOC_TRACE_COUNT];
  uint64_t latest[8];
  char text[64 * 1024];
  size_t size;
} seen;

static void setup(boc_runtime **runtime, size_t trace_events) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 2;
  options.trace_events = trace_events;
  CHECK(boc_runtime_new(&options, runtime) == BOC_OK);
}

static void body(boc_behavior *self, void *arg) {
  (void)self;
  (void)arg;
}

static void run(boc_runtime *runtime, boc_cown *cown) {
  for (int i = 0; i < BEHAVIORS; i++)
    CHECK(boc_when(runtime, &cown, 1, body, NULL) == BOC_OK);
  CHECK(boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_OK);
}

static void see(void *ctx, const boc_trace_event *event) {
  seen *all = ctx;
  all->count[event->kind]++;
  CHECK(event->worker >= -1 && event->worker < 2);
  CHECK(event->time >= all->latest[event->worker + 1]);
  all->latest[event->worker + 1] = event->time;
  const bool sleeps = event->kind == BOC_TRACE_PARKED || event->kind == BOC_TRACE_WOKEN;
  CHECK((event->behavior == 0) == sleeps);
  CHECK((event->cown == 0) == sleeps);
}

static const boc_cown_type nothing = {.name = "nothing"};

static void each_step_is_recorded_once(void) {
  boc_runtime *runtime;
  boc_cown *cown;
  seen all = {.size = 0};
  setup(&runtime, EVENTS);
  CHECK(boc_cown_new(&nothing, &cown) == BOC_OK);
  run(runtime, cown);
  CHECK(boc_trace_read(runtime, see, &all) == BOC_OK);
  CHECK_EQ(all.count[BOC_TRACE_SCHEDULED], BEHAVIORS);
  CHECK_EQ(all.count[BOC_TRACE_READY], BEHAVIORS);
  CHECK_EQ(all.count[BOC_TRACE_STARTED], BEHAVIORS);
  CHECK_EQ(all.count[BOC_TRACE_FINISHED], BEHAVIORS);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
}

static void a_small_ring_keeps_the_latest(void) {
  boc_runtime *runtime;
  boc_cown *cown;
  seen all = {.size = 0};
  setup(&runtime, 2);
  CHECK(boc_cown_new(&nothing, &cown) == BOC_OK);
  run(runtime, cown);
  CHECK(boc_trace_read(runtime, see, &all) == BOC_OK);
  unsigned total = 0;
  for (int i = 0; i < BOC_TRACE_COUNT; i++)
    total += all.count[i];
  CHECK(total <= 2 * 3);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
}

/* The events of the only behavior: their kinds, and its cowns. */
typedef struct story {
  boc_trace_kind kinds[16];
  size_t count;
  uintptr_t cowns[16];
  size_t cown_count;
} story;

static void hear(void *ctx, const boc_trace_event *event) {
  story *all = ctx;
  if (event->worker == -1 || event->behavior == 0)
    return; /* events of workers: where it came from, parking, waking */
  CHECK(all->count < 16);
  all->kinds[all->count++] = event->kind;
  if (event->kind == BOC_TRACE_STARTED || event->kind == BOC_TRACE_COWN)
    all->cowns[all->cown_count++] = event->cown;
}

static void a_list_of_cowns(boc_cown **cowns, size_t count) {
  for (size_t i = 0; i < count; i++)
    CHECK(boc_cown_new(&nothing, &cowns[i]) == BOC_OK);
}

static void drop_all(boc_cown **cowns, size_t count) {
  for (size_t i = 0; i < count; i++)
    boc_cown_drop(cowns[i]);
}

/* Over its cowns, two of which are repeated. */
static void run_over_many(boc_runtime *runtime, boc_cown **cowns) {
  boc_cown *const twice[] = {cowns[0], cowns[1], cowns[0], cowns[2], cowns[1]};
  CHECK(boc_when(runtime, twice, 5, body, NULL) == BOC_OK);
  CHECK(boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_OK);
}

static void each_cown_is_named_once(void) {
  boc_runtime *runtime;
  boc_cown *cowns[COWNS];
  story all = {.count = 0};
  setup(&runtime, EVENTS);
  a_list_of_cowns(cowns, COWNS);
  run_over_many(runtime, cowns);
  CHECK(boc_trace_read(runtime, hear, &all) == BOC_OK);
  CHECK_EQ(all.count, 4);
  CHECK_EQ(all.kinds[0], BOC_TRACE_STARTED);
  CHECK_EQ(all.kinds[1], BOC_TRACE_COWN);
  CHECK_EQ(all.kinds[2], BOC_TRACE_COWN);
  CHECK_EQ(all.kinds[3], BOC_TRACE_FINISHED);
  CHECK_EQ(all.cown_count, COWNS);
  CHECK_EQ(all.cowns[0], (uintptr_t)cowns[0]);
  const bool as_given = all.cowns[1] == (uintptr_t)cowns[1];
  CHECK_EQ(all.cowns[as_given ? 1 : 2], (uintptr_t)cowns[1]);
  CHECK_EQ(all.cowns[as_given ? 2 : 1], (uintptr_t)cowns[2]);
  boc_runtime_free(runtime);
  drop_all(cowns, COWNS);
}

static void never(boc_behavior *self, void *env) {
  (void)self;
  (void)env;
  CHECK(!"the body of what was cancelled");
}

static const boc_behavior_type never_type = {.name = "never", .body = never};

static void run_cancelled(boc_runtime *runtime, boc_cown **cowns) {
  const boc_access accesses[] = {{cowns[0], BOC_WRITE}, {cowns[1], BOC_READ}};
  boc_behavior_options options = {.size = sizeof options, .scope = NULL};
  boc_behavior *behavior;
  CHECK(boc_scope_new(NULL, NULL, &options.scope) == BOC_OK);
  boc_scope_cancel(options.scope);
  CHECK(boc_behavior_new_with(runtime, &never_type, 0, accesses, 2, &options,
                              &behavior) == BOC_OK);
  boc_behavior_schedule(behavior);
  boc_scope_drop(options.scope);
  CHECK(boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_OK);
}

static void what_was_cancelled_says_so(void) {
  boc_runtime *runtime;
  boc_cown *cowns[COWNS];
  story all = {.count = 0};
  setup(&runtime, EVENTS);
  a_list_of_cowns(cowns, COWNS);
  run_cancelled(runtime, cowns);
  CHECK(boc_trace_read(runtime, hear, &all) == BOC_OK);
  CHECK_EQ(all.count, 4);
  CHECK_EQ(all.kinds[0], BOC_TRACE_STARTED);
  CHECK_EQ(all.kinds[1], BOC_TRACE_COWN);
  CHECK_EQ(all.kinds[2], BOC_TRACE_CANCELLED);
  CHECK_EQ(all.kinds[3], BOC_TRACE_FINISHED);
  boc_runtime_free(runtime);
  drop_all(cowns, COWNS);
}

static void gather(void *ctx, const char *text, size_t size) {
  seen *all = ctx;
  CHECK(all->size + size < sizeof all->text);
  memcpy(all->text + all->size, text, size);
  all->size += size;
}

static unsigned occurrences(const char *text, const char *part) {
  unsigned count = 0;
  for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
    count++;
  return count;
}

static void the_json_is_whole(void) {
  boc_runtime *runtime;
  boc_cown *cown;
  seen all = {.size = 0};
  setup(&runtime, EVENTS);
  CHECK(boc_cown_new(&nothing, &cown) == BOC_OK);
  run(runtime, cown);
  CHECK(boc_trace_write(runtime, gather, &all) == BOC_OK);
  CHECK(strncmp(all.text, "[\n{", 3) == 0); /* tests/install reads all of it */
  CHECK(strcmp(all.text + all.size - 4, "}\n]\n") == 0);
  CHECK_EQ(occurrences(all.text, "\"ph\":\"B\""), BEHAVIORS);
  CHECK_EQ(occurrences(all.text, "\"ph\":\"E\""), BEHAVIORS);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
}

static const char *after(const char *text, const char *part) {
  const char *at = strstr(text, part);
  CHECK(at);
  return at + strlen(part);
}

/* The only slice has all its cowns, and cancelled behaviors come before its end. */
static void the_json_tells_of_cowns_and_of_what_was_cancelled(void) {
  boc_runtime *runtime;
  boc_cown *cowns[COWNS];
  char list[100];
  seen all = {.size = 0};
  setup(&runtime, EVENTS);
  a_list_of_cowns(cowns, COWNS);
  run_cancelled(runtime, cowns);
  CHECK(boc_trace_write(runtime, gather, &all) == BOC_OK);
  snprintf(list, sizeof list, "\"cowns\":[\"%" PRIxPTR "\",\"%" PRIxPTR "\"]}},\n",
           (uintptr_t)cowns[0], (uintptr_t)cowns[1]);
  const char *slice = after(all.text, "\"ph\":\"B\"");
  const char *mark = after(after(slice, list), "\"name\":\"cancelled\"");
  CHECK(after(mark, "\"ph\":\"E\"") > mark);
  CHECK_EQ(occurrences(all.text, "\"ph\":\"B\""), 1);
  CHECK_EQ(occurrences(all.text, "\"ph\":\"E\""), 1);
  CHECK_EQ(occurrences(all.text, "cowns"), 1);
  CHECK_EQ(occurrences(all.text, "]}}"), 1);
  boc_runtime_free(runtime);
  drop_all(cowns, COWNS);
}

/* If the ring lacks the beginning of a slice, the JSON leaves out its later cowns. */
static void cowns_of_what_began_earlier_are_left_out(void) {
  boc_runtime *runtime;
  boc_cown *cowns[COWNS];
  seen all = {.size = 0};
  setup(&runtime, 3);
  a_list_of_cowns(cowns, COWNS);
  run_over_many(runtime, cowns);
  CHECK(boc_trace_write(runtime, gather, &all) == BOC_OK);
  CHECK_EQ(occurrences(all.text, "cowns"), occurrences(all.text, "\"ph\":\"B\""));
  CHECK_EQ(occurrences(all.text, "\"name\":\"cown\""), 0);
  CHECK(strcmp(all.text + all.size - 4, "}\n]\n") == 0);
  boc_runtime_free(runtime);
  drop_all(cowns, COWNS);
}

static void without_it_there_is_nothing_to_read(void) {
  boc_runtime *runtime;
  seen all = {.size = 0};
  setup(&runtime, 0);
  CHECK(boc_trace_read(runtime, see, &all) == BOC_BAD_STATE);
  CHECK(boc_trace_write(runtime, gather, &all) == BOC_BAD_STATE);
  CHECK_EQ(all.size, 0);
  boc_runtime_free(runtime);
}

static const test_case cases[] = {
    TEST_RACE(each_step_is_recorded_once, 1),
    TEST_RACE(a_small_ring_keeps_the_latest, 4),
    TEST_RACE(each_cown_is_named_once, 1),
    TEST_RACE(what_was_cancelled_says_so, 1),
    TEST_ONCE(the_json_is_whole),
    TEST_ONCE(the_json_tells_of_cowns_and_of_what_was_cancelled),
    TEST_ONCE(cowns_of_what_began_earlier_are_left_out),
    TEST_ONCE(without_it_there_is_nothing_to_read),
};

TEST_MAIN(cases)
