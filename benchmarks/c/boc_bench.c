/* What a behavior costs in libboc, by workload: nanoseconds per behavior, from the
 * first schedule to quiescence; for `mem_*` bytes.
 *
 * The thread that schedules is a worker in the body of a root behavior, as in programs
 * that live on behaviors; --from outside lets the main thread do it. With one worker
 * the root behavior thus schedules everything before any of it runs. Bodies increment a
 * plain counter in each of their cowns, and the sum is checked at the end.
 *
 *   chain1        N increments of one cown
 *   fanout        N behaviors on N cowns made before; fanout_alloc makes and drops them
 *   zero          N behaviors over no cown
 *   rr64          N increments, round robin over 64 cowns
 *   ring2         N behaviors over a cown of a ring of 1,024 and its neighbor
 *   hot2          N behaviors over the same two cowns
 *   group8        N behaviors over eight neighbors of the ring
 *   capture3      chain1 with three captured integers
 *   spawn1        one chain, each behavior schedules the next; spawn8: eight of them
 *   mem_cown, mem_pending, mem_worker   resident bytes of each
 */
#include "bench.h"

#include <boc/boc.h>

#include <stdlib.h>

typedef struct counter {
  uint64_t value;
} counter;

static const boc_cown_type counter_type = {
    .name = "counter",
    .payload_size = sizeof(counter),
};

static counter *counter_of(boc_cown *cown) { return boc_cown_payload(cown); }

static boc_cown *cown_new(void) {
  boc_cown *cown;
  bench_check(boc_cown_new(&counter_type, &cown) == BOC_OK, "boc_cown_new");
  return cown;
}

static boc_behavior *behavior_new(boc_runtime *runtime, const boc_behavior_type *type,
                                  size_t env_size, boc_cown *const *cowns,
                                  size_t count) {
  boc_access accesses[BENCH_GROUP];
  boc_behavior *behavior;
  for (size_t i = 0; i < count; i++)
    accesses[i] = (boc_access){cowns[i], BOC_WRITE};
  bench_check(boc_behavior_new(runtime, type, env_size, accesses, count, &behavior) ==
                  BOC_OK,
              "boc_behavior_new");
  return behavior;
}

/* Bodies. */

static void increment(boc_behavior *self, void *env) {
  (void)env;
  counter_of(boc_behavior_cown(self, 0))->value++;
}

static void increment_all(boc_behavior *self, void *env) {
  (void)env;
  for (size_t i = 0; i < boc_behavior_count(self); i++)
    counter_of(boc_behavior_cown(self, i))->value++;
}

static void nothing(boc_behavior *self, void *env) {
  (void)self;
  (void)env;
}

static void add_captured(boc_behavior *self, void *env) {
  const uint64_t *captured = env;
  counter_of(boc_behavior_cown(self, 0))->value +=
      captured[0] + captured[1] - captured[2];
}

static const boc_behavior_type increment_type = {"increment", increment, NULL, NULL,
                                                 NULL};
static const boc_behavior_type increment_all_type = {"increment all", increment_all,
                                                     NULL, NULL, NULL};
static const boc_behavior_type nothing_type = {"nothing", nothing, NULL, NULL, NULL};
static const boc_behavior_type capture_type = {"capture", add_captured, NULL, NULL,
                                               NULL};

/* One measurement: the arguments of the scheduling loops, and when the first one
 * began. */
typedef struct work_plan {
  boc_runtime *runtime;
  boc_cown **cowns;
  size_t cown_count;
  size_t n;
  void (*schedule)(struct work_plan *plan);
  uint64_t begin;
  size_t resident;
} work_plan;

static void schedule_on(work_plan *plan, const boc_behavior_type *type,
                        boc_cown *const *cowns, size_t count) {
  boc_behavior_schedule(behavior_new(plan->runtime, type, 0, cowns, count));
}

/* The scheduling loops. */

static void schedule_chain1(work_plan *plan) {
  for (size_t i = 0; i < plan->n; i++)
    schedule_on(plan, &increment_type, plan->cowns, 1);
}

static void schedule_spread(work_plan *plan) {
  size_t at = 0;
  for (size_t i = 0; i < plan->n; i++) {
    schedule_on(plan, &increment_type, &plan->cowns[at], 1);
    at = at + 1 < plan->cown_count ? at + 1 : 0;
  }
}

static void schedule_fanout_alloc(work_plan *plan) {
  for (size_t i = 0; i < plan->n; i++) {
    boc_cown *cown = cown_new();
    schedule_on(plan, &increment_type, &cown, 1);
    boc_cown_drop(cown);
  }
}

