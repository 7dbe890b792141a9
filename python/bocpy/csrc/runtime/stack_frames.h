/* Stack frames: sys._current_frames and sys._current_exceptions for one interpreter.
 *
 * CPython's own functions read the threads of all interpreters without their GILs, and
 * return objects of other interpreters to the caller.
 */
#ifndef BOCPY_STACK_FRAMES_H
#define BOCPY_STACK_FRAMES_H

#include "compat.h"

PyObject *bocpy_current_frames(PyObject *module, PyObject *unused);
PyObject *bocpy_current_exceptions(PyObject *module, PyObject *unused);

#endif
