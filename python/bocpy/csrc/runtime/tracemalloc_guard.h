/* Tracemalloc guard: refuses to make an interpreter while tracemalloc traces.
 *
 * Before CPython 3.15 tracemalloc attaches each thread that allocates. A thread that
 * makes an interpreter allocates under a lock that attaching takes, and would wait for
 * itself. What is made all the same can abort the process as it ends.
 *
 * The thread that makes an interpreter has none yet and cannot ask tracemalloc. It
 * looks whether the functions that allocate are those of the time when the main thread
 * asked.
 */
#ifndef BOCPY_TRACEMALLOC_GUARD_H
#define BOCPY_TRACEMALLOC_GUARD_H

#include "compat.h"

#include <stdbool.h>

/* Before workers start: asks tracemalloc. Attached; 0, or -1 with an exception. */
int bocpy_tracemalloc_ask(void);
/* Whether it traces now, or something else has taken the place of the functions that
 * allocate. Any thread, attached or not. */
bool bocpy_tracemalloc_traces(void);

#endif
