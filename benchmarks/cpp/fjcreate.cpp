/* Fork-join creation: many cowns are made, and each gets one short behavior. */
#include "savina.hpp"

#include <cmath>
#include <vector>

namespace {

double work(double theta) {
  const double sine = std::sin(theta);
  return sine * sine;
}

} // namespace

double savina::fjcreate(const bench_options *options, std::size_t behaviors) {
  std::vector<boc::cown<double>> made(behaviors);
  const double taken = milliseconds(options, [&made] {
    for (auto &each : made) {
      each = boc::make_cown<double>(37.2);
      boc::when(each) << [](double &value) { value = work(value); };
    }
  });
  boc::runtime auditor(1);
  boc::when(boc::read(made)) << [](auto &all) {
    for (const double &each : all)
      bench_check(each == work(37.2), "fjcreate: every behavior's result");
  };
  return taken;
}
