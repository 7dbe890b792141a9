/* libboc for C++17 and later: header-only, over the C API.
 *
 *   boc::runtime runtime;
 *   auto from = boc::make_cown<account>(100), to = boc::make_cown<account>(0);
 *   boc::when(from, to) << [](account &from, account &to) {
 *     from.balance -= 10;
 *     to.balance += 10;
 *   };
 *   boc::when(boc::read(to)) << [](const account &to) { std::cout << to.balance; };
 *
 * A `when` takes cowns, `boc::read` of cowns, and ranges of either (std::vector,
 * std::array, std::span, arrays). Its body gets, for each, a T &, a const T &, or a
 * boc::acquired_span; where it takes a boc::acquired<T> by value it gets the cown too.
 * What the body returns becomes the cown<R> that `<<` returns: a behavior over that
 * cown runs after this one.
 *
 * boc::when schedules on the runtime whose body calls it; elsewhere on the one
 * boc::runtime that the program has. Bodies may be lambdas with move-only captures;
 * they live in the behavior's own block, so that nothing else is allocated (but for
 * those whose move may throw, for results, and for ranges of many cowns).
 *
 * Refusals of the C API are thrown as boc::error (std::bad_alloc for BOC_NO_MEMORY) at
 * the call that made them. Compiled with -fno-exceptions, they end the program by
 * std::abort, after a line on standard error that names them. A body has no caller that
 * could catch: an exception that leaves it calls std::terminate, as one that leaves a
 * std::thread does. To report a failure, a body writes it into a cown. */
#ifndef BOC_BOC_HPP
#define BOC_BOC_HPP

#include <boc/boc.h>
#include <boc/cown.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace boc {

