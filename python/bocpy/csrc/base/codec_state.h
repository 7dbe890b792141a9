/* Codec state: what the codec keeps per interpreter, a part of the module's state.
 *
 * The struct stands here, below the codec, because state.h embeds it; what its parts
 * are is for the files of codec/ alone.
 */
#ifndef BOCPY_CODEC_STATE_H
#define BOCPY_CODEC_STATE_H

#include "address_map.h"
#include "python_calls.h"

typedef struct bocpy_buffer bocpy_buffer;

#define BOCPY_MOVING_MAX 4

typedef struct bocpy_codec_state {
  bocpy_address_map classes;        /* by type: what is known of it, a bocpy_class */
  struct bocpy_resolved **resolved; /* by shape id */
  size_t resolved_capacity;
  struct bocpy_resolved *retired; /* replaced, still in use perhaps */
  PyTypeObject **hooked;          /* held; by the numbers of extension.h, or NULL */
  uint32_t hooked_capacity;
  /* The types that move on every backend (extension_move.c). More than
   * BOCPY_MOVING_MAX of them: `moving_count` is larger. */
  _Atomic(PyTypeObject *) moving[BOCPY_MOVING_MAX];
  atomic_uint moving_count;
  bocpy_mutex mutex;                 /* the above; user code never runs under it */
  PyObject *no_arguments;            /* () */
  PyObject *cown_at, *cown_find;     /* what reduced cowns call */
  PyObject *native_at, *hooked_from; /* and reduced values of hooked types */
  bocpy_python_cache *python;        /* the interpreter's (python_calls.h) */
  struct bocpy_home *home;           /* of its large immutables (immutable.h) */
} bocpy_codec_state;

/* The codec's part of the current interpreter's state, or NULL with an exception. */
bocpy_codec_state *bocpy_codec_state_get(void);

#endif
