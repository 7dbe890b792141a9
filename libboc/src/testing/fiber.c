/* Fibers over ucontext and setjmp.
 *
 * A context is made once for each stack; from then on switches go through _setjmp and
 * _longjmp, which need no system call. C libraries without makecontext (musl, Windows')
 * have no systematic builds.
 */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#define _XOPEN_SOURCE 700
#else
#define _GNU_SOURCE
#endif
/* Its check of jumps would report a jump to another stack. */
#undef _FORTIFY_SOURCE
#include "fiber.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

/* These exist only if the program is linked with a sanitizer. This file itself is
 * compiled without one, so that its switches order nothing for ThreadSanitizer. */
#pragma weak __sanitizer_start_switch_fiber
#pragma weak __sanitizer_finish_switch_fiber
#pragma weak __asan_unpoison_memory_region
#pragma weak __tsan_get_current_fiber
#pragma weak __tsan_create_fiber
#pragma weak __tsan_destroy_fiber
#pragma weak __tsan_switch_to_fiber
void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *size);
void __asan_unpoison_memory_region(const volatile void *memory, size_t size);
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#define TSAN_NO_SYNC 1u

#define STACK_SIZE ((size_t)256 * 1024)
#define GUARD_SIZE ((size_t)64 * 1024) /* a multiple of every page size in use */

static boci_fiber *leaving, *arriving;

static void before_switch(boci_fiber *from, boci_fiber *to) {
  leaving = from;
  arriving = to;
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_size);
  if (__tsan_switch_to_fiber)
    __tsan_switch_to_fiber(to->shadow, TSAN_NO_SYNC);
}

/* Fills in where the stack of the fiber is that was just left, if that is the thread's
 * own stack: only AddressSanitizer knows it, and tells it at the first switch. */
static void after_switch(boci_fiber *self) {
  const void *bottom = NULL;
  size_t size = 0;
  if (__sanitizer_finish_switch_fiber)
    __sanitizer_finish_switch_fiber(self->fake_stack, &bottom, &size);
  if (!leaving->stack) {
    leaving->stack = (void *)(uintptr_t)bottom;
    leaving->stack_size = size;
  }
}

static void run_fiber(void) {
  boci_fiber *self = arriving;
  after_switch(self);
  self->entry(self->arg);
  abort();
}

static void begin_fiber(boci_fiber *fiber) {
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
  if (__asan_unpoison_memory_region)
    __asan_unpoison_memory_region(fiber->stack, fiber->stack_size);
  if (fiber->shadow)
    __tsan_destroy_fiber(fiber->shadow);
  if (__tsan_create_fiber)
    fiber->shadow = __tsan_create_fiber(0);
  return true;
}

void boci_fiber_adopt(boci_fiber *fiber) {
  fiber->begun = true;
  if (__tsan_get_current_fiber)
    fiber->shadow = __tsan_get_current_fiber();
}

void boci_fiber_switch(boci_fiber *from, boci_fiber *to) {
  if (_setjmp(from->context) == 0) {
    before_switch(from, to);
    if (to->begun)
      _longjmp(to->context, 1);
    begin_fiber(to);
  }
  after_switch(from);
}