namespace detail {

/* How many cowns each range has, beside the body; nothing without ranges. */
template <std::size_t Ranges> struct counts {
  std::array<std::size_t, Ranges> of;
};
template <> struct counts<0> {};

template <class F, std::size_t Ranges> struct frame : counts<Ranges> {
  F body;
  frame(counts<Ranges> sizes, F &&moved) noexcept
      : counts<Ranges>(sizes), body(std::move(moved)) {}
};

template <class V> V &view_of(acquired<V> &one) noexcept { return one.get(); }
template <class V> acquired_span<V> &view_of(acquired_span<V> &some) noexcept {
  return some;
}

/* What the body is called with: views, or, if it does not take those, the cowns too. */
template <bool Plain, class Taken> decltype(auto) pass(Taken &taken) noexcept {
  if constexpr (Plain)
    return view_of(taken);
  else
    return (taken);
}

template <class F, class... Stored> struct calling {
  using takes_views = std::is_invocable<F &, typename Stored::view...>;
  static_assert(
      std::disjunction_v<takes_views,
                         std::is_invocable<F &, typename Stored::taken &...>>,
      "the body must take, for each argument of `when`: a T & or boc::acquired<T> (a "
      "const T & or boc::acquired<const T> for boc::read), or a boc::acquired_span");
  static constexpr bool plain = takes_views::value;
  using returned = decltype(std::declval<F &>()(
      pass<plain>(std::declval<typename Stored::taken &>())...));
  using decayed = std::decay_t<returned>;
  /* A body that returns void, or a type that no cown can hold, has no result. */
  static constexpr bool has_result =
      !std::is_void_v<returned> && std::is_constructible_v<decayed, returned>;
};

template <class V> presence state_of(const acquired<V> &one) noexcept {
  return one.state();
}
template <class V> presence state_of(const acquired_span<V> &some) noexcept {
  for (std::size_t i = 0; i < some.size(); i++)
    if (some.at(i).state() != presence::made)
      return some.at(i).state();
  return presence::made;
}

/* A behavior whose environment is the body `F`. */
template <class F, class... Stored> struct behavior {
  using call = calling<F, Stored...>;
  static constexpr std::size_t ranges = (std::size_t{0} + ... + Stored::ranged);
  using environment = frame<F, ranges>;
  static_assert(alignof(environment) <= alignof(std::max_align_t),
                "over-aligned capture");

  /* The result is the last of the behavior's cowns. */
  static auto *result(boc_behavior *self) noexcept {
    return box_of<typename call::decayed>(
        boc_behavior_cown(self, boc_behavior_count(self) - 1));
  }

  template <std::size_t... I>
  static void enter(boc_behavior *self, [[maybe_unused]] environment &env,
                    std::index_sequence<I...>) {
    [[maybe_unused]] std::size_t at = 0, range = 0;
    [[maybe_unused]] const auto count = [&](bool ranged) -> std::size_t {
      if constexpr (ranges > 0)
        return ranged ? env.of[range++] : 1;
      else
        return 1;
    };
    [[maybe_unused]] const auto take = [&](auto *kind) {
      using of = std::remove_pointer_t<decltype(kind)>;
      const std::size_t size = count(of::ranged), first = at;
      at += size;
      return of::take(self, first, size);
    };
    std::tuple<typename Stored::taken...> taken{
        take(static_cast<Stored *>(nullptr))...};
    presence worst = presence::made;
    (void)(... && ((worst = state_of(std::get<I>(taken))) == presence::made));
    if (worst != presence::made)
      return lacking(self, worst);
    if constexpr (call::has_result)
      result(self)->make(env.body(pass<call::plain>(std::get<I>(taken))...));
    else
      static_cast<void>(env.body(pass<call::plain>(std::get<I>(taken))...));
  }

  /* A value that the body needs was never made. */
  static void lacking(boc_behavior *self, presence found) noexcept {
    if (found == presence::none)
      last_words("a behavior needs a result whose own behavior has not been scheduled: "
                 "schedule the batch first");
    cancelled(self, nullptr);
  }

  static void run(boc_behavior *self, void *env) noexcept {
    enter(self, *static_cast<environment *>(env), std::index_sequence_for<Stored...>{});
  }
  static void cancelled([[maybe_unused]] boc_behavior *self, void *) noexcept {
    if constexpr (call::has_result)
      result(self)->state = presence::cancelled;
  }
  static void drop(void *env) noexcept {
    static_cast<environment *>(env)->~environment();
  }

  static constexpr boc_behavior_type type = {"boc::when", run, drop, nullptr,
                                             cancelled};
};

/* Stands for a body whose move may throw, which must not happen in a behavior. */
template <class F> struct movable {
  std::unique_ptr<F> body;
  template <class... Views>
  auto operator()(Views &&...views) -> std::invoke_result_t<F &, Views...> {
    return (*body)(std::forward<Views>(views)...);
  }
};

/* Where a `when` puts what it makes. */
struct target {
  boc_runtime *runtime;
  boc_scope *scope = nullptr;
  std::vector<boc_behavior *> *batch = nullptr;
  std::int64_t delay = -1; /* ns until it is scheduled; negative: there is none */
  boc_timer **timer = nullptr;

  boc_behavior *make(const boc_behavior_type *type, std::size_t env_size,
                     const boc_access *accesses, std::size_t count) const {
    for (std::size_t i = 0; i < count; i++)
      if (!accesses[i].cown)
        refuse(BOC_BAD_ARGUMENT, "boc::when: one of the cowns is empty");
    if (batch && batch->size() == batch->capacity())
      batch->reserve(2 * batch->size() + 4);
    boc_behavior *made = nullptr;
    if (scope) {
      boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
      options.scope = scope;
      require(boc_behavior_new_with(runtime, type, env_size, accesses, count, &options,
                                    &made));
    } else {
      require(boc_behavior_new(runtime, type, env_size, accesses, count, &made));
    }
    return made;
  }
  void put(boc_behavior *made) const {
    if (batch)
      batch->push_back(made);
    else if (delay >= 0)
      start(made);
    else
      boc_behavior_schedule(made);
  }

private:
  void start(boc_behavior *made) const {
    const boc_status status = boc_runtime_after(runtime, delay, made, timer);
    if (status != BOC_OK)
      boc_behavior_free(made);
    require(status);
  }
};

/* Room for `count` accesses: on the stack, if they are few. */
class access_list {
public:
  explicit access_list(std::size_t count) {
    if (count > few_.size()) {
      many_ = std::make_unique<boc_access[]>(count);
      data_ = many_.get();
    }
  }
  boc_access *data() noexcept { return data_; }

private:
  std::array<boc_access, 16> few_;
  std::unique_ptr<boc_access[]> many_;
  boc_access *data_ = few_.data();
};

template <std::size_t Count> class access_array {
public:
  explicit access_array(std::size_t) noexcept {}
  boc_access *data() noexcept { return all_.data(); }

private:
  std::array<boc_access, Count> all_;
};

} // namespace detail

