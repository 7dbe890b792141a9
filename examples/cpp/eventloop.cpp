/* An event loop in C++ that is notified of its behaviors as of all other events.
 *
 * Each tick of the loop's timer schedules a job, which the workers run; its result goes
 * to the window, which is pinned to the lane, and so back to the loop's own thread.
 * Where the system has poll, the lane is one more descriptor in it, beside sockets and
 * pipes; elsewhere the loop waits on the lane itself.
 *
 *   c++ -std=c++17 eventloop.cpp $(pkg-config --cflags --libs boc) -o eventloop
 */
#include <boc/boc.hpp>

#include <chrono>
#include <cstdint>
#include <iostream>
#include <thread>

#if !defined(_WIN32)
#include <poll.h>
#endif

using namespace std::chrono_literals;
using timer = std::chrono::steady_clock;

constexpr unsigned jobs = 20;
constexpr timer::duration tick = 2ms;

// The contents of the window.
struct window {
  unsigned results = 0;
  std::uint64_t steps = 0;
  bool elsewhere = false; // whether a result came on another thread
};

// How many steps n takes to 1, halved if even, else tripled plus one.
static unsigned collatz(std::uint64_t n) {
  unsigned steps = 0;
  for (; n != 1; steps++)
    n = n % 2 ? 3 * n + 1 : n / 2;
  return steps;
}

// Sleeps until the lane has something or the time has come.
static void wait_for_events(boc::lane &lane, timer::duration timeout) {
#if defined(_WIN32)
  lane.wait(std::chrono::nanoseconds(timeout).count());
#else
  pollfd descriptors[] = {{lane.descriptor(), POLLIN, 0}}; // sockets and pipes, too
  poll(descriptors, 1, static_cast<int>((timeout + 999us) / 1ms));
#endif
}

static void start(boc::runtime &workers, const boc::cown<window> &shown, unsigned n) {
  const auto loop = std::this_thread::get_id();
  workers.when() << [shown, n, loop] {
    const unsigned steps = collatz(n);
    boc::when(shown) << [n, steps, loop](window &here) {
      here.results++;
      here.steps += steps;
      here.elsewhere |= std::this_thread::get_id() != loop;
      std::cout << n << " takes " << steps << " steps\n";
    };
  };
}

int main() {
  boc::lane lane;
  boc::runtime workers;
  auto shown = boc::make_cown<window>();
  shown.pin(lane);

  auto next = timer::now();
  for (unsigned started = 0, results = 0; results < jobs;) {
    if (const auto now = timer::now(); now < next)
      wait_for_events(lane, next - now);
    if (timer::now() >= next) {
      next += tick;
      if (started < jobs)
        start(workers, shown, ++started);
    }
    // A millisecond at most, so that the timer need not wait.
    results += static_cast<unsigned>(lane.pump(1000000));
  }

  std::uint64_t expected = 0;
  for (unsigned n = 1; n <= jobs; n++)
    expected += collatz(n);
  bool right = false;
  workers.when(boc::read(shown)) << [&](const window &here) {
    right = here.results == jobs && here.steps == expected && !here.elsewhere;
  };
  while (!workers.quiesce(0))
    lane.pump();
  return right ? 0 : 1;
}
