/* Worker count: how many workers, and so how many interpreters, a runtime gets.
 *
 * start(worker_count=...) decides; else the environment variable BOCPY_WORKERS; else
 * the number of processors that this process may use (boc_core_count).
 *
 * Threads: attached.
 */
#ifndef BOCPY_WORKER_COUNT_H
#define BOCPY_WORKER_COUNT_H

#include "compat.h"

/* The number of workers of start() without a count. */
unsigned bocpy_default_worker_count(void);
/* What start(worker_count=number) means; None is the default. 0, or -1 with an
 * exception that says what was wrong. */
int bocpy_parse_worker_count(PyObject *number, unsigned *out_count);

/* Entry for the module's method table: the default. */
PyObject *bocpy_worker_count(PyObject *module, PyObject *unused);

#endif
