/* Frames: sys._current_frames and sys._current_exceptions for one interpreter; and the
 * frames of a traceback as plain values.
 *
 * CPython's own functions read the threads of all interpreters without their GILs, and
 * return objects of other interpreters to the caller.
 */
#ifndef BOCPY_FRAMES_H
#define BOCPY_FRAMES_H

#include "compat.h"

PyObject *bocpy_current_frames(PyObject *module, PyObject *unused);
PyObject *bocpy_current_exceptions(PyObject *module, PyObject *unused);

/* _trace_frames(traceback): a tuple of (file, line, name, end line, column, end
 * column), the outermost first; None for unknown numbers. */
PyObject *bocpy_trace_frames(PyObject *module, PyObject *traceback);

#endif
