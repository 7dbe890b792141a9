/* boc.hpp, as a C++ program uses it. */
#include <boc/boc.hpp>

#include "hpp_harness.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <vector>

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

static void bodies_may_be_generic() {
  boc::runtime runtime(1);
  auto a = boc::make_cown<int>(1), b = boc::make_cown<int>(2);
  runtime.when(a, b) << [a, b](auto &, auto &) {
    boc::when(a, boc::read(b)) << [](auto &to, auto const &from) {
      static_assert(std::is_same_v<decltype(from), const int &>);
      to += from;
    };
  };
  CHECK(runtime.quiesce());
  boc::reading<int> kept = boc::read(a);
  runtime.when(kept, boc::read(boc::cown<int>(a))) <<
      [](const int &value, const int &same) { CHECK(value == 3 && &value == &same); };
}

static void a_cown_named_twice_is_there_twice() {
  boc::runtime runtime(1);
  auto a = boc::make_cown<int>(1);
  runtime.when(boc::read(a), a) << [](const int &seen, int &same) {
    same = 5;
    CHECK(&seen == &same && seen == 5);
  };
}

static void lanes_are_pumped_by_their_owner() {
  int filled = 0;
  boc_lane_options options = BOC_LANE_OPTIONS_INIT;
  options.filled = [](void *ctx) { ++*static_cast<int *>(ctx); };
  options.ctx = &filled;
  boc::lane lane(options);
  boc::runtime runtime(1);
  auto pinned = boc::make_cown<int>(0);
  pinned.pin(lane);
  CHECK(throws<boc::error>([&] { pinned.pin(lane); }));
  CHECK(lane.pump() == 0 && !lane.wait(0));
  for (int i = 0; i < 3; i++)
    runtime.when(pinned) << [&](int &value) {
      CHECK(throws<boc::error>([&] { lane.pump(); }));
      value++;
    };
  CHECK(lane.wait() && lane.length() == 1 && filled == 1);
#if !defined(_WIN32)
  CHECK(lane.descriptor() >= 0 && lane.descriptor() == lane.descriptor());
#endif
  CHECK(!runtime.quiesce(0));
  CHECK(lane.pump(BOC_FOREVER, 1) == 1);
  CHECK(lane.pump(0) == 1); /* at least one, and then the time has passed */
  CHECK(lane.pump() == 1 && lane.length() == 0);
  CHECK(runtime.quiesce());
}

static void empty_cowns_are_refused() {
  boc::runtime runtime(1);
  boc::cown<int> none;
  const auto alive = std::make_shared<int>(1);
  CHECK(throws<boc::error>([&] { runtime.when(none) << [alive](int &) {}; }));
  boc::lane lane;
  CHECK(throws<boc::error>([&] { none.pin(lane); }));
  CHECK(alive.use_count() == 1);
}

/* Lists of some standard libraries are like this. */
struct moves_with_care {
  explicit moves_with_care(int start) : value(start) {}
  moves_with_care(const moves_with_care &) = default;
  moves_with_care(moves_with_care &&other) noexcept(false) : value(other.value) {
    if (value < 0)
      throw std::runtime_error("stays where it is");
  }
  int value;
};

/* Adds to `moves` with each move. */
struct counts_moves {
  explicit counts_moves(int &all) : moves(&all) {}
  counts_moves(const counts_moves &) = delete;
  counts_moves &operator=(const counts_moves &) = delete;
  counts_moves(counts_moves &&other) noexcept : moves(other.moves) { ++*moves; }
  counts_moves &operator=(counts_moves &&) = delete;
  ~counts_moves() = default;
  int *moves;
};

static void a_body_is_moved_once() {
  boc::runtime runtime(1);
  int moves = 0;
  auto body = [counter = counts_moves(moves)] { (void)counter; };
  moves = 0;
  boc::when() << std::move(body);
  CHECK(moves == 1);
  CHECK(runtime.quiesce());
}

