/* Scaling: readers with the number of workers, and the cost of a behavior with its
 * cowns.
 *
 *   read, write   N behaviors over one cown that sum up its 4 KB eight times, as
 *                 readers or as writers. Readers run side by side, so two workers
 *                 should halve the time. A behavior schedules them.
 *   cownsK        a behavior over the same K cowns, N times: nanoseconds per behavior.
 *                 The cowns are named in another order than that of their addresses,
 *                 so sorting them is part of it. The time should grow as K; the driver
 *                 shows it for each cown.
 */
#include "bench.h"

#include <boc/boc.h>

#include <stdlib.h>

enum { WORDS = 512, TIMES = 8, FEW = 20000 };

typedef struct field {
  uint64_t words[WORDS];
} field;

static const boc_cown_type field_type = {.name = "field",
                                         .payload_size = sizeof(field)};
static const boc_cown_type number_type = {.name = "number",
                                          .payload_size = sizeof(uint64_t)};

static boc_runtime *shared_runtime;

static boc_runtime *runtime_of(const bench_options *options) {
  boc_runtime_options wanted = BOC_RUNTIME_OPTIONS_INIT;
  wanted.workers = options->workers;
  if (!shared_runtime)
    bench_check(boc_runtime_new(&wanted, &shared_runtime) == BOC_OK, "boc_runtime_new");
  return shared_runtime;
}

static void schedule(boc_runtime *runtime, const boc_behavior_type *type,
                     const boc_access *accesses, size_t count) {
  boc_behavior *made;
  bench_check(boc_behavior_new(runtime, type, 0, accesses, count, &made) == BOC_OK,
              "boc_behavior_new");
  boc_behavior_schedule(made);
}

static void quiesce(boc_runtime *runtime) {
  bench_check(boc_runtime_quiesce(runtime, BOC_FOREVER) == BOC_OK, "quiesce");
}

/* Readers and writers. */

static void sum_up(boc_behavior *self, void *env) {
  const field *summed = boc_cown_payload(boc_behavior_cown(self, 0));
  uint64_t sum = 0;
  (void)env;
  for (int i = 0; i < TIMES * WORDS; i++)
    sum = (sum ^ summed->words[i % WORDS]) * UINT64_C(0x9e3779b97f4a7c15);
  bench_check(sum != 1, "a sum");
}
static const boc_behavior_type summing = {"sum", sum_up, NULL, NULL, NULL};

typedef struct plan {
  boc_runtime *runtime;
  boc_access access;
  size_t n;
} plan;

static void schedule_sums(boc_behavior *self, void *arg) {
  const plan *all = arg;
  (void)self;
  for (size_t i = 0; i < all->n; i++)
    schedule(all->runtime, &summing, &all->access, 1);
}

static double sum_in_mode(const bench_options *options, size_t n, boc_mode mode) {
  boc_runtime *runtime = runtime_of(options);
  boc_cown *cown;
  bench_check(boc_cown_new(&field_type, &cown) == BOC_OK, "boc_cown_new");
  for (uint64_t i = 0; i < WORDS; i++)
    ((field *)boc_cown_payload(cown))->words[i] = i + 1;
  plan all = {runtime, {cown, mode}, n};
  const uint64_t begin = bench_now();
  bench_check(boc_when(runtime, NULL, 0, schedule_sums, &all) == BOC_OK, "boc_when");
  quiesce(runtime);
  const uint64_t end = bench_now();
  boc_cown_drop(cown);
  return (double)(end - begin) / (double)n;
}

static double read_one(const bench_options *options, size_t n) {
  return sum_in_mode(options, n, BOC_READ);
}

static double write_one(const bench_options *options, size_t n) {
  return sum_in_mode(options, n, BOC_WRITE);
}

/* Many cowns. */

static void count_first(boc_behavior *self, void *env) {
  (void)env;
  ++*(uint64_t *)boc_cown_payload(boc_behavior_cown(self, 0));
}
static const boc_behavior_type counting = {"count", count_first, NULL, NULL, NULL};

static void shuffle(boc_access *accesses, size_t count) {
  uint64_t random = 1;
  for (size_t i = count - 1; i > 0; i--) {
    random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    const size_t k = (size_t)(random >> 33) % (i + 1);
    const boc_access other = accesses[k];
    accesses[k] = accesses[i];
    accesses[i] = other;
  }
}

static boc_access *make_accesses(size_t count) {
  boc_access *accesses = bench_calloc(count, sizeof *accesses);
  for (size_t i = 0; i < count; i++)
    bench_check(boc_cown_new(&number_type, &accesses[i].cown) == BOC_OK,
                "boc_cown_new");
  shuffle(accesses, count);
  return accesses;
}

static double over_cowns(const bench_options *options, size_t n, size_t count) {
  boc_runtime *runtime = runtime_of(options);
  boc_access *accesses = make_accesses(count);
  const uint64_t begin = bench_now();
  for (size_t i = 0; i < n; i++)
    schedule(runtime, &counting, accesses, count);
  quiesce(runtime);
  const uint64_t end = bench_now();
  bench_check(*(uint64_t *)boc_cown_payload(accesses[0].cown) == n, "wrong count");
  for (size_t i = 0; i < count; i++)
    boc_cown_drop(accesses[i].cown);
  free(accesses);
  return (double)(end - begin) / (double)n;
}

#define OVER(count)                                                                    \
  static double cowns##count(const bench_options *options, size_t n) {                 \
    return over_cowns(options, n, count);                                              \
  }
OVER(1)
OVER(2)
OVER(10)
OVER(100)
OVER(1000)
OVER(10000)
OVER(100000)

static const bench_workload workloads[] = {
    {"read", read_one, FEW, NULL},         {"write", write_one, FEW, NULL},
    {"cowns1", cowns1, 100000, NULL},      {"cowns2", cowns2, 100000, NULL},
    {"cowns10", cowns10, 20000, NULL},     {"cowns100", cowns100, 2000, NULL},
    {"cowns1000", cowns1000, 200, NULL},   {"cowns10000", cowns10000, 20, NULL},
    {"cowns100000", cowns100000, 4, NULL},
};

int main(int argc, char **argv) {
  const int code = bench_main(argc, argv, "scale", boc_core_count(), workloads,
                              sizeof workloads / sizeof *workloads);
  if (shared_runtime)
    boc_runtime_free(shared_runtime);
  return code;
}
