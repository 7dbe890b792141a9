/* The systematic scheduler: it finds known bugs within few seeds, lets the repaired
 * versions pass all of them, and repeats every run exactly. */
#include "harness.h"

#include "systematic.h"

enum { SEEDS = 10000, FEW = 500 };

/* The first of `seeds` seeds whose run does not finish; -1 if there is none. */
static int first_failure(void (*body)(void *arg), boci_run_outcome expected,
                         int seeds) {
  for (int seed = 0; seed < seeds; seed++) {
    boci_run_outcome outcome = boci_systematic_try((uint64_t)seed, body, NULL);
    if (outcome == BOCI_RUN_FINISHED)
      continue;
    if (outcome != expected)
      boci_systematic_report();
    CHECK_EQ(outcome, expected);
    return seed;
  }
  return -1;
}

static void finds(void (*body)(void *arg), boci_run_outcome expected) {
  int seed = first_failure(body, expected, FEW);
  CHECK(seed >= 0);
  CHECK_EQ(boci_systematic_try((uint64_t)seed, body, NULL), expected);
}

static void passes(void (*body)(void *arg)) {
  CHECK_EQ(first_failure(body, BOCI_RUN_FINISHED, SEEDS), -1);
}

static void require(bool condition) {
  if (!condition)
    boci_systematic_fail();
}

/* An increment in two steps, and in one. */

static boci_atomic_u32 number;

static void add_in_two_steps(void *arg, unsigned index) {
  (void)arg, (void)index;
  boci_store_relaxed(&number, boci_load_relaxed(&number) + 1);
}

static void add_in_one_step(void *arg, unsigned index) {
  (void)arg, (void)index;
  boci_add_relaxed(&number, 1);
}

static void torn_increment(void *unused) {
  (void)unused;
  boci_init(&number, 0);
  test_threads(2, add_in_two_steps, NULL);
  require(boci_load_relaxed(&number) == 2);
}

static void whole_increment(void *unused) {
  (void)unused;
  boci_init(&number, 0);
  test_threads(2, add_in_one_step, NULL);
  require(boci_load_relaxed(&number) == 2);
}

/* A sleeper that does not check again once it has announced itself. */

static struct {
  boci_parker parker;
  boci_atomic_u32 asleep, work;
  bool looks_again;
} sleeper;

static void sleep_or_send(void *arg, unsigned index) {
  (void)arg;
  if (index == 0) {
    if (boci_load_acquire(&sleeper.work) == 0) {
      boci_store_relaxed(&sleeper.asleep, 1);
      boci_fence_seq_cst();
      if (!sleeper.looks_again || boci_load_acquire(&sleeper.work) == 0)
        boci_parker_park(&sleeper.parker, BOCI_NEVER);
    }
  } else {
    boci_store_release(&sleeper.work, 1);
    boci_fence_seq_cst();
    if (boci_load_relaxed(&sleeper.asleep) != 0)
      boci_parker_unpark(&sleeper.parker);
  }
}

static void send_to_sleeper(bool looks_again) {
  CHECK(boci_parker_init(&sleeper.parker) == BOC_OK);
  boci_init(&sleeper.asleep, 0);
  boci_init(&sleeper.work, 0);
  sleeper.looks_again = looks_again;
  test_threads(2, sleep_or_send, NULL);
  boci_parker_fini(&sleeper.parker);
}

static void careless_sleeper(void *unused) {
  (void)unused;
  send_to_sleeper(false);
}

static void careful_sleeper(void *unused) {
  (void)unused;
  send_to_sleeper(true);
}

/* Two locks in two orders. */

static boci_mutex locks[2];

static void lock_both(void *arg, unsigned index) {
  unsigned first = arg ? index : 0;
  boci_mutex_lock(&locks[first]);
  boci_mutex_lock(&locks[1 - first]);
  boci_mutex_unlock(&locks[1 - first]);
  boci_mutex_unlock(&locks[first]);
}

