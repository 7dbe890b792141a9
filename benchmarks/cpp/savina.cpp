/* The Savina programs on boc.hpp: `savina_bench --help` lists them. */
#include "savina.hpp"

int main(int argc, char **argv) {
  static const bench_workload programs[] = {
      {"banking", savina::banking, 50000, "ms"},
      {"chameneos", savina::chameneos, 200000, "ms"},
      {"concdict", savina::concdict, 10000, "ms"},
      {"count", savina::count, 1000000, "ms"},
      {"dining", savina::dining, 10000, "ms"},
      {"fib", savina::fib, 25, "ms"},
      {"fjcreate", savina::fjcreate, 40000, "ms"},
      {"quicksort", savina::quicksort, 1000000, "ms"},
      {"trapezoid", savina::trapezoid, 10000000, "ms"},
  };
  return bench_main(argc, argv, "savina", 2, programs,
                    sizeof programs / sizeof *programs);
}
