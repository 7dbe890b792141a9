/* Types of the standard library that the codec encodes without pickle: named tuples,
 * dates and times, Decimals, deques, ordered dicts, arrays; and exceptions. Each value
 * is written as its class and the arguments of a call. To add a type, begin with
 * _codec/class_encodings.py: it decides for which classes pickle would do no more than
 * that.
 *
 * Threads: as encoder.h. The methods that reduce are written in C, so no code of the
 * program runs while such a value is encoded.
 */
#ifndef BOCPY_STDLIB_TYPES_H
#define BOCPY_STDLIB_TYPES_H

#include "encoder.h"

/* Write a value whose class has this encoding, and is known to the receiver. They
 * return what bocpy_encode_value returns. */
int bocpy_put_named(bocpy_encoder *encoder, PyObject *value);
int bocpy_put_reduced(bocpy_encoder *encoder, PyObject *value);
int bocpy_put_array(bocpy_encoder *encoder, PyObject *value);
int bocpy_put_exception(bocpy_encoder *encoder, PyObject *value);

/* The value whose tag has been taken, or NULL with an exception. */
PyObject *bocpy_make_named(bocpy_decoder *decoder);
PyObject *bocpy_make_reduced(bocpy_decoder *decoder);
PyObject *bocpy_make_array(bocpy_decoder *decoder);

#endif
