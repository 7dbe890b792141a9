/* Park: mutex and condition variable, of which locks and parkers (parker.h) consist.
 *
 * One contract, three implementations: park_posix.c, park_c11.c, park_win.c (build
 * option `park`). For tests there are park_systematic.c, which runs the same callers
 * under a seeded scheduler, and one in tests/models.
 *
 * Threads: any. A mutex is not recursive, and the thread that locked it unlocks it. A
 * thread waits on a condition with its mutex locked and may wake for no reason: callers
 * loop. Deadlines are points of boci_os_now()'s clock (os.h); BOCI_NEVER waits without
 * bound. Kernels wake early: a timed wait says "timed out" only once the deadline has
 * passed.
 */
#ifndef BOCI_PARK_H
#define BOCI_PARK_H

#include <boc/base.h>

#if defined(BOC_PARK_SYSTEMATIC)
typedef struct boci_mutex {
  void *owner;
  uint32_t id;
} boci_mutex;
typedef struct boci_cond {
  uint32_t waiters, id;
} boci_cond;
#elif defined(BOC_PARK_RELACY) /* of the models */
typedef struct boci_mutex {
  void *model;
} boci_mutex;
typedef struct boci_cond {
  void *model;
} boci_cond;
#elif defined(BOC_PARK_WIN)
typedef struct boci_mutex {
  void *srw;
} boci_mutex; /* SRWLOCK */
typedef struct boci_cond {
  void *cv;
} boci_cond; /* CONDITION_VARIABLE */
#elif defined(BOC_PARK_C11)
#include <threads.h>
typedef struct boci_mutex {
  mtx_t mutex;
} boci_mutex;
typedef struct boci_cond {
  cnd_t cond;
} boci_cond;
#elif defined(BOC_PARK_POSIX)
#include <pthread.h>
typedef struct boci_mutex {
  pthread_mutex_t mutex;
} boci_mutex;
typedef struct boci_cond {
  pthread_cond_t cond;
} boci_cond;
#else
#error "no park backend chosen: define one of BOC_PARK_WIN, _POSIX, _C11, _SYSTEMATIC"
#endif

#define BOCI_NEVER UINT64_MAX

/* init may refuse (BOC_NO_MEMORY); fini requires that nobody has locked it or waits. */
boc_status boci_mutex_init(boci_mutex *mutex);
void boci_mutex_fini(boci_mutex *mutex);
void boci_mutex_lock(boci_mutex *mutex);
bool boci_mutex_try_lock(boci_mutex *mutex);
void boci_mutex_unlock(boci_mutex *mutex);

boc_status boci_cond_init(boci_cond *cond);
void boci_cond_fini(boci_cond *cond);
void boci_cond_wait(boci_cond *cond, boci_mutex *mutex);
/* Returns false if the deadline has passed; the mutex is locked again in any case. */
bool boci_cond_wait_until(boci_cond *cond, boci_mutex *mutex, uint64_t deadline);
void boci_cond_signal(boci_cond *cond);
void boci_cond_broadcast(boci_cond *cond);

#endif
