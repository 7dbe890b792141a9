/* Trapezoid: an integral from 1 to 5 in many pieces, dealt to 100 behaviors; the
 * master adds up their results, a range of cowns. */
#include "savina.hpp"

#include <cmath>
#include <vector>

namespace {

constexpr std::size_t PARTS = 100;
constexpr double FROM = 1, TO = 5;

double curve(double x) {
  return std::sin(x * x * x - 1) / (x + 1) * std::sqrt(1 + std::exp(std::sqrt(2 * x)));
}

double integral(double from, double to, std::size_t pieces) {
  const double width = (to - from) / static_cast<double>(pieces);
  double sum = 0;
  for (std::size_t i = 0; i < pieces; i++) {
    const double left = from + static_cast<double>(i) * width;
    sum += width * (curve(left) + curve(left + width)) / 2;
  }
  return sum;
}

} // namespace

double savina::trapezoid(const bench_options *options, std::size_t pieces) {
  double total = 0;
  const double taken = milliseconds(options, [&total, pieces] {
    const double width = (TO - FROM) / PARTS;
    std::vector<boc::cown<double>> parts;
    for (std::size_t i = 0; i < PARTS; i++)
      parts.push_back(boc::when() << [i, width, pieces] {
        const double from = FROM + static_cast<double>(i) * width;
        return integral(from, from + width, pieces / PARTS);
      });
    boc::when(boc::read(parts)) << [&total](boc::acquired_span<const double> all) {
      for (const double &each : all)
        total += each;
    };
  });
  bench_check(std::fabs(total - integral(FROM, TO, 200000)) < 1e-4,
              "trapezoid: the integral");
  return taken;
}
