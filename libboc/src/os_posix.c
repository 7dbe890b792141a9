/* Time and threads on POSIX systems. */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#elif defined(__linux__)
#define _GNU_SOURCE
#elif !defined(__FreeBSD__) && !defined(__NetBSD__) && !defined(__OpenBSD__)
#define _POSIX_C_SOURCE 200809L
#endif
#include "os.h"

#include "atomic.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <time.h>
#include <unistd.h>
#if defined(__FreeBSD__) || defined(__OpenBSD__)
#include <pthread_np.h>
#endif

typedef struct thread_start {
  pthread_t id;
  void (*entry)(void *arg);
  void *arg;
  char name[16];
} thread_start;

uint64_t boci_os_now(void) {
#if defined(__APPLE__)
  uint64_t now = clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
#else
  struct timespec time;
  BOCI_REQUIRE(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
  uint64_t now = (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
#endif
  return now != 0 ? now : 1;
}

void boci_os_yield(void) { sched_yield(); }

int boci_os_current_processor(void) {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

/* Linux: membarrier. The numbers are the system's: older headers lack them. */
#if defined(__linux__) && defined(SYS_membarrier)
enum {
  MEMBARRIER_FENCE = 1 << 3,   /* MEMBARRIER_CMD_PRIVATE_EXPEDITED */
  MEMBARRIER_REGISTER = 1 << 4 /* MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED */
};

static bool call_membarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool boci_os_can_fence_others(void) { return call_membarrier(MEMBARRIER_REGISTER); }

bool boci_os_fence_others(void) { return call_membarrier(MEMBARRIER_FENCE); }
#else
bool boci_os_can_fence_others(void) { return false; }

bool boci_os_fence_others(void) { return false; }
#endif

uint64_t boci_os_process(void) { return (uint64_t)getpid(); }

static boci_atomic_u32 forks_watched;

/* Without memory the child of a fork goes unnoticed. */
void boci_os_watch_forks(void (*in_child)(void)) {
  if (boci_swap_relaxed(&forks_watched, 1) == 0) /* count: of calls */
    (void)pthread_atfork(NULL, NULL, in_child);
}

void boci_os_huge_pages(void *memory, size_t size) {
#if defined(MADV_HUGEPAGE)
  const uintptr_t page = (uintptr_t)2 << 20;
  const uintptr_t first = ((uintptr_t)memory + page - 1) & ~(page - 1);
  const uintptr_t end = ((uintptr_t)memory + size) & ~(page - 1);
  if (first < end)
    madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
  (void)memory;
  (void)size;
#endif
}

static void name_this_thread(const char *name) {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
  pthread_setname_np(name);
#elif defined(__FreeBSD__) || defined(__OpenBSD__)
  pthread_set_name_np(pthread_self(), name);
#elif defined(__NetBSD__)
  pthread_setname_np(pthread_self(), "%s", (void *)(uintptr_t)name);
#else
  (void)name;
#endif
}

/* The body has ended its thread by pthread_exit, thrd_exit or a cancellation. The
 * runtime would wait forever for what the thread was doing. */
static void panic_at_exit(void *unused) {
  (void)unused;
  boci_panic(__FILE__, __LINE__,
             "a body has ended its thread (pthread_exit, thrd_exit, pthread_cancel): "
             "a body must return");
}

static void *run_thread(void *memory) {
  thread_start *start = memory;
  name_this_thread(start->name);
  pthread_cleanup_push(panic_at_exit, NULL);
  start->entry(start->arg);
  pthread_cleanup_pop(0);
  return NULL;
}

/* Rounds a stack size up to a whole number of pages that the system accepts. */
static size_t legal_stack_size(size_t wanted) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t least = (size_t)PTHREAD_STACK_MIN;
  size_t size = wanted > least ? wanted : least;
  return (size + page - 1) / page * page;
}

static bool create_thread(thread_start *start, size_t stack_size) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0)
    return false;
  bool created =
      (stack_size == 0 ||
       pthread_attr_setstacksize(&attributes, legal_stack_size(stack_size)) == 0) &&
      pthread_create(&start->id, &attributes, run_thread, start) == 0;
  pthread_attr_destroy(&attributes);
  return created;
}

boc_status boci_thread_start(boci_thread *thread, void (*entry)(void *arg), void *arg,
                             const char *name, size_t stack_size) {
  thread_start *start = malloc(sizeof *start);
  if (!start)
    return BOC_NO_MEMORY;
  start->entry = entry;
  start->arg = arg;
  strncpy(start->name, name, sizeof start->name - 1);
  start->name[sizeof start->name - 1] = '\0';
  if (!create_thread(start, stack_size)) {
    free(start);
    return BOC_NO_THREAD;
  }
  thread->handle = start;
  return BOC_OK;
}

void boci_thread_join(boci_thread *thread) {
  thread_start *start = thread->handle;
  BOCI_REQUIRE(pthread_join(start->id, NULL) == 0);
  free(start);
  thread->handle = NULL;
}
