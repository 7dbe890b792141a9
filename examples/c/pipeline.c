/* A pipeline: each stage is a cown, an item goes from stage to stage as a behavior.
 *
 * Different items are in different stages at the same time. Within a stage they keep
 * their order, since behaviors over one cown run in the order in which they were
 * scheduled. The last stage is pinned to a lane: its behaviors run on the main thread,
 * which may print, draw, or do whatever only that thread may.
 *
 *   cc pipeline.c $(pkg-config --cflags --libs boc) -o pipeline && ./pipeline
 */
#include <boc/boc.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ITEMS 2000
#define IN_FLIGHT 64 /* items between the first stage and the last */
#define BYTES 1024

enum { GENERATE, COMPRESS, WRITE, STAGES };

/* An item of the pipeline. It belongs to the behavior that has its address in its
 * environment; a stage that passes it on gives it away. */
typedef struct item {
  unsigned number;
  size_t size;
  unsigned char bytes[2 * BYTES];
} item;

/* The payload of each stage's cown. */
typedef struct stage {
  unsigned items; /* that have been here */
  uint64_t bytes; /* that have left here */
  int disorder;   /* items that came before their turn */
} stage;

typedef struct pipeline {
  boc_runtime *runtime;
  boc_lane *lane;
  boc_cown *stages[STAGES];
} pipeline;

static const boc_cown_type stage_type = {
    .name = "stage",
    .payload_size = sizeof(stage),
};

static pipeline line;

static void check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "pipeline: %s: %s\n", what, boc_status_text(status));
  exit(EXIT_FAILURE);
}

static void generate(boc_behavior *self, void *arg);
static void compress_runs(boc_behavior *self, void *arg);
static void write_out(boc_behavior *self, void *arg);
static void (*const bodies[STAGES])(boc_behavior *, void *) = {generate, compress_runs,
                                                               write_out};

static void pass_to(int next, item *it) {
  check(boc_when(line.runtime, &line.stages[next], 1, bodies[next], it), "next stage");
}

static stage *enter(boc_behavior *self, const item *it) {
  stage *here = boc_cown_payload(boc_behavior_cown(self, 0));
  here->disorder += it->number != here->items++;
  return here;
}

static void generate(boc_behavior *self, void *arg) {
  item *it = arg;
  stage *here = enter(self, it);
  for (it->size = 0; it->size < BYTES; it->size++)
    it->bytes[it->size] = (unsigned char)(it->size / (1 + it->number % 50));
  here->bytes += it->size;
  pass_to(COMPRESS, it);
}

/* Each run of equal bytes becomes its length and the byte. */
static void compress_runs(boc_behavior *self, void *arg) {
  item *it = arg;
  stage *here = enter(self, it);
  unsigned char out[2 * BYTES];
  size_t size = 0;
  for (size_t i = 0, run; i < it->size; i += run) {
    for (run = 1; i + run < it->size && run < 255; run++)
      if (it->bytes[i + run] != it->bytes[i])
        break;
    out[size++] = (unsigned char)run;
    out[size++] = it->bytes[i];
  }
  for (it->size = 0; it->size < size; it->size++)
    it->bytes[it->size] = out[it->size];
  here->bytes += size;
  pass_to(WRITE, it);
}

/* On the main thread. */
static void write_out(boc_behavior *self, void *arg) {
  item *it = arg;
  stage *here = enter(self, it);
  for (size_t i = 0; i < it->size; i += 2)
    /* the length of the text from which the run was made */
    here->bytes += it->bytes[i];
  if (it->number % 500 == 0)
    printf("item %u: %u bytes are %zu\n", it->number, (unsigned)BYTES, it->size);
  free(it);
}

static void feed(unsigned number) {
  item *it = calloc(1, sizeof *it);
  check(it ? BOC_OK : BOC_NO_MEMORY, "item");
  it->number = number;
  pass_to(GENERATE, it);
}

/* Feeds the first stage and pumps the last, never too many items in between. */
static void run(void) {
  size_t fed = 0, written = 0, ran;
  while (written < ITEMS) {
    while (fed < ITEMS && fed - written < IN_FLIGHT)
      feed((unsigned)fed++);
    check(boc_lane_wait(line.lane, BOC_FOREVER), "wait");
    check(boc_lane_pump(line.lane, BOC_FOREVER, SIZE_MAX, &ran), "pump");
    written += ran;
  }
}

int main(void) {
  int wrong = 0;
  check(boc_runtime_new(NULL, &line.runtime), "start");
  check(boc_lane_new(NULL, &line.lane), "lane");
  for (int i = 0; i < STAGES; i++)
    check(boc_cown_new(&stage_type, &line.stages[i]), "stage");
  check(boc_cown_pin(line.stages[WRITE], line.lane), "pin");

  run();
  boc_runtime_free(line.runtime);

  for (int i = 0; i < STAGES; i++) {
    const stage *at = boc_cown_payload(line.stages[i]);
    printf("stage %d: %u items, %llu bytes\n", i, at->items,
           (unsigned long long)at->bytes);
    wrong += at->items != ITEMS || at->disorder != 0;
    wrong += i != COMPRESS && at->bytes != (uint64_t)ITEMS * BYTES;
  }
  for (int i = 0; i < STAGES; i++)
    boc_cown_drop(line.stages[i]);
  boc_lane_free(line.lane);
  return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
