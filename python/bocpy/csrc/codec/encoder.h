/* Encoder and decoder: one walk over a value in either direction. Private to the codec.
 *
 * Threads: an encoder or decoder belongs to the thread on whose stack it is. The thread
 * knows its innermost encoder and decoder, so that the pickle of a cown finds its
 * buffer.
 */
#ifndef BOCPY_ENCODER_H
#define BOCPY_ENCODER_H

#include "buffer.h"
#include "handle.h"
#include "memo.h"
#include "shapes.h"

/* Deeper values are left to pickle. The limit is above Python's default recursion
 * limit, so that values that a recursive function can build are shipped: CPython 3.12's
 * pickle gives up at 749. */
#define BOCPY_DEPTH_MAX 1024

/* What an encoding step returns. */
enum { BOCPY_FAILED = -1, BOCPY_DONE = 0, BOCPY_UNKNOWN = 1 };

typedef struct bocpy_encoder {
  bocpy_writer writer;
  bocpy_codec_state *state;
  int depth;
  bool needs_classes;
  bocpy_class *last_class; /* a class that was just found under its name */
  boc_cown **cowns;        /* held */
  uint32_t cown_count, cown_capacity;
  /* with references: the parts that move when all is written (extension.h) */
  PyObject **natives;
  uint32_t native_count, native_capacity;
  struct bocpy_immutable **immutables; /* referred to (immutable.h) */
  uint32_t immutable_count, immutable_capacity;
  bool apart; /* an encoding is made (immutable.h), which refers to no object */
  struct bocpy_encoding *shared; /* of the container that is being written */
  bool lends;                    /* nothing moves: natives are copied */
  /* a cown has the value already: what has moved out of it stays empty */
  bool held;
  uint32_t keys_used; /* a bit for each slot of `keys` in use */
  struct bocpy_encoder *outer;
  PyObject *keys[BOCPY_KEY_SLOTS]; /* held */
  bocpy_memo memo;
  unsigned char first[512];
} bocpy_encoder;

/* Writes a tag and a number: BOCPY_DONE, or BOCPY_FAILED without memory. */
int bocpy_put_number(bocpy_encoder *encoder, enum bocpy_tag tag, uint32_t number);

/* Writes `value`. BOCPY_UNKNOWN: it has parts that only pickle knows. */
int bocpy_encode_value(bocpy_encoder *encoder, PyObject *value);

/* Encodes a container of plain values, for immutable.h. -1 with an exception. */
int bocpy_encode_apart(PyObject *value, bocpy_buffer **out_buffer);

/* Writes `value` as a pickle, in place of all that was written. -1 with the exception
 * that bocpy_encode promises. */
int bocpy_encode_pickle(bocpy_encoder *encoder, PyObject *value, const char *root);

/* Adds a reference to `core`; returns its index among the cowns. -1 with
 * MemoryError. */
int bocpy_encoder_refer(bocpy_encoder *encoder, boc_cown *core, uint32_t *out_index);

/* The innermost encoder of this thread that is pickling, or NULL; and the decoder. */
bocpy_encoder *bocpy_encoder_here(void);
struct bocpy_decoder *bocpy_decoder_here(void);

/* Drops the references that were added. */
void bocpy_encoder_forget_cowns(bocpy_encoder *encoder);
void bocpy_encoder_forget_immutables(bocpy_encoder *encoder);

/* An instance whose attributes are being decoded. */
typedef struct bocpy_unfinished {
  PyObject *instance;
  const struct bocpy_unfinished *outer;
} bocpy_unfinished;

typedef struct bocpy_decoder {
  const unsigned char *at;
  const bocpy_buffer *buffer; /* NULL for inline bytes */
  bocpy_codec_state *state;
  PyObject **memo; /* with references; NULL while an object is being made */
  uint32_t memo_count, memo_capacity;
  const bocpy_resolved_shape *last; /* known to be up to date */
  uint32_t keys_used;
  bool last_time; /* natives may be taken out of the buffer */
  struct bocpy_decoder *outer;
  const bocpy_unfinished *unfinished; /* NULL where containers must be complete */
  PyObject *later; /* a list of what waits for the hash of its key, or NULL */
  PyObject *keys[BOCPY_KEY_SLOTS]; /* held */
} bocpy_decoder;

/* The next value of the stream, or NULL with an exception. */
PyObject *bocpy_decode_value(bocpy_decoder *decoder);

/* The class of the stream's next number, or NULL with an exception. */
const bocpy_resolved_shape *bocpy_take_class(bocpy_decoder *decoder);

/* The value of a pickle, whose tag has been taken. */
PyObject *bocpy_decode_pickle(bocpy_decoder *decoder);

static inline void bocpy_take(bocpy_decoder *decoder, void *out_bytes, size_t size) {
  memcpy(out_bytes, decoder->at, size);
  decoder->at += size;
}

static inline size_t bocpy_take_size(bocpy_decoder *decoder) {
  size_t size = *decoder->at++;
  if (size == 255) {
    uint64_t wide;
    bocpy_take(decoder, &wide, sizeof wide);
    size = (size_t)wide;
  }
  return size;
}

static inline uint32_t bocpy_take_number(bocpy_decoder *decoder) {
  uint32_t number;
  bocpy_take(decoder, &number, sizeof number);
  return number;
}

#endif
