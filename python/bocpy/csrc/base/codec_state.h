/* Codec state: what the codec keeps per interpreter, a part of the module's state.
 *
 * The struct stands here, below the codec, because state.h embeds it. Only the files of
 * codec/ use its parts.
 */
#ifndef BOCPY_CODEC_STATE_H
#define BOCPY_CODEC_STATE_H

#include "address_map.h"
#include "python_calls.h"

typedef struct bocpy_buffer bocpy_buffer;

#define BOCPY_MOVING_MAX 4

typedef struct bocpy_codec_state {
  bocpy_address_map classes; /* by type: what is known about it, a bocpy_class */
  struct bocpy_resolved_shape **resolved; /* by shape id */
  size_t resolved_capacity;
  struct bocpy_resolved_shape
      *retired; /* replaced by others, but perhaps still in use */
  /* the numbers of extension.h are the indices; references are owned */
  PyTypeObject **hooked;
  uint32_t hooked_capacity;
  /* The types that move on every backend (extension_move.c). More than
   * BOCPY_MOVING_MAX of them: `moving_count` is larger. */
  _Atomic(PyTypeObject *) moving[BOCPY_MOVING_MAX];
  atomic_uint moving_count;
  /* guards all above; user code never runs under it */
  bocpy_mutex mutex;
  PyObject *no_arguments;        /* the empty tuple */
  PyObject *cown_at, *cown_find; /* the functions that pickles of cowns call */
  /* the functions that pickles of values of hooked types call */
  PyObject *native_at, *hooked_from;
  bocpy_python_cache *python; /* the interpreter's (python_calls.h) */
  /* the owner of its large immutables (immutable.h) */
  struct bocpy_home *home;
} bocpy_codec_state;

/* The codec's part of the current interpreter's state, or NULL with an exception. */
bocpy_codec_state *bocpy_codec_state_get(void);

#endif
