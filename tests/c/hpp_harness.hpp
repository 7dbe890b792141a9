/* What the tests of boc.hpp share: checks that abort, expected exceptions, cases. */
#ifndef HPP_HARNESS_HPP
#define HPP_HARNESS_HPP

#include <cstdio>
#include <cstdlib>

inline void check(bool holds, const char *text, const char *file, int line) {
  if (holds)
    return;
  std::fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
  std::abort();
}
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

template <class Exception, class F> bool throws(F &&f) {
  try {
    f();
  } catch (const Exception &) {
    return true;
  }
  return false;
}

inline void run_case(const char *name, void (*body)()) {
  body();
  std::printf("ok %s\n", name);
  std::fflush(stdout);
}
#define RUN(name) run_case(#name, name)

#endif
