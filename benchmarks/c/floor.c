/* The floor: the cost of the minimal work of a behavior in one thread, without a
 * library.
 *
 * For each behavior: allocate it, swap it into the tail of each of its cowns, call its
 * body through a pointer, take it out of the tails again by compare-and-swap, free it.
 * No scheduler, no second thread, no waiting; each behavior runs as soon as it is made.
 * The cost of a library beyond this is the price of being asynchronous.
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct cown {
  _Atomic(struct behavior *) tail;
  uint64_t value;
  char apart[48]; /* a line of its own, as cowns that were allocated have */
} cown;

typedef struct behavior {
  void (*body)(struct behavior *self);
  size_t count;
  cown *cowns[];
} behavior;

static void increment_all(behavior *self) {
  for (size_t i = 0; i < self->count; i++)
    self->cowns[i]->value++;
}

/* Through a volatile pointer, so that the call stays one. */
static void (*volatile body)(behavior *self) = increment_all;

static behavior *behavior_new(size_t count) {
  behavior *made = bench_malloc(sizeof *made + count * sizeof(cown *));
  made->body = body;
  made->count = count;
  return made;
}

static void run(behavior *self) {
  for (size_t i = 0; i < self->count; i++)
    atomic_exchange_explicit(&self->cowns[i]->tail, self, memory_order_acq_rel);
  self->body(self);
  for (size_t i = 0; i < self->count; i++) {
    behavior *expected = self;
    atomic_compare_exchange_strong_explicit(&self->cowns[i]->tail, &expected, NULL,
                                            memory_order_acq_rel, memory_order_acquire);
  }
  free(self);
}

/* N behaviors over `width` neighbors among `count` cowns, `stride` steps apart. */
static double measure(size_t n, size_t count, size_t width, size_t stride) {
  cown *cowns = bench_calloc(count + 1, sizeof *cowns);
  size_t at = 0;
  uint64_t begin = bench_now();
  for (size_t i = 0; i < n; i++) {
    behavior *made = behavior_new(width);
    for (size_t k = 0; k < width; k++)
      made->cowns[k] = &cowns[at + k < count ? at + k : at + k - count];
    run(made);
    at = at + stride < count ? at + stride : at + stride - count;
  }
  uint64_t end = bench_now();
  uint64_t sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += cowns[i].value;
  bench_check(sum == n * width, "wrong sum of counters");
  free(cowns);
  return (double)(end - begin) / (double)n;
}

static double chain1(const bench_options *options, size_t n) {
  (void)options;
  return measure(n, 1, 1, 0);
}

static double fanout(const bench_options *options, size_t n) {
  (void)options;
  return measure(n, n, 1, 1);
}

static double zero(const bench_options *options, size_t n) {
  (void)options;
  return measure(n, 1, 0, 0);
}

static double rr64(const bench_options *options, size_t n) {
  (void)options;
  return measure(n, BENCH_ROUND_ROBIN, 1, 1);
}

static double ring2(const bench_options *options, size_t n) {
  (void)options;
  return measure(n, BENCH_RING, 2, BENCH_STRIDE);
}

static double hot2(const bench_options *options, size_t n) {
  (void)options;
  return measure(n, 2, 2, 0);
}

static double group8(const bench_options *options, size_t n) {
  (void)options;
  return measure(n, BENCH_RING, BENCH_GROUP, BENCH_STRIDE);
}

static const bench_workload workloads[] = {
    {"chain1", chain1, BENCH_MANY, NULL}, {"fanout", fanout, BENCH_MANY, NULL},
    {"zero", zero, BENCH_MANY, NULL},     {"rr64", rr64, BENCH_MANY, NULL},
    {"ring2", ring2, BENCH_MANY, NULL},   {"hot2", hot2, BENCH_MANY, NULL},
    {"group8", group8, BENCH_MANY, NULL},
};

int main(int argc, char **argv) {
  return bench_main(argc, argv, "floor", 1, workloads,
                    sizeof workloads / sizeof *workloads);
}
