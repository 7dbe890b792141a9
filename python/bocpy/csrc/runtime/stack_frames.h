/* Stack frames: sys._current_frames and sys._current_exceptions for one interpreter;
 * and the frames of a traceback as numbers.
 *
 * CPython's own functions read the threads of all interpreters without their GILs, and
 * return objects of other interpreters to the caller.
 */
#ifndef BOCPY_STACK_FRAMES_H
#define BOCPY_STACK_FRAMES_H

#include "compat.h"

PyObject *bocpy_current_frames(PyObject *module, PyObject *unused);
PyObject *bocpy_current_exceptions(PyObject *module, PyObject *unused);

/* _trace_frames(traceback): a tuple of names, and the bytes of six C ints for each
 * frame, the outermost first: the index of the file, the line, the index of the
 * function, end line, column, end column. -1 for what is not known. */
PyObject *bocpy_trace_frames(PyObject *module, PyObject *traceback);

#endif
