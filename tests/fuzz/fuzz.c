/* The fuzzer's two entries: libFuzzer's, and for other compilers a main without
 * coverage.
 *
 *   fuzz FILE...                    runs each file's bytes as a program, again
 *   fuzz --seconds N [--seed N]     random programs; prints the seed first
 *
 * A program that fails ends the process by abort; its bytes are then in `fuzz-failed`
 * (or where libFuzzer puts them). */
#include "program.h"

#if defined(BOC_LIBFUZZER)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  program_run(data, size);
  return 0;
}

#else

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 1024 };
static const char failed[] = "fuzz-failed";

static void store(const uint8_t *data, size_t size) {
  FILE *file = fopen(failed, "wb");
  CHECK(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void run_file(const char *name) {
  static uint8_t data[64 * 1024];
  FILE *file = fopen(name, "rb");
  if (!file) {
    perror(name);
    exit(2);
  }
  const size_t size = fread(data, 1, sizeof data, file);
  fclose(file);
  program_run(data, size);
}

static void run_random(uint64_t seed, uint64_t seconds) {
  static uint8_t data[LONGEST];
  const uint64_t end = boc_now() + seconds * UINT64_C(1000000000);
  uint64_t count = 0;
  printf("seed %" PRIu64 "\n", seed);
  fflush(stdout);
  for (; boc_now() < end; count++) {
    const size_t size = program_random(seed + count, data, sizeof data);
    store(data, size);
    program_run(data, size);
  }
  remove(failed);
  printf("%" PRIu64 " programs\n", count);
}

_Noreturn static void usage(void) {
  fprintf(stderr, "usage: fuzz FILE... | fuzz --seconds N [--seed N]\n");
  exit(2);
}

int main(int argc, char **argv) {
  uint64_t seconds = 0, seed = boc_now();
  int i = 1;
  for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
    const uint64_t value = strtoull(argv[i + 1], NULL, 10);
    if (strcmp(argv[i], "--seconds") == 0)
      seconds = value;
    else if (strcmp(argv[i], "--seed") == 0)
      seed = value;
    else
      usage();
  }
  if (i == argc && seconds == 0)
    usage();
  for (int at = i; at < argc; at++)
    run_file(argv[at]);
  printf("%d files\n", argc - i);
  if (seconds > 0)
    run_random(seed, seconds);
  return 0;
}

#endif
