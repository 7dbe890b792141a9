/* Codec: Python values as bytes that belong to no interpreter.
 *
 * A *flat* is a malloc'd block that any thread may free and any interpreter of the process
 * may decode, any number of times. Exact builtin types are encoded structurally, plain
 * instances of Python classes through their dict, cowns by reference; a value that contains
 * anything else is pickled (protocol 5, out-of-band buffers) as a whole. Sharing and cycles
 * inside one value survive.
 *
 * Threads: encode and decode need an attached thread state of the interpreter whose objects
 *   they touch; hold and free need none.
 */
#ifndef BOCPY_CODEC_H
#define BOCPY_CODEC_H

#include "compat.h"

#include <boc/cown.h>

typedef struct bocpy_flat bocpy_flat;

/* A new flat of `value`. -1 with an exception set if it cannot be shipped: TypeError with
 * the path to the offending part ("value['log'].handlers[0]: cannot ship a '_io.TextIOWrapper'"),
 * whatever a user's __reduce__ raised (with that path as a note), or MemoryError. `root`
 * is what the path begins with, e.g. "value". */
int bocpy_encode(PyObject *value, const char *root, bocpy_flat **out_flat);

/* A new object equal to the encoded one, or NULL with an exception set. */
PyObject *bocpy_decode(const bocpy_flat *flat);

/* Gives up a flat and the cowns it refers to. Any thread, attached or not. */
void bocpy_flat_free(bocpy_flat *flat);

/* The size in bytes that the flat takes: a weight for placement. */
size_t bocpy_flat_size(const bocpy_flat *flat);

/* Small immutables (None, bool, int, float, short str and bytes, small tuples of those)
 * without any allocation: writes at most `capacity` bytes and returns how many, or 0 if
 * `value` is none of these or does not fit. Never sets an exception. */
size_t bocpy_encode_inline(PyObject *value, unsigned char *bytes, size_t capacity);
PyObject *bocpy_decode_inline(const unsigned char *bytes, size_t size);

/* Refuses, as bocpy_encode would, a value whose root or first parts (a bounded walk of 256
 * objects) can never be shipped. 0, or -1 with the exception set. Cheap. */
int bocpy_check_shippable(PyObject *value, const char *root);

/* What a cown handle's __reduce__ returns. While this thread is encoding: a reference into
 * the flat; else one that resolves in this process only. */
PyObject *bocpy_codec_reduce_cown(PyObject *cown);

#endif