static void schedule_zero(work_plan *plan) {
  for (size_t i = 0; i < plan->n; i++)
    schedule_on(plan, &nothing_type, NULL, 0);
}

static void schedule_ring2(work_plan *plan) {
  for (size_t i = 0; i < plan->n; i++) {
    size_t at = bench_ring_at(i);
    boc_cown *pair[] = {plan->cowns[at], plan->cowns[(at + 1) % BENCH_RING]};
    schedule_on(plan, &increment_all_type, pair, 2);
  }
}

static void schedule_hot2(work_plan *plan) {
  for (size_t i = 0; i < plan->n; i++)
    schedule_on(plan, &increment_all_type, plan->cowns, 2);
}

static void schedule_group8(work_plan *plan) {
  for (size_t i = 0; i < plan->n; i++) {
    boc_cown *group[BENCH_GROUP];
    for (size_t k = 0; k < BENCH_GROUP; k++)
      group[k] = plan->cowns[(bench_ring_at(i) + k) % BENCH_RING];
    schedule_on(plan, &increment_all_type, group, BENCH_GROUP);
  }
}

static void schedule_capture3(work_plan *plan) {
  for (size_t i = 0; i < plan->n; i++) {
    boc_behavior *behavior = behavior_new(plan->runtime, &capture_type,
                                          3 * sizeof(uint64_t), plan->cowns, 1);
    uint64_t *captured = boc_behavior_env(behavior);
    captured[0] = i;
    captured[1] = 1;
    captured[2] = i;
    boc_behavior_schedule(behavior);
  }
}

/* A link of a chain: how many more links follow, and over which cown. */
typedef struct chain_link {
  boc_runtime *runtime;
  size_t left;
} chain_link;

static void spawn_next(boc_behavior *self, void *env);
static const boc_behavior_type spawn_type = {"spawn", spawn_next, NULL, NULL, NULL};

static void schedule_link(boc_runtime *runtime, boc_cown *cown, size_t left) {
  boc_behavior *behavior =
      behavior_new(runtime, &spawn_type, sizeof(chain_link), &cown, 1);
  *(chain_link *)boc_behavior_env(behavior) = (chain_link){runtime, left};
  boc_behavior_schedule(behavior);
}

static void spawn_next(boc_behavior *self, void *env) {
  const chain_link *here = env;
  boc_cown *cown = boc_behavior_cown(self, 0);
  counter_of(cown)->value++;
  if (here->left > 0)
    schedule_link(here->runtime, cown, here->left - 1);
}

static void schedule_chains(work_plan *plan) {
  for (size_t i = 0; i < plan->cown_count; i++)
    schedule_link(plan->runtime, plan->cowns[i], plan->n / plan->cown_count - 1);
}

/* Measuring. */

static void root_body(boc_behavior *self, void *arg) {
  work_plan *measured = arg;
  (void)self;
  measured->begin = bench_now();
  measured->schedule(measured);
}

static boc_runtime
    *shared_runtime; /* for all repetitions, so that they find warm pools */

static boc_runtime *runtime_new(unsigned workers) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime;
  options.workers = workers;
  bench_check(boc_runtime_new(&options, &runtime) == BOC_OK, "boc_runtime_new");
  return runtime;
}

static void quiesce(boc_runtime *runtime) {
  bench_check(boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_OK, "quiesce");
}

static uint64_t drop_cowns(boc_cown **cowns, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    sum += counter_of(cowns[i])->value;
    boc_cown_drop(cowns[i]);
  }
  free(cowns);
  return sum;
}

static boc_cown **make_cowns(size_t count) {
  boc_cown **cowns = bench_calloc(count + 1, sizeof *cowns);
  for (size_t i = 0; i < count; i++)
    cowns[i] = cown_new();
  return cowns;
}

/* Runs `schedule` over `cown_count` fresh cowns and returns nanoseconds per behavior.
 */
static double measure(const bench_options *options, size_t n, size_t cown_count,
                      void (*schedule)(work_plan *), uint64_t expected) {
  if (shared_runtime == NULL)
    shared_runtime = runtime_new(options->workers);
  work_plan plan = {
      shared_runtime, make_cowns(cown_count), cown_count, n, schedule, 0, 0};
  if (options->outside) {
    plan.begin = bench_now();
    schedule(&plan);
  } else {
    boc_status status = boc_when(plan.runtime, NULL, 0, root_body, &plan);
    bench_check(status == BOC_OK, "boc_when");
  }
  quiesce(plan.runtime);
  uint64_t end = bench_now();
  bench_check(drop_cowns(plan.cowns, cown_count) == expected, "wrong sum of counters");
  return (double)(end - plan.begin) / (double)n;
}

