/* Foreign extensions: extension modules of other packages that a worker's interpreter
 * is about to load.
 *
 * Many of them refuse, since they keep state in static memory. CPython finds that out
 * by running the module's init function in the main interpreter. If the function raises
 * there, as NumPy's does where the main interpreter has not imported NumPy, the
 * exception is freed in the wrong interpreter, and the process crashes. So the main
 * interpreter imports a module first, and a worker does not try a module that refuses.
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
