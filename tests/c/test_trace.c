/* Tracing: every behavior leaves its events in order, and the JSON is whole. */
#include "harness.h"

#include <string.h>

#include <boc/boc.h>

enum { BEHAVIORS = 5, EVENTS = 256 };

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
  const bool sleeps = event->kind == BOC_TRACE_parked || event->kind == BOC_TRACE_woken;
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
  CHECK_EQ(all.count[BOC_TRACE_scheduled], BEHAVIORS);
  CHECK_EQ(all.count[BOC_TRACE_ready], BEHAVIORS);
  CHECK_EQ(all.count[BOC_TRACE_started], BEHAVIORS);
  CHECK_EQ(all.count[BOC_TRACE_finished], BEHAVIORS);
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
    TEST_ONCE(the_json_is_whole),
    TEST_ONCE(without_it_there_is_nothing_to_read),
};

TEST_MAIN(cases)
