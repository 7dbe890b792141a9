/* boc.hpp in each standard of C++, with and without exceptions: uses everything once,
 * compiles without a warning, and runs. */
#include <boc/boc.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#if defined(__cplusplus) && __cplusplus >= 202002L
#include <span>
#endif

struct node {
  int value = 1;
  boc::cown<node> next{};
};

static void expect(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "hpp_standards.cpp: not so: %s\n", what);
  std::abort();
}

static void cowns_and_results(boc::runtime &runtime) {
  auto tail = boc::make_cown<node>();
  auto head = boc::make_cown<node>(node{2, tail});
  auto sum = boc::when(head, boc::read(tail)) <<
             [](boc::acquired<node> first, const node &last) {
               expect(first->next == first->next && first.cown(), "a cown comes back");
               return first->value + last.value;
             };
  runtime.when(sum) << [owned = std::make_unique<int>(3)](int &value) {
    expect(value == *owned, "the sum of two nodes");
    boc::when() << [] {};
  };
}

static void ranges() {
  std::vector<boc::cown<int>> all = {boc::make_cown<int>(1), boc::make_cown<int>(2)};
  const std::array<boc::cown<int>, 1> one = {all[0]};
  boc::when(all, boc::read(one)) << [](boc::acquired_span<int> both,
                                       boc::acquired_span<const int> first) {
    int sum = 0;
    for (int &each : both)
      sum += each;
    expect(sum == 3 && first[0] == 1 && both.cown(0).handle(), "two cowns of a range");
  };
#if defined(__cpp_lib_span)
  boc::when(boc::read(std::span<boc::cown<int>>(all)))
      << [](auto &some) { expect(some.size() == 2, "a span of cowns"); };
#endif
}

static void groups(boc::runtime &runtime) {
  auto text = boc::make_cown<std::string>();
  boc::batch batch(runtime);
  batch.when(text) << [](std::string &all) { all += 'a'; };
  batch.when(text) << [](std::string &all) { all += 'b'; };
  batch.schedule();
  boc::scope scope(runtime);
  scope.when(boc::read(text)) << [](const std::string &all) {
    expect(all == "ab" && !boc::cancelled(), "a batch, then a scope");
  };
  expect(scope.wait(), "the end of a scope");
  scope.cancel();
  scope.when(text) << [](std::string &) { expect(false, "a cancelled body runs"); };
}

static void lanes(boc::runtime &runtime) {
  boc::lane lane;
  auto pinned = boc::make_cown<int>(0);
  pinned.pin(lane);
  boc::when(pinned) << [](int &value) { value++; };
  expect(lane.wait() && lane.pump() == 1 && runtime.quiesce(), "a lane");
}

int main() {
  boc::runtime runtime(2);
  cowns_and_results(runtime);
  ranges();
  groups(runtime);
  lanes(runtime);
  expect(runtime.quiesce(), "quiescence");
}
