/* Cowns in C++, and what a body gets of them; included by boc.hpp. */
#ifndef BOC_COWN_HPP
#define BOC_COWN_HPP

#include <boc/boc.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace boc {

/* What a refusal of the C API becomes. */
class error : public std::runtime_error {
public:
  explicit error(boc_status status)
      : std::runtime_error(boc_status_text(status)), status_(status) {}
  error(boc_status status, const char *what)
      : std::runtime_error(what), status_(status) {}
  boc_status status() const noexcept { return status_; }

private:
  boc_status status_;
};

namespace detail {

[[noreturn]] inline void last_words(const char *what) noexcept {
  std::fprintf(stderr, "boc.hpp: %s\n", what);
  std::abort();
}

[[noreturn]] inline void refuse(boc_status status, const char *what) {
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
  if (status == BOC_NO_MEMORY)
    throw std::bad_alloc();
  throw error(status, what);
#else
  (void)status;
  last_words(what);
#endif
}

} // namespace detail

/* Throws what `status` becomes, unless it is BOC_OK. */
inline void require(boc_status status) {
  if (status != BOC_OK)
    detail::refuse(status, boc_status_text(status));
}

namespace detail {

/* What happened to a cown's value. Only a result begins without a value: its behavior
 * makes the value, or was cancelled. */
enum class presence : unsigned char { none, made, cancelled };

/* A cown's payload. The T stands first, where C code expects it. */
template <class T> struct box {
  alignas(T) unsigned char room[sizeof(T)];
  presence state;
  T &value() noexcept { return *std::launder(reinterpret_cast<T *>(room)); }
  template <class... Args> void make(Args &&...args) {
    new (room) T(std::forward<Args>(args)...);
    state = presence::made;
  }
};

template <class T> box<T> *box_of(boc_cown *handle) noexcept {
  return static_cast<box<T> *>(boc_cown_payload(handle));
}

template <class T> void drop_box(boc_cown *, void *payload) {
  auto *contents = static_cast<box<T> *>(payload);
  if (contents->state == presence::made)
    contents->value().~T();
}

template <class T>
inline const boc_cown_type cown_type = {"boc::cown", sizeof(box<T>), nullptr,
                                        nullptr,     drop_box<T>,    nullptr};

/* Tells a cown's constructor that it takes over the caller's reference. */
struct adopt {
  boc_cown *handle;
};

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

  /* Runs up to `most` behaviors, for `timeout` nanoseconds; returns how many ran.
   * Throws where boc_lane_pump is refused. */
  std::size_t pump(int64_t timeout = BOC_FOREVER, std::size_t most = SIZE_MAX) {
    std::size_t ran = 0;
    const boc_status status = boc_lane_pump(handle_, timeout, most, &ran);
    if (status != BOC_TIMEOUT)
      require(status);
    return ran;
  }

  std::size_t length() const noexcept { return boc_lane_length(handle_); }

