/* Park over POSIX threads. Conditions wait on the monotonic clock, which is the clock
 * of deadlines. macOS has no such condition; its conditions wait for a span of time. */
#if !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif
#include "park.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#include "os.h"
#include "perturb.h"

#define SECOND UINT64_C(1000000000)

boc_status boci_mutex_init(boci_mutex *mutex) {
  return pthread_mutex_init(&mutex->mutex, NULL) == 0 ? BOC_OK : BOC_NO_MEMORY;
}

void boci_mutex_fini(boci_mutex *mutex) {
  BOCI_REQUIRE(pthread_mutex_destroy(&mutex->mutex) == 0);
}

void boci_mutex_lock(boci_mutex *mutex) {
  boci_perturb();
  BOCI_REQUIRE(pthread_mutex_lock(&mutex->mutex) == 0);
}

bool boci_mutex_try_lock(boci_mutex *mutex) {
  boci_perturb();
  int error = pthread_mutex_trylock(&mutex->mutex);
  BOCI_REQUIRE(error == 0 || error == EBUSY);
  return error == 0;
}

void boci_mutex_unlock(boci_mutex *mutex) {
  BOCI_REQUIRE(pthread_mutex_unlock(&mutex->mutex) == 0);
  boci_perturb();
}

void boci_cond_fini(boci_cond *cond) {
  BOCI_REQUIRE(pthread_cond_destroy(&cond->cond) == 0);
}

void boci_cond_wait(boci_cond *cond, boci_mutex *mutex) {
  BOCI_REQUIRE(pthread_cond_wait(&cond->cond, &mutex->mutex) == 0);
}

void boci_cond_signal(boci_cond *cond) {
  BOCI_REQUIRE(pthread_cond_signal(&cond->cond) == 0);
}

void boci_cond_broadcast(boci_cond *cond) {
  BOCI_REQUIRE(pthread_cond_broadcast(&cond->cond) == 0);
}

/* Saturates where seconds are 32 bits wide. */
static struct timespec to_timespec(uint64_t nanoseconds) {
  uint64_t seconds = nanoseconds / SECOND;
  uint64_t most = sizeof(time_t) > 4 ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX;
  struct timespec time;
  time.tv_sec = (time_t)(seconds < most ? seconds : most);
  time.tv_nsec = (long)(nanoseconds % SECOND);
  return time;
}

#if defined(__APPLE__)

boc_status boci_cond_init(boci_cond *cond) {
  return pthread_cond_init(&cond->cond, NULL) == 0 ? BOC_OK : BOC_NO_MEMORY;
}

static int timed_wait(boci_cond *cond, boci_mutex *mutex, uint64_t deadline) {
  uint64_t now = boci_os_now();
  if (now >= deadline)
    return ETIMEDOUT;
  struct timespec span = to_timespec(deadline - now);
  return pthread_cond_timedwait_relative_np(&cond->cond, &mutex->mutex, &span);
}

#else

boc_status boci_cond_init(boci_cond *cond) {
  pthread_condattr_t attributes;
  if (pthread_condattr_init(&attributes) != 0)
    return BOC_NO_MEMORY;
  BOCI_REQUIRE(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
  int error = pthread_cond_init(&cond->cond, &attributes);
  pthread_condattr_destroy(&attributes);
  return error == 0 ? BOC_OK : BOC_NO_MEMORY;
}

static int timed_wait(boci_cond *cond, boci_mutex *mutex, uint64_t deadline) {
  struct timespec time = to_timespec(deadline);
  return pthread_cond_timedwait(&cond->cond, &mutex->mutex, &time);
}

#endif

bool boci_cond_wait_until(boci_cond *cond, boci_mutex *mutex, uint64_t deadline) {
  if (deadline == BOCI_NEVER) {
    boci_cond_wait(cond, mutex);
    return true;
  }
  int error = timed_wait(cond, mutex, deadline);
  BOCI_REQUIRE(error == 0 || error == ETIMEDOUT);
  return error == 0 || boci_os_now() < deadline;
}
