/* Extension types: types of other extensions that have registered, with the public
 * header bocpy/bocpy.h, how their values move.
 *
 * The process has a record of each *hooked* type: its module and name, a number, and
 * its hooks. The record is never changed and never freed. Each interpreter has its own
 * type for the number: the module registers it there when it is imported.
 *
 * A *native* is the part of an object that moves. Between two objects it belongs to the
 * buffer.
 *
 * Threads: as in codec.h. The hooked types of an interpreter are under the state's
 * mutex.
 */
#ifndef BOCPY_EXTENSION_H
#define BOCPY_EXTENSION_H

#include "../../include/bocpy/bocpy.h"
#include "encoder.h"

typedef struct bocpy_hooked {
  uint32_t id;
  bocpy_hooks hooks;
  const char *qualname; /* in `reference` */
  char reference[];     /* the module and the qualified name, each with its NUL */
} bocpy_hooked;

typedef struct bocpy_native {
  const bocpy_hooked *hooked;
  void *native;     /* NULL once it is taken */
  bool empty;       /* there was none: it had moved out of the object before */
  PyObject *origin; /* the object that had it; borrowed: see bocpy_buffer_restore */
} bocpy_native;

int bocpy_hooks_init(void); /* process-wide; -1 with an exception */

/* Puts the capsule that bocpy.h imports into the module. */
int bocpy_hooks_publish(PyObject *module);

const bocpy_hooked *bocpy_hooked_at(uint32_t id);

/* Borrowed: the type of this interpreter; imports its module if necessary. NULL with an
 * exception that says what to do. */
PyTypeObject *bocpy_hooked_type(bocpy_codec_state *state, const bocpy_hooked *hooked);

/* The hooks of the type, or NULL without an exception: no extension has registered it.
 */
const bocpy_hooked *bocpy_hooked_of(bocpy_codec_state *state, PyTypeObject *type);

/* Whether `object`, which has that type, has a native to move. */
bool bocpy_native_is_here(const bocpy_hooked *hooked, PyObject *object);

/* Writes a value of a hooked type. BOCPY_UNKNOWN: pickle has to raise the error. */
int bocpy_encode_hooked(bocpy_encoder *encoder, PyObject *value,
                        const bocpy_hooked *hooked);

/* Moves the natives into `buffer`; before this call no object has changed. -1 with an
 * exception: nothing has moved. */
int bocpy_encoder_move(bocpy_encoder *encoder, bocpy_buffer *buffer);

/* Drops the references to objects whose natives were to move. */
void bocpy_encoder_forget_natives(bocpy_encoder *encoder);

/* Makes the value whose tag has been taken. */
PyObject *bocpy_decode_by_value(bocpy_decoder *decoder);
PyObject *bocpy_decode_native(bocpy_decoder *decoder);

/* Frees the natives of a buffer that nobody took. Any thread, attached or not. */
void bocpy_natives_drop(bocpy_native *natives, uint32_t count);

/* ---- by reference (extension_move.c) --------------------------------------------- */

/* Moves the native parts of `object`, and of the elements of an exact list, tuple or
 * dict, into new instances, for types that move on every backend. Returns a new
 * reference to what a value keeps instead of `object`; to `object` itself if nothing
 * moves. NULL with an exception, and nothing has changed: RuntimeError if an instance
 * has moved before. */
PyObject *bocpy_move_in(PyObject *object);

/* Undoes bocpy_move_in for a value that no other thread has seen. */
void bocpy_move_back(PyObject *object, PyObject *taken);

/* 0, or -1 with RuntimeError if `object` has a type that moves, and has moved
 * before. */
int bocpy_check_here(PyObject *object);

int bocpy_hooked_traverse(bocpy_codec_state *state, visitproc visit, void *arg);
void bocpy_hooked_clear(bocpy_codec_state *state);

#endif
