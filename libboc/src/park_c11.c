/* Park over C11 <threads.h>.
 *
 * C11 waits until a point of the wall clock. So each wait converts its deadline to one,
 * and checks the outcome against the monotonic clock. If the wall clock is set during a
 * wait, the wait may end early (which is then no time-out) or late: by LONGEST_WAIT at
 * most, since longer waits are cut into pieces.
 */
#include "park.h"

#include <time.h>

#include "os.h"
#include "perturb.h"

#define SECOND UINT64_C(1000000000)
#define LONGEST_WAIT (10 * SECOND)

boc_status boci_mutex_init(boci_mutex *mutex) {
  return mtx_init(&mutex->mutex, mtx_plain) == thrd_success ? BOC_OK : BOC_NO_MEMORY;
}

void boci_mutex_fini(boci_mutex *mutex) { mtx_destroy(&mutex->mutex); }

void boci_mutex_lock(boci_mutex *mutex) {
  boci_perturb();
  BOCI_REQUIRE(mtx_lock(&mutex->mutex) == thrd_success);
}

bool boci_mutex_try_lock(boci_mutex *mutex) {
  boci_perturb();
  int result = mtx_trylock(&mutex->mutex);
  BOCI_REQUIRE(result == thrd_success || result == thrd_busy);
  return result == thrd_success;
}

void boci_mutex_unlock(boci_mutex *mutex) {
  BOCI_REQUIRE(mtx_unlock(&mutex->mutex) == thrd_success);
  boci_perturb();
}

boc_status boci_cond_init(boci_cond *cond) {
  return cnd_init(&cond->cond) == thrd_success ? BOC_OK : BOC_NO_MEMORY;
}

void boci_cond_fini(boci_cond *cond) { cnd_destroy(&cond->cond); }

void boci_cond_wait(boci_cond *cond, boci_mutex *mutex) {
  BOCI_REQUIRE(cnd_wait(&cond->cond, &mutex->mutex) == thrd_success);
}

void boci_cond_signal(boci_cond *cond) {
  BOCI_REQUIRE(cnd_signal(&cond->cond) == thrd_success);
}

void boci_cond_broadcast(boci_cond *cond) {
  BOCI_REQUIRE(cnd_broadcast(&cond->cond) == thrd_success);
}

/* The wall clock `span` nanoseconds from now. */
static struct timespec wall_clock_in(uint64_t span) {
  struct timespec time;
  BOCI_REQUIRE(timespec_get(&time, TIME_UTC) == TIME_UTC);
  uint64_t nanoseconds = (uint64_t)time.tv_nsec + span;
  time.tv_sec += (time_t)(nanoseconds / SECOND);
  time.tv_nsec = (long)(nanoseconds % SECOND);
  return time;
}

bool boci_cond_wait_until(boci_cond *cond, boci_mutex *mutex, uint64_t deadline) {
  if (deadline == BOCI_NEVER) {
    boci_cond_wait(cond, mutex);
    return true;
  }
  uint64_t now = boci_os_now();
  if (now >= deadline)
    return false;
  uint64_t span = deadline - now < LONGEST_WAIT ? deadline - now : LONGEST_WAIT;
  struct timespec time = wall_clock_in(span);
  int result = cnd_timedwait(&cond->cond, &mutex->mutex, &time);
  BOCI_REQUIRE(result == thrd_success || result == thrd_timedout);
  return result == thrd_success || boci_os_now() < deadline;
}
