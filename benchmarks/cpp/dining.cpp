/* Dining: 20 philosophers eat with the two forks beside them, again and again; nobody
 * has to arbitrate. */
#include "savina.hpp"

#include <vector>

namespace {

constexpr std::size_t PHILOSOPHERS = 20;

struct fork {
  std::size_t uses = 0;
};

void eat(const boc::cown<fork> &left, const boc::cown<fork> &right,
         std::size_t rounds) {
  boc::when(left, right) << [rounds](boc::acquired<fork> one, boc::acquired<fork> two) {
    one->uses++;
    two->uses++;
    if (rounds > 1)
      eat(one.cown(), two.cown(), rounds - 1);
  };
}

} // namespace

double savina::dining(const bench_options *options, std::size_t rounds) {
  std::vector<boc::cown<fork>> forks;
  for (std::size_t i = 0; i < PHILOSOPHERS; i++)
    forks.push_back(boc::make_cown<fork>());
  const double taken = milliseconds(options, [&forks, rounds] {
    for (std::size_t i = 0; i < PHILOSOPHERS; i++)
      eat(forks[i], forks[(i + 1) % PHILOSOPHERS], rounds);
  });
  boc::runtime auditor(1);
  boc::when(boc::read(forks)) << [rounds](auto &all) {
    for (const fork &each : all)
      bench_check(each.uses == 2 * rounds, "dining: every meal with two forks");
  };
  return taken;
}
