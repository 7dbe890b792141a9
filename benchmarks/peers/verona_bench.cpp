/* The workloads of boc_bench.c and four programs of the Savina suite on verona-rt, the
 * runtime of the paper's authors: nanoseconds per behavior, and milliseconds.
 *
 * The sources of verona-rt and snmalloc are not part of this project; see
 * docs/benchmarks.md for how `./dev bench c` is told where they are. A runtime ends
 * with each repetition here, as verona-rt has one for the program.
 */
#include "../c/bench.h"

#include <cpp/when.h>
#include <verona.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <unordered_map>
#include <vector>

using namespace verona::cpp;

namespace {

struct counter {
  std::uint64_t value = 0;
};

using cowns = std::vector<cown_ptr<counter>>;

/* From the first line of `root`, a behavior, to the end of the last. In nanoseconds. */
std::uint64_t elapsed(const bench_options *options, std::function<void()> root) {
  std::uint64_t begin = 0;
  auto &scheduler = verona::rt::Scheduler::get();
  scheduler.init(options->workers);
  when() << [&begin, root = std::move(root)]() {
    begin = bench_now();
    root();
  };
  scheduler.run();
  return bench_now() - begin;
}

cowns make_cowns(std::size_t count) {
  cowns made;
  for (std::size_t i = 0; i < count; i++)
    made.push_back(make_cown<counter>());
  return made;
}

/* The cowns are made in a runtime, and live until its end. */
double measure(const bench_options *options, std::size_t n, std::size_t count,
               void (*schedule)(cowns &, std::size_t)) {
  cowns *all = new cowns;
  *all = make_cowns(count);
  const double taken =
      double(elapsed(options, [all, n, schedule] { schedule(*all, n); }));
  delete all;
  return taken / double(n);
}

void schedule_each(cowns &all, std::size_t n) {
  for (std::size_t i = 0, at = 0; i < n; i++) {
    when(all[at]) << [](acquired_cown<counter> it) { it->value++; };
    at = at + 1 < all.size() ? at + 1 : 0;
  }
}

void schedule_fanout_alloc(cowns &, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) {
    auto made = make_cown<counter>();
    when(std::move(made)) << [](acquired_cown<counter> it) { it->value++; };
  }
}

void schedule_zero(cowns &, std::size_t n) {
  for (std::size_t i = 0; i < n; i++)
    when() << []() {};
}

void schedule_pair(cown_ptr<counter> &left, cown_ptr<counter> &right) {
  when(left, right) << [](acquired_cown<counter> one, acquired_cown<counter> two) {
    one->value++;
    two->value++;
  };
}

void schedule_ring2(cowns &all, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) {
    const std::size_t at = bench_ring_at(i);
    schedule_pair(all[at], all[(at + 1) % BENCH_RING]);
  }
}

void schedule_hot2(cowns &all, std::size_t n) {
  for (std::size_t i = 0; i < n; i++)
    schedule_pair(all[0], all[1]);
}

void schedule_group8(cowns &all, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) {
    const std::size_t at = bench_ring_at(i);
    const auto one = [&all, at](std::size_t k) -> cown_ptr<counter> & {
      return all[(at + k) % BENCH_RING];
    };
    using it = acquired_cown<counter>;
    when(one(0), one(1), one(2), one(3), one(4), one(5), one(6), one(7))
        << [](it a, it b, it c, it d, it e, it f, it g, it h) {
             for (it *each : {&a, &b, &c, &d, &e, &f, &g, &h})
               (*each)->value++;
           };
  }
}

void schedule_capture3(cowns &all, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) {
    std::uint64_t a = i, b = 1, c = i;
    when(all[0]) << [a, b, c](acquired_cown<counter> it) { it->value += a + b - c; };
  }
}

void spawn(const cown_ptr<counter> &on, std::size_t left) {
  when(on) << [left](acquired_cown<counter> it) {
    it->value++;
    if (left > 0)
      spawn(it.cown(), left - 1);
  };
}

