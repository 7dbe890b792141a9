/* Notice cache: notices that an interpreter has decoded.
 *
 * Readers get copies that they may change. Still, a large notice that many bodies read
 * is decoded only once per interpreter and version, if it is immutable, or an exact
 * list, dict, set or bytearray of immutable items: each reader gets the object, or a
 * shallow copy.
 *
 * Threads: attached.
 */
#ifndef BOCPY_NOTICE_CACHE_H
#define BOCPY_NOTICE_CACHE_H

#include "codec.h"
#include "state.h"

/* The value that the board has under a key. */
typedef struct bocpy_notice {
  bocpy_buffer *buffer;
  uint64_t version; /* unique among the notices of the process */
} bocpy_notice;

/* Takes the buffer over. NULL with MemoryError: the caller still owns the buffer. */
bocpy_notice *bocpy_notice_new(bocpy_buffer *buffer);

/* Any thread, attached or not. */
void bocpy_notice_free(bocpy_notice *notice);

/* A value for a reader of `key`. NULL with an exception. */
PyObject *bocpy_notice_value(bocpy_state *state, PyObject *key,
                             const bocpy_notice *notice);

#endif
