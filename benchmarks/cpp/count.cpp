/* Count: a producer sends a counter one message after the other. */
#include "savina.hpp"

double savina::count(const bench_options *options, std::size_t messages) {
  auto counter = boc::make_cown<std::size_t>(0);
  const double taken = milliseconds(options, [&counter, messages] {
    for (std::size_t i = 0; i < messages; i++)
      boc::when(counter) << [](std::size_t &value) { value++; };
  });
  boc::runtime auditor(1);
  boc::when(boc::read(counter)) << [messages](const std::size_t &value) {
    bench_check(value == messages, "count: every message");
  };
  return taken;
}