  /* For poll and similar calls. Throws where the system has no such thing. */
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
 * default-constructed or moved-from one refers to none. T may be incomplete until a
 * cown is made or used, so that a type can hold cowns of itself. */
template <class T> class cown {
public:
  using value_type = T;

  cown() noexcept = default;
  explicit cown(detail::adopt owned) noexcept : handle_(owned.handle) {}
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
    static_assert(alignof(T) <= alignof(std::max_align_t), "over-aligned payload");
    cown made;
    require(boc_cown_new(&detail::cown_type<T>, &made.handle_));
    detail::box_of<T>(made.handle_)->make(std::forward<Args>(args)...);
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

/* What a body may take in place of a T & (of a const T &: acquired<const T>): the
 * value, and the cown that it is in, to schedule more over it. Valid for as long as the
 * body runs. */
template <class V> class acquired {
public:
  using value_type = std::remove_const_t<V>;

  explicit acquired(boc_cown *handle) noexcept
      : handle_(handle), box_(detail::box_of<value_type>(handle)) {}
  V &get() const noexcept { return box_->value(); }
  V &operator*() const noexcept { return get(); }
  V *operator->() const noexcept { return std::addressof(get()); }
  operator V &() const noexcept { return get(); }
  boc::cown<value_type> cown() const noexcept {
    return boc::cown<value_type>(detail::adopt{boc_cown_hold(handle_)});
  }
  boc_cown *handle() const noexcept { return handle_; }

  /* For boc.hpp itself. */
  detail::presence state() const noexcept { return box_->state; }

private:
  boc_cown *handle_;
  detail::box<value_type> *box_;
};

namespace detail {

/* Iterates over the values of a running behavior's cowns. */
template <class V> class acquired_iterator {
public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = std::remove_const_t<V>;
  using difference_type = std::ptrdiff_t;
  using pointer = V *;
  using reference = V &;

  acquired_iterator() noexcept = default;
  acquired_iterator(boc_behavior *self, std::size_t at) noexcept
      : self_(self), at_(at) {}
  reference operator*() const noexcept {
    return acquired<V>(boc_behavior_cown(self_, at_)).get();
  }
  pointer operator->() const noexcept { return std::addressof(**this); }
  acquired_iterator &operator++() noexcept {
    ++at_;
    return *this;
  }
  acquired_iterator operator++(int) noexcept { return acquired_iterator(self_, at_++); }
  friend bool operator==(const acquired_iterator &a,
                         const acquired_iterator &b) noexcept {
    return a.at_ == b.at_;
  }
  friend bool operator!=(const acquired_iterator &a,
                         const acquired_iterator &b) noexcept {
    return a.at_ != b.at_;
  }

private:
  boc_behavior *self_ = nullptr;
  std::size_t at_ = 0;
};

} // namespace detail

/* What a body gets for a range of cowns: their values, in the range's order. Of a range
 * that is only read the values are const. Valid for as long as the body runs. */
template <class V> class acquired_span {
public:
  using value_type = std::remove_const_t<V>;

  using iterator = detail::acquired_iterator<V>;

  acquired_span(boc_behavior *self, std::size_t first, std::size_t size) noexcept
      : self_(self), first_(first), size_(size) {}
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  acquired<V> at(std::size_t i) const noexcept {
    return acquired<V>(boc_behavior_cown(self_, first_ + i));
  }
  V &operator[](std::size_t i) const noexcept { return at(i).get(); }
  boc::cown<value_type> cown(std::size_t i) const noexcept { return at(i).cown(); }
  iterator begin() const noexcept { return iterator(self_, first_); }
  iterator end() const noexcept { return iterator(self_, first_ + size_); }

private:
  boc_behavior *self_;
  std::size_t first_;
  std::size_t size_;
};

namespace detail {

template <class V>
inline constexpr boc_mode mode_of = std::is_const_v<V> ? BOC_READ : BOC_WRITE;

/* The arguments of a `when`, until its `<<` has the body. V is the type of the value,
 * const if the behavior only reads it. One cown is `lent` (the caller keeps a reference
 * until then) or `given` (the `when` has the reference); `several` is a range. */
template <class V> struct single {
  using taken = acquired<V>;
  using view = V &;
  static constexpr bool ranged = false;
  static constexpr std::size_t size() noexcept { return 1; }
  static taken take(boc_behavior *self, std::size_t at, std::size_t) noexcept {
    return taken(boc_behavior_cown(self, at));
  }
};

template <class V> struct lent : single<V> {
  using value = std::remove_const_t<V>;
  boc_cown *handle;
  explicit lent(boc_cown *of) noexcept : handle(of) {}
  operator reading<value>() const noexcept {
    return {cown<value>(adopt{handle ? boc_cown_hold(handle) : nullptr})};
  }
  void fill(boc_access *to) const noexcept { *to = {handle, mode_of<V>}; }
};

template <class V> struct given : single<V> {
  cown<std::remove_const_t<V>> held;
  explicit given(cown<std::remove_const_t<V>> &&of) noexcept : held(std::move(of)) {}
  void fill(boc_access *to) const noexcept { *to = {held.handle(), mode_of<V>}; }
};

/* `Range` is a container of cowns, or a reference to one. */
template <class V, class Range> struct several {
  using taken = acquired_span<V>;
  using view = acquired_span<V> &;
  static constexpr bool ranged = true;
  Range range;
  std::size_t size() const noexcept { return std::size(range); }
  void fill(boc_access *to) const noexcept {
    for (const auto &one : range)
      *to++ = {one.handle(), mode_of<V>};
  }
  static taken take(boc_behavior *self, std::size_t at, std::size_t count) noexcept {
    return taken(self, at, count);
  }
};

template <class T> struct stretch {
  const cown<T> *first;
  std::size_t count;
  const cown<T> *begin() const noexcept { return first; }
  const cown<T> *end() const noexcept { return first + count; }
  std::size_t size() const noexcept { return count; }
};

template <class C> struct value_of_cown;
template <class T> struct value_of_cown<cown<T>> {
  using type = T;
};

/* The T of a contiguous range of cown<T>; no type for anything else. */
template <class Range>
using element_of =
    typename value_of_cown<std::remove_cv_t<std::remove_reference_t<decltype(*std::data(
        std::declval<std::remove_reference_t<Range> &>()))>>>::type;

template <template <class> class Constness, class Range>
auto store_range(Range &&range) {
  using T = element_of<Range>;
  using V = typename Constness<T>::type;
  if constexpr (std::is_lvalue_reference_v<Range>)
    return several<V, stretch<T>>{{std::data(range), std::size(range)}};
  else
    return several<V, std::decay_t<Range>>{std::forward<Range>(range)};
}

template <class T> struct writable {
  using type = T;
};

template <class T> lent<T> store(const cown<T> &one) noexcept {
  return lent<T>(one.handle());
}
template <class T> given<T> store(cown<T> &&one) noexcept {
  return given<T>(std::move(one));
}
template <class T> lent<const T> store(const reading<T> &one) noexcept {
  return lent<const T>(one.target.handle());
}
template <class T> given<const T> store(reading<T> &&one) noexcept {
  return given<const T>(std::move(one.target));
}
template <class V> lent<V> store(lent<V> one) noexcept { return one; }
template <class V, class Range>
several<V, Range> store(several<V, Range> some) noexcept {
  return some;
}
template <class Range, class = element_of<Range>> auto store(Range &&range) {
  return store_range<writable>(std::forward<Range>(range));
}

} // namespace detail

/* The same cown or range of cowns, only read. A cown that is not handed over by
 * std::move has to live until the `when` has its body. */
template <class T> detail::lent<const T> read(const cown<T> &target) noexcept {
  return detail::lent<const T>(target.handle());
}
template <class T> reading<T> read(cown<T> &&target) noexcept {
  return {std::move(target)};
}
template <class Range, class = detail::element_of<Range>> auto read(Range &&range) {
  return detail::store_range<std::add_const>(std::forward<Range>(range));
}

} // namespace boc

#endif
