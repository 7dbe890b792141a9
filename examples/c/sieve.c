/* A parallel sieve: the numbers are cut into segments, each a cown of its own.
 *
 * To strike out the multiples in a segment, its behavior writes the segment and reads
 * the small primes. Readers of a cown run side by side, so the segments are sieved in
 * parallel; and since the behavior that finds the small primes was scheduled before
 * them, they are all found when the first segment begins.
 *
 *   cc sieve.c $(pkg-config --cflags --libs boc) -o sieve && ./sieve
 */
#include <boc/boc.h>

#include <stdio.h>
#include <stdlib.h>

#define LIMIT 5000000u  /* primes below this */
#define ROOT 2237u      /* its square is not below LIMIT */
#define SEGMENT 125000u /* numbers in a segment */
#define SEGMENTS (LIMIT / SEGMENT)
#define EXPECTED 348513u

typedef struct small_primes {
  unsigned count;
  unsigned prime[ROOT];
} small_primes;

typedef struct segment {
  unsigned first; /* the number that struck[0] stands for */
  unsigned primes;
  unsigned char struck[SEGMENT];
} segment;

static const boc_cown_type small_type = {
    .name = "small primes",
    .payload_size = sizeof(small_primes),
};

static const boc_cown_type segment_type = {
    .name = "segment",
    .payload_size = sizeof(segment),
};

static void check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return;
  fprintf(stderr, "sieve: %s: %s\n", what, boc_status_text(status));
  exit(EXIT_FAILURE);
}

static void *payload_at(boc_behavior *self, size_t i) {
  return boc_cown_payload(boc_behavior_cown(self, i));
}

/* The body over the small primes, for writing. */
static void find_small(boc_behavior *self, void *arg) {
  small_primes *small = payload_at(self, 0);
  (void)arg;
  for (unsigned n = 2; n < ROOT; n++) {
    unsigned i = 0;
    while (i < small->count && n % small->prime[i] != 0)
      i++;
    if (i == small->count)
      small->prime[small->count++] = n;
  }
}

static void strike(segment *part, unsigned prime) {
  unsigned multiple = prime * prime;
  if (multiple < part->first)
    multiple = (part->first + prime - 1) / prime * prime;
  for (; multiple < part->first + SEGMENT; multiple += prime)
    part->struck[multiple - part->first] = 1;
}

/* The body over a segment, for writing, and the small primes, for reading. */
static void sieve_segment(boc_behavior *self, void *env) {
  segment *part = payload_at(self, 0);
  const small_primes *small = payload_at(self, 1);
  (void)env;
  for (unsigned i = 0; i < small->count; i++)
    strike(part, small->prime[i]);
  for (unsigned i = 0; i < SEGMENT; i++)
    part->primes += !part->struck[i] && part->first + i >= 2;
}

static const boc_behavior_type sieve_type = {.name = "sieve", .body = sieve_segment};

static void schedule_sieve(boc_runtime *runtime, boc_cown *part, boc_cown *small) {
  boc_access accesses[] = {{part, BOC_WRITE}, {small, BOC_READ}};
  boc_behavior *behavior;
  check(boc_behavior_new(runtime, &sieve_type, 0, accesses, 2, &behavior), "sieve");
  boc_behavior_schedule(behavior);
}

/* The body over all segments. */
static void add_up(boc_behavior *self, void *arg) {
  for (size_t i = 0; i < boc_behavior_count(self); i++)
    *(unsigned *)arg += ((segment *)payload_at(self, i))->primes;
}

int main(void) {
  boc_runtime *runtime;
  boc_cown *small, *parts[SEGMENTS];
  unsigned total = 0;
  check(boc_runtime_new(NULL, &runtime), "start");
  check(boc_cown_new(&small_type, &small), "small primes");
  check(boc_when(runtime, &small, 1, find_small, NULL), "small primes");

  for (unsigned i = 0; i < SEGMENTS; i++) {
    check(boc_cown_new(&segment_type, &parts[i]), "segment");
    ((segment *)boc_cown_payload(parts[i]))->first = i * SEGMENT;
    schedule_sieve(runtime, parts[i], small);
  }
  check(boc_when(runtime, parts, SEGMENTS, add_up, &total), "sum");
  check(boc_runtime_quiesce(runtime, BOC_FOREVER), "wait");

  for (unsigned i = 0; i < SEGMENTS; i++)
    boc_cown_drop(parts[i]);
  boc_cown_drop(small);
  boc_runtime_free(runtime);
  printf("%u primes below %u\n", total, LIMIT);
  return total == EXPECTED ? EXIT_SUCCESS : EXIT_FAILURE;
}
