/* Notice cache: what an interpreter has decoded of the noticeboard.
 *
 * Readers get copies that they may change. A large notice that many bodies read is
 * decoded once per interpreter and version all the same, if it is immutable, or an
 * exact list, dict, set or bytearray of what is immutable: then each reader gets the
 * object, or a shallow copy.
 *
 * Threads: attached.
 */
#ifndef BOCPY_NOTICE_CACHE_H
#define BOCPY_NOTICE_CACHE_H

#include "codec.h"
#include "state.h"

/* What the board has under a key. */
typedef struct bocpy_notice {
  bocpy_buffer *buffer;
  uint64_t version; /* no other notice of the process has had it */
} bocpy_notice;

/* Takes the buffer over. NULL with MemoryError: it is the caller's still. */
bocpy_notice *bocpy_notice_new(bocpy_buffer *buffer);

/* Any thread, attached or not. */
void bocpy_notice_free(bocpy_notice *notice);

/* A value for a reader of `key`. NULL with an exception. */
PyObject *bocpy_notice_value(bocpy_state *state, PyObject *key,
                             const bocpy_notice *notice);

#endif