void schedule_chains(cowns &all, std::size_t n) {
  for (auto &each : all)
    spawn(each, n / all.size() - 1);
}

template <void (*schedule)(cowns &, std::size_t), std::size_t count>
double workload(const bench_options *options, std::size_t n) {
  return measure(options, n, count ? count : n, schedule);
}

/* ---- programs -------------------------------------------------------------------- */

/* As savina::random. */
class random {
public:
  explicit random(std::uint64_t seed = 1) noexcept : state_(seed + 1) {}
  std::uint64_t next() noexcept {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return state_ >> 33;
  }
  std::size_t below(std::size_t limit) noexcept { return next() % limit; }

private:
  std::uint64_t state_;
};

double milliseconds(const bench_options *options, std::function<void()> root) {
  return double(elapsed(options, std::move(root))) / 1e6;
}

constexpr std::size_t KEYS = 512000 / 4;

struct dictionary {
  std::unordered_map<std::size_t, std::size_t> values;
};

struct requester {
  random numbers;
  std::size_t left;
  std::size_t sum = 0;
  requester(std::size_t seed, std::size_t left) : numbers(seed), left(left) {}
};

void request(const cown_ptr<dictionary> &data, const cown_ptr<requester> &self) {
  when(self) << [data](acquired_cown<requester> me) {
    if (me->left-- == 0)
      return;
    const std::size_t action = me->numbers.below(100);
    const std::size_t key = me->numbers.below(KEYS), value = me->numbers.below(KEYS);
    if (action < 10) {
      when(data) << [key, value, back = me.cown()](acquired_cown<dictionary> all) {
        all->values[key] = value;
        request(all.cown(), back);
      };
    } else {
      when(read(data)) <<
          [data, key, back = me.cown()](acquired_cown<const dictionary> all) {
            const auto found = all->values.find(key);
            const std::size_t seen = found == all->values.end() ? 0 : found->second;
            when(back) << [seen](acquired_cown<requester> mine) { mine->sum += seen; };
            request(data, back);
          };
    }
  };
}

double concdict(const bench_options *options, std::size_t messages) {
  return milliseconds(options, [messages] {
    auto data = make_cown<dictionary>();
    for (std::size_t i = 0; i < 20; i++)
      request(data, make_cown<requester>(i, messages));
  });
}

struct creature {
  unsigned color;
  std::size_t meetings = 0;
  explicit creature(unsigned color) : color(color) {}
};

struct mall {
  std::size_t meetings_left;
  cown_ptr<creature> waiting;
  explicit mall(std::size_t meetings) : meetings_left(meetings) {}
};

void go_to(const cown_ptr<mall> &place, cown_ptr<creature> visitor);

void meet(const cown_ptr<mall> &place, cown_ptr<creature> one, cown_ptr<creature> two) {
  when(std::move(one), std::move(two))
      << [place](acquired_cown<creature> left, acquired_cown<creature> right) {
           const unsigned mine = left->color, other = right->color;
           left->color = right->color = mine == other ? mine : 3 - mine - other;
           left->meetings++;
           right->meetings++;
           go_to(place, left.cown());
           go_to(place, right.cown());
         };
}

void go_to(const cown_ptr<mall> &place, cown_ptr<creature> visitor) {
  when(place) << [visitor = std::move(visitor)](acquired_cown<mall> here) mutable {
    if (here->meetings_left == 0) {
      here->waiting = nullptr;
      return;
    }
    if (here->waiting == nullptr) {
      here->waiting = std::move(visitor);
      return;
    }
    here->meetings_left--;
    meet(here.cown(), std::move(here->waiting), std::move(visitor));
  };
}

double chameneos(const bench_options *options, std::size_t meetings) {
  return milliseconds(options, [meetings] {
    auto place = make_cown<mall>(meetings);
    for (unsigned i = 0; i < 100; i++)
      go_to(place, make_cown<creature>(i % 3));
  });
}

struct call {
  std::uint64_t sum = 0;
  unsigned unanswered = 2;
  cown_ptr<call> caller;
  call() = default;
  explicit call(cown_ptr<call> of) : caller(std::move(of)) {}
};

