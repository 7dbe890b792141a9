/* What the programs of the Savina suite share: each is a function of `n` that runs it
 * once on a runtime of its own, checks what it computed, and returns milliseconds.
 *
 * The suite: Imam and Sarkar, "Savina - An Actor Benchmark Suite", AGERE! 2014. The
 * sizes are the suite's; an actor becomes a cown, a message a behavior.
 */
#ifndef SAVINA_HPP
#define SAVINA_HPP

#include "../c/bench.h"

#include <boc/boc.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace savina {

/* The suite's generator of pseudo-random numbers, so that all runs do the same. */
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

/* How long `start` and all that it schedules take, in milliseconds. `start` is a
 * behavior, or is called on this thread with --from outside. */
template <class Start> double milliseconds(const bench_options *options, Start start) {
  boc::runtime runtime(options->workers);
  const std::uint64_t before = bench_now();
  if (options->outside)
    start();
  else
    boc::when() << std::move(start);
  runtime.quiesce();
  return static_cast<double>(bench_now() - before) / 1e6;
}

double banking(const bench_options *options, std::size_t transactions);
double chameneos(const bench_options *options, std::size_t meetings);
double concdict(const bench_options *options, std::size_t messages);
double count(const bench_options *options, std::size_t messages);
double dining(const bench_options *options, std::size_t rounds);
double fib(const bench_options *options, std::size_t which);
double fjcreate(const bench_options *options, std::size_t behaviors);
double quicksort(const bench_options *options, std::size_t values);
double trapezoid(const bench_options *options, std::size_t pieces);

} // namespace savina

#endif
