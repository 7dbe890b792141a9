/* Shared by the benchmark programs: options, the clock, repetition, output.
 *
 * A program hands a list of workloads to `bench_main`, which runs the chosen ones and
 * prints a line for each: all repetitions, and their median. With --json each line is a
 * JSON object. Each workload runs once unmeasured, so that all repetitions find warm
 * memory; those with a unit of their own (bytes) run just once. A workload measures
 * itself and ends the program if its result is wrong.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_options {
  const char *program;
  unsigned workers;
  size_t n;     /* behaviors in one repetition; 0: the workload's own number */
  bool outside; /* the main thread schedules, rather than a behavior */
} bench_options;

typedef double bench_run(const bench_options *options, size_t n);

typedef struct bench_workload {
  const char *name;
  bench_run *run;
  size_t n;
  const char *unit; /* NULL: nanoseconds per behavior; "ms": of the whole */
} bench_workload;

/* Runs what the command line asks for, and returns the exit code. */
int bench_main(int argc, char **argv, const char *program, unsigned workers,
               const bench_workload *workloads, size_t count);

/* Nanoseconds from an arbitrary origin, by a clock that nobody sets. */
uint64_t bench_now(void);

/* The process's memory in use, in bytes; 0 where the system does not tell. */
size_t bench_resident(void);

/* Ends the program if `holds` is false. */
void bench_check(bool holds, const char *what);

/* `calloc` and `malloc` that end the program rather than fail. */
void *bench_calloc(size_t count, size_t size);
void *bench_malloc(size_t size);

/* Sizes that all programs use. */
enum {
  BENCH_ROUND_ROBIN = 64, /* cowns of rr64 */
  BENCH_RING = 1024,      /* cowns of ring2 and group8 */
  BENCH_GROUP = 8,        /* cowns of one behavior of group8, chains of spawn8 */
  BENCH_STRIDE = 7,       /* steps from one behavior's first cown to the next one's */
  BENCH_MANY = 1000000
};

/* The first cown of the i-th behavior on the ring. */
static inline size_t bench_ring_at(size_t i) { return i * BENCH_STRIDE % BENCH_RING; }

#ifdef __cplusplus
}
#endif

#endif
