/* Codec: Python values as bytes that belong to no interpreter.
 *
 * A *buffer* is one block of raw memory that any thread may free and any interpreter of
 * the process may decode, any number of times. Exact builtin types are encoded
 * structurally, plain instances of Python classes through their dict, cowns by
 * reference; a value that contains anything else is pickled (protocol 5, out-of-band
 * buffers) as a whole. Sharing and cycles inside one value survive.
 *
 * Threads: encode and decode need an attached thread state of the interpreter whose
 * objects they touch; free and size need none.
 */
#ifndef BOCPY_CODEC_H
#define BOCPY_CODEC_H

#include "codec_state.h"

#include <boc/cown.h>

/* A new buffer of `value`. -1 with an exception set if it cannot be shipped: TypeError
 * with the path to the offending part ("value['log'].handlers[0]: cannot ship a
 * '_io.TextIOWrapper'"), the exception of a user's __reduce__ (with that path as a
 * note), RecursionError if it is nested too deeply, or MemoryError. The path begins
 * with `root`, e.g. "value". */
int bocpy_encode(PyObject *value, const char *root, bocpy_buffer **out_buffer);

/* As bocpy_encode, for a value that a cown has already: instances that have moved out
 * of it (extension.h) stay empty; they are not refused. */
int bocpy_encode_held(PyObject *value, const char *root, bocpy_buffer **out_buffer);

/* The same, but nothing moves out of the value: natives (extension.h) are copied. */
int bocpy_encode_lent(PyObject *value, const char *root, bocpy_buffer **out_buffer);

/* Whether the value can be encoded: 0, or -1 with the exception. Nothing moves. */
int bocpy_encode_tried(PyObject *value, const char *root);

/* A new object equal to the encoded one, or NULL with an exception set. */
PyObject *bocpy_decode(const bocpy_buffer *buffer);

/* The same for the only owner of the buffer, who will not decode it again: natives move
 * into the new object instead of being copied. Afterwards the buffer can only be
 * freed. */
PyObject *bocpy_decode_last(bocpy_buffer *buffer);

/* Moves natives that nobody has decoded back into the objects that they came from. For
 * the thread that encoded the buffer, if no Python code has run since. */
void bocpy_buffer_restore(bocpy_buffer *buffer);

/* Drops a buffer and the cowns to which it refers. Any thread, attached or not. */
void bocpy_buffer_free(bocpy_buffer *buffer);

/* The size in bytes that the buffer takes: a weight for placement. Any thread. */
size_t bocpy_buffer_size(const bocpy_buffer *buffer);

/* Encodes small immutables (None, bool, int, float, short str and bytes, small tuples
 * of those) without allocating: writes at most `capacity` bytes and returns how many,
 * or 0 for other values and values that do not fit. Never sets an exception. */
size_t bocpy_encode_inline(PyObject *value, unsigned char *bytes, size_t capacity);
PyObject *bocpy_decode_inline(const unsigned char *bytes, size_t size);

/* Refuses, as bocpy_encode would, a value whose root or first parts (a bounded walk
 * over 256 objects) can never be shipped. 0, or -1 with the exception set. Cheap. */
int bocpy_check_shippable(PyObject *value, const char *root);

/* The result of a cown handle's __reduce__. While this thread encodes: a reference into
 * the buffer; otherwise one that only this process can resolve, while the cown
 * lives. */
PyObject *bocpy_codec_reduce_cown(PyObject *cown);

/* The drop hook of every cown that was ever reduced outside of an encoding must call it
 * (cheap for all others). Any thread, attached or not. */
void bocpy_codec_forget_cown(boc_cown *core);

/* ---- what the codec keeps per interpreter (codec_state.h) ------------------------ */

/* `state` is zeroed memory, `module` the extension module with its methods. -1 with an
 * exception set; the caller has to clear the state in either case. */
int bocpy_codec_state_init(bocpy_codec_state *state, bocpy_python_cache *python,
                           PyObject *module);
int bocpy_codec_state_traverse(bocpy_codec_state *state, visitproc visit, void *arg);
void bocpy_codec_state_clear(bocpy_codec_state *state);

/* Entries for the module's method table. */
PyObject *bocpy_codec_cown_at(PyObject *module, PyObject *index);
PyObject *bocpy_codec_cown_find(PyObject *module, PyObject *const *args,
                                Py_ssize_t nargs);
PyObject *bocpy_codec_apart(PyObject *module, PyObject *args);
PyObject *bocpy_hooked_reduce(PyObject *module, PyObject *object);
PyObject *bocpy_hooked_from(PyObject *module, PyObject *args);
PyObject *bocpy_native_at(PyObject *module, PyObject *index);
/* clang-format off */
#define BOCPY_CODEC_METHODS \
  {"_cown_at", bocpy_codec_cown_at, METH_O, NULL}, \
  {"_cown_find", (PyCFunction)(void (*)(void))bocpy_codec_cown_find, METH_FASTCALL, \
   NULL}, \
  {"_apart", bocpy_codec_apart, METH_VARARGS, NULL}, \
  {"_hooked_reduce", bocpy_hooked_reduce, METH_O, NULL}, \
  {"_hooked_from", bocpy_hooked_from, METH_VARARGS, NULL}, \
  {"_native_at", bocpy_native_at, METH_O, NULL}
/* clang-format on */

#endif
