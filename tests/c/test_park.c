/* Park: exclusion, no lost wake-ups, bounds of timed waits, the parker's one token. */
#include "harness.h"

#define MILLISECOND UINT64_C(1000000)

/* Mutexes. */

enum { THREADS = 3, ROUNDS = 10 };

typedef struct counter {
  boci_mutex mutex;
  boci_atomic_u32 inside;
  unsigned count;
} counter;

static void count_locked(void *arg, unsigned index) {
  counter *shared = arg;
  for (unsigned i = 0; i < ROUNDS; i++) {
    if ((index + i) % 2 == 0)
      boci_mutex_lock(&shared->mutex);
    else
      TEST_WAIT(boci_mutex_try_lock(&shared->mutex));
    CHECK_EQ(boci_add_relaxed(&shared->inside, 1), 0);
    shared->count++;
    CHECK_EQ(boci_sub_relaxed(&shared->inside, 1), 1);
    boci_mutex_unlock(&shared->mutex);
  }
}

static void a_mutex_excludes(void) {
  counter shared = {.count = 0};
  CHECK(boci_mutex_init(&shared.mutex) == BOC_OK);
  boci_init(&shared.inside, 0);
  test_threads(THREADS, count_locked, &shared);
  CHECK_EQ(shared.count, THREADS * ROUNDS);
  boci_mutex_fini(&shared.mutex);
}

static void try_locked(void *arg, unsigned index) {
  (void)index;
  CHECK(!boci_mutex_try_lock(arg));
}

static void try_lock_fails_while_another_holds(void) {
  boci_mutex mutex;
  CHECK(boci_mutex_init(&mutex) == BOC_OK);
  CHECK(boci_mutex_try_lock(&mutex));
  test_threads(1, try_locked, &mutex);
  boci_mutex_unlock(&mutex);
  CHECK(boci_mutex_try_lock(&mutex));
  boci_mutex_unlock(&mutex);
  boci_mutex_fini(&mutex);
}

/* Conditions: a bounded buffer, in which every item needs its wake-up. */

enum { SPACE = 2, PRODUCERS = 2, CONSUMERS = 2, ITEMS = 8 };

typedef struct buffer {
  boci_mutex mutex;
  boci_cond not_empty, not_full;
  unsigned held, put, got;
} buffer;

static void put_items(buffer *shared) {
  for (unsigned i = 0; i < ITEMS; i++) {
    boci_mutex_lock(&shared->mutex);
    while (shared->held == SPACE)
      boci_cond_wait(&shared->not_full, &shared->mutex);
    shared->held++;
    shared->put++;
    boci_cond_signal(&shared->not_empty);
    boci_mutex_unlock(&shared->mutex);
  }
}

static void get_items(buffer *shared) {
  for (unsigned i = 0; i < ITEMS; i++) {
    boci_mutex_lock(&shared->mutex);
    while (shared->held == 0)
      CHECK(boci_cond_wait_until(&shared->not_empty, &shared->mutex, BOCI_NEVER));
    shared->held--;
    shared->got++;
    boci_mutex_unlock(&shared->mutex);
    boci_cond_signal(&shared->not_full);
  }
}

static void put_or_get(void *arg, unsigned index) {
  if (index < PRODUCERS)
    put_items(arg);
  else
    get_items(arg);
}

static void no_wake_up_is_lost(void) {
  buffer shared = {.held = 0};
  CHECK(boci_mutex_init(&shared.mutex) == BOC_OK);
  CHECK(boci_cond_init(&shared.not_empty) == BOC_OK);
  CHECK(boci_cond_init(&shared.not_full) == BOC_OK);
  test_threads(PRODUCERS + CONSUMERS, put_or_get, &shared);
  CHECK_EQ(shared.held, 0);
  CHECK_EQ(shared.put, PRODUCERS * ITEMS);
  CHECK_EQ(shared.got, shared.put);
  boci_cond_fini(&shared.not_full);
  boci_cond_fini(&shared.not_empty);
  boci_mutex_fini(&shared.mutex);
}