static void captures_whose_move_may_throw() {
  boc::runtime runtime(1);
  auto sum = boc::make_cown<int>(0);
  for (int start : {3, -1}) {
    auto body = [careful = moves_with_care(3)](int &all) { all += careful.value; };
    static_assert(!std::is_nothrow_move_constructible_v<decltype(body)>);
    runtime.when(sum) << body;
    moves_with_care stays(start);
    auto schedule = [&] {
      runtime.when(sum) <<
          [careful = std::move(stays)](int &all) { all += careful.value; };
    };
    CHECK(throws<std::runtime_error>(schedule) == (start < 0));
  }
  runtime.when(sum) << [](int &all) { CHECK(all == 9); };
}

/* A list, as C++ programmers write one. */
struct node {
  int value = 0;
  boc::cown<node> next;
};

static void a_type_may_hold_cowns_of_itself() {
  std::atomic<int> sum{0};
  {
    boc::runtime runtime(2);
    boc::cown<node> first;
    for (int i = 1; i <= 10; i++)
      first = boc::make_cown<node>(node{i, first});
    struct walk {
      std::atomic<int> &sum;
      void operator()(const node &here) const {
        sum += here.value;
        if (here.next)
          boc::when(boc::read(here.next)) << walk{sum};
      }
    };
    boc::when(boc::read(first)) << walk{sum};
  }
  CHECK(sum == 55);
}

static void bodies_get_their_cowns_back() {
  boc::runtime runtime(1);
  auto a = boc::make_cown<int>(1), b = boc::make_cown<int>(2);
  boc::when(a, boc::read(b)) << [a, b](boc::acquired<int> to, const int &from) {
    CHECK(to.cown() == a && to.handle() == a.handle());
    *to += from;
    boc::when(to.cown()) << [](int &again) { CHECK(again == 3); };
  };
  boc::when(boc::read(a)) <<
      [a](boc::acquired<const int> seen) { CHECK(seen.cown() == a && seen == 3); };
  struct pair {
    int left, right;
  };
  auto both = boc::make_cown<pair>(pair{1, 2});
  boc::when(both) << [](boc::acquired<pair> it) { CHECK(it->left + it->right == 3); };
}

static void one_when_inside_and_outside() {
  auto log = boc::make_cown<std::vector<int>>();
  {
    boc::runtime runtime(1);
    boc::when(log) << [log](std::vector<int> &all) {
      all.push_back(1);
      boc::when(log) << [](std::vector<int> &later) { later.push_back(2); };
    };
    CHECK(runtime.quiesce());
    {
      boc::runtime another(1);
      CHECK(throws<boc::error>([&] { boc::when(log) << [](auto &) {}; }));
      another.when(log) << [log](auto &) { /* on a worker there is no doubt */
                                           boc::when(log) << [](std::vector<int> &all) {
                                             all.push_back(3);
                                           };
      };
    }
    boc::when(log) << [](std::vector<int> &all) { all.push_back(4); };
  }
  try {
    boc::when(log) << [](auto &) {};
    CHECK(!"refused without a runtime");
  } catch (const boc::error &refused) {
    CHECK(refused.status() == BOC_BAD_STATE);
    CHECK(std::string(refused.what()).find("boc::runtime") != std::string::npos);
  }
  boc::runtime last(1);
  boc::when(boc::read(log)) <<
      [](const std::vector<int> &all) { CHECK((all == std::vector<int>{1, 2, 3, 4})); };
}