static void use_locks(void *crossed) {
  CHECK(boci_mutex_init(&locks[0]) == BOC_OK && boci_mutex_init(&locks[1]) == BOC_OK);
  test_threads(2, lock_both, crossed);
  boci_mutex_fini(&locks[0]);
  boci_mutex_fini(&locks[1]);
}

static void crossed_locks(void *unused) {
  (void)unused;
  use_locks(locks);
}

static void ordered_locks(void *unused) {
  (void)unused;
  use_locks(NULL);
}

/* A wait that mistakes any wake-up for its own. */

static struct {
  boci_mutex mutex;
  boci_cond cond;
  bool set, loops;
} event;

static void wait_or_set(void *arg, unsigned index) {
  (void)arg;
  boci_mutex_lock(&event.mutex);
  if (index == 0) {
    event.set = true;
    boci_cond_signal(&event.cond);
  } else {
    if (!event.set)
      boci_cond_wait(&event.cond, &event.mutex);
    while (event.loops && !event.set)
      boci_cond_wait(&event.cond, &event.mutex);
    require(event.set);
  }
  boci_mutex_unlock(&event.mutex);
}

static void wait_for_event(bool loops) {
  CHECK(boci_mutex_init(&event.mutex) == BOC_OK);
  CHECK(boci_cond_init(&event.cond) == BOC_OK);
  event.set = false;
  event.loops = loops;
  test_threads(2, wait_or_set, NULL);
  boci_cond_fini(&event.cond);
  boci_mutex_fini(&event.mutex);
}

static void single_wait(void *unused) {
  (void)unused;
  wait_for_event(false);
}

static void looped_wait(void *unused) {
  (void)unused;
  wait_for_event(true);
}

/* A bug that needs three changes of threads at the right places. */

static struct {
  boci_atomic_u32 a, b, c;
} steps;

static void walk_steps(void *arg, unsigned index) {
  (void)arg;
  if (index == 0) {
    boci_store_relaxed(&steps.a, 1);
    boci_store_relaxed(&steps.c, boci_load_relaxed(&steps.b));
    boci_store_relaxed(&steps.a, 2);
  } else {
    if (boci_load_relaxed(&steps.a) == 1)
      boci_store_relaxed(&steps.b, 1);
    require(boci_load_relaxed(&steps.c) != 1 || boci_load_relaxed(&steps.a) == 2);
  }
}

static void deep_bug(void *unused) {
  (void)unused;
  boci_init(&steps.a, 0);
  boci_init(&steps.b, 0);
  boci_init(&steps.c, 0);
  test_threads(2, walk_steps, NULL);
}

/* Spins. */

static void spin_for_flag(void *arg, unsigned index) {
  (void)arg;
  if (index == 0) {
    while (boci_load_acquire(&number) == 0)
      boci_pause();
  } else {
    boci_store_release(&number, 1);
  }
}

static void polite_spin(void *unused) {
  (void)unused;
  boci_init(&number, 0);
  test_threads(3, spin_for_flag, NULL);
}

static void endless_spin(void *unused) {
  (void)unused;
  for (;;)
    boci_pause();
}

static void spin_for_deadline(void *unused) {
  (void)unused;
  uint64_t deadline = boci_os_deadline(30000);
  while (boci_os_now() < deadline)
    boci_pause();
}

/* A spin that only ends when a timed wait does. */

static void wait_or_spin(void *arg, unsigned index) {
  (void)arg;
  if (index == 0) {
    CHECK(!boci_parker_park(&sleeper.parker, boci_os_deadline(INT64_C(1000000000))));
    boci_store_release(&number, 1);
  } else {
    while (boci_load_acquire(&number) == 0)
      boci_os_yield();
  }
}

static void spin_for_sleeper(void *unused) {
  (void)unused;
  boci_init(&number, 0);
  CHECK(boci_parker_init(&sleeper.parker) == BOC_OK);
  test_threads(2, wait_or_spin, NULL);
  boci_parker_fini(&sleeper.parker);
}