/* A gate that opens for all. */

typedef struct gate {
  boci_mutex mutex;
  boci_cond opened;
  unsigned waiting, passed;
  bool open;
} gate;

static void pass_gate(void *arg, unsigned index) {
  gate *shared = arg;
  boci_mutex_lock(&shared->mutex);
  shared->waiting++;
  if (index == 0) {
    shared->open = true;
    boci_cond_broadcast(&shared->opened);
  }
  while (!shared->open)
    boci_cond_wait(&shared->opened, &shared->mutex);
  shared->passed++;
  boci_mutex_unlock(&shared->mutex);
}

static void broadcast_wakes_all(void) {
  gate shared = {.open = false};
  CHECK(boci_mutex_init(&shared.mutex) == BOC_OK);
  CHECK(boci_cond_init(&shared.opened) == BOC_OK);
  test_threads(4, pass_gate, &shared);
  CHECK_EQ(shared.passed, 4);
  boci_cond_fini(&shared.opened);
  boci_mutex_fini(&shared.mutex);
}

/* Timed waits. */

/* Waits without a signal; returns how long it took. */
static uint64_t wait_in_vain(int64_t timeout) {
  boci_mutex mutex;
  boci_cond cond;
  CHECK(boci_mutex_init(&mutex) == BOC_OK && boci_cond_init(&cond) == BOC_OK);
  boci_mutex_lock(&mutex);
  uint64_t begin = boci_os_now();
  uint64_t deadline = boci_os_deadline(timeout);
  while (boci_cond_wait_until(&cond, &mutex, deadline)) {
  }
  uint64_t end = boci_os_now();
  CHECK(end >= deadline);
  boci_mutex_unlock(&mutex);
  boci_cond_fini(&cond);
  boci_mutex_fini(&mutex);
  return end - begin;
}

/* The upper bound allows for a busy machine. */
static void a_timed_wait_keeps_its_bounds(void) {
  static const int64_t timeouts[] = {0, 1, 999, 100000, 1000000, 1000001, 20000000};
  for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
    uint64_t took = wait_in_vain(timeouts[i]);
    CHECK(took >= (uint64_t)timeouts[i]);
    CHECK(took < (uint64_t)timeouts[i] + TEST_TIMEOUT);
  }
}

static void a_past_deadline_only_looks(void) {
  boci_mutex mutex;
  boci_cond cond;
  CHECK(boci_mutex_init(&mutex) == BOC_OK && boci_cond_init(&cond) == BOC_OK);
  boci_mutex_lock(&mutex);
  while (boci_cond_wait_until(&cond, &mutex, 1)) {
  }
  CHECK(boci_os_now() >= 1);
  boci_mutex_unlock(&mutex);
  boci_cond_fini(&cond);
  boci_mutex_fini(&mutex);
}

/* The parker. */

static void a_token_is_kept_and_is_one(void) {
  boci_parker parker;
  CHECK(boci_parker_init(&parker) == BOC_OK);
  CHECK(!boci_parker_park(&parker, 1));
  boci_parker_unpark(&parker);
  boci_parker_unpark(&parker);
  CHECK(boci_parker_park(&parker, 1));
  CHECK(!boci_parker_park(&parker, boci_os_now() + MILLISECOND));
  boci_parker_unpark(&parker);
  CHECK(boci_parker_park(&parker, BOCI_NEVER));
  boci_parker_fini(&parker);
}

