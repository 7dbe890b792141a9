/* Tracebacks: what _failure/tracebacks.py writes out, recorded in C.
 *
 * Threads: attached to the interpreter of the exception.
 */
#ifndef BOCPY_TRACEBACKS_H
#define BOCPY_TRACEBACKS_H

#include "compat.h"

/* The trace of an exception, as bytes. 1; 0 if only `traceback` can write it out, or if
 * one of its causes is a `skip`, a type; -1 with an exception. Without 1, *out_trace is
 * NULL. The exception's own __str__ may run. */
int bocpy_trace_take(PyObject *exception, PyObject *skip, PyObject **out_trace);

/* _trace_take(exception, skip): the trace, or None. */
PyObject *bocpy_trace_take_entry(PyObject *module, PyObject *args);

#endif
