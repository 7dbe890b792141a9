/* Reduced: values that are a class and what it is called with. The codec takes them
 * apart without pickle where pickle would do no more (_ship/ways.py says for which
 * classes): named tuples, dates and times, Decimals, deques, ordered dicts, arrays.
 *
 * Threads: as encoder.h. What reduces is written in C, so no code of the program runs
 * while such a value is encoded.
 */
#ifndef BOCPY_REDUCED_H
#define BOCPY_REDUCED_H

#include "encoder.h"

/* Write a value whose class is known to be of that way, and to be found by the
 * receiver: what bocpy_encode_value returns. */
int bocpy_put_named(bocpy_encoder *encoder, PyObject *value);
int bocpy_put_reduced(bocpy_encoder *encoder, PyObject *value);
int bocpy_put_array(bocpy_encoder *encoder, PyObject *value);

/* The value whose tag has been taken, or NULL with an exception. */
PyObject *bocpy_make_named(bocpy_decoder *decoder);
PyObject *bocpy_make_reduced(bocpy_decoder *decoder);
PyObject *bocpy_make_array(bocpy_decoder *decoder);

#endif
