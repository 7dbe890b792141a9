/* The workloads as Taskflow's dependent asynchronous tasks. Each task depends on the
 * last one of each of its cells, so tasks that share a cell run in the order of their
 * making, as behaviors do. Tasks of `fanout` and `zero` depend on nothing. The main
 * thread makes them, which is one thread more than the workers.
 */
#include "bench.h"

#include <taskflow/taskflow.hpp>

#include <array>
#include <vector>

namespace {

struct cell {
  tf::AsyncTask last;
  uint64_t value = 0;
};

using cells = std::vector<cell>;

template <typename Schedule>
double measure(const bench_options *options, size_t n, size_t count, uint64_t expected,
               Schedule schedule) {
  tf::Executor executor(options->workers);
  cells values(count);
  const uint64_t begin = bench_now();
  for (size_t i = 0; i < n; i++)
    schedule(executor, values, i);
  executor.wait_for_all();
  const uint64_t end = bench_now();
  uint64_t sum = 0;
  for (cell &each : values)
    sum += each.value;
  bench_check(sum == expected, "wrong sum of counters");
  return static_cast<double>(end - begin) / static_cast<double>(n);
}

/* Increments `all` once they are nobody else's. */
template <size_t Count>
void run_after(tf::Executor &executor, const std::array<cell *, Count> &all) {
  std::array<tf::AsyncTask, Count> before;
  auto end = before.begin();
  for (cell *each : all)
    if (!each->last.empty())
      *end++ = each->last;
  const tf::AsyncTask task = executor.silent_dependent_async(
      [all] {
        for (cell *each : all)
          each->value++;
      },
      before.begin(), end);
  for (cell *each : all)
    each->last = task;
}

double chain1(const bench_options *options, size_t n) {
  return measure(options, n, 1, n, [](tf::Executor &executor, cells &values, size_t) {
    run_after<1>(executor, {&values[0]});
  });
}

double fanout(const bench_options *options, size_t n) {
  return measure(options, n, n, n, [](tf::Executor &executor, cells &values, size_t i) {
    cell &only = values[i];
    executor.silent_async([&only] { only.value++; });
  });
}

double zero(const bench_options *options, size_t n) {
  return measure(options, n, 0, 0, [](tf::Executor &executor, cells &, size_t) {
    executor.silent_async([] {});
  });
}

double rr64(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_ROUND_ROBIN, n,
                 [](tf::Executor &executor, cells &values, size_t i) {
                   run_after<1>(executor, {&values[i % BENCH_ROUND_ROBIN]});
                 });
}

double ring2(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_RING, 2 * n,
                 [](tf::Executor &executor, cells &values, size_t i) {
                   const size_t at = bench_ring_at(i);
                   run_after<2>(executor,
                                {&values[at], &values[(at + 1) % BENCH_RING]});
                 });
}

double hot2(const bench_options *options, size_t n) {
  return measure(options, n, 2, 2 * n,
                 [](tf::Executor &executor, cells &values, size_t) {
                   run_after<2>(executor, {&values[0], &values[1]});
                 });
}

double group8(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_RING, BENCH_GROUP * n,
                 [](tf::Executor &executor, cells &values, size_t i) {
                   std::array<cell *, BENCH_GROUP> group;
                   for (size_t k = 0; k < BENCH_GROUP; k++)
                     group[k] = &values[(bench_ring_at(i) + k) % BENCH_RING];
                   run_after(executor, group);
                 });
}

const bench_workload workloads[] = {
    {"chain1", chain1, BENCH_MANY, nullptr},
    {"fanout", fanout, BENCH_MANY, nullptr},
    {"zero", zero, BENCH_MANY, nullptr},
    {"rr64", rr64, BENCH_MANY, nullptr},
    {"ring2", ring2, BENCH_MANY, nullptr},
    {"hot2", hot2, BENCH_MANY, nullptr},
    {"group8", group8, BENCH_MANY / 2, nullptr},
};

} // namespace

int main(int argc, char **argv) {
  return bench_main(argc, argv, "taskflow", 2, workloads,
                    sizeof workloads / sizeof *workloads);
}
