/* Result: looking at what a behavior returned or raised, without taking it.
 *
 * Threads: attached.
 */
#ifndef BOCPY_RESULT_H
#define BOCPY_RESULT_H

#include "value.h"

/* What a cown holds, for whoever may read it: a new reference, or NULL with the
 * exception that a body raised. The content stays. */
PyObject *bocpy_outcome_read(bocpy_value *value);

/* Methods of Cown. */
PyObject *bocpy_cown_result(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *bocpy_cown_add_done_callback(PyObject *self, PyObject *callable);
PyObject *bocpy_pass_callbacks_on(PyObject *module, PyObject *unused);
extern const char bocpy_cown_result_doc[], bocpy_cown_add_done_callback_doc[];

#endif
