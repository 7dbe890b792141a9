/* Definition log: the process-wide log in which interpreters publish their code.
 *
 * A record is a module's name, a name in it, and bytes that bocpy._ship understands.
 * The version is the number of records that were ever published. A record whose name is
 * published again takes the place of the older one.
 *
 * Threads: any.
 */
#ifndef BOCPY_DEFINITION_LOG_H
#define BOCPY_DEFINITION_LOG_H

#include "state.h"

int bocpy_log_init(void); /* process-wide; -1 with an exception */

/* Applies all published records to the interpreter of `state`, the calling thread's.
 * Cheap if there is nothing new. -1 with an exception. */
int bocpy_ship_catch_up_in(bocpy_state *state);

/* The same for the interpreter to which the thread is attached. */
int bocpy_ship_catch_up(void);

/* Entries for the module's method table: _publish(module, name, blob), and
 * _published_since(version) -> (version, [(module, name, blob), ...]). */
PyObject *bocpy_publish(PyObject *module, PyObject *args);
PyObject *bocpy_published_since(PyObject *module, PyObject *argument);

#endif
