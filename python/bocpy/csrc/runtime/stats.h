/* Statistics: libboc's counters as Python dicts. Threads: attached. */
#ifndef BOCPY_STATS_H
#define BOCPY_STATS_H

#include "compat.h"

#include <boc/runtime.h>

int bocpy_stats_init(void); /* process-wide; -1 with an exception */

/* All counters start from 0 again: `runtime` has got another number of workers. NULL if
 * it is new. */
void bocpy_stats_restart(boc_runtime *runtime);

/* In the child of a fork. -1 with an exception. */
int bocpy_stats_forget(void);

/* Entry for the module's method table: a list with a dict for each worker; empty
 * without a runtime. */
PyObject *bocpy_stats(PyObject *module, PyObject *unused);

#endif
