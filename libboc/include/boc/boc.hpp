/* libboc for C++17: header-only, over the C API.
 *
 *   boc::runtime runtime;
 *   auto from = boc::make_cown<account>(100), to = boc::make_cown<account>(0);
 *   runtime.when(from, to) << [](account &from, account &to) {
 *     from.balance -= 10;
 *     to.balance += 10;
 *   };
 *   runtime.when(boc::read(to)) << [](const account &to) { std::cout << to.balance; };
 *
 * In a body, boc::when(...) schedules on the runtime that runs it. Bodies may be
 * lambdas with move-only captures; they live in the behavior's own block, so that
 * nothing else is allocated (but for those whose move may throw).
 *
 * Refusals of the C API are thrown as boc::error (std::bad_alloc for BOC_NO_MEMORY) at
 * the call that made them. A body has no caller who could catch: an exception that
 * leaves it goes to std::terminate, as one that leaves a std::thread does. What is to
 * be known of a failure goes into a cown.
 */
#ifndef BOC_BOC_HPP
#define BOC_BOC_HPP

#include <boc/boc.h>

#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

namespace boc {

/* What a refusal of the C API becomes. */
class error : public std::runtime_error {
public:
  explicit error(boc_status status)
      : std::runtime_error(boc_status_text(status)), status_(status) {}
  boc_status status() const noexcept { return status_; }

private:
  boc_status status_;
};

inline void require(boc_status status) {
  if (status == BOC_NO_MEMORY)
    throw std::bad_alloc();
  if (status != BOC_OK)
    throw error(status);
}

namespace detail {

/* A cown's payload: the T, and whether its constructor has returned. */
template <class T> struct box {
  alignas(T) unsigned char room[sizeof(T)];
  bool made;
  T &value() noexcept { return *std::launder(reinterpret_cast<T *>(room)); }
};

template <class T> void drop_box(boc_cown *, void *payload) {
  auto *contents = static_cast<box<T> *>(payload);
  if (contents->made)
    contents->value().~T();
}

template <class T>
inline const boc_cown_type cown_type = {"boc::cown", sizeof(box<T>), nullptr,
                                        nullptr,     drop_box<T>,    nullptr};

} // namespace detail

/* Ready behaviors that a thread of the program's own runs: those of the cowns that were
 * pinned to it. Outlives the runtimes that schedule them. */
class lane {
public:
  lane() { require(boc_lane_new(nullptr, &handle_)); }
  explicit lane(const boc_lane_options &options) {
    require(boc_lane_new(&options, &handle_));
  }
  lane(const lane &) = delete;
  lane &operator=(const lane &) = delete;
  ~lane() { boc_lane_free(handle_); }

  /* False: the timeout, in nanoseconds, passed. */
  bool wait(int64_t timeout = BOC_FOREVER) {
    return boc_lane_wait(handle_, timeout) == BOC_OK;
  }

  /* Runs up to `most` behaviors, for `timeout` nanoseconds; how many. Throws where
   * boc_lane_pump is refused. */
  std::size_t pump(int64_t timeout = BOC_FOREVER, std::size_t most = SIZE_MAX) {
    std::size_t ran = 0;
    const boc_status status = boc_lane_pump(handle_, timeout, most, &ran);
    if (status != BOC_TIMEOUT)
      require(status);
    return ran;
  }

  std::size_t length() const noexcept { return boc_lane_length(handle_); }

  /* For poll and its kin. Throws where the system has no such thing. */
  int descriptor() {
    int made = -1;
    require(boc_lane_descriptor(handle_, &made));
    return made;
  }

