/* Fibers: stacks between which one thread switches, for the systematic scheduler.
 *
 * Threads: all fibers of a process are switched by one and the same thread. Every
 * switch is reported to AddressSanitizer and ThreadSanitizer. To ThreadSanitizer a
 * switch orders nothing, so that it judges units as if they were threads.
 */
#ifndef BOCI_FIBER_H
#define BOCI_FIBER_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct boci_fiber {
  jmp_buf context;
  void (*entry)(void *arg); /* never returns */
  void *arg;
  void *stack;
  size_t stack_size;
  bool begun;
  void *fake_stack; /* AddressSanitizer's */
  void *shadow;     /* ThreadSanitizer's */
} boci_fiber;

/* Makes a fiber that will run `entry(arg)` on a stack of its own. A fiber that is
 * prepared again keeps its stack and loses its contents. Returns false if there is no
 * memory. */
bool boci_fiber_prepare(boci_fiber *fiber, void (*entry)(void *arg), void *arg);

/* Makes `fiber` stand for the calling thread's own stack. */
void boci_fiber_adopt(boci_fiber *fiber);

/* Leaves `from`, which is running, for `to`; returns when another fiber switches back.
 */
void boci_fiber_switch(boci_fiber *from, boci_fiber *to);

#endif
