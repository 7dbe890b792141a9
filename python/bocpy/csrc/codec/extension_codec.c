/* Codec of hooked types: how their values are written, moved, and made again.
 *
 * While a value is being encoded, natives stay in their objects. The encoder lists
 * them, and moves them when the buffer is finished and nothing can fail any more: a
 * refusal leaves the value as it was.
 */
#include "extension.h"

static void **encoded_native_slot(const bocpy_hooked *hooked, PyObject *object) {
  return (void **)((char *)object + hooked->hooks.native);
}

bool bocpy_native_is_here(const bocpy_hooked *hooked, PyObject *object) {
  return hooked->hooks.encode || *encoded_native_slot(hooked, object);
}

/* ---- encode ---------------------------------------------------------------------- */

static int encoder_note_native(bocpy_encoder *encoder, PyObject *object,
                               uint32_t *out_index) {
  if (encoder->native_count == encoder->native_capacity) {
    uint32_t capacity = encoder->native_capacity ? 2 * encoder->native_capacity : 4;
    PyObject **natives =
        PyMem_RawRealloc(encoder->natives, capacity * sizeof(PyObject *));
    if (!natives) {
      PyErr_NoMemory();
      return BOCPY_FAILED;
    }
    encoder->natives = natives;
    encoder->native_capacity = capacity;
  }
  *out_index = encoder->native_count;
  encoder->natives[encoder->native_count++] = Py_NewRef(object);
  return BOCPY_DONE;
}

/* The hook `encode` has raised: reports BOCPY_UNKNOWN, so that pickle calls it again
 * and the error gets the path to the part. */
static int encode_refuse(void) {
  if (!PyErr_ExceptionMatches(PyExc_Exception) ||
      PyErr_ExceptionMatches(PyExc_MemoryError))
    return BOCPY_FAILED;
  PyErr_Clear();
  return BOCPY_UNKNOWN;
}

static int put_by_value(bocpy_encoder *encoder, PyObject *value,
                        const bocpy_hooked *hooked) {
  PyObject *state = hooked->hooks.encode(value);
  if (!state)
    return encode_refuse();
  int status = bocpy_put_number(encoder, TAG_HOOKED, hooked->id);
  if (status == BOCPY_DONE)
    status = bocpy_encode_value(encoder, state);
  Py_DECREF(state);
  return status;
}

static int put_native(bocpy_encoder *encoder, PyObject *value,
                      const bocpy_hooked *hooked) {
  uint32_t index;
  if (!encoder->held && !bocpy_native_is_here(hooked, value))
    return BOCPY_UNKNOWN;
  if (encoder_note_native(encoder, value, &index) < 0)
    return BOCPY_FAILED;
  return bocpy_put_number(encoder, TAG_NATIVE, index);
}

int bocpy_encode_hooked(bocpy_encoder *encoder, PyObject *value,
                        const bocpy_hooked *hooked) {
  return hooked->hooks.encode ? put_by_value(encoder, value, hooked)
                              : put_native(encoder, value, hooked);
}

/* Copies a native that stays with its object. All copies come before the first move,
 * since a copy can fail. */
static int native_copy(bocpy_encoder *encoder, PyObject *object, bocpy_native *native) {
  const bocpy_hooks *hooks = &native->hooked->hooks;
  void *here = *encoded_native_slot(native->hooked, object);
  native->empty = !here;
  if (!here && encoder->held)
    return 0;
  if (!here) {
    PyErr_Format(PyExc_RuntimeError, "a '%s' was emptied while it was being shipped",
                 Py_TYPE(object)->tp_name);
    return -1;
  }
  if (!encoder->lends && !(hooks->busy && hooks->busy(object)))
    return 0;
  native->native = hooks->copy(here);
  if (!native->native)
    PyErr_NoMemory();
  return native->native ? 0 : -1;
}

int bocpy_encoder_move(bocpy_encoder *encoder, bocpy_buffer *buffer) {
  uint32_t count = encoder->native_count;
  if (!count)
    return 0;
  buffer->natives = PyMem_RawCalloc(count, sizeof *buffer->natives);
  if (!buffer->natives) {
    PyErr_NoMemory();
    return -1;
  }
  buffer->native_count = count;
  for (uint32_t i = 0; i < count; i++) {
    PyObject *object = encoder->natives[i];
    buffer->natives[i].hooked = bocpy_hooked_of(encoder->state, Py_TYPE(object));
    if (native_copy(encoder, object, &buffer->natives[i]) < 0)
      return -1;
  }
  for (uint32_t i = 0; i < count; i++) {
    bocpy_native *native = &buffer->natives[i];
    void **slot = encoded_native_slot(native->hooked, encoder->natives[i]);
    if (native->native)
      continue;
    native->native = *slot;
    native->origin = encoder->natives[i];
    *slot = NULL;
  }
  return 0;
}

void bocpy_encoder_forget_natives(bocpy_encoder *encoder) {
  while (encoder->native_count)
    Py_DECREF(encoder->natives[--encoder->native_count]);
}