static double chain1(const bench_options *options, size_t n) {
  return measure(options, n, 1, schedule_chain1, n);
}

static double fanout(const bench_options *options, size_t n) {
  return measure(options, n, n, schedule_spread, n);
}

static double fanout_alloc(const bench_options *options, size_t n) {
  return measure(options, n, 0, schedule_fanout_alloc, 0);
}

static double zero(const bench_options *options, size_t n) {
  return measure(options, n, 0, schedule_zero, 0);
}

static double rr64(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_ROUND_ROBIN, schedule_spread, n);
}

static double ring2(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_RING, schedule_ring2, 2 * n);
}

static double hot2(const bench_options *options, size_t n) {
  return measure(options, n, 2, schedule_hot2, 2 * n);
}

static double group8(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_RING, schedule_group8, BENCH_GROUP * n);
}

static double capture3(const bench_options *options, size_t n) {
  return measure(options, n, 1, schedule_capture3, n);
}

static double spawn1(const bench_options *options, size_t n) {
  return measure(options, n, 1, schedule_chains, n);
}

static double spawn8(const bench_options *options, size_t n) {
  n = n < BENCH_GROUP ? BENCH_GROUP : n / BENCH_GROUP * BENCH_GROUP;
  return measure(options, n, BENCH_GROUP, schedule_chains, n);
}

static double mem_cown(const bench_options *options, size_t n) {
  (void)options;
  boc_cown **cowns = bench_calloc(n, sizeof *cowns);
  for (size_t i = 0; i < n; i++)
    cowns[i] = NULL;
  size_t before = bench_resident();
  for (size_t i = 0; i < n; i++)
    cowns[i] = cown_new();
  size_t after = bench_resident();
  drop_cowns(cowns, n);
  return (double)(after - before) / (double)n;
}

/* Holds the only cown, so that everything that it schedules stays pending. */
static void hoard_body(boc_behavior *self, void *arg) {
  work_plan *hoarded = arg;
  (void)self;
  size_t before = bench_resident();
  schedule_chain1(hoarded);
  hoarded->resident = bench_resident() - before;
}

static double mem_pending(const bench_options *options, size_t n) {
  boc_runtime *runtime = runtime_new(options->workers);
  boc_cown *cown = cown_new();
  work_plan plan = {runtime, &cown, 1, n, schedule_chain1, 0, 0};
  bench_check(boc_when(runtime, &cown, 1, hoard_body, &plan) == BOC_OK, "boc_when");
  quiesce(runtime);
  boc_runtime_free(runtime);
  boc_cown_drop(cown);
  return (double)plan.resident / (double)n;
}

static double mem_worker(const bench_options *options, size_t n) {
  (void)options;
  size_t before = bench_resident();
  boc_runtime *runtime = runtime_new((unsigned)n);
  size_t after = bench_resident();
  boc_runtime_free(runtime);
  return (double)(after - before) / (double)n;
}

static const bench_workload workloads[] = {
    {"mem_cown", mem_cown, BENCH_MANY, "bytes"},
    {"mem_pending", mem_pending, BENCH_MANY / 2, "bytes"},
    {"mem_worker", mem_worker, 64, "bytes"},
    {"chain1", chain1, BENCH_MANY, NULL},
    {"fanout", fanout, BENCH_MANY, NULL},
    {"fanout_alloc", fanout_alloc, BENCH_MANY, NULL},
    {"zero", zero, BENCH_MANY, NULL},
    {"rr64", rr64, BENCH_MANY, NULL},
    {"ring2", ring2, BENCH_MANY, NULL},
    {"hot2", hot2, BENCH_MANY, NULL},
    {"group8", group8, BENCH_MANY / 2, NULL},
    {"capture3", capture3, BENCH_MANY, NULL},
    {"spawn1", spawn1, BENCH_MANY, NULL},
    {"spawn8", spawn8, BENCH_MANY, NULL},
};

int main(int argc, char **argv) {
  int code = bench_main(argc, argv, "boc", boc_core_count(), workloads,
                        sizeof workloads / sizeof *workloads);
  if (shared_runtime != NULL)
    boc_runtime_free(shared_runtime);
  return code;
}
