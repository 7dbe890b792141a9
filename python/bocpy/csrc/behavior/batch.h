/* Batch: behaviors that one thread has made and not scheduled yet, in a block of
 * atomically().
 *
 * Threads: the one whose `bocpy_self.batch` it is.
 */
#ifndef BOCPY_BATCH_H
#define BOCPY_BATCH_H

#include "cown_core.h"

#include <boc/behavior.h>

typedef struct bocpy_batch bocpy_batch;

/* -1 with MemoryError: the caller still owns the behavior. */
int bocpy_batch_add(bocpy_batch *batch, boc_behavior *behavior);

/* Entries for the module's method table. */
PyObject *bocpy_batch_begin(PyObject *module, PyObject *unused);
PyObject *bocpy_batch_end(PyObject *module, PyObject *flag);

#endif