void answer(const cown_ptr<call> &caller, std::uint64_t value) {
  when(caller) << [value](acquired_cown<call> it) {
    it->sum += value;
    if (--it->unanswered == 0 && it->caller != nullptr)
      answer(it->caller, it->sum);
  };
}

void compute(std::size_t which, cown_ptr<call> caller) {
  when() << [which, caller = std::move(caller)]() mutable {
    if (which <= 2) {
      answer(caller, 1);
      return;
    }
    auto mine = make_cown<call>(std::move(caller));
    compute(which - 1, mine);
    compute(which - 2, std::move(mine));
  };
}

double fib(const bench_options *options, std::size_t which) {
  return milliseconds(options, [which] {
    auto root = make_cown<call>();
    compute(which, root);
  });
}

using values = std::vector<std::uint64_t>;

struct sorter {
  values smaller, equal, larger;
  unsigned unanswered = 2;
  cown_ptr<sorter> parent;
  bool is_smaller = false;
};

void answer(const cown_ptr<sorter> &parent, bool is_smaller, values sorted) {
  when(parent) <<
      [is_smaller, sorted = std::move(sorted)](acquired_cown<sorter> it) mutable {
        (is_smaller ? it->smaller : it->larger) = std::move(sorted);
        if (--it->unanswered > 0)
          return;
        values all = std::move(it->smaller);
        all.insert(all.end(), it->equal.begin(), it->equal.end());
        all.insert(all.end(), it->larger.begin(), it->larger.end());
        if (it->parent != nullptr)
          answer(it->parent, it->is_smaller, std::move(all));
        else
          bench_check(std::is_sorted(all.begin(), all.end()), "sorted");
      };
}

void sort(values all, cown_ptr<sorter> parent, bool is_smaller) {
  when() << [all = std::move(all), parent = std::move(parent), is_smaller]() mutable {
    if (all.size() <= 2048) {
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
    auto self = make_cown<sorter>(std::move(mine));
    sort(std::move(smaller), self, true);
    sort(std::move(larger), self, false);
  };
}

double quicksort(const bench_options *options, std::size_t count) {
  random numbers;
  values all(count);
  for (auto &each : all)
    each = numbers.next() << 29;
  return milliseconds(options, [all] {
    sorter top;
    top.unanswered = 1;
    sort(all, make_cown<sorter>(std::move(top)), true);
  });
}

} // namespace

int main(int argc, char **argv) {
  static const bench_workload workloads[] = {
      {"chain1", workload<schedule_each, 1>, BENCH_MANY, nullptr},
      {"fanout", workload<schedule_each, 0>, BENCH_MANY, nullptr},
      {"fanout_alloc", workload<schedule_fanout_alloc, 1>, BENCH_MANY, nullptr},
      {"zero", workload<schedule_zero, 1>, BENCH_MANY, nullptr},
      {"rr64", workload<schedule_each, BENCH_ROUND_ROBIN>, BENCH_MANY, nullptr},
      {"ring2", workload<schedule_ring2, BENCH_RING>, BENCH_MANY, nullptr},
      {"hot2", workload<schedule_hot2, 2>, BENCH_MANY, nullptr},
      {"group8", workload<schedule_group8, BENCH_RING>, BENCH_MANY / 2, nullptr},
      {"capture3", workload<schedule_capture3, 1>, BENCH_MANY, nullptr},
      {"spawn1", workload<schedule_chains, 1>, BENCH_MANY, nullptr},
      {"spawn8", workload<schedule_chains, BENCH_GROUP>, BENCH_MANY, nullptr},
      {"chameneos", chameneos, 200000, "ms"},
      {"concdict", concdict, 10000, "ms"},
      {"fib", fib, 25, "ms"},
      {"quicksort", quicksort, 1000000, "ms"},
  };
  return bench_main(argc, argv, "verona-rt", 2, workloads,
                    sizeof workloads / sizeof *workloads);
}
