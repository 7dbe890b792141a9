/* The harness: options, the loop over cases and seeds, the watchdog, failures.
 *
 * Threads: the main thread runs cases; a watchdog sleeps until no run has begun for
 * TEST_TIMEOUT. The systematic scheduler has its step limit instead.
 */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(BOC_SYSTEMATIC)
#include <signal.h>

#include "systematic.h"
#define DEFAULT_ITERS 10000
#define RACES "interleavings"
#else
#define DEFAULT_ITERS 100
#define RACES "runs of races"
#endif

#define THREADS 32
#define MAGIC UINT64_C(0xb0cb0cb0cb0cb0c1)

static struct {
  const char *program, *only;
  const test_case *current;
  uint64_t seed, iters;
  uint64_t run_seed; /* of the current run */
  uint64_t raced;    /* how many runs of races there were */
  bool list;
} test;

/* Failures. */

static void explain(void) {
  if (test.program)
    fprintf(stderr,
            "%s: case %s failed; to repeat: --only %s --seed %" PRIu64 " --iters 1\n",
            test.program, test.current ? test.current->name : "?",
            test.current ? test.current->name : "?", test.run_seed);
#if defined(BOC_SYSTEMATIC)
  boci_systematic_report();
#endif
  fflush(stderr);
}

_Noreturn void test_fail(const char *file, int line, const char *text) {
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
  explain();
  if (!test.program)
    abort(); /* a fuzzer keeps the input */
  _Exit(1);
}

void test_equal(const char *file, int line, const char *text, intmax_t left,
                intmax_t right) {
  if (left == right)
    return;
  fprintf(stderr, "%s:%d: %" PRIdMAX " and %" PRIdMAX "\n", file, line, left, right);
  test_fail(file, line, text);
}

void test_keep_waiting(const char *file, int line, const char *text, uint64_t give_up) {
#if defined(BOC_SYSTEMATIC)
  (void)file, (void)line, (void)text, (void)give_up;
#else
  if (boci_os_now() > give_up)
    test_fail(file, line, text);
#endif
  boci_os_yield();
}

/* Random numbers: splitmix64. */

