/* Fib: the n-th Fibonacci number as a tree, without a cutoff. Each node is a behavior
 * that makes two more, and a cown that they answer to. */
#include "savina.hpp"

namespace {

struct call {
  std::uint64_t sum = 0;
  unsigned unanswered = 2;
  boc::cown<call> caller;
};

void answer(const boc::cown<call> &caller, std::uint64_t value) {
  boc::when(caller) << [value](call &it) {
    it.sum += value;
    if (--it.unanswered == 0 && it.caller)
      answer(it.caller, it.sum);
  };
}

void compute(std::size_t which, boc::cown<call> caller) {
  boc::when() << [which, caller = std::move(caller)]() mutable {
    if (which <= 2) {
      answer(caller, 1);
      return;
    }
    auto mine = boc::make_cown<call>(call{0, 2, std::move(caller)});
    compute(which - 1, mine);
    compute(which - 2, std::move(mine));
  };
}

std::uint64_t by_loop(std::size_t which) {
  std::uint64_t last = 0, value = 1;
  for (std::size_t i = 1; i < which; i++)
    last = std::exchange(value, value + last);
  return value;
}

} // namespace

double savina::fib(const bench_options *options, std::size_t which) {
  auto root = boc::make_cown<call>(call{0, 1, {}});
  const double taken = milliseconds(options, [&root, which] { compute(which, root); });
  boc::runtime auditor(1);
  boc::when(boc::read(root)) << [which](const call &it) {
    bench_check(it.unanswered == 0 && it.sum == by_loop(which), "fib: the number");
  };
  return taken;
}
