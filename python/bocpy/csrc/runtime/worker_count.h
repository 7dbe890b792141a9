/* Worker count: how many workers, and so how many interpreters, a runtime gets.
 *
 * The argument of start(worker_count=...) decides; without it the environment variable
 * BOCPY_WORKERS; without that, the number of physical cores that this process may use
 * (boc_core_count).
 *
 * Threads: attached.
 */
#ifndef BOCPY_WORKER_COUNT_H
#define BOCPY_WORKER_COUNT_H

#include "compat.h"

/* The number of workers of start() without a count. */
unsigned bocpy_default_worker_count(void);
/* Parses the argument of start(worker_count=number); None is the default. 0, or -1 with
 * an exception that says what was wrong. */
int bocpy_parse_worker_count(PyObject *number, unsigned *out_count);

/* Entry for the module's method table: the default. */
PyObject *bocpy_worker_count(PyObject *module, PyObject *unused);

#endif
