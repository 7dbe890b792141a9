/* Writes a trace to its standard output: plain bodies, deferred ones that finish in the
 * middle of another body, on the worker and on the main thread, cancelled ones on both,
 * a lane that is pumped in the body of another one's, one over several cowns, and names
 * that JSON must escape. */
#include <boc/boc.h>

#include <stdio.h>
#include <stdlib.h>
#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#endif

static boc_runtime *runtime;
static boc_lane *lanes[2];
static boc_cown *cowns[2]; /* each pinned to its lane */
static boc_cown *many[3];
static boc_behavior *deferred;

static void must(boc_status status) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "traced: %s\n", boc_status_text(status));
  exit(EXIT_FAILURE);
}

static void rest(boc_behavior *self, void *env) { (void)self, (void)env; }

static void defer(boc_behavior *self, void *env) {
  (void)env;
  boc_behavior_defer(self);
  deferred = self;
}

static void complete(boc_behavior *self, void *env) {
  (void)self, (void)env;
  boc_behavior_complete(deferred);
}

static void pump(boc_behavior *self, void *env) {
  (void)self, (void)env;
  must(boc_lane_pump(lanes[1], BOC_FOREVER, SIZE_MAX, NULL));
}

static void defer_and_tell(boc_behavior *self, void *env);

#define TYPES(X)                                                                       \
  X("plain", rest)                                                                     \
  X("with \"quotes\", a \\ and a\ttab", rest)                                          \
  X("gr\xc3\xb6\xc3\x9f"                                                               \
    "er \xf0\x9f\x90\xa2",                                                             \
    rest)                                                                              \
  X("\xff\xc3(\xed\xa0\x80 is no UTF-8\xc3", rest)                                     \
  X("a name that is cut where a character of two bytes would begin: \xc3\xa4\xc3\xa4", \
    rest)                                                                              \
  X(NULL, rest)                                                                        \
  X("deferred", defer)                                                                 \
  X("completes", complete)                                                             \
  X("deferred, too", defer_and_tell)                                                   \
  X("completes on the main thread", complete)                                          \
  X("pumps", pump)                                                                     \
  X("is pumped", rest)                                                                 \
  X("cancelled", rest)                                                                 \
  X("over many", rest)
#define TYPE(name, body) {name, body, NULL, NULL},
static const boc_behavior_type types[] = {TYPES(TYPE)};
enum { DEFERRED = 6, ON_MAIN = 9, PUMPS, IS_PUMPED, CANCELLED, OVER_MANY };

static void schedule_over(int type, const boc_access *accesses, size_t count,
                          boc_scope *scope) {
  const boc_behavior_options options = {.size = sizeof options, .scope = scope};
  boc_behavior *made;
  must(boc_behavior_new_with(runtime, &types[type], 0, accesses, count, &options,
                             &made));
  boc_behavior_schedule(made);
}

static void schedule(int type, boc_cown *cown, boc_scope *scope) {
  const boc_access access = {cown, BOC_WRITE};
  schedule_over(type, &access, cown != NULL, scope);
}

static void schedule_over_many(void) {
  const boc_access accesses[] = {{many[0], BOC_READ},
                                 {many[1], BOC_WRITE},
                                 {many[0], BOC_READ},
                                 {many[2], BOC_READ}};
  schedule_over(OVER_MANY, accesses, sizeof accesses / sizeof *accesses, NULL);
}

static void defer_and_tell(boc_behavior *self, void *env) {
  defer(self, env);
  schedule(ON_MAIN, cowns[0], NULL);
}

static void write_out(void *ctx, const char *text, size_t size) {
  if (fwrite(text, 1, size, ctx) != size)
    exit(EXIT_FAILURE);
}

static void start(void) {
  static const boc_cown_type nothing = {.name = "nothing"};
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 1;
  options.trace_events = 1000;
  must(boc_runtime_new(&options, &runtime));
  for (int i = 0; i < 2; i++) {
    must(boc_lane_new(NULL, &lanes[i]));
    must(boc_cown_new(&nothing, &cowns[i]));
    must(boc_cown_pin(cowns[i], lanes[i]));
  }
  for (int i = 0; i < 3; i++)
    must(boc_cown_new(&nothing, &many[i]));
}

static void stop(void) {
  boc_runtime_free(runtime);
  for (int i = 0; i < 2; i++) {
    boc_cown_drop(cowns[i]);
    boc_lane_free(lanes[i]);
  }
  for (int i = 0; i < 3; i++)
    boc_cown_drop(many[i]);
}

int main(void) {
  boc_scope *scope;
#if defined(_WIN32)
  _setmode(_fileno(stdout), _O_BINARY);
#endif
  start();
  for (int type = 0; type < ON_MAIN; type++)
    schedule(type, NULL, NULL); /* one worker, in this order */
  must(boc_lane_wait(lanes[0], BOC_FOREVER));
  must(boc_lane_pump(lanes[0], BOC_FOREVER, SIZE_MAX, NULL));
  schedule(IS_PUMPED, cowns[1], NULL);
  schedule(PUMPS, cowns[0], NULL);
  must(boc_lane_pump(lanes[0], BOC_FOREVER, SIZE_MAX, NULL));
  must(boc_scope_new(NULL, NULL, &scope));
  boc_scope_cancel(scope);
  schedule(CANCELLED, NULL, scope);
  schedule(CANCELLED, cowns[0], scope);
  must(boc_lane_pump(lanes[0], BOC_FOREVER, SIZE_MAX, NULL));
  boc_scope_drop(scope);
  schedule_over_many();
  must(boc_runtime_quiesce(runtime, BOC_FOREVER));
  must(boc_trace_write(runtime, write_out, stdout));
  stop();
  return EXIT_SUCCESS;
}