/* Here the waker is the owner itself, which may move to another processor. */
static void a_parker_knows_a_shared_processor(void) {
  boci_parker parker;
  CHECK(boci_parker_init(&parker) == BOC_OK);
  CHECK(!boci_parker_shares_processor(&parker));
  boci_parker_unpark(&parker);
  CHECK(boci_parker_park(&parker, BOCI_NEVER));
  unsigned stayed = 0; /* rounds in which the thread stayed on one processor */
  for (int i = 0; i < 1000 && boci_os_current_processor() >= 0; i++) {
    const int before = boci_os_current_processor();
    boci_parker_unpark(&parker);
    CHECK(boci_parker_park(&parker, BOCI_NEVER));
    const bool shares = boci_parker_shares_processor(&parker);
    if (boci_os_current_processor() != before)
      continue;
    CHECK(shares);
    stayed++;
  }
  CHECK(stayed > 0 || boci_os_current_processor() < 0);
  parker.latest_waker = 1 << 20; /* no such processor */
  CHECK(!boci_parker_shares_processor(&parker));
  CHECK(!boci_parker_park(&parker, 1));
  CHECK(!boci_parker_shares_processor(&parker));
  boci_parker_fini(&parker);
}

/* Two threads wake each other in turn: a lost token is a deadlock. */

typedef struct pair {
  boci_parker parkers[2];
  unsigned turns;
} pair;

static void take_turns(void *arg, unsigned index) {
  pair *shared = arg;
  for (unsigned i = 0; i < ROUNDS; i++) {
    CHECK(boci_parker_park(&shared->parkers[index], BOCI_NEVER));
    CHECK_EQ(shared->turns % 2, index);
    shared->turns++;
    boci_parker_unpark(&shared->parkers[1 - index]);
  }
}

static void parkers_hand_over(void) {
  pair shared = {.turns = 0};
  for (int i = 0; i < 2; i++)
    CHECK(boci_parker_init(&shared.parkers[i]) == BOC_OK);
  boci_parker_unpark(&shared.parkers[0]);
  test_threads(2, take_turns, &shared);
  CHECK_EQ(shared.turns, 2 * ROUNDS);
  CHECK(boci_parker_park(&shared.parkers[0], 1));
  CHECK(!boci_parker_park(&shared.parkers[1], 1));
  for (int i = 0; i < 2; i++)
    boci_parker_fini(&shared.parkers[i]);
}

/* A deadline against a token: whichever comes first, the token is there exactly
 * once. */

typedef struct duel {
  boci_parker parker;
  bool had_token;
} duel;

static void park_or_unpark(void *arg, unsigned index) {
  duel *shared = arg;
  if (index == 0)
    shared->had_token =
        boci_parker_park(&shared->parker, boci_os_now() + MILLISECOND / 20);
  else
    boci_parker_unpark(&shared->parker);
}

static void a_late_token_is_not_lost(void) {
  duel shared;
  CHECK(boci_parker_init(&shared.parker) == BOC_OK);
  test_threads(2, park_or_unpark, &shared);
  CHECK(boci_parker_park(&shared.parker, 1) == !shared.had_token);
  boci_parker_fini(&shared.parker);
}

/* The owner may end its parker as soon as it has the token. */

static void park_and_end(void *arg, unsigned index) {
  boci_parker *parker = arg;
  if (index != 0) {
    boci_parker_unpark(parker);
    return;
  }
  CHECK(boci_parker_park(parker, BOCI_NEVER));
  boci_parker_fini(parker);
}

static void a_parker_ends_after_its_token(void) {
  boci_parker parker;
  CHECK(boci_parker_init(&parker) == BOC_OK);
  test_threads(2, park_and_end, &parker);
}

static const test_case cases[] = {
    TEST_RACE(a_mutex_excludes, 2),
    TEST_ONCE(try_lock_fails_while_another_holds),
    TEST_RACE(no_wake_up_is_lost, 1),
    TEST_RACE(broadcast_wakes_all, 1),
    TEST_ONCE(a_timed_wait_keeps_its_bounds),
    TEST_ONCE(a_past_deadline_only_looks),
    TEST_ONCE(a_token_is_kept_and_is_one),
    TEST_ONCE(a_parker_knows_a_shared_processor),
    TEST_RACE(parkers_hand_over, 1),
    TEST_RACE(a_late_token_is_not_lost, 1),
    TEST_RACE(a_parker_ends_after_its_token, 1),
};
TEST_MAIN(cases)
