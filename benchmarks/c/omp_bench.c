/* The workloads as OpenMP tasks: a cown is the address in a `depend(inout:)` clause.
 *
 * One thread creates the tasks in a single region. With one thread OpenMP is no
 * scheduler (a task whose dependences are met runs inside its creation), so that only
 * figures of two threads and more compare.
 */
#include "bench.h"

#include <omp.h>
#include <stdlib.h>

static uint64_t cells[BENCH_RING + BENCH_GROUP];

static uint64_t take_sum(uint64_t *values, size_t count) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++) {
    sum += values[i];
    values[i] = 0;
  }
  return sum;
}

/* Runs `schedule` in one thread of a team, and returns nanoseconds per task. */
static double measure(const bench_options *options, size_t n, uint64_t *values,
                      size_t count, void (*schedule)(size_t n, uint64_t *values),
                      uint64_t expected) {
  uint64_t begin = 0, end = 0;
#pragma omp parallel num_threads((int)options->workers)
#pragma omp single
  {
    begin = bench_now();
    schedule(n, values);
#pragma omp taskwait
    end = bench_now();
  }
  bench_check(take_sum(values, count) == expected, "wrong sum of counters");
  return (double)(end - begin) / (double)n;
}

static void schedule_one(uint64_t *cell) {
#pragma omp task depend(inout : cell[0]) firstprivate(cell)
  cell[0]++;
}

static void schedule_two(uint64_t *a, uint64_t *b) {
#pragma omp task depend(inout : a[0], b[0]) firstprivate(a, b)
  {
    a[0]++;
    b[0]++;
  }
}

static void schedule_chain1(size_t n, uint64_t *values) {
  for (size_t i = 0; i < n; i++)
    schedule_one(values);
}

static void schedule_fanout(size_t n, uint64_t *values) {
  for (size_t i = 0; i < n; i++)
    schedule_one(&values[i]);
}

static void schedule_zero(size_t n, uint64_t *values) {
  (void)values;
  for (size_t i = 0; i < n; i++) {
#pragma omp task
    __asm__ volatile(""); /* an empty task would be optimized away */
  }
}

static void schedule_rr64(size_t n, uint64_t *values) {
  for (size_t i = 0; i < n; i++)
    schedule_one(&values[i % BENCH_ROUND_ROBIN]);
}

static void schedule_ring2(size_t n, uint64_t *values) {
  for (size_t i = 0; i < n; i++) {
    size_t at = bench_ring_at(i);
    schedule_two(&values[at], &values[(at + 1) % BENCH_RING]);
  }
}

static void schedule_hot2(size_t n, uint64_t *values) {
  for (size_t i = 0; i < n; i++)
    schedule_two(&values[0], &values[1]);
}

static void schedule_eight(uint64_t *const *group) {
  uint64_t *a = group[0], *b = group[1], *c = group[2], *d = group[3];
  uint64_t *e = group[4], *f = group[5], *g = group[6], *h = group[7];
#pragma omp task depend(inout : a[0], b[0], c[0], d[0], e[0], f[0], g[0], h[0])        \
    firstprivate(a, b, c, d, e, f, g, h)
  {
    a[0]++, b[0]++, c[0]++, d[0]++;
    e[0]++, f[0]++, g[0]++, h[0]++;
  }
}

static void schedule_group8(size_t n, uint64_t *values) {
  for (size_t i = 0; i < n; i++) {
    uint64_t *group[BENCH_GROUP];
    for (size_t k = 0; k < BENCH_GROUP; k++)
      group[k] = &values[(bench_ring_at(i) + k) % BENCH_RING];
    schedule_eight(group);
  }
}

static double chain1(const bench_options *options, size_t n) {
  return measure(options, n, cells, 1, schedule_chain1, n);
}

static double fanout(const bench_options *options, size_t n) {
  uint64_t *values = bench_calloc(n, sizeof *values);
  double result = measure(options, n, values, n, schedule_fanout, n);
  free(values);
  return result;
}

static double zero(const bench_options *options, size_t n) {
  return measure(options, n, cells, 0, schedule_zero, 0);
}

static double rr64(const bench_options *options, size_t n) {
  return measure(options, n, cells, BENCH_ROUND_ROBIN, schedule_rr64, n);
}

static double ring2(const bench_options *options, size_t n) {
  return measure(options, n, cells, BENCH_RING, schedule_ring2, 2 * n);
}

static double hot2(const bench_options *options, size_t n) {
  return measure(options, n, cells, 2, schedule_hot2, 2 * n);
}

static double group8(const bench_options *options, size_t n) {
  return measure(options, n, cells, BENCH_RING, schedule_group8, BENCH_GROUP * n);
}

enum { FEWER = BENCH_MANY / 10 }; /* about a microsecond each */

static const bench_workload workloads[] = {
    {"chain1", chain1, FEWER, NULL}, {"fanout", fanout, FEWER, NULL},
    {"zero", zero, FEWER, NULL},     {"rr64", rr64, FEWER, NULL},
    {"ring2", ring2, FEWER, NULL},   {"hot2", hot2, FEWER, NULL},
    {"group8", group8, FEWER, NULL},
};

int main(int argc, char **argv) {
  return bench_main(argc, argv, "openmp", (unsigned)omp_get_num_procs(), workloads,
                    sizeof workloads / sizeof *workloads);
}
