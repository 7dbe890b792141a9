/* Chameneos: 100 creatures meet two by two at a mall and take the color that neither of
 * them has, until the mall has seen enough meetings. */
#include "savina.hpp"

#include <vector>

namespace {

constexpr std::size_t CREATURES = 100;

struct creature {
  unsigned color;
  std::size_t meetings;
};

struct mall {
  std::size_t meetings_left;
  boc::cown<creature> waiting;
};

unsigned complement(unsigned mine, unsigned other) {
  return mine == other ? mine : 3 - mine - other;
}

void go_to(const boc::cown<mall> &place, boc::cown<creature> visitor);

void meet(const boc::cown<mall> &place, boc::cown<creature> one,
          boc::cown<creature> two) {
  boc::when(one, two) <<
      [place](boc::acquired<creature> left, boc::acquired<creature> right) {
        const unsigned color = complement(left->color, right->color);
        left->color = right->color = color;
        left->meetings++;
        right->meetings++;
        go_to(place, left.cown());
        go_to(place, right.cown());
      };
}

void go_to(const boc::cown<mall> &place, boc::cown<creature> visitor) {
  boc::when(place) << [visitor = std::move(visitor)](boc::acquired<mall> here) mutable {
    if (here->meetings_left == 0)
      return;
    if (!here->waiting) {
      here->waiting = std::move(visitor);
      return;
    }
    here->meetings_left--;
    meet(here.cown(), std::move(here->waiting), std::move(visitor));
  };
}

} // namespace

double savina::chameneos(const bench_options *options, std::size_t meetings) {
  std::vector<boc::cown<creature>> creatures;
  for (std::size_t i = 0; i < CREATURES; i++)
    creatures.push_back(
        boc::make_cown<creature>(creature{static_cast<unsigned>(i % 3), 0}));
  auto place = boc::make_cown<mall>(mall{meetings, {}});
  const double taken = milliseconds(options, [&] {
    for (const auto &each : creatures)
      go_to(place, each);
  });
  boc::runtime auditor(1);
  boc::when(boc::read(creatures)) << [meetings](auto &all) {
    std::size_t sum = 0;
    for (const creature &each : all)
      sum += each.meetings;
    bench_check(sum == 2 * meetings, "chameneos: two at each meeting");
  };
  return taken;
}