/* ---- decode ---------------------------------------------------------------------- */

PyObject *bocpy_decode_by_value(bocpy_decoder *decoder) {
  const bocpy_hooked *hooked = bocpy_hooked_at(bocpy_take_number(decoder));
  PyTypeObject *type = bocpy_hooked_type(decoder->state, hooked);
  PyObject *state = type ? bocpy_decode_value(decoder) : NULL;
  PyObject *object = state ? hooked->hooks.decode(type, state) : NULL;
  Py_XDECREF(state);
  return object;
}

/* The native itself if this is the last decoding of the buffer, else a copy. */
static void *decoded_native_take(bocpy_decoder *decoder, bocpy_native *native) {
  void *taken = native->native;
  if (decoder->last_time)
    native->native = NULL;
  else if (taken)
    taken = native->hooked->hooks.copy(taken);
  if (!taken)
    PyErr_NoMemory();
  return taken;
}

static PyObject *native_make(bocpy_decoder *decoder, bocpy_native *native) {
  PyTypeObject *type = bocpy_hooked_type(decoder->state, native->hooked);
  PyObject *object = type ? type->tp_alloc(type, 0) : NULL;
  if (native->empty)
    return object;
  void *taken = object ? decoded_native_take(decoder, native) : NULL;
  if (!taken)
    Py_CLEAR(object);
  else
    *encoded_native_slot(native->hooked, object) = taken;
  return object;
}

PyObject *bocpy_decode_native(bocpy_decoder *decoder) {
  return native_make(decoder, &decoder->buffer->natives[bocpy_take_number(decoder)]);
}

void bocpy_buffer_restore(bocpy_buffer *buffer) {
  for (uint32_t i = 0; i < buffer->native_count; i++) {
    bocpy_native *native = &buffer->natives[i];
    if (!native->native || !native->origin)
      continue;
    *encoded_native_slot(native->hooked, native->origin) = native->native;
    native->native = NULL;
  }
}

void bocpy_natives_drop(bocpy_native *natives, uint32_t count) {
  for (uint32_t i = 0; i < count; i++)
    if (natives[i].native)
      natives[i].hooked->hooks.drop(natives[i].native);
  PyMem_RawFree(natives);
}

/* ---- within pickles -------------------------------------------------------------- */

static PyObject *native_reduce(const bocpy_hooked *hooked, PyObject *object) {
  bocpy_encoder *encoder = bocpy_encoder_here();
  uint32_t index;
  if (!encoder) {
    PyErr_SetString(PyExc_TypeError,
                    "it moves, and a global that others see cannot: put it into a "
                    "cown");
    return NULL;
  }
  if (!encoder->held && !bocpy_native_is_here(hooked, object)) {
    PyErr_SetString(PyExc_TypeError, "what it had has been moved elsewhere");
    return NULL;
  }
  if (encoder_note_native(encoder, object, &index) < 0)
    return NULL;
  return Py_BuildValue("O(k)", encoder->state->native_at, (unsigned long)index);
}

static PyObject *hooked_reduce_by_value(bocpy_codec_state *state,
                                        const bocpy_hooked *hooked, PyObject *object) {
  PyObject *encoded = hooked->hooks.encode(object);
  return encoded ? Py_BuildValue("O(kN)", state->hooked_from, (unsigned long)hooked->id,
                                 encoded)
                 : NULL;
}

PyObject *bocpy_hooked_reduce(PyObject *module, PyObject *object) {
  (void)module;
  bocpy_codec_state *state = bocpy_codec_state_get();
  const bocpy_hooked *hooked = state ? bocpy_hooked_of(state, Py_TYPE(object)) : NULL;
  if (!state)
    return NULL;
  if (!hooked)
    return Py_NewRef(Py_NotImplemented);
  return hooked->hooks.encode ? hooked_reduce_by_value(state, hooked, object)
                              : native_reduce(hooked, object);
}

PyObject *bocpy_hooked_from(PyObject *module, PyObject *args) {
  (void)module;
  unsigned long id;
  PyObject *encoded;
  if (!PyArg_ParseTuple(args, "kO:_hooked_from", &id, &encoded))
    return NULL;
  bocpy_codec_state *state = bocpy_codec_state_get();
  const bocpy_hooked *hooked = bocpy_hooked_at((uint32_t)id);
  PyTypeObject *type = state ? bocpy_hooked_type(state, hooked) : NULL;
  return type ? hooked->hooks.decode(type, encoded) : NULL;
}

PyObject *bocpy_native_at(PyObject *module, PyObject *index) {
  (void)module;
  size_t at = PyLong_AsSize_t(index);
  bocpy_decoder *decoder = bocpy_decoder_here();
  if (at == (size_t)-1 && PyErr_Occurred())
    return NULL;
  if (decoder && at < decoder->buffer->native_count)
    return native_make(decoder, &decoder->buffer->natives[at]);
  PyErr_SetString(PyExc_RuntimeError,
                  "this was pickled as a part of a value that was being shipped: it "
                  "cannot be unpickled by itself");
  return NULL;
}
