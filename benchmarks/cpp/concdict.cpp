/* ConcDict: 20 workers each make requests to one dictionary, one after the other; a
 * tenth of them write. Readers run side by side. */
#include "savina.hpp"

#include <unordered_map>
#include <vector>

namespace {

constexpr std::size_t WORKERS = 20;
constexpr std::size_t WRITES_PERCENT = 10;
constexpr std::size_t KEYS = 512000 / 4;

struct dictionary {
  std::unordered_map<std::size_t, std::size_t> values;
  std::size_t writes = 0;
};

struct worker {
  savina::random random;
  std::size_t left;
  std::size_t writes = 0;
  std::size_t sum = 0; /* of what was read */
};

void request(const boc::cown<dictionary> &data, const boc::cown<worker> &self) {
  boc::when(self) << [data](boc::acquired<worker> me) {
    if (me->left-- == 0)
      return;
    const std::size_t action = me->random.below(100);
    const std::size_t key = me->random.below(KEYS), value = me->random.below(KEYS);
    if (action < WRITES_PERCENT) {
      me->writes++;
      boc::when(data) << [key, value, back = me.cown()](boc::acquired<dictionary> all) {
        all->values[key] = value;
        all->writes++;
        request(all.cown(), back);
      };
    } else {
      boc::when(boc::read(data))
          << [key, back = me.cown()](boc::acquired<const dictionary> all) {
               const auto found = all->values.find(key);
               const std::size_t seen = found == all->values.end() ? 0 : found->second;
               boc::when(back) << [seen](worker &mine) { mine.sum += seen; };
               request(all.cown(), back);
             };
    }
  };
}

} // namespace

double savina::concdict(const bench_options *options, std::size_t messages) {
  auto data = boc::make_cown<dictionary>();
  std::vector<boc::cown<worker>> workers;
  for (std::size_t i = 0; i < WORKERS; i++)
    workers.push_back(boc::make_cown<worker>(worker{random(i), messages}));
  const double taken = milliseconds(options, [&] {
    for (const auto &each : workers)
      request(data, each);
  });
  boc::runtime auditor(1);
  boc::when(boc::read(data), boc::read(workers))
      << [](const dictionary &all, auto &some) {
           std::size_t writes = 0;
           bool served = true;
           for (const worker &each : some) {
             writes += each.writes;
             served = served && each.left == static_cast<std::size_t>(-1);
           }
           bench_check(served && writes == all.writes,
                       "concdict: every request served, every write done");
         };
  return taken;
}
