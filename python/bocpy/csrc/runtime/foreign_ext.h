/* Foreign extensions: extension modules of others, which an interpreter of a worker
 * would load.
 *
 * Many refuse: they keep state in static memory, which CPython finds out by having the
 * module's init function run in the main interpreter. If that raises there, as NumPy's
 * does where the main interpreter has not imported it, the exception ends in the wrong
 * interpreter, and the process crashes. So the main interpreter imports a module
 * first, and what refuses is not tried at all.
 *
 * Threads: attached to an interpreter; asking waits for the main interpreter's GIL.
 */
#ifndef BOCPY_FOREIGN_EXT_H
#define BOCPY_FOREIGN_EXT_H

#include "state.h"

/* Entries for the module's method table. */
PyObject *bocpy_foreign_ext_refuses(PyObject *module, PyObject *extension);
PyObject *bocpy_foreign_ext_ask_main(PyObject *module, PyObject *request);

#endif
