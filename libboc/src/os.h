/* OS: time, processors and threads of the operating system (park.h has the locks). os.c
 * is common to all systems; beside it stand os_posix.c with os_cores_posix.c, or
 * os_win.c. Under the systematic scheduler it is os_systematic.c, where threads are
 * fibers and time is a counter. */
#ifndef BOCI_OS_H
#define BOCI_OS_H

#include <boc/base.h>

/* Monotonic nanoseconds. Never 0 and never BOCI_NEVER. */
uint64_t boci_os_now(void);

/* The deadline of a public timeout: BOCI_NEVER for a negative one; saturates. */
uint64_t boci_os_deadline(int64_t timeout);

/* Lets another thread run on this processor. */
void boci_os_yield(void);

/* The number of the processor that runs the calling thread; it may be another one on
 * return. -1 where the system does not tell. */
int boci_os_current_processor(void);

/* Readies boci_os_fence_others. Returns false where the system has no such fence. */
bool boci_os_can_fence_others(void);

/* Each other thread of this process passes a sequentially consistent fence between call
 * and return. Where a frequent path and a rare one form a store-load pair, the rare one
 * fences for both. Returns false if the system refuses: then nothing happened. */
bool boci_os_fence_others(void);

/* A hint that a large block will be used as a whole: fewer, larger pages where the
 * system has them. */
void boci_os_huge_pages(void *memory, size_t size);

/* Physical cores that this process may use, at least 1. */
unsigned boci_os_core_count(void);

/* Logical processors that this process may use, at least 1; with 1, spinning is
 * useless. */
unsigned boci_os_processor_count(void);

typedef struct boci_thread {
  void *handle;
} boci_thread;

/* Starts `entry(arg)` on a new thread, which inherits the signal mask of this one;
 * `name` (at most 15 bytes, copied) is what debuggers show. `stack_size` 0: the
 * default. Refusals: BOC_NO_THREAD, BOC_NO_MEMORY. */
boc_status boci_thread_start(boci_thread *thread, void (*entry)(void *arg), void *arg,
                             const char *name, size_t stack_size);
void boci_thread_join(boci_thread *thread);

/* The id of the process, by which the child of a fork knows that it is another one. */
uint64_t boci_os_process(void);

/* Calls `in_child` in the child of each later fork, on the thread that has forked. Only
 * the first call counts. */
void boci_os_watch_forks(void (*in_child)(void));

/* One pointer per thread, NULL at its start. Each fiber of the systematic scheduler, or
 * of a model, has its own. */
#if defined(BOC_SYSTEMATIC) || defined(BOC_RELACY)
void *boci_tls_get(void);
void boci_tls_set(void *value);
void *boci_thread_token(void);
static inline uint32_t boci_thread_number(void) {
  return (uint32_t)((uintptr_t)boci_thread_token() / sizeof(void *));
}
#else
#if defined(_MSC_VER)
#define BOCI_THREAD_LOCAL __declspec(thread)
#elif defined(__GLIBC__)
/* One load, in a shared object, too. Only glibc and musl can load such an object
 * late. */
#define BOCI_THREAD_LOCAL __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#define BOCI_THREAD_LOCAL _Thread_local
#endif
extern BOCI_THREAD_LOCAL void *boci_tls_slot;
static inline void *boci_tls_get(void) { return boci_tls_slot; }
static inline void boci_tls_set(void *value) { boci_tls_slot = value; }

/* A second pointer: see thread_context.h. */
#define BOCI_TLS_HAS_WORKER 1
extern BOCI_THREAD_LOCAL void *boci_tls_worker;
static inline void *boci_tls_get_worker(void) { return boci_tls_worker; }
static inline void boci_tls_set_worker(void *worker) { boci_tls_worker = worker; }

/* Different for any two threads that live at the same time. A thread that starts after
 * another has ended may have the same. */
static inline void *boci_thread_token(void) { return &boci_tls_slot; }

/* Chooses among a few places that threads would get into each other's way at. Threads
 * are numbered as they ask first, so that some that ask one after the other have
 * different places; by their addresses some would share one, in one process in eight.
 */
extern BOCI_THREAD_LOCAL uint32_t boci_tls_number; /* 0: it has not asked */
uint32_t boci_thread_number_first(void);
static inline uint32_t boci_thread_number(void) {
  const uint32_t number = boci_tls_number;
  return number ? number : boci_thread_number_first();
}
#endif

/* Reports a broken invariant of the library: prints file, line and text on stderr, and
 * aborts. Nothing else in an ordinary build prints. */
_Noreturn void boci_panic(const char *file, int line, const char *text);

#define BOCI_REQUIRE(condition)                                                        \
  ((condition) ? (void)0 : boci_panic(__FILE__, __LINE__, #condition))

#endif