static uint64_t draw_word(test_random *random) {
  uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

test_random test_random_stream(uint64_t stream) {
  test_random random = {test.run_seed};
  random.state = draw_word(&random) + stream;
  random.state = draw_word(&random);
  return random;
}

uint32_t test_draw(test_random *random, uint32_t n) {
  return (uint32_t)((draw_word(random) >> 32) * n >> 32);
}

/* Threads. */

typedef struct helper {
  boci_thread thread;
  void (*body)(void *arg, unsigned index);
  void *arg;
  unsigned index;
} helper;

static void run_helper(void *memory) {
  helper *self = memory;
  self->body(self->arg, self->index);
}

void test_threads(unsigned count, void (*body)(void *arg, unsigned index), void *arg) {
  helper helpers[THREADS];
  CHECK(count <= THREADS);
  for (unsigned i = 0; i < count; i++) {
    helpers[i].body = body;
    helpers[i].arg = arg;
    helpers[i].index = i;
    CHECK(boci_thread_start(&helpers[i].thread, run_helper, &helpers[i], "test", 0) ==
          BOC_OK);
  }
  for (unsigned i = 0; i < count; i++)
    boci_thread_join(&helpers[i].thread);
}

/* Memory. In front of each block: its size and a mark.
 *
 * The library orders cowns by address, so a run only repeats if the order of addresses
 * does: under the systematic scheduler blocks come from an arena, one by one. */

typedef struct block_head {
  uint64_t size, magic;
} block_head;

#if defined(BOC_SYSTEMATIC)

#pragma weak __asan_poison_memory_region
#pragma weak __asan_unpoison_memory_region
void __asan_poison_memory_region(const volatile void *memory, size_t size);
void __asan_unpoison_memory_region(const volatile void *memory, size_t size);

static _Alignas(16) char arena[32 * 1024 * 1024];
static boci_atomic_word arena_used;

static void *take_memory(size_t size) {
  size_t whole = (size + 15) & ~(size_t)15;
  uintptr_t at = boci_add_relaxed(&arena_used, whole);
  if (at > sizeof arena || whole > sizeof arena - at)
    return malloc(size);
  if (__asan_unpoison_memory_region)
    __asan_unpoison_memory_region(arena + at, size);
  return arena + at;
}

static void give_memory(void *memory, size_t size) {
  uintptr_t at = (uintptr_t)memory;
  if (at < (uintptr_t)arena || at >= (uintptr_t)(arena + sizeof arena))
    free(memory);
  else if (__asan_poison_memory_region)
    __asan_poison_memory_region(memory, size);
}

static void begin_memory(void) { boci_store_relaxed(&arena_used, 0); }

#else

static void *take_memory(size_t size) { return malloc(size); }
static void give_memory(void *memory, size_t size) {
  (void)size;
  free(memory);
}
static void begin_memory(void) {}

#endif

static void *allocate(void *ctx, size_t size) {
  test_memory *memory = ctx;
  if (boci_add_relaxed(&memory->allocations, 1) + 1 == memory->fail_at)
    return NULL;
  block_head *head = take_memory(sizeof *head + size);
  CHECK(head != NULL);
  head->size = size;
  head->magic = MAGIC;
  boci_add_relaxed(&memory->live, 1);
  boci_add_relaxed(&memory->bytes, size);
  memset(head + 1, 0xa5, size);
  return head + 1;
}

static void release(void *ctx, void *block, size_t size) {
  test_memory *memory = ctx;
  block_head *head = (block_head *)block - 1;
  CHECK(head->magic == MAGIC);
  CHECK_EQ(head->size, size);
  head->magic = 0;
  boci_sub_relaxed(&memory->live, 1);
  boci_sub_relaxed(&memory->bytes, size);
  memset(block, 0x5a, size);
  give_memory(head, sizeof *head + size);
}

void test_memory_init(test_memory *memory, uintptr_t fail_at) {
  memory->base.allocate = allocate;
  memory->base.release = release;
  memory->base.ctx = memory;
  memory->fail_at = fail_at;
  boci_init(&memory->allocations, 0);
  boci_init(&memory->live, 0);
  boci_init(&memory->bytes, 0);
}

bool test_memory_failed(test_memory *memory) {
  return memory->fail_at != 0 &&
         boci_load_relaxed(&memory->allocations) >= memory->fail_at;
}

void test_memory_fini(test_memory *memory) {
  CHECK_EQ(boci_load_acquire(&memory->live), 0);
  CHECK_EQ(boci_load_acquire(&memory->bytes), 0);
}

/* Runs. */

#if defined(BOC_SYSTEMATIC)

#pragma weak __sanitizer_set_death_callback
void __sanitizer_set_death_callback(void (*callback)(void));

static void run_body(void *memory) {
  const test_case *which = memory;
  which->body();
}

static void on_crash(int signal_number) {
  signal(signal_number, SIG_DFL);
  explain();
  raise(signal_number);
}

static void watch(void) {
  if (__sanitizer_set_death_callback)
    __sanitizer_set_death_callback(explain);
  else
    signal(SIGSEGV, on_crash);
}

static void unwatch(void) {}

static void run_once(const test_case *which) {
  if (which->share == TEST_IS_ALONE) {
    which->body();
    return;
  }
  boci_run_outcome outcome =
      boci_systematic_try(test.run_seed, run_body, (void *)(uintptr_t)which);
  if (outcome == BOCI_RUN_FINISHED)
    return;
  explain();
  _Exit(1);
}

#else

static struct {
  boci_mutex mutex;
  boci_cond cond;
  boci_thread thread;
  uint64_t give_up;
  bool over;
} dog;

static void watch_runs(void *unused) {
  (void)unused;
  boci_mutex_lock(&dog.mutex);
  while (!dog.over) {
    if (boci_os_now() >= dog.give_up)
      test_fail(__FILE__, __LINE__, "a run comes to its end");
    boci_cond_wait_until(&dog.cond, &dog.mutex, dog.give_up);
  }
  boci_mutex_unlock(&dog.mutex);
}

static void watch(void) {
  CHECK(boci_mutex_init(&dog.mutex) == BOC_OK && boci_cond_init(&dog.cond) == BOC_OK);
  dog.give_up = boci_os_now() + TEST_TIMEOUT;
  CHECK(boci_thread_start(&dog.thread, watch_runs, NULL, "watchdog", 0) == BOC_OK);
}

static void unwatch(void) {
  boci_mutex_lock(&dog.mutex);
  dog.over = true;
  boci_cond_signal(&dog.cond);
  boci_mutex_unlock(&dog.mutex);
  boci_thread_join(&dog.thread);
  boci_cond_fini(&dog.cond);
  boci_mutex_fini(&dog.mutex);
}

static void run_once(const test_case *which) {
  boci_mutex_lock(&dog.mutex);
  dog.give_up = boci_os_now() + 2 * TEST_TIMEOUT;
  boci_mutex_unlock(&dog.mutex);
  which->body();
}

#endif

static void run_case(const test_case *which) {
  bool once = which->share == 0 || which->share == TEST_IS_ALONE;
  uint64_t runs = once ? 1 : test.iters / which->share;
  clock_t begin = clock();
  test.current = which;
  if (runs == 0)
    runs = 1;
  for (uint64_t i = 0; i < runs; i++) {
    test.run_seed = test.seed + i;
    begin_memory();
    run_once(which);
  }
  test.current = NULL;
  test.raced += once ? 0 : runs;
  printf("ok %-40s %8" PRIu64 " runs %8.3f s\n", which->name, runs,
         (double)(clock() - begin) / CLOCKS_PER_SEC);
  fflush(stdout);
}

/* The systematic scheduler must have seen each unit with a race in enough ways. */
static void sum_up(void) {
  if (test.raced == 0)
    return;
  printf("%" PRIu64 " " RACES "\n", test.raced);
  fflush(stdout);
  CHECK(test.only || test.iters < DEFAULT_ITERS || test.raced >= DEFAULT_ITERS);
}

/* Options. */

_Noreturn static void usage(void) {
  fprintf(stderr, "usage: %s [--seed N|random] [--iters N] [--only NAME] [--list]\n",
          test.program);
  exit(2);
}

static uint64_t number(const char *text) {
  char *end;
  uint64_t value = strtoull(text, &end, 10);
  if (end == text || *end != '\0')
    usage();
  return value;
}

static void read_options(int argc, char **argv) {
  test.program = argc > 0 ? argv[0] : "test";
  test.seed = 1;
  test.iters = DEFAULT_ITERS;
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(argv[i], "--list") == 0) {
      test.list = true;
      continue;
    }
    if (!value)
      usage();
    if (strcmp(argv[i], "--seed") == 0)
      test.seed = strcmp(value, "random") == 0 ? (uint64_t)time(NULL) : number(value);
    else if (strcmp(argv[i], "--iters") == 0)
      test.iters = number(value);
    else if (strcmp(argv[i], "--only") == 0)
      test.only = value;
    else
      usage();
    i++;
  }
}

int test_main(int argc, char **argv, const test_case *cases, size_t count) {
  size_t chosen = 0;
  read_options(argc, argv);
  printf("seed %" PRIu64 ", %" PRIu64 " iterations\n", test.seed, test.iters);
  fflush(stdout);
  watch();
  for (size_t i = 0; i < count; i++) {
    if (test.only && strcmp(test.only, cases[i].name) != 0)
      continue;
    chosen++;
    if (test.list)
      printf("%s\n", cases[i].name);
    else
      run_case(&cases[i]);
  }
  unwatch();
  sum_up();
  if (chosen == 0) {
    fprintf(stderr, "%s: no case is called %s\n", test.program, test.only);
    return 1;
  }
  return 0;
}
