/* Park over Windows' slim locks and condition variables, which need no ending.
 * park.h keeps them as pointers, so that it need not include <windows.h>. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "park.h"

#include <assert.h>
#include <limits.h>

#include "os.h"
#include "perturb.h"

#define MILLISECOND UINT64_C(1000000)

static_assert(sizeof(SRWLOCK) == sizeof(((boci_mutex *)0)->srw),
              "SRWLOCK is a pointer");
static_assert(sizeof(CONDITION_VARIABLE) == sizeof(((boci_cond *)0)->cv),
              "CONDITION_VARIABLE is a pointer");

static SRWLOCK *lock_of(boci_mutex *mutex) { return (SRWLOCK *)&mutex->srw; }

static CONDITION_VARIABLE *variable_of(boci_cond *cond) {
  return (CONDITION_VARIABLE *)&cond->cv;
}

boc_status boci_mutex_init(boci_mutex *mutex) {
  InitializeSRWLock(lock_of(mutex));
  return BOC_OK;
}

void boci_mutex_fini(boci_mutex *mutex) { (void)mutex; }

void boci_mutex_lock(boci_mutex *mutex) {
  boci_perturb();
  AcquireSRWLockExclusive(lock_of(mutex));
}

bool boci_mutex_try_lock(boci_mutex *mutex) {
  boci_perturb();
  return TryAcquireSRWLockExclusive(lock_of(mutex)) != 0;
}

void boci_mutex_unlock(boci_mutex *mutex) {
  ReleaseSRWLockExclusive(lock_of(mutex));
  boci_perturb();
}

boc_status boci_cond_init(boci_cond *cond) {
  InitializeConditionVariable(variable_of(cond));
  return BOC_OK;
}

void boci_cond_fini(boci_cond *cond) { (void)cond; }

void boci_cond_signal(boci_cond *cond) { WakeConditionVariable(variable_of(cond)); }

void boci_cond_broadcast(boci_cond *cond) {
  WakeAllConditionVariable(variable_of(cond));
}

/* True: woken, perhaps for no reason. */
static bool wait_milliseconds(boci_cond *cond, boci_mutex *mutex, DWORD milliseconds) {
  if (SleepConditionVariableSRW(variable_of(cond), lock_of(mutex), milliseconds, 0))
    return true;
  BOCI_REQUIRE(GetLastError() == ERROR_TIMEOUT);
  return false;
}

void boci_cond_wait(boci_cond *cond, boci_mutex *mutex) {
  (void)wait_milliseconds(cond, mutex, INFINITE);
}

bool boci_cond_wait_until(boci_cond *cond, boci_mutex *mutex, uint64_t deadline) {
  if (deadline == BOCI_NEVER) {
    boci_cond_wait(cond, mutex);
    return true;
  }
  uint64_t now = boci_os_now();
  if (now >= deadline)
    return false;
  /* Rounds up. A wait that is too long for Windows ends early, which is no time-out. */
  uint64_t milliseconds = (deadline - now - 1) / MILLISECOND + 1;
  DWORD most = (DWORD)INT_MAX;
  bool woken =
      wait_milliseconds(cond, mutex, milliseconds < most ? (DWORD)milliseconds : most);
  return woken || boci_os_now() < deadline;
}
