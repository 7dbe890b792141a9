/* Stats: what libboc counts, as Python dicts. Threads: attached. */
#ifndef BOCPY_STATS_H
#define BOCPY_STATS_H

#include "compat.h"

/* Entry for the module's method table: a list of dicts, one a worker; empty without a
 * runtime. */
PyObject *bocpy_stats(PyObject *module, PyObject *unused);

#endif
