/* Time and threads under the systematic scheduler: time is a counter, threads are
 * units. */
#include "os.h"

#include "systematic.h"

uint64_t boci_os_now(void) { return boci_systematic_now(); }

void boci_os_yield(void) { boci_systematic_yield(); }

int boci_os_current_processor(void) { return -1; }

bool boci_os_can_fence_others(void) { return false; }

bool boci_os_fence_others(void) { return false; }

uint64_t boci_os_process(void) { return 1; }

void boci_os_watch_forks(void (*in_child)(void)) { (void)in_child; }

void boci_os_huge_pages(void *memory, size_t size) {
  (void)memory;
  (void)size;
}

unsigned boci_os_core_count(void) { return boci_systematic_processors(); }

unsigned boci_os_processor_count(void) { return boci_systematic_processors(); }

void *boci_tls_get(void) { return *boci_systematic_slot(); }

void boci_tls_set(void *value) { *boci_systematic_slot() = value; }

void *boci_thread_token(void) { return boci_systematic_slot(); }

boc_status boci_thread_start(boci_thread *thread, void (*entry)(void *arg), void *arg,
                             const char *name, size_t stack_size) {
  if (stack_size >= SIZE_MAX / 2)
    return BOC_NO_THREAD; /* as a system without room for that stack */
  BOCI_REQUIRE(boci_systematic_self() != NULL && "threads start within a run");
  void *unit = boci_systematic_start(entry, arg, name);
  if (!unit)
    return BOC_NO_THREAD;
  thread->handle = unit;
  boci_systematic_point();
  return BOC_OK;
}

void boci_thread_join(boci_thread *thread) {
  boci_systematic_join(thread->handle);
  thread->handle = NULL;
}
