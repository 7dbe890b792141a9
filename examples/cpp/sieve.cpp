/* A parallel sieve in C++: the numbers are cut into segments, each a cown of its own.
 *
 * Each segment is written by a behavior that reads the small primes; readers of a cown
 * run side by side, so all segments are sieved in parallel. They wait for the behavior
 * that finds the small primes, because it was scheduled before them.
 *
 *   c++ -std=c++17 sieve.cpp $(pkg-config --cflags --libs boc) -o sieve && ./sieve
 */
#include <boc/boc.hpp>

#include <algorithm>
#include <iostream>
#include <vector>

constexpr std::size_t limit = 5000000, root = 2237; // root * root is not below limit
constexpr std::size_t length = 125000, expected = 348513;

using primes = std::vector<std::size_t>;

struct segment {
  std::size_t first = 0; // the number that struck[0] stands for
  std::vector<bool> struck = std::vector<bool>(length);

  void strike_multiples(std::size_t prime) {
    const std::size_t from = (first + prime - 1) / prime * prime;
    for (auto at = std::max(from, prime * prime); at < first + length; at += prime)
      struck[at - first] = true;
  }
};

static void find_small(primes &small) {
  for (std::size_t n = 2; n < root; n++)
    if (std::none_of(small.begin(), small.end(),
                     [n](std::size_t prime) { return n % prime == 0; }))
      small.push_back(n);
}

static std::size_t count(const segment &part) {
  const auto left = std::count(part.struck.begin(), part.struck.end(), false);
  return static_cast<std::size_t>(left) - (part.first == 0 ? 2 : 0); // 0 and 1
}

int main() {
  boc::runtime runtime;
  auto small = boc::make_cown<primes>();
  auto total = boc::make_cown<std::size_t>(0);
  runtime.when(small) << find_small;

  for (std::size_t first = 0; first < limit; first += length) {
    auto part = boc::make_cown<segment>(segment{first});
    runtime.when(part, boc::read(small)) << [](segment &mine, const primes &all) {
      for (std::size_t prime : all)
        mine.strike_multiples(prime);
    };
    runtime.when(total, boc::read(part))
        << [](std::size_t &sum, const segment &done) { sum += count(done); };
  }

  std::size_t result = 0;
  runtime.when(boc::read(total)) << [&](const std::size_t &sum) { result = sum; };
  runtime.quiesce();
  std::cout << result << " primes below " << limit << "\n";
  return result == expected ? 0 : 1;
}
