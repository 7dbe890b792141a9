/* Backend: whether workers have interpreters of their own, or are threads of the main
 * one.
 *
 * The argument of start(backend=...) decides; without it the environment variable
 * BOCPY_BACKEND; without that, `interpreters` on CPython 3.12 and newer with a GIL, and
 * `threads` everywhere else.
 *
 * Threads: attached.
 */
#ifndef BOCPY_BACKEND_H
#define BOCPY_BACKEND_H

#include "compat.h"

#include <stdbool.h>

/* Whether start() without a backend means `threads`. */
bool bocpy_default_threads(void);
/* Parses the argument of start(backend=name); None is the default. 0, or -1 with an
 * exception that says what was wrong. */
int bocpy_parse_backend(PyObject *name, bool *out_threads);

#endif
