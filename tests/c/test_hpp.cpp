/* boc.hpp: what a C++ program sees of it. */
#include <boc/boc.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

static void check(bool holds, const char *text, int line) {
  if (holds)
    return;
  std::fprintf(stderr, "test_hpp.cpp:%d: not so: %s\n", line, text);
  std::abort();
}
#define CHECK(condition) check((condition), #condition, __LINE__)

/* Under the sanitizers each of the library's blocks is an allocation of its own. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif
#if defined(SANITIZED)
static constexpr bool POOLED = false;
#else
static constexpr bool POOLED = true;
#endif

/* Every allocation of C++ in this program goes through here; by way of pointers, or
 * compilers that see through it find malloc's memory deleted. */
static std::atomic<std::size_t> news{0};
static void *(*const volatile take)(std::size_t) = std::malloc;
static void (*const volatile give_back)(void *) = std::free;

void *operator new(std::size_t size) {
  news++;
  if (void *memory = take(size ? size : 1))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { give_back(memory); }
void operator delete(void *memory, std::size_t) noexcept { give_back(memory); }

/* The library's memory; counts, and refuses on demand. */
struct counting_memory {
  std::atomic<std::size_t> allocations{0};
  std::atomic<bool> refuses{false};
  boc_allocator base{allocate, release, this};

  static void *allocate(void *ctx, std::size_t size) {
    auto *self = static_cast<counting_memory *>(ctx);
    self->allocations++;
    return self->refuses ? nullptr : std::malloc(size);
  }
  static void release(void *, void *memory, std::size_t) { std::free(memory); }
};

static boc_runtime_options options_with(counting_memory &memory) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  options.workers = 1;
  options.allocator = &memory.base;
  return options;
}

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
  runtime.when(boc::read(a)) << [](const int &value) { CHECK(value == 3); };
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

enum { ROUNDS = 2000 };

struct small {
  std::uint64_t words[3];
};

/* What each of the two takes from the library's allocator, and from C++'s. */
static void schedule_in_cpp(boc::cown<std::uint64_t> sum) {
  for (int i = 0; i < ROUNDS; i++)
    boc::when(sum) <<
        [mine = small{{1, 1, 1}}](std::uint64_t &all) { all += mine.words[0]; };
}

static void add_in_c(boc_behavior *self, void *env) {
  auto *all =
      static_cast<std::uint64_t *>(boc_cown_payload(boc_behavior_cown(self, 0)));
  *all += static_cast<small *>(env)->words[0];
}
static const boc_behavior_type add_type = {"add", add_in_c, nullptr, nullptr, nullptr};

static void schedule_in_c(const boc::cown<std::uint64_t> &sum) {
  const boc_access access = {sum.handle(), BOC_WRITE};
  for (int i = 0; i < ROUNDS; i++) {
    boc_behavior *made = nullptr;
    boc::require(boc_behavior_new(boc_runtime_current(), &add_type, sizeof(small),
                                  &access, 1, &made));
    *static_cast<small *>(boc_behavior_env(made)) = small{{1, 1, 1}};
    boc_behavior_schedule(made);
  }
}

template <class F> static std::size_t allocations_of(F schedule) {
  counting_memory memory;
  const boc_runtime_options options = options_with(memory);
  auto sum = boc::make_cown<std::uint64_t>(0);
  {
    boc::runtime runtime(options);
    runtime.when() << [&] {
      const std::size_t before = news;
      schedule(sum);
      CHECK(news == before);
    };
    CHECK(runtime.quiesce());
    runtime.when(sum) << [](const std::uint64_t &all) { CHECK(all == ROUNDS); };
  }
  return memory.allocations;
}

static void small_captures_allocate_what_c_allocates() {
  const std::size_t in_c = allocations_of(schedule_in_c);
  CHECK(allocations_of(schedule_in_cpp) == in_c);
  CHECK((in_c < ROUNDS) == POOLED); /* the pool takes many blocks at once */
}

static void no_memory_is_bad_alloc() {
  counting_memory memory;
  const boc_runtime_options options = options_with(memory);
  boc::runtime runtime(options);
  auto payload = std::make_shared<int>(1);
  memory.refuses = true;
  CHECK(throws<std::bad_alloc>([&] {
    for (int i = 0; i < 1000000; i++)
      runtime.when() << [payload, big = std::array<char, 4096>{}] { (void)big; };
  }));
  CHECK(throws<std::bad_alloc>([&] { boc::runtime another(options); }));
  memory.refuses = false;
  CHECK(runtime.quiesce());
  CHECK(payload.use_count() == 1);
}

static void run_case(const char *name, void (*body)()) {
  body();
  std::printf("ok %s\n", name);
  std::fflush(stdout);
}
#define RUN(name) run_case(#name, name)

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
  RUN(captures_whose_move_may_throw);
  RUN(small_captures_allocate_what_c_allocates);
  RUN(no_memory_is_bad_alloc);
  exceptions_in_bodies_terminate();
}