  boc_lane *handle() const noexcept { return handle_; }

private:
  boc_lane *handle_ = nullptr;
};

/* A counted reference to a cown that holds a T. Copies refer to the same cown; a
 * default-constructed or moved-from one refers to none. */
template <class T> class cown {
public:
  static_assert(alignof(T) <= alignof(std::max_align_t), "over-aligned payload");
  using value_type = T;

  cown() noexcept = default;
  cown(const cown &other) noexcept
      : handle_(other.handle_ ? boc_cown_hold(other.handle_) : nullptr) {}
  cown(cown &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  cown &operator=(cown other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~cown() {
    if (handle_)
      boc_cown_drop(handle_);
  }

  /* A new cown with T(args...). Throws what T's constructor throws, or std::bad_alloc.
   */
  template <class... Args> static cown make(Args &&...args) {
    cown made;
    require(boc_cown_new(&detail::cown_type<T>, &made.handle_));
    auto *contents = static_cast<detail::box<T> *>(boc_cown_payload(made.handle_));
    new (contents->room) T(std::forward<Args>(args)...);
    contents->made = true;
    return made;
  }

  /* Pins it to a lane, before the first behavior over it. */
  void pin(const lane &to) {
    require(handle_ ? boc_cown_pin(handle_, to.handle()) : BOC_BAD_ARGUMENT);
  }

  boc_cown *handle() const noexcept { return handle_; }
  explicit operator bool() const noexcept { return handle_ != nullptr; }
  friend bool operator==(const cown &a, const cown &b) noexcept {
    return a.handle_ == b.handle_;
  }
  friend bool operator!=(const cown &a, const cown &b) noexcept { return !(a == b); }

private:
  boc_cown *handle_ = nullptr;
};

template <class T, class... Args> cown<T> make_cown(Args &&...args) {
  return cown<T>::make(std::forward<Args>(args)...);
}

/* A cown that the behavior only reads: its body gets a const reference, and runs side
 * by side with other readers. */
template <class T> struct reading {
  cown<T> target;
};

template <class T> reading<T> read(cown<T> target) noexcept {
  return {std::move(target)};
}

namespace detail {

template <class T> boc_access access_of(const cown<T> &target) noexcept {
  return {target.handle(), BOC_WRITE};
}

template <class T> boc_access access_of(const reading<T> &source) noexcept {
  return {source.target.handle(), BOC_READ};
}

/* What the body gets for an argument of `when`. */
template <class Argument> struct view;

template <class T> struct view<cown<T>> {
  using type = T &;
  static type of(boc_cown *handle) noexcept {
    return static_cast<box<T> *>(boc_cown_payload(handle))->value();
  }
};

template <class T> struct view<reading<T>> {
  using type = const T &;
  static type of(boc_cown *handle) noexcept { return view<cown<T>>::of(handle); }
};

/* A behavior whose environment is the body `F`. */
template <class F, class... Arguments> struct behavior {
  static_assert(alignof(F) <= alignof(std::max_align_t), "over-aligned capture");

  template <std::size_t... I>
  static void call(F &body, [[maybe_unused]] boc_behavior *self,
                   std::index_sequence<I...>) {
    body(view<Arguments>::of(boc_behavior_cown(self, I))...);
  }
  static void run(boc_behavior *self, void *env) noexcept {
    call(*static_cast<F *>(env), self, std::index_sequence_for<Arguments...>{});
  }
  static void drop(void *env) noexcept { static_cast<F *>(env)->~F(); }

  static constexpr boc_behavior_type type = {"boc::when", run, drop, nullptr, nullptr};
};

/* Stands for a body whose move may throw, which must not happen in a behavior. */
template <class F> struct movable {
  std::unique_ptr<F> body;
  template <class... Views>
  auto operator()(Views &&...views)
      -> std::void_t<std::invoke_result_t<F &, Views...>> {
    (*body)(std::forward<Views>(views)...);
  }
};

} // namespace detail

/* What `when` returns: the cowns, waiting for `<<` and a body. */
template <class... Arguments>
class [[nodiscard("when(...) schedules nothing without << body")]] pending {
public:
  pending(boc_runtime *runtime, Arguments... arguments)
      : runtime_(runtime), arguments_{std::move(arguments)...} {}

  /* Schedules `body`, which is moved or copied into the behavior. Throws what that
   * throws, std::bad_alloc, or error; nothing is scheduled then. An empty cown is
   * BOC_BAD_ARGUMENT. */
  template <class F> void operator<<(F &&body) && {
    using stored = std::decay_t<F>;
    static_assert(
        std::is_invocable_v<stored &, typename detail::view<Arguments>::type...>,
        "the body must take a T& for each cown and a const T& for each read");
    constexpr std::index_sequence_for<Arguments...> all;
    if constexpr (std::is_nothrow_move_constructible_v<stored>) {
      schedule(stored(std::forward<F>(body)), all);
    } else {
      schedule(detail::movable<stored>{std::make_unique<stored>(std::forward<F>(body))},
               all);
    }
  }

private:
  /* `body` is moved last of all, so that what throws leaves nothing behind. */
  template <class F, std::size_t... I>
  void schedule(F &&body, std::index_sequence<I...>) {
    using kind = detail::behavior<F, Arguments...>;
    const std::array<boc_access, sizeof...(I) + 1> accesses = {
        detail::access_of(std::get<I>(arguments_))..., boc_access{nullptr, BOC_WRITE}};
    if ((... || !accesses[I].cown))
      throw error(BOC_BAD_ARGUMENT);
    boc_behavior *made = nullptr;
    require(boc_behavior_new(runtime_, &kind::type, sizeof(F), accesses.data(),
                             sizeof...(I), &made));
    new (boc_behavior_env(made)) F(std::move(body));
    boc_behavior_schedule(made);
  }

  boc_runtime *runtime_;
  std::tuple<Arguments...> arguments_;
};

/* A set of workers; ends, once everything scheduled has finished, with the object. */
class runtime {
public:
  /* 0 workers: one for each physical core. */
  explicit runtime(unsigned workers = 0) {
    boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
    options.workers = workers;
    require(boc_runtime_new(&options, &handle_));
  }
  explicit runtime(const boc_runtime_options &options) {
    require(boc_runtime_new(&options, &handle_));
  }
  runtime(const runtime &) = delete;
  runtime &operator=(const runtime &) = delete;
  ~runtime() { boc_runtime_free(handle_); }

  template <class... Arguments> pending<Arguments...> when(Arguments... arguments) {
    return {handle_, std::move(arguments)...};
  }

  /* False: the timeout, in nanoseconds, passed. */
  bool quiesce(int64_t timeout = BOC_FOREVER) {
    const boc_status status = boc_runtime_quiesce(handle_, timeout);
    if (status != BOC_TIMEOUT)
      require(status);
    return status == BOC_OK;
  }

  unsigned workers() const noexcept { return boc_runtime_workers(handle_); }
  boc_runtime *handle() const noexcept { return handle_; }

private:
  boc_runtime *handle_ = nullptr;
};

/* In a body: on the runtime that runs it. BOC_BAD_STATE elsewhere. */
template <class... Arguments> pending<Arguments...> when(Arguments... arguments) {
  boc_runtime *current = boc_runtime_current();
  if (!current)
    throw error(BOC_BAD_STATE);
  return {current, std::move(arguments)...};
}

} // namespace boc

#endif
