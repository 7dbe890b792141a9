/* Start options: what start() can be told, and what holds where it is not.
 *
 * Threads: attached. What returns an int returns 0, or -1 with an exception that says
 * what was wrong; None stands for what holds by default.
 */
#ifndef BOCPY_START_OPTIONS_H
#define BOCPY_START_OPTIONS_H

#include "compat.h"

#include <stdbool.h>

/* Whether the backend is `threads`: by BOCPY_BACKEND, or what suits this Python. */
bool bocpy_start_default_threads(void);
int bocpy_start_option_backend(PyObject *name, bool *out_threads);

/* The number of workers: by BOCPY_WORKERS, or that of cores. */
unsigned bocpy_start_default_count(void);
int bocpy_start_option_count(PyObject *number, unsigned *out_count);

/* Checks `raise_failures`: a bool, or None. */
int bocpy_start_option_flag(PyObject *keep);

/* Entry for the module's method table. */
PyObject *bocpy_worker_count(PyObject *module, PyObject *unused);

#endif