static void ranges_of_cowns() {
  boc::runtime runtime(2);
  for (const std::size_t count : {0, 1, 3, 40}) {
    std::vector<boc::cown<int>> all;
    for (std::size_t i = 0; i < count; i++)
      all.push_back(boc::make_cown<int>(1));
    auto sum = boc::make_cown<int>(0);
    boc::when(all, sum) << [all](boc::acquired_span<int> some, int &into) {
      CHECK(some.size() == all.size() && some.empty() == all.empty());
      for (std::size_t i = 0; i < some.size(); i++) {
        some[i] += 1;
        CHECK(some.cown(i) == all[i]);
      }
      for (int &one : some)
        into += one;
    };
    boc::when(sum, boc::read(all), boc::read(std::vector<boc::cown<int>>(all)))
        << [](boc::acquired<int> into, auto &some, auto const &same) {
             static_assert(std::is_same_v<decltype(some[0]), const int &>);
             CHECK(same.size() == some.size());
             for (const int &one : some)
               *into += one;
           };
    boc::when(boc::read(sum)) <<
        [count](const int &total) { CHECK(total == 4 * static_cast<int>(count)); };
  }
  boc::cown<int> pair[2] = {boc::make_cown<int>(1), boc::make_cown<int>(2)};
  const std::array<boc::cown<int>, 1> one = {pair[0]};
  boc::when(pair, boc::read(one))
      << [](auto &both, auto &first) { CHECK(both[1] == 2 && &both[0] == &first[0]); };
  std::vector<boc::cown<int>> with_empty(3);
  CHECK(throws<boc::error>([&] { boc::when(with_empty) << [](auto &) {}; }));
}

static void results_are_awaited_by_other_behaviors() {
  std::atomic<int> seen{0};
  {
    boc::runtime runtime(2);
    auto source = boc::make_cown<int>(20);
    boc::cown<int> doubled = boc::when(boc::read(source))
                             << [](int v) { return 2 * v; };
    auto text = boc::when(doubled) << [](int &v) { return std::to_string(v + 2); };
    static_assert(std::is_same_v<decltype(text), boc::cown<std::string>>);
    auto owned = boc::when(text) << [](std::string &all) {
      return std::make_unique<account>(std::stoi(all));
    };
    boc::when(owned) << [&seen](auto &held) { seen = held->balance; };
    boc::when() << [] { return account::alive.load(); }; /* nobody wants it */
    auto last = boc::when(source) << [](int &value) -> int & { return value; };
    static_assert(std::is_same_v<decltype(last), boc::cown<int>>);
  }
  CHECK(seen == 42 && account::alive == 0);
}

static void results_of_bodies_whose_move_may_throw() {
  boc::runtime runtime(1);
  auto made = boc::when() << [careful = moves_with_care(3)] { return careful.value; };
  boc::when(made) << [](int &value) { CHECK(value == 3); };
}

static void scopes_wait_and_cancel() {
  boc::runtime runtime(1);
  boc::scope scope(runtime);
  boc::scope inner(&scope);
  std::atomic<int> ran{0};
  scope.when() << [&ran] {
    CHECK(!boc::cancelled());
    boc::when() << [&ran] { ran++; };
  };
  CHECK(scope.wait() && ran == 1 && scope.pending() == 0);
  auto gate = boc::make_cown<int>(0);
  std::atomic<bool> go{false};
  boc::when(gate) << [&go](int &) {
    while (!go)
      boc_yield();
  };
  auto result = inner.when(gate) << [&ran](int &) { return ++ran; };
  auto after = boc::when(result) << [&ran](int &) { return ++ran; };
  std::vector<boc::cown<int>> many = {result, after};
  boc::when(many) << [&ran](auto &) { ran++; };
  CHECK(!scope.wait(0));
  scope.cancel();
  go = true;
  CHECK(scope.wait() && inner.wait() && scope.cancelled() && inner.cancelled());
  CHECK(runtime.quiesce() && ran == 1);
  CHECK(!boc::cancelled());
}

