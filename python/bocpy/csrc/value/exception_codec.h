/* Exception codec: the form in which the exceptions of bodies are encoded.
 *
 * Most are exceptions of Python itself with plain arguments, and those are packed and
 * unpacked here. The others are left to _failure/exception_codec.py, which does the
 * same for all kinds.
 *
 * Threads: attached to any interpreter.
 */
#ifndef BOCPY_EXCEPTION_CODEC_H
#define BOCPY_EXCEPTION_CODEC_H

#include "state.h"

/* The object that is encoded in place of `exception`, or NULL with an exception. */
PyObject *bocpy_exception_pack(PyObject *exception);

/* Steals `object`, the decoded form of a failed value; returns the exception, or NULL
 * with another one. */
PyObject *bocpy_exception_unpack(PyObject *object);

#endif