/* A thread that goes on at a given step. */

static uint64_t wanted_step, called_at;

static void count_or_wait(void *arg, unsigned index) {
  (void)arg;
  if (index == 1) {
    boci_systematic_wait_for_step(wanted_step);
    called_at = boci_systematic_steps();
  }
  for (int i = 0; index == 0 && i < 100; i++)
    boci_add_relaxed(&number, 1);
}

static void wait_for_step(void *unused) {
  (void)unused;
  boci_init(&number, 0);
  test_threads(2, count_or_wait, NULL);
}

/* A thread that is not joined. */

static void do_nothing(void *unused) { (void)unused; }

static void forget_thread(void *unused) {
  (void)unused;
  boci_thread forgotten;
  CHECK(boci_thread_start(&forgotten, do_nothing, NULL, "forgotten", 0) == BOC_OK);
}

/* The cases. They start runs of their own, outside of the harness's. */

static void increments(void) {
  finds(torn_increment, BOCI_RUN_FAILED);
  passes(whole_increment);
}

static void sleepers(void) {
  finds(careless_sleeper, BOCI_RUN_DEADLOCK);
  passes(careful_sleeper);
}

static void locks_in_order(void) {
  finds(crossed_locks, BOCI_RUN_DEADLOCK);
  passes(ordered_locks);
}

static void spurious_wake_ups(void) {
  finds(single_wait, BOCI_RUN_FAILED);
  passes(looped_wait);
}

static void several_preemptions(void) { finds(deep_bug, BOCI_RUN_FAILED); }

static void spins(void) {
  passes(polite_spin);
  passes(spin_for_deadline);
  CHECK_EQ(first_failure(spin_for_sleeper, BOCI_RUN_FINISHED, FEW), -1);
  boci_systematic_limit(1000);
  CHECK_EQ(boci_systematic_try(1, endless_spin, NULL), BOCI_RUN_ENDLESS);
  boci_systematic_limit(0);
}

/* A thread that begins to wait before the step goes on at it; one that begins later, or
 * waits for a step that does not come, goes on too. */
static void waits_for_steps(void) {
  unsigned exact = 0;
  for (uint64_t seed = 0; seed < FEW; seed++) {
    for (wanted_step = 1; wanted_step < 200; wanted_step += 3) {
      boci_systematic_run(seed, wait_for_step, NULL);
      exact += called_at == wanted_step;
      CHECK(called_at <= boci_systematic_steps());
    }
    wanted_step = UINT64_MAX;
    boci_systematic_run(seed, wait_for_step, NULL);
    CHECK_EQ(boci_load_relaxed(&number), 100);
  }
  CHECK(exact > 10 * FEW);
}

static void forgotten_threads(void) {
  CHECK_EQ(boci_systematic_try(1, forget_thread, NULL), BOCI_RUN_UNJOINED);
}

/* The same seed takes the same steps, whatever ran in between. */
static void runs_repeat(void) {
  static uint64_t lengths[FEW];
  unsigned different = 0;
  for (int pass = 0; pass < 2; pass++) {
    for (uint64_t seed = 0; seed < FEW; seed++) {
      boci_systematic_run(seed, spin_for_sleeper, NULL);
      uint64_t length = boci_systematic_steps();
      different += seed > 0 && length != lengths[seed - 1];
      CHECK(pass == 0 || length == lengths[seed]);
      lengths[seed] = length;
    }
  }
  CHECK(different > FEW / 2);
}

static const test_case cases[] = {
    TEST_ALONE(increments),          TEST_ALONE(sleepers),
    TEST_ALONE(locks_in_order),      TEST_ALONE(spurious_wake_ups),
    TEST_ALONE(several_preemptions), TEST_ALONE(spins),
    TEST_ALONE(waits_for_steps),     TEST_ALONE(forgotten_threads),
    TEST_ALONE(runs_repeat),
};
TEST_MAIN(cases)
