/* Timer: behaviors that are scheduled later, and taking them back by their results.
 *
 * libboc has the timers. Here is which result belongs to which, so that every handle of
 * a result, in whatever interpreter, can cancel the behavior that is to fill it.
 *
 * Threads: attached.
 */
#ifndef BOCPY_TIMER_H
#define BOCPY_TIMER_H

#include "core.h"

#include <boc/timer.h>

int bocpy_timer_init(void); /* process-wide; -1 with an exception */

/* In the child of a fork: the parent's timers are not the child's. -1 with an
 * exception. */
int bocpy_timer_forget(void);

/* When a behavior is to be scheduled. */
typedef struct bocpy_due {
  enum { BOCPY_DUE_NOW, BOCPY_DUE_AFTER, BOCPY_DUE_AT } kind;
  uint64_t ns; /* from now on; or of the clock boc_now */
} bocpy_due;

/* Schedules `behavior`, which fills `result`, when it is due. Refusal: BOC_NO_MEMORY.
 */
boc_status bocpy_timer_start(boc_runtime *runtime, const bocpy_due *due,
                             boc_behavior *behavior, boc_cown *result);

/* The behavior has begun, or was cancelled. */
void bocpy_timer_over(boc_cown *result);

/* Of behaviors over `result` and over `other`: whether the one that is to fill the
 * first has not begun, and is over the second. Then the other must not be scheduled: it
 * would hold what the first waits for. Cheap without timers. */
bool bocpy_timer_needs(boc_cown *result, const boc_cown *other);

/* How many have not: a hint. */
size_t bocpy_timer_pending(void);

/* A number of seconds, not negative, in ns; -1 with TypeError or ValueError that name
 * the function and what it says of its argument. */
int bocpy_timer_seconds(PyObject *seconds, const char *what, uint64_t *out_ns);

/* Method of Cown. */
PyObject *bocpy_cown_cancel(PyObject *self, PyObject *unused);
extern const char bocpy_cown_cancel_doc[];

#endif
