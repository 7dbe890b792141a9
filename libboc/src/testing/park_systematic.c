/* Park under the systematic scheduler: which unit has a mutex, and which units wait.
 *
 * A mutex belongs to a unit, or to `outside_unit` where no run is under way. A free
 * mutex goes to the first unit that runs: units that waited for it compete with new
 * ones. This file reports to ThreadSanitizer what a mutex orders, since switches order
 * nothing for it.
 */
#include "park.h"

#include "os.h"
#include "systematic.h"

#define SPURIOUS_ONE_IN 16u

#pragma weak __tsan_acquire
#pragma weak __tsan_release
void __tsan_acquire(void *address);
void __tsan_release(void *address);

static char outside_unit;
static uint32_t latest_id;

static void *current_unit(void) {
  void *unit = boci_systematic_self();
  return unit ? unit : &outside_unit;
}

boc_status boci_mutex_init(boci_mutex *mutex) {
  mutex->owner = NULL;
  mutex->id = ++latest_id;
  return BOC_OK;
}

void boci_mutex_fini(boci_mutex *mutex) {
  BOCI_REQUIRE(mutex->id != 0 && "an unused mutex");
  BOCI_REQUIRE(mutex->owner == NULL && "a mutex that is locked");
  mutex->id = 0;
}

static void take_mutex(boci_mutex *mutex) {
  mutex->owner = current_unit();
  if (__tsan_acquire)
    __tsan_acquire(mutex);
}

static void give_mutex(boci_mutex *mutex) {
  BOCI_REQUIRE(mutex->owner == current_unit() && "a mutex of somebody else");
  if (__tsan_release)
    __tsan_release(mutex);
  mutex->owner = NULL;
  boci_systematic_wake_all(mutex);
}

void boci_mutex_lock(boci_mutex *mutex) {
  BOCI_REQUIRE(mutex->id != 0 && "an unused mutex");
  boci_systematic_point();
  BOCI_REQUIRE(mutex->owner != current_unit() && "a mutex is not recursive");
  while (mutex->owner)
    boci_systematic_block(mutex, "mutex", mutex->id, BOCI_NEVER);
  take_mutex(mutex);
}

bool boci_mutex_try_lock(boci_mutex *mutex) {
  BOCI_REQUIRE(mutex->id != 0 && "an unused mutex");
  boci_systematic_point();
  if (mutex->owner)
    return false;
  take_mutex(mutex);
  return true;
}

void boci_mutex_unlock(boci_mutex *mutex) {
  give_mutex(mutex);
  boci_systematic_point();
}

boc_status boci_cond_init(boci_cond *cond) {
  cond->waiters = 0;
  cond->id = ++latest_id;
  return BOC_OK;
}

void boci_cond_fini(boci_cond *cond) {
  BOCI_REQUIRE(cond->id != 0 && "an unused condition");
  BOCI_REQUIRE(cond->waiters == 0 && "a condition that is waited on");
  cond->id = 0;
}

bool boci_cond_wait_until(boci_cond *cond, boci_mutex *mutex, uint64_t deadline) {
  BOCI_REQUIRE(cond->id != 0 && "an unused condition");
  cond->waiters++;
  give_mutex(mutex);
  bool woken = true;
  if (boci_systematic_chance(SPURIOUS_ONE_IN))
    boci_systematic_point();
  else
    woken = boci_systematic_block(cond, "condition", cond->id, deadline);
  cond->waiters--;
  while (mutex->owner)
    boci_systematic_block(mutex, "mutex", mutex->id, BOCI_NEVER);
  take_mutex(mutex);
  return woken;
}

void boci_cond_wait(boci_cond *cond, boci_mutex *mutex) {
  (void)boci_cond_wait_until(cond, mutex, BOCI_NEVER);
}

void boci_cond_signal(boci_cond *cond) {
  BOCI_REQUIRE(cond->id != 0 && "an unused condition");
  boci_systematic_point();
  boci_systematic_wake_one(cond);
}

void boci_cond_broadcast(boci_cond *cond) {
  BOCI_REQUIRE(cond->id != 0 && "an unused condition");
  boci_systematic_point();
  boci_systematic_wake_all(cond);
}
