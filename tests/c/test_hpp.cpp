/* boc.hpp: what a C++ program sees of it. */
#include <boc/boc.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

static void check(bool holds, const char *text, int line) {
  if (holds)
    return;
  std::fprintf(stderr, "test_hpp.cpp:%d: not so: %s\n", line, text);
  std::abort();
}
#define CHECK(condition) check((condition), #condition, __LINE__)

struct account {
  explicit account(int start) : balance(start) { alive++; }
  account(const account &) = delete;
  ~account() { alive--; }
  int balance;
  static std::atomic<int> alive;
};
std::atomic<int> account::alive{0};

static void transfers_keep_the_sum() {
  {
    auto a = boc::make_cown<account>(100), b = boc::make_cown<account>(100);
    boc::runtime runtime(2);
    for (int i = 0; i < 1000; i++)
      runtime.when(a, b) << [i](account &from, account &to) {
        from.balance -= i % 7;
        to.balance += i % 7;
      };
    std::atomic<int> sum{0};
    runtime.when(boc::read(a), boc::read(b))
        << [&sum](const account &left, const account &right) {
             sum = left.balance + right.balance;
           };
    CHECK(runtime.quiesce());
    CHECK(sum == 200);
    CHECK(runtime.workers() == 2);
  }
  CHECK(account::alive == 0);
}

static void bodies_may_own_what_only_moves() {
  boc::runtime runtime(1);
  auto text = boc::make_cown<std::string>("a");
  auto owned = std::make_unique<std::string>("b");
  runtime.when(text) << [owned = std::move(owned)](std::string &all) { all += *owned; };
  runtime.when(text) << [](std::string &all) { CHECK(all == "ab"); };
  runtime.when() << [] {};
  CHECK(runtime.quiesce());
}

static void bodies_schedule_on_their_own_runtime() {
  boc::runtime runtime(2);
  auto log = boc::make_cown<std::vector<int>>();
  runtime.when(log) << [log](std::vector<int> &first) {
    first.push_back(1);
    boc::when(log) << [](std::vector<int> &second) { second.push_back(2); };
  };
  CHECK(runtime.quiesce());
  runtime.when(boc::read(log))
      << [](const std::vector<int> &all) { CHECK((all == std::vector<int>{1, 2})); };
}

struct refuses {
  refuses() { throw std::runtime_error("no"); }
};

template <class Exception, class F> static bool throws(F &&f) {
  try {
    f();
  } catch (const Exception &) {
    return true;
  }
  return false;
}

static void refusals_are_thrown_where_they_are_made() {
  CHECK(throws<std::runtime_error>([] { boc::make_cown<refuses>(); }));
  CHECK(throws<boc::error>([] { boc::when() << [] {}; }));
  CHECK(throws<boc::error>([] { boc::runtime too_many(5000); }));
}

static void handles_count() {
  auto first = boc::make_cown<account>(1);
  auto second = first;
  CHECK(first == second);
  first = boc::cown<account>();
  CHECK(!first && second && account::alive == 1);
  second = boc::make_cown<account>(2);
  CHECK(account::alive == 1);
  auto third = std::move(second);
  CHECK(!second && third != second);
}

int main() {
  transfers_keep_the_sum();
  bodies_may_own_what_only_moves();
  bodies_schedule_on_their_own_runtime();
  refusals_are_thrown_where_they_are_made();
  handles_count();
  std::puts("ok");
}