/* The handle of an `after`, which cancels it. The destructor cancels nothing. */
class timer {
public:
  timer() noexcept = default;
  timer(const timer &) = delete;
  timer &operator=(const timer &) = delete;
  ~timer() { boc_timer_drop(handle_); }

  /* True: the behavior has not been scheduled and will not run, nor will those that
   * need its result. False: its time had come, or there is no timer. */
  bool cancel() noexcept { return handle_ && boc_timer_cancel(handle_); }
  boc_timer *handle() const noexcept { return handle_; }

  /* For `after`: where the next timer goes, in place of the one before. */
  boc_timer **renew() noexcept {
    boc_timer_drop(handle_);
    handle_ = nullptr;
    return &handle_;
  }

private:
  boc_timer *handle_ = nullptr;
};

/* What `when` returns: the cowns, waiting for `<<` and a body. */
template <class... Stored> class [[nodiscard]] pending {
public:
  explicit pending(detail::target where, Stored... stored)
      : where_(where), stored_{std::move(stored)...} {}

  /* Schedules `body`, which is moved or copied into the behavior. Returns the cown<R>
   * of what it returns, or nothing if that is void. If the behavior is cancelled, so
   * are those over its result. Throws what moving the body throws, std::bad_alloc, or
   * error; nothing is scheduled then. An empty cown is BOC_BAD_ARGUMENT. */
  template <class F> auto operator<<(F &&body) && {
    using stored = std::decay_t<F>;
    constexpr std::index_sequence_for<Stored...> all;
    if constexpr (!std::is_nothrow_move_constructible_v<stored>) {
      return schedule(
          detail::movable<stored>{std::make_unique<stored>(std::forward<F>(body))},
          all);
    } else if constexpr (std::is_same_v<F, stored>) {
      /* moved once: a capture of a const cown & is const, and each move copies it */
      return schedule(std::move(body), all);
    } else {
      return schedule(stored(std::forward<F>(body)), all);
    }
  }

private:
  /* `body` is moved last: if an earlier step throws, nothing has changed. */
  template <class F, std::size_t... I>
  auto schedule(F &&body, std::index_sequence<I...>) {
    using kind = detail::behavior<F, Stored...>;
    using call = typename kind::call;
    constexpr bool fixed = kind::ranges == 0;
    using room = std::conditional_t<fixed, detail::access_array<sizeof...(I) + 1>,
                                    detail::access_list>;
    std::size_t count = 0;
    [[maybe_unused]] const std::array<std::size_t, sizeof...(I) + 1> sizes = {
        std::get<I>(stored_).size()..., 0};
    [[maybe_unused]] detail::counts<kind::ranges> ranges{};
    if constexpr (!fixed) {
      std::size_t next = 0;
      (void)(..., (Stored::ranged ? void(ranges.of[next++] = sizes[I]) : void()));
    }
    room accesses((sizes[I] + ... + 1));
    (void)(...,
           (std::get<I>(stored_).fill(accesses.data() + count), count += sizes[I]));
    const auto make = [&](std::size_t all) {
      boc_behavior *made = where_.make(&kind::type, sizeof(typename kind::environment),
                                       accesses.data(), all);
      new (boc_behavior_env(made)) typename kind::environment(ranges, std::move(body));
      where_.put(made);
    };
    if constexpr (call::has_result) {
      cown<typename call::decayed> result = make_result<typename call::decayed>();
      accesses.data()[count] = {result.handle(), where_.batch ? BOC_WRITE : BOC_FRESH};
      make(count + 1);
      return result;
    } else {
      make(count);
    }
  }

  template <class R> static cown<R> make_result() {
    static_assert(alignof(R) <= alignof(std::max_align_t), "over-aligned result");
    boc_cown *made = nullptr;
    require(boc_cown_new(&detail::cown_type<R>, &made));
    return cown<R>(detail::adopt{made});
  }

  detail::target where_;
  std::tuple<Stored...> stored_;
};

