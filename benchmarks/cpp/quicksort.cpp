/* Quicksort: a list is divided by its pivot until the parts are short; each part is
 * sorted by a behavior, and put together by the one that divided it. */
#include "savina.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace {

constexpr std::size_t SHORT = 2048;

using values = std::vector<std::uint64_t>;

struct sorter {
  values smaller, equal, larger;
  unsigned unanswered = 2;
  boc::cown<sorter> parent;
  bool is_smaller = false; /* than the parent's pivot */
};

void answer(const boc::cown<sorter> &parent, bool is_smaller, values sorted);

void finish(sorter &it) {
  values all = std::move(it.smaller);
  all.insert(all.end(), it.equal.begin(), it.equal.end());
  all.insert(all.end(), it.larger.begin(), it.larger.end());
  if (it.parent)
    answer(it.parent, it.is_smaller, std::move(all));
  else
    it.equal = std::move(all);
}

void answer(const boc::cown<sorter> &parent, bool is_smaller, values sorted) {
  boc::when(parent) << [is_smaller, sorted = std::move(sorted)](sorter &it) mutable {
    (is_smaller ? it.smaller : it.larger) = std::move(sorted);
    if (--it.unanswered == 0)
      finish(it);
  };
}

void sort(values all, boc::cown<sorter> parent, bool is_smaller) {
  boc::when() <<
      [all = std::move(all), parent = std::move(parent), is_smaller]() mutable {
        if (all.size() <= SHORT) {
          std::sort(all.begin(), all.end());
          answer(parent, is_smaller, std::move(all));
          return;
        }
        const std::uint64_t pivot = all[all.size() / 2];
        sorter mine;
        values smaller, larger;
        for (std::uint64_t each : all)
          (each < pivot ? smaller : each > pivot ? larger : mine.equal).push_back(each);
        mine.parent = std::move(parent);
        mine.is_smaller = is_smaller;
        auto self = boc::make_cown<sorter>(std::move(mine));
        sort(std::move(smaller), self, true);
        sort(std::move(larger), self, false);
      };
}

} // namespace

double savina::quicksort(const bench_options *options, std::size_t count) {
  random random;
  values all(count);
  for (auto &each : all)
    each = random.next() << 29;
  const std::uint64_t sum = std::accumulate(all.begin(), all.end(), std::uint64_t{0});
  sorter top;
  top.unanswered = 1;
  auto root = boc::make_cown<sorter>(std::move(top));
  const double taken = milliseconds(options, [&root, all = std::move(all)]() mutable {
    sort(std::move(all), root, true);
  });
  boc::runtime auditor(1);
  boc::when(boc::read(root)) << [count, sum](const sorter &it) {
    const values &done = it.equal;
    bench_check(done.size() == count && std::is_sorted(done.begin(), done.end()) &&
                    std::accumulate(done.begin(), done.end(), std::uint64_t{0}) == sum,
                "quicksort: all values, sorted");
  };
  return taken;
}
