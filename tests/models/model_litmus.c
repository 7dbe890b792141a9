/* A test of the tester: the small programs by which memory orders are told apart, each
 * with an outcome that its orders rule out. Its mutants leave out one order each. */
#include "atomic.h"
#include "model.h"
#include "park.h"

static boci_atomic_u32 x, y, flag, turns;
static uint32_t seen[2];
static unsigned plain, locked;
static boci_mutex mutex;
static boci_cond cond;
static bool ready;

void model_before(void) {
  boci_init(&x, 0);
  boci_init(&y, 0);
  boci_init(&flag, 0);
  boci_init(&turns, UINT32_MAX);
  plain = locked = 0;
  ready = false;
  MODEL_CHECK(boci_mutex_init(&mutex) == BOC_OK);
  MODEL_CHECK(boci_cond_init(&cond) == BOC_OK);
}

/* Store, then load of the other's: with both fences one of them sees the other. */
static void store_and_load(unsigned index) {
  boci_store_relaxed(index ? &y : &x, 1);
  boci_fence_seq_cst();
  seen[index] = boci_load_relaxed(index ? &x : &y);
}

/* What was written before a release is seen after the acquire that reads it. */
static void pass_message(unsigned index) {
  if (index == 0) {
    plain = 7;
    boci_store_release(&flag, 1);
  } else if (boci_load_acquire(&flag)) {
    MODEL_CHECK(plain == 7);
  }
}

static void wait_or_signal(unsigned index) {
  boci_mutex_lock(&mutex);
  locked++;
  if (index == 0) {
    ready = true;
    boci_cond_signal(&cond);
  } else {
    while (!ready)
      boci_cond_wait(&cond, &mutex);
  }
  boci_mutex_unlock(&mutex);
}

void model_thread(unsigned index) {
  if (index == 2)
    return;
  store_and_load(index);
  pass_message(index);
  wait_or_signal(index);
  boci_add_relaxed(&turns, 1);
}

void model_after(void) {
  MODEL_CHECK(seen[0] == 1 || seen[1] == 1);
  MODEL_CHECK(locked == 2);
  MODEL_CHECK(boci_load_relaxed(&turns) == 1); /* it wraps at 32 bits */
}