namespace detail {

/* BOC_BAD_ARGUMENT for a negative delay. */
inline target later(target where, std::chrono::nanoseconds delay,
                    timer *handle = nullptr) {
  if (delay.count() < 0)
    refuse(BOC_BAD_ARGUMENT, "boc::after: a negative delay");
  where.delay = delay.count();
  where.timer = handle ? handle->renew() : nullptr;
  return where;
}

template <class... Arguments>
auto wait_for_body(target where, Arguments &&...arguments) {
  return pending<decltype(store(std::forward<Arguments>(arguments)))...>(
      where, store(std::forward<Arguments>(arguments))...);
}

/* The list of the program's runtimes. boc::when uses its only entry. */
class registered {
public:
  registered(const registered &) = delete;
  registered &operator=(const registered &) = delete;

  static boc_runtime *current() {
    if (boc_runtime *mine = boc_runtime_current())
      return mine;
    if (boc_runtime *sole = only_.load(std::memory_order_acquire))
      return sole;
    refuse(
        BOC_BAD_STATE,
        "boc::when: not called by a body on a worker, and the program has not exactly "
        "one boc::runtime: make one, or call the `when` of the one that is meant");
  }

protected:
  registered() noexcept = default;
  ~registered() = default;

  void enter(boc_runtime *handle) {
    const std::lock_guard<std::mutex> held(lock_);
    handle_ = handle;
    next_ = first_;
    first_ = this;
    note_only();
  }
  void leave() {
    const std::lock_guard<std::mutex> held(lock_);
    registered **at = &first_;
    while (*at != this)
      at = &(*at)->next_;
    *at = next_;
    note_only();
  }

private:
  static void note_only() noexcept {
    only_.store(first_ && !first_->next_ ? first_->handle_ : nullptr,
                std::memory_order_release);
  }

  boc_runtime *handle_ = nullptr;
  registered *next_ = nullptr;
  inline static std::mutex lock_;
  inline static registered *first_ = nullptr;
  inline static std::atomic<boc_runtime *> only_{nullptr};
};

} // namespace detail

/* A set of workers. The destructor waits until everything scheduled has finished, and
 * ends the workers. */
class runtime : private detail::registered {
public:
  /* 0 workers: one for each physical core. */
  explicit runtime(unsigned workers = 0) {
    boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
    options.workers = workers;
    start(options);
  }
  explicit runtime(const boc_runtime_options &options) { start(options); }
  runtime(const runtime &) = delete;
  runtime &operator=(const runtime &) = delete;
  ~runtime() {
    boc_runtime_free(handle_);
    leave();
  }

  template <class... Arguments> auto when(Arguments &&...arguments) {
    return detail::wait_for_body({handle_}, std::forward<Arguments>(arguments)...);
  }

  /* As boc::after, on this runtime. */
  template <class... Arguments>
  auto after(std::chrono::nanoseconds delay, Arguments &&...arguments) {
    return detail::wait_for_body(detail::later({handle_}, delay),
                                 std::forward<Arguments>(arguments)...);
  }
  template <class... Arguments>
  auto after(std::chrono::nanoseconds delay, timer &handle, Arguments &&...arguments) {
    return detail::wait_for_body(detail::later({handle_}, delay, &handle),
                                 std::forward<Arguments>(arguments)...);
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
  void start(const boc_runtime_options &options) {
    require(boc_runtime_new(&options, &handle_));
    enter(handle_);
  }

  boc_runtime *handle_ = nullptr;
};

/* On the runtime whose body calls it; elsewhere on the program's runtime, if it has
 * exactly one, else BOC_BAD_STATE. */
template <class... Arguments> auto when(Arguments &&...arguments) {
  return detail::wait_for_body({detail::registered::current()},
                               std::forward<Arguments>(arguments)...);
}

/* As when, but the behavior takes its place in the queues of its cowns after `delay`,
 * which counts from the `<<`. It is in flight at once: `quiesce` and scopes wait for
 * it. Do not schedule over its result together with one of its other cowns: they would
 * deadlock, see timer.h. */
template <class... Arguments>
auto after(std::chrono::nanoseconds delay, Arguments &&...arguments) {
  return detail::wait_for_body(detail::later({detail::registered::current()}, delay),
                               std::forward<Arguments>(arguments)...);
}

/* As above, with a handle that cancels it. */
template <class... Arguments>
auto after(std::chrono::nanoseconds delay, timer &handle, Arguments &&...arguments) {
  return detail::wait_for_body(
      detail::later({detail::registered::current()}, delay, &handle),
      std::forward<Arguments>(arguments)...);
}

/* A group of behaviors that are waited for, and cancelled, together: those that its
 * `when` schedules, and those that their bodies schedule, transitively. The destructor
 * neither waits nor cancels. */
class scope {
public:
  /* Schedules where boc::when would, or on `on`. */
  scope() { require(boc_scope_new(nullptr, nullptr, &handle_)); }
  explicit scope(runtime &on) : scope() { runtime_ = on.handle(); }

