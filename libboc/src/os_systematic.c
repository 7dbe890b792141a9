/* Time and threads under the systematic scheduler: counted, and units. */
#include "os.h"

#include <stdlib.h>

#include "systematic.h"

#pragma weak __tsan_acquire
#pragma weak __tsan_release
void __tsan_acquire(void *address);
void __tsan_release(void *address);

uint64_t boci_os_now(void) { return boci_systematic_now(); }

void boci_os_yield(void) { boci_systematic_yield(); }

unsigned boci_os_core_count(void) { return 2; }

unsigned boci_os_processor_count(void) { return 2; }

void *boci_tls_get(void) { return *boci_systematic_slot(); }

void boci_tls_set(void *value) { *boci_systematic_slot() = value; }

typedef struct thread_start {
  void (*entry)(void *arg);
  void *arg;
  void *unit;
} thread_start;

static void run_thread(void *memory) {
  thread_start *start = memory;
  if (__tsan_acquire)
    __tsan_acquire(start);
  start->entry(start->arg);
  if (__tsan_release)
    __tsan_release(start);
}

boc_status boci_thread_start(boci_thread *thread, void (*entry)(void *arg), void *arg,
                             const char *name, size_t stack_size) {
  (void)stack_size;
  BOCI_REQUIRE(boci_systematic_self() != NULL && "threads start within a run");
  thread_start *start = malloc(sizeof *start);
  if (!start)
    return BOC_NO_MEMORY;
  start->entry = entry;
  start->arg = arg;
  if (__tsan_release)
    __tsan_release(start);
  start->unit = boci_systematic_start(run_thread, start, name);
  if (!start->unit) {
    free(start);
    return BOC_NO_THREAD;
  }
  thread->handle = start;
  boci_systematic_point();
  return BOC_OK;
}

void boci_thread_join(boci_thread *thread) {
  thread_start *start = thread->handle;
  boci_systematic_join(start->unit);
  if (__tsan_acquire)
    __tsan_acquire(start);
  free(start);
  thread->handle = NULL;
}
