#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#endif

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(_WIN32)
#include <windows.h>
#elif defined(__linux__)
#include <unistd.h>
#endif

#define MAX_REPEAT 100

typedef struct run_options {
  bench_options bench;
  const char *workload;
  unsigned repeat;
  bool json;
  bool warm; /* run each workload once unmeasured before */
} run_options;

#if defined(_WIN32)
uint64_t bench_now(void) {
  LARGE_INTEGER now, per_second;
  QueryPerformanceCounter(&now);
  QueryPerformanceFrequency(&per_second);
  const uint64_t ticks = (uint64_t)now.QuadPart, rate = (uint64_t)per_second.QuadPart;
  return ticks / rate * 1000000000u + ticks % rate * 1000000000u / rate;
}
#else
uint64_t bench_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#endif

size_t bench_resident(void) {
#if defined(__linux__)
  FILE *file = fopen("/proc/self/statm", "r");
  unsigned long size = 0, resident = 0;
  if (file == NULL)
    return 0;
  if (fscanf(file, "%lu %lu", &size, &resident) != 2)
    resident = 0;
  fclose(file);
  return resident * (size_t)sysconf(_SC_PAGESIZE);
#else
  return 0;
#endif
}

void bench_check(bool holds, const char *what) {
  if (holds)
    return;
  fprintf(stderr, "benchmark failed: %s\n", what);
  exit(EXIT_FAILURE);
}

void *bench_calloc(size_t count, size_t size) {
  void *memory = calloc(count, size);
  bench_check(memory != NULL, "out of memory");
  return memory;
}

void *bench_malloc(size_t size) {
  void *memory = malloc(size);
  bench_check(memory != NULL, "out of memory");
  return memory;
}

static int compare(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static double median(const double *values, unsigned count) {
  double sorted[MAX_REPEAT];
  memcpy(sorted, values, count * sizeof *values);
  qsort(sorted, count, sizeof *sorted, compare);
  return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static void print_json(const run_options *options, const bench_workload *workload,
                       size_t n, const double *values, unsigned repeat) {
  printf("{\"program\": \"%s\", \"workload\": \"%s\", \"workers\": %u, \"n\": %zu, "
         "\"unit\": \"%s\", \"values\": [",
         options->bench.program, workload->name, options->bench.workers, n,
         workload->unit ? workload->unit : "ns");
  for (unsigned i = 0; i < repeat; i++)
    printf("%s%.2f", i ? ", " : "", values[i]);
  printf("]}\n");
}

static void print_line(const run_options *options, const bench_workload *workload,
                       size_t n, const double *values, unsigned repeat) {
  printf("%-12s %3u workers  n %8zu  median %8.1f %s  of", workload->name,
         options->bench.workers, n, median(values, repeat),
         workload->unit ? workload->unit : "ns");
  for (unsigned i = 0; i < repeat; i++)
    printf(" %.1f", values[i]);
  printf("\n");
}

/* Times are measured repeatedly; other units are the same each time. */
static bool is_time(const bench_workload *workload) {
  return workload->unit == NULL || strcmp(workload->unit, "ms") == 0;
}

static void run_workload(const run_options *options, const bench_workload *workload) {
  double values[MAX_REPEAT];
  unsigned repeat = is_time(workload) ? options->repeat : 1;
  size_t n = options->bench.n ? options->bench.n : workload->n;
  if (is_time(workload) && options->warm)
    workload->run(&options->bench, n);
  for (unsigned i = 0; i < repeat; i++)
    values[i] = workload->run(&options->bench, n);
  if (options->json)
    print_json(options, workload, n, values, repeat);
  else
    print_line(options, workload, n, values, repeat);
  fflush(stdout);
}

static _Noreturn void usage(const run_options *options, const bench_workload *workloads,
                            size_t count, int code) {
  FILE *out = code ? stderr : stdout;
  fprintf(out,
          "usage: %s [--workload NAME] [--workers N] [--n BEHAVIORS] [--repeat R]\n"
          "          [--from inside|outside] [--json] [--cold]\n"
          "workloads: all",
          options->bench.program);
  for (size_t i = 0; i < count; i++)
    fprintf(out, " %s", workloads[i].name);
  fprintf(out, "\n");
  exit(code);
}

/* Takes one option with its value; false if it is unknown or has a bad value. */
static bool take_option(run_options *options, const char *name, const char *value) {
  if (strcmp(name, "--workload") == 0)
    options->workload = value;
  else if (strcmp(name, "--workers") == 0)
    options->bench.workers = (unsigned)strtoul(value, NULL, 10);
  else if (strcmp(name, "--n") == 0)
    options->bench.n = (size_t)strtoull(value, NULL, 10);
  else if (strcmp(name, "--repeat") == 0)
    options->repeat = (unsigned)strtoul(value, NULL, 10);
  else if (strcmp(name, "--from") == 0)
    options->bench.outside = strcmp(value, "outside") == 0;
  else
    return false;
  return options->bench.workers >= 1 && options->repeat >= 1 &&
         options->repeat <= MAX_REPEAT;
}

int bench_main(int argc, char **argv, const char *program, unsigned workers,
               const bench_workload *workloads, size_t count) {
  run_options options = {{program, workers, 0, false}, "all", 5, false, true};
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0)
      usage(&options, workloads, count, EXIT_SUCCESS);
    else if (strcmp(argv[i], "--json") == 0)
      options.json = true;
    else if (strcmp(argv[i], "--cold") == 0)
      options.warm = false;
    else if (i + 1 == argc || !take_option(&options, argv[i], argv[i + 1]))
      usage(&options, workloads, count, EXIT_FAILURE);
    else
      i++;
  }
  bool found = false;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(options.workload, "all") == 0 ||
        strcmp(options.workload, workloads[i].name) == 0) {
      found = true;
      run_workload(&options, &workloads[i]);
    }
  }
  if (!found)
    usage(&options, workloads, count, EXIT_FAILURE);
  return EXIT_SUCCESS;
}
