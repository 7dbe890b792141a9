/* Random programs over the whole library against a sequential run: see
 * tests/fuzz/program.h. */
#include "../fuzz/program.h"

static void random_program(unsigned most) {
  uint8_t data[512];
  CHECK(most <= sizeof data);
  test_random random = test_random_stream(0);
  const uint64_t seed =
      (uint64_t)test_draw(&random, UINT32_MAX) << 32 | test_draw(&random, UINT32_MAX);
  program_run(data, program_random(seed, data, most));
}

static void small_programs(void) { random_program(24); }
static void large_programs(void) { random_program(512); }

static void an_empty_program(void) { program_run(NULL, 0); }

static const test_case cases[] = {
    TEST_ONCE(an_empty_program),
    TEST_RACE(small_programs, 1),
    TEST_RACE(large_programs, 1),
};
TEST_MAIN(cases)
