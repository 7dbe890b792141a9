/* Buffer: the block that a value is encoded into, and the writer that fills it.
 *
 * The stream is a prefix notation: a tag byte, its operands, its parts. Numbers are in
 * the machine's own order and unaligned, since a buffer never leaves the process. A
 * *size* is one byte below 255, else 255 and eight bytes.
 *
 *   tag                    operands and parts            memo
 *   NONE TRUE FALSE ...    -
 *   INT8 INT32 INT64       the number
 *   INT_BIG                size, digits (bytes, or hexadecimal text)
 *   FLOAT COMPLEX          8 or 16 bytes
 *   ASCII LATIN UCS2 UCS4  size in characters, characters   before
 *   BYTES BYTEARRAY        size, bytes                      before
 *   LIST DICT SET          size, parts                      before
 *   TUPLE FROZENSET        size, parts                      after
 *   SLICE RANGE            three parts                      after
 *   INSTANCE               u32 shape, attributes            before
 *   UNSET                  -, in place of the value of a slot
 *   NAMED                  u32 shape, size, parts                  after
 *   REDUCED                u32 shape, u8: what follows; arguments  after
 *   ARRAY                  u32 shape, u8 type, size, bytes         before
 *   EXCEPTION              u32 shape, args, __dict__ or None,      before
 *                          cause or None
 *   VIEW                   u8 read-only, format, dimensions; the   after
 *                          sizes of each, offset and size; base
 *   COWN                   u32 index of the buffer's cowns        before
 *   NATIVE                 u32 index of the buffer's natives      before
 *   HOOKED                 u32 type (extension.h), its state      after
 *   IMMUTABLE              u32 index of the buffer's immutables   before
 *   MEMO                   an object that later ones refer to; it takes its number
 *                          before its parts do
 *   MEMO_AFTER             the same, for what cannot exist before its parts do
 *   SUPERSEDED             as MEMO_AFTER, then u32: its parts led back to the object,
 *                          and the one of that number stands
 *   REF                    u32 number of the memo
 *   KEY                    u8: the str in this slot of the key table
 *   NEW_KEY                u8 and a str: the same, and puts it there
 *   PICKLE                 size, bytes; size, then buffers: u8 read-only, size, bytes
 *
 * Memory is CPython's raw domain, which any thread may use at any time.
 */
#ifndef BOCPY_BUFFER_H
#define BOCPY_BUFFER_H

#include "codec.h"

#include <string.h>

enum bocpy_tag {
  TAG_NONE,
  TAG_TRUE,
  TAG_FALSE,
  TAG_ELLIPSIS,
  TAG_NOT_IMPLEMENTED,
  TAG_INT8,
  TAG_INT32,
  TAG_INT64,
  TAG_INT_BIG,
  TAG_FLOAT,
  TAG_COMPLEX,
  TAG_ASCII,
  TAG_LATIN,
  TAG_UCS2,
  TAG_UCS4,
  TAG_BYTES,
  TAG_BYTEARRAY,
  TAG_LIST,
  TAG_DICT,
  TAG_SET,
  TAG_TUPLE,
  TAG_FROZENSET,
  TAG_SLICE,
  TAG_RANGE,
  TAG_INSTANCE,
  TAG_UNSET,
  TAG_NAMED,
  TAG_REDUCED,
  TAG_ARRAY,
  TAG_EXCEPTION,
  TAG_VIEW,
  TAG_COWN,
  TAG_NATIVE,
  TAG_HOOKED,
  TAG_IMMUTABLE,
  TAG_MEMO,
  TAG_MEMO_AFTER,
  TAG_SUPERSEDED,
  TAG_REF,
  TAG_KEY,
  TAG_NEW_KEY,
  TAG_PICKLE
};

#define BOCPY_KEY_SLOTS 32u /* the key table: recent str keys of dicts, by address */

struct bocpy_buffer {
  union {
    size_t size;                /* the number of bytes */
    struct bocpy_buffer *below; /* the next buffer to free, once this one is given up */
  };
  boc_cown **cowns; /* with references */
  uint32_t cown_count;
  uint32_t native_count;
  struct bocpy_native *natives;        /* the parts that move (extension.h) */
  struct bocpy_immutable **immutables; /* the objects that it refers to (immutable.h) */
  uint32_t immutable_count;
  /* it names classes: definitions in __main__ must be applied before it is decoded */
  bool needs_classes;
  unsigned char bytes[];
};

/* Drops a cown that a buffer has held; see reference_cycles.h, which sets it. */
extern void (*bocpy_buffer_give_up)(boc_cown *core);

/* The destination of bytes. `buffer` is the block that has `bytes`, or NULL while the
 * caller's memory has them. A fixed writer never grows; it refuses without an
 * exception. */
typedef struct bocpy_writer {
  unsigned char *bytes;
  size_t size, capacity;
  bocpy_buffer *buffer;
  bool fixed;
} bocpy_writer;

/* Makes room for `more` bytes behind `size`. -1, with MemoryError unless fixed. */
int bocpy_writer_grow(bocpy_writer *writer, size_t more);

/* The buffer of what was written, trimmed; the writer cannot be used afterwards. NULL
 * with MemoryError. */
bocpy_buffer *bocpy_writer_finish(bocpy_writer *writer);

/* Frees what the writer has. */
void bocpy_writer_fini(bocpy_writer *writer);

static inline int bocpy_reserve(bocpy_writer *writer, size_t more) {
  return writer->capacity - writer->size >= more ? 0 : bocpy_writer_grow(writer, more);
}

/* Writes the inline form of an int of 32 bits, as most counters are, without a
 * writer. */
static inline size_t bocpy_put_inline_int(unsigned char *bytes, int32_t number) {
  bytes[0] = TAG_INT32;
  memcpy(bytes + 1, &number, sizeof number);
  return 1 + sizeof number;
}

static inline bool bocpy_inline_is_int(const unsigned char *bytes) {
  return bytes[0] == TAG_INT32;
}

static inline int32_t bocpy_take_inline_int(const unsigned char *bytes) {
  int32_t number;
  memcpy(&number, bytes + 1, sizeof number);
  return number;
}

/* The following need room that has been reserved. */
static inline void bocpy_put_byte(bocpy_writer *writer, unsigned byte) {
  writer->bytes[writer->size++] = (unsigned char)byte;
}

static inline void bocpy_put(bocpy_writer *writer, const void *bytes, size_t size) {
  memcpy(writer->bytes + writer->size, bytes, size);
  writer->size += size;
}

#define BOCPY_SIZE_MAX 9u /* the most bytes of an encoded size */

static inline void bocpy_put_size(bocpy_writer *writer, size_t size) {
  if (size < 255) {
    bocpy_put_byte(writer, (unsigned)size);
    return;
  }
  uint64_t wide = size;
  bocpy_put_byte(writer, 255);
  bocpy_put(writer, &wide, sizeof wide);
}

/* Writes a tag and a size; reserves room for them and for `more` bytes. */
static inline int bocpy_put_head(bocpy_writer *writer, enum bocpy_tag tag, size_t size,
                                 size_t more) {
  if (bocpy_reserve(writer, 1 + BOCPY_SIZE_MAX + more) < 0)
    return -1;
  bocpy_put_byte(writer, tag);
  bocpy_put_size(writer, size);
  return 0;
}

/* Writes a scalar, a value without parts. 0: done. 1: not a scalar. -1: no room, or an
 * exception. Runs no user code and makes no object that the garbage collector
 * tracks. */
int bocpy_encode_scalar(bocpy_writer *writer, PyObject *value);

#endif