static void behaviors_come_later() {
  using namespace std::chrono_literals;
  boc::runtime runtime(2);
  boc::scope scope(runtime);
  auto log = boc::make_cown<std::vector<int>>();
  const auto alive = std::make_shared<int>(0);
  auto size = boc::after(20ms, log) << [alive](std::vector<int> &all) {
    all.push_back(2);
    return all.size();
  };
  runtime.after(10ms, log) << [](std::vector<int> &all) { all.push_back(1); };
  boc::when(log) << [](std::vector<int> &all) { all.push_back(0); };
  boc::when(size) << [log](std::size_t &size) {
    CHECK(size == 3);
    boc::when(log) <<
        [](std::vector<int> &all) { CHECK(all == std::vector<int>({0, 1, 2})); };
  };
  boc::timer handle;
  CHECK(!handle.cancel());
  std::atomic<int> ran{0};
  auto never = runtime.after(1h, handle, log)
               << [&ran, alive](std::vector<int> &) { return ++ran; };
  boc::when(never) << [&ran](int &) { ran++; };
  CHECK(handle.cancel() && !handle.cancel());
  boc::after(1ms, handle) << [&ran] { ran += 10; };
  scope.after(1h, log) << [&ran, alive](std::vector<int> &) { ran++; };
  CHECK(scope.pending() == 1);
  scope.cancel();
  CHECK(scope.wait() && runtime.quiesce() && ran == 10);
  CHECK(!handle.cancel() && alive.use_count() == 1);
  CHECK(throws<boc::error>([] { boc::after(-1ns) << [] {}; }));
}

static void batches_are_one_step() {
  boc::runtime runtime(2);
  auto log = boc::make_cown<std::vector<int>>();
  const auto alive = std::make_shared<int>(0);
  boc::batch batch;
  boc::when(log) << [](std::vector<int> &all) { all.push_back(1); };
  auto size = batch.when(log) << [](std::vector<int> &all) {
    all.push_back(3);
    return all.size();
  };
  batch.when(log, size) << [](std::vector<int> &all, std::size_t &before) {
    CHECK(before == 3);
    all.push_back(4);
  };
  boc::when(log) << [](std::vector<int> &all) { all.push_back(2); };
  CHECK(batch.size() == 2);
  batch.schedule();
  CHECK(batch.size() == 0);
  boc::when(log) <<
      [](std::vector<int> &all) { CHECK((all == std::vector<int>{1, 2, 3, 4})); };
  {
    boc::batch given_up(runtime);
    given_up.when(log) << [alive](std::vector<int> &) { CHECK(!"scheduled"); };
  }
  CHECK(alive.use_count() == 1);
}

/* The `when` of an argument that a capture takes: the body keeps the cown alive. */
static void the_body_may_take_the_cown() {
  boc::runtime runtime(1);
  for (int i = 0; i < 100; i++) {
    auto mine = boc::make_cown<account>(i);
    boc::when(mine) << [mine = std::move(mine), i](account &self) {
      CHECK(self.balance == i && mine);
    };
  }
  CHECK(runtime.quiesce() && account::alive == 0);
}

/* std::terminate is called while the exception can still be inspected. */
[[noreturn]] static void last_words() {
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const std::runtime_error &error) {
    CHECK(std::string(error.what()) == "thrown in a body");
  }
  std::puts("ok exceptions_in_bodies_terminate");
  std::fflush(stdout);
  std::_Exit(EXIT_SUCCESS);
}

static void exceptions_in_bodies_terminate() {
  std::set_terminate(last_words);
  boc::runtime runtime(1);
  runtime.when() << [] { throw std::runtime_error("thrown in a body"); };
  CHECK(runtime.quiesce());
  CHECK(!"an exception that left a body is not lost");
}

int main() {
  RUN(transfers_keep_the_sum);
  RUN(bodies_may_own_what_only_moves);
  RUN(bodies_schedule_on_their_own_runtime);
  RUN(refusals_are_thrown_where_they_are_made);
  RUN(handles_count);
  RUN(bodies_may_be_generic);
  RUN(a_cown_named_twice_is_there_twice);
  RUN(lanes_are_pumped_by_their_owner);
  RUN(empty_cowns_are_refused);
  RUN(a_body_is_moved_once);
  RUN(captures_whose_move_may_throw);
  RUN(a_type_may_hold_cowns_of_itself);
  RUN(bodies_get_their_cowns_back);
  RUN(one_when_inside_and_outside);
  RUN(ranges_of_cowns);
  RUN(results_are_awaited_by_other_behaviors);
  RUN(results_of_bodies_whose_move_may_throw);
  RUN(scopes_wait_and_cancel);
  RUN(behaviors_come_later);
  RUN(batches_are_one_step);
  RUN(the_body_may_take_the_cown);
  exceptions_in_bodies_terminate();
}
