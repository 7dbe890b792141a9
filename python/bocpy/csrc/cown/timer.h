/* Timer: behaviors that are scheduled later, and are cancelled by their results.
 *
 * libboc has the timers. A table here leads from each result to its timer, so that
 * every handle of a result, in any interpreter, can cancel the behavior that will fill
 * it.
 *
 * Threads: attached.
 */
#ifndef BOCPY_TIMER_H
#define BOCPY_TIMER_H

#include "cown_core.h"
#include "state.h"

#include <boc/timer.h>

int bocpy_timer_init(void); /* process-wide; -1 with an exception */

/* In the child of a fork: forgets the timers, which are the parent's. -1 with an
 * exception. */
int bocpy_timer_forget(void);

/* When to schedule a behavior. */
typedef struct bocpy_due {
  enum { BOCPY_DUE_NOW, BOCPY_DUE_AFTER, BOCPY_DUE_AT } kind;
  uint64_t ns; /* from now, or a time of the clock boc_now */
} bocpy_due;

/* Schedules `behavior`, which runs `code` and fills `result`, when it is due. May
 * return BOC_NO_MEMORY. */
boc_status bocpy_timer_start(boc_runtime *runtime, const bocpy_due *due,
                             boc_behavior *behavior, boc_cown *result,
                             const bocpy_code *code);

/* Called when the behavior has begun or was cancelled. */
void bocpy_timer_over(boc_cown *result);

/* Whether the behavior that will fill `result` has not begun and is over `other`. Then
 * a behavior over both must not be scheduled: it would hold `other`, for which the
 * first one waits. Cheap without timers. */
bool bocpy_timer_needs(boc_cown *result, const boc_cown *other);

/* How many timers have not begun: a hint. */
size_t bocpy_timer_pending(void);

/* Converts a number of seconds, which is not negative, to ns. -1 with TypeError or
 * ValueError that name the function and its argument. */
int bocpy_timer_seconds(PyObject *seconds, const char *what, uint64_t *out_ns);

/* Method of Cown. */
PyObject *bocpy_cown_cancel(PyObject *self, PyObject *unused);
extern const char bocpy_cown_cancel_doc[];

#endif
