/* Fibers over ucontext and setjmp.
 *
 * A context is made once for each stack; from then on switches go through _setjmp and
 * _longjmp, which need no system call.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#define _XOPEN_SOURCE 700
#else
#define _GNU_SOURCE
#endif
/* Its check of jumps takes one to another stack for a mistake. */
#undef _FORTIFY_SOURCE
#include "fiber.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define FIBER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#if defined(FIBER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(FIBER_TSAN)
#include <sanitizer/tsan_interface.h>
#endif

#define STACK_SIZE ((size_t)256 * 1024)
#define GUARD_SIZE ((size_t)64 * 1024) /* a multiple of every page size in use */

static boci_fiber *leaving, *arriving;

static void before_switch(boci_fiber *from, boci_fiber *to) {
  leaving = from;
  arriving = to;
#if defined(FIBER_ASAN)
  __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_size);
#endif
#if defined(FIBER_TSAN)
  __tsan_switch_to_fiber(to->shadow, __tsan_switch_to_fiber_no_sync);
#endif
}

/* The thread's own stack is learned when it is left for the first time. */
static void after_switch(boci_fiber *self) {
#if defined(FIBER_ASAN)
  const void *bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
  if (!leaving->stack) {
    leaving->stack = (void *)(uintptr_t)bottom;
    leaving->stack_size = size;
  }
#else
  (void)self;
#endif
}

static void run_fiber(void) {
  boci_fiber *self = arriving;
  after_switch(self);
  self->entry(self->arg);
  abort();
}

static void begin(boci_fiber *fiber) {
  ucontext_t context;
  fiber->begun = true;
  if (getcontext(&context) != 0)
    abort();
  context.uc_stack.ss_sp = fiber->stack;
  context.uc_stack.ss_size = fiber->stack_size;
  context.uc_link = NULL;
  makecontext(&context, run_fiber, 0);
  setcontext(&context);
  abort();
}

static void *new_stack(void) {
  char *memory = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANON, -1, 0);
  if (memory == MAP_FAILED)
    return NULL;
  mprotect(memory, GUARD_SIZE, PROT_NONE);
  return memory + GUARD_SIZE;
}

bool boci_fiber_prepare(boci_fiber *fiber, void (*entry)(void *arg), void *arg) {
  if (!fiber->stack) {
    fiber->stack = new_stack();
    fiber->stack_size = STACK_SIZE;
  }
  if (!fiber->stack)
    return false;
  fiber->entry = entry;
  fiber->arg = arg;
  fiber->begun = false;
  fiber->fake_stack = NULL;
#if defined(FIBER_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(fiber->stack, fiber->stack_size);
#endif
#if defined(FIBER_TSAN)
  if (fiber->shadow)
    __tsan_destroy_fiber(fiber->shadow);
  fiber->shadow = __tsan_create_fiber(0);
#endif
  return true;
}

void boci_fiber_adopt(boci_fiber *fiber) {
  fiber->begun = true;
#if defined(FIBER_TSAN)
  fiber->shadow = __tsan_get_current_fiber();
#endif
}

void boci_fiber_switch(boci_fiber *from, boci_fiber *to) {
  if (_setjmp(from->context) == 0) {
    before_switch(from, to);
    if (to->begun)
      _longjmp(to->context, 1);
    begin(to);
  }
  after_switch(from);
}
