/* What all C tests share: checks, cases, options, threads, chance, failing memory.
 *
 *   static void adds_up(void) { CHECK_EQ(1 + 1, 2); }
 *   static void races(void) { test_threads(2, worker, &shared); CHECK(shared.ok); }
 *
 *   static const test_case cases[] = {TEST_ONCE(adds_up), TEST_RACE(races, 1)};
 *   TEST_MAIN(cases)
 *
 * Options: --seed N|random, --iters N, --only NAME, --list. A case of TEST_ONCE runs
 * once, one of TEST_RACE(body, share) runs iters / share times: with real threads, or,
 * in builds with -Dsystematic=true, each time under an interleaving chosen by its own
 * seed (seed, seed + 1, ...), so that `--seed N --iters 1` repeats one that failed.
 * TEST_ALONE is once and in no run of the systematic scheduler.
 * Exit status: 0, or 1 after the first failure. A run that takes too long fails loudly.
 */
#ifndef TEST_HARNESS_H
#define TEST_HARNESS_H

#include <limits.h>

#include <boc/base.h>

#include "atomic.h"
#include "os.h"
#include "parker.h"

/* Fails the program, with the seed that repeats it, unless `condition` holds. */
#define CHECK(condition)                                                               \
  ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, #condition))

/* The same for two integers that must be equal; prints both. */
#define CHECK_EQ(left, right)                                                          \
  test_equal(__FILE__, __LINE__, #left " == " #right, (intmax_t)(left),                \
             (intmax_t)(right))

_Noreturn void test_fail(const char *file, int line, const char *text);
void test_equal(const char *file, int line, const char *text, intmax_t left,
                intmax_t right);

typedef struct test_case {
  const char *name;
  void (*body)(void);
  unsigned share; /* 0: once; TEST_IS_ALONE */
} test_case;

#define TEST_ONCE(body) {#body, body, 0}
#define TEST_RACE(body, share) {#body, body, share}
#define TEST_ALONE(body) {#body, body, TEST_IS_ALONE}
#define TEST_IS_ALONE UINT_MAX
#define TEST_MAIN(cases)                                                               \
  int main(int argc, char **argv) {                                                    \
    return test_main(argc, argv, cases, sizeof(cases) / sizeof(cases)[0]);             \
  }

int test_main(int argc, char **argv, const test_case *cases, size_t count);

/* Random numbers: a stream for each thread, the same for the same seed. */
typedef struct test_random {
  uint64_t state;
} test_random;
test_random test_random_stream(uint64_t stream);
uint32_t test_draw(test_random *random, uint32_t n); /* below n */

/* Runs `body(arg, 0)` to `body(arg, count - 1)` on threads of their own; returns when
 * all have ended. At most 32. */
void test_threads(unsigned count, void (*body)(void *arg, unsigned index), void *arg);

/* Waits until `condition` holds, and lets other threads run. For conditions on which a
 * thread cannot park. Fails after TEST_TIMEOUT. */
#define TEST_WAIT(condition)                                                           \
  do {                                                                                 \
    uint64_t test_give_up = boci_os_now() + TEST_TIMEOUT;                              \
    while (!(condition))                                                               \
      test_keep_waiting(__FILE__, __LINE__, #condition, test_give_up);                 \
  } while (0)
#define TEST_TIMEOUT (UINT64_C(60) * 1000 * 1000 * 1000)
void test_keep_waiting(const char *file, int line, const char *text, uint64_t give_up);

/* An allocator that counts, checks sizes, and fails its `fail_at`-th allocation (from
 * 1; 0: none). Any thread; `base` is what to hand to the library. */
typedef struct test_memory {
  boc_allocator base;
  boci_atomic_word allocations, live, bytes;
  uintptr_t fail_at;
} test_memory;
void test_memory_init(test_memory *memory, uintptr_t fail_at);
/* Whether the allocation that should fail was reached. */
bool test_memory_failed(test_memory *memory);
/* Checks that everything was released. */
void test_memory_fini(test_memory *memory);

#endif
