/* The workloads as oneTBB tasks of one task group, created by one thread.
 *
 * TBB knows no cowns: `fanout` and `zero` are bare tasks; where behaviors share cowns
 * the task takes a spin lock for each, in the order of their addresses. Locks keep no
 * order between tasks, so that this does less than behaviors do.
 */
#include "bench.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/spin_mutex.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <vector>

namespace {

struct cell {
  tbb::spin_mutex mutex;
  uint64_t value = 0;
};

using cells = std::vector<cell>;

template <typename Schedule>
double measure(const bench_options *options, size_t n, size_t count, uint64_t expected,
               Schedule schedule) {
  tbb::global_control control(tbb::global_control::max_allowed_parallelism,
                              options->workers);
  tbb::task_arena arena(static_cast<int>(options->workers));
  cells values(count);
  uint64_t begin = 0, end = 0;
  arena.execute([&] {
    tbb::task_group group;
    begin = bench_now();
    for (size_t i = 0; i < n; i++)
      schedule(group, values, i);
    group.wait();
    end = bench_now();
  });
  uint64_t sum = 0;
  for (cell &each : values)
    sum += each.value;
  bench_check(sum == expected, "wrong sum of counters");
  return static_cast<double>(end - begin) / static_cast<double>(n);
}

void run_locked(tbb::task_group &group, cell &only) {
  group.run([&only] {
    tbb::spin_mutex::scoped_lock lock(only.mutex);
    only.value++;
  });
}

void run_locked(tbb::task_group &group, cell &a, cell &b) {
  cell &low = &a < &b ? a : b, &high = &a < &b ? b : a;
  group.run([&low, &high] {
    tbb::spin_mutex::scoped_lock first(low.mutex), second(high.mutex);
    low.value++;
    high.value++;
  });
}

double chain1(const bench_options *options, size_t n) {
  return measure(options, n, 1, n, [](tbb::task_group &group, cells &values, size_t) {
    run_locked(group, values[0]);
  });
}

double fanout(const bench_options *options, size_t n) {
  return measure(options, n, n, n, [](tbb::task_group &group, cells &values, size_t i) {
    cell &only = values[i];
    group.run([&only] { only.value++; });
  });
}

double zero(const bench_options *options, size_t n) {
  return measure(options, n, 0, 0,
                 [](tbb::task_group &group, cells &, size_t) { group.run([] {}); });
}

double rr64(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_ROUND_ROBIN, n,
                 [](tbb::task_group &group, cells &values, size_t i) {
                   run_locked(group, values[i % BENCH_ROUND_ROBIN]);
                 });
}

double ring2(const bench_options *options, size_t n) {
  return measure(options, n, BENCH_RING, 2 * n,
                 [](tbb::task_group &group, cells &values, size_t i) {
                   size_t at = bench_ring_at(i);
                   run_locked(group, values[at], values[(at + 1) % BENCH_RING]);
                 });
}

double hot2(const bench_options *options, size_t n) {
  return measure(options, n, 2, 2 * n,
                 [](tbb::task_group &group, cells &values, size_t) {
                   run_locked(group, values[0], values[1]);
                 });
}

const bench_workload workloads[] = {
    {"chain1", chain1, BENCH_MANY, nullptr}, {"fanout", fanout, BENCH_MANY, nullptr},
    {"zero", zero, BENCH_MANY, nullptr},     {"rr64", rr64, BENCH_MANY, nullptr},
    {"ring2", ring2, BENCH_MANY, nullptr},   {"hot2", hot2, BENCH_MANY, nullptr},
};

} // namespace

int main(int argc, char **argv) {
  return bench_main(argc, argv, "tbb", 2, workloads,
                    sizeof workloads / sizeof *workloads);
}
