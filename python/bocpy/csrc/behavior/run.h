/* Run: the run side of a behavior. */
#ifndef BOCPY_RUN_H
#define BOCPY_RUN_H

#include "compat.h"

#include <boc/behavior.h>

/* The environment of all is a bocpy_call (when.h). */
extern const boc_behavior_type bocpy_behavior_shipped;      /* backend `interpreters` */
extern const boc_behavior_type bocpy_behavior_pinned;       /* over some pinned cown */
extern const boc_behavior_type bocpy_behavior_by_reference; /* backend `threads` */

/* _behavior_name(): the name of the body that runs on this thread, or None. */
PyObject *bocpy_behavior_name(PyObject *module, PyObject *unused);

#endif