  /* A scope within `parent`, which then waits for it and cancels it, too. */
  explicit scope(scope *parent) : runtime_(parent->runtime_) {
    require(boc_scope_new(parent->handle_, nullptr, &handle_));
  }
  scope(const scope &) = delete;
  scope &operator=(const scope &) = delete;
  ~scope() { boc_scope_drop(handle_); }

  template <class... Arguments> auto when(Arguments &&...arguments) {
    boc_runtime *on = runtime_ ? runtime_ : detail::registered::current();
    return detail::wait_for_body({on, handle_}, std::forward<Arguments>(arguments)...);
  }

  /* As boc::after. `cancel` cancels the timer. */
  template <class... Arguments>
  auto after(std::chrono::nanoseconds delay, Arguments &&...arguments) {
    boc_runtime *on = runtime_ ? runtime_ : detail::registered::current();
    return detail::wait_for_body(detail::later({on, handle_}, delay),
                                 std::forward<Arguments>(arguments)...);
  }

  /* False: the timeout, in nanoseconds, passed. BOC_BAD_STATE on a worker. */
  bool wait(int64_t timeout = BOC_FOREVER) {
    const boc_status status = boc_scope_wait(handle_, timeout);
    if (status != BOC_TIMEOUT)
      require(status);
    return status == BOC_OK;
  }

  /* Bodies that have not begun will not run, nor those that need their results. */
  void cancel() noexcept { boc_scope_cancel(handle_); }
  bool cancelled() const noexcept { return boc_scope_cancelled(handle_); }

  /* How many are scheduled or running: a hint. */
  std::size_t pending() const noexcept { return boc_scope_pending(handle_); }
  boc_scope *handle() const noexcept { return handle_; }

private:
  boc_scope *handle_ = nullptr;
  boc_runtime *runtime_ = nullptr;
};

/* In a body: whether the scope that it belongs to has been cancelled. */
inline bool cancelled() noexcept {
  boc_scope *mine = boc_scope_current();
  return mine && boc_scope_cancelled(mine);
}

/* Several behaviors that are scheduled as one step: no other behavior comes between two
 * of them, on any cown. Behaviors that are not scheduled when the object ends will not
 * run. A result may be named outside of the batch once the batch is scheduled. One
 * thread at a time may use a batch. */
class batch {
public:
  /* Schedules where boc::when would, or on `on`. */
  batch() noexcept = default;
  explicit batch(runtime &on) noexcept : runtime_(on.handle()) {}
  batch(const batch &) = delete;
  batch &operator=(const batch &) = delete;
  ~batch() {
    for (boc_behavior *each : made_)
      boc_behavior_free(each);
  }

  template <class... Arguments> auto when(Arguments &&...arguments) {
    if (!runtime_)
      runtime_ = detail::registered::current();
    return detail::wait_for_body({runtime_, nullptr, &made_},
                                 std::forward<Arguments>(arguments)...);
  }

  /* Schedules them all, or throws std::bad_alloc and keeps them all. */
  void schedule() {
    require(boc_behavior_schedule_all(made_.data(), made_.size()));
    made_.clear();
  }

  std::size_t size() const noexcept { return made_.size(); }

private:
  boc_runtime *runtime_ = nullptr;
  std::vector<boc_behavior *> made_;
};

} // namespace boc

#endif
