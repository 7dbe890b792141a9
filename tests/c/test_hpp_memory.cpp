/* The memory that boc.hpp takes: as much as C takes for the same behaviors, and none
 * from operator new; std::bad_alloc where the allocator refuses. */
#include <boc/boc.hpp>

#include "hpp_harness.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

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

int main() {
  RUN(small_captures_allocate_what_c_allocates);
  RUN(no_memory_is_bad_alloc);
}
