/* Immutable: large bytes and str that stay where they are until another interpreter
 * needs them, and large tuples and frozensets that are encoded once.
 *
 * A buffer refers to such an object instead of carrying its bytes. The interpreter that
 * made the buffer, the *home*, keeps the object alive meanwhile; the receiver copies it
 * once, straight into its own object, and the home itself gets the same object back.
 *
 * A tuple or frozenset of plain values alone cannot change. So all buffers that refer
 * to it at the same time share one *encoding*, and an interpreter decodes that once
 * while anything else refers to it.
 *
 *   an entry has   until
 *   object         its home ends, or the buffer is decoded for the last time there
 *   copy           the buffer is freed
 *   encoding       the buffer is freed
 *
 * Threads: a home's entries are under its lock. Only the home's own interpreter drops
 * objects: others put them on its `dead` list and wake it.
 */
#ifndef BOCPY_IMMUTABLE_H
#define BOCPY_IMMUTABLE_H

#include "codec.h"

/* in bytes; smaller objects are copied */
#define BOCPY_IMMUTABLE_MIN ((size_t)64 * 1024)
/* items; smaller containers are encoded with each value */
#define BOCPY_IMMUTABLE_ITEMS 1024

struct bocpy_encoder;
struct bocpy_decoder;

typedef struct bocpy_home bocpy_home;
typedef struct bocpy_encoding bocpy_encoding;

/* An entry of a buffer. */
typedef struct bocpy_immutable {
  bocpy_home *home;
  PyObject *object;         /* NULL if `copy` or `encoding` has the contents */
  bocpy_encoding *encoding; /* of a container, with a reference; NULL for others */
  void *copy;
  const void *data; /* those of `object` or of `copy`; NULL if there was no memory */
  size_t size;      /* bytes of data */
  Py_ssize_t count; /* characters */
  Py_UCS4 largest;  /* the largest character; 0 for bytes */
  struct bocpy_immutable *prev, *next; /* in the home's list */
} bocpy_immutable;

/* The home of the current interpreter's objects, with one reference. NULL with an
 * exception. When the first object has to be dropped, the home calls `wake(ctx)` on any
 * thread; that makes the home's interpreter call bocpy_home_run_dead. */
bocpy_home *bocpy_home_new(void);
void bocpy_home_set_wake(bocpy_home *home, void (*wake)(void *ctx), void *ctx);
void bocpy_home_drop(bocpy_home *home);

/* Drops the objects that others no longer need. Attached to the home. */
void bocpy_home_run_dead(bocpy_home *home);

/* Drops what it has decoded last. Attached to the home. */
void bocpy_home_forget_decoded(bocpy_home *home);

/* The interpreter ends: copies the data that is still needed. Attached to the home. */
void bocpy_home_close(bocpy_home *home);

/* In the child of a fork: the parent's threads may hold the lock. -1 without memory. */
int bocpy_home_forget(bocpy_home *home);

/* Whether `value` is encoded by reference. */
static inline bool bocpy_is_large_immutable(PyObject *value) {
  if (PyBytes_CheckExact(value))
    return (size_t)PyBytes_GET_SIZE(value) >= BOCPY_IMMUTABLE_MIN;
  return PyUnicode_CheckExact(value) &&
         (size_t)PyUnicode_GET_LENGTH(value) >= BOCPY_IMMUTABLE_MIN;
}

/* Writes a reference to it. BOCPY_DONE or BOCPY_FAILED. */
int bocpy_encode_immutable(struct bocpy_encoder *encoder, PyObject *value);

/* Whether `container`, a tuple or frozenset, is large enough to have an encoding. */
static inline bool bocpy_is_large_container(PyObject *container) {
  Py_ssize_t size = PyTuple_CheckExact(container) ? PyTuple_GET_SIZE(container)
                                                  : PySet_GET_SIZE(container);
  return size >= BOCPY_IMMUTABLE_ITEMS;
}

/* Finds or makes the encoding of a large container; *out_encoding gets a reference.
 * BOCPY_UNKNOWN: it has parts that may change or that are not plain. */
int bocpy_encoding_of(struct bocpy_encoder *encoder, PyObject *container,
                      bocpy_encoding **out_encoding);
void bocpy_encoding_drop(bocpy_encoding *encoding);

/* Writes a reference to a container, `value`, that has this encoding. */
int bocpy_encode_container(struct bocpy_encoder *encoder, PyObject *value,
                           bocpy_encoding *encoding);

/* The object itself in its home, a copy elsewhere. NULL with an exception. */
PyObject *bocpy_decode_immutable(struct bocpy_decoder *decoder);

/* Ends a buffer's entries. Any thread, attached or not. */
void bocpy_immutables_drop(bocpy_immutable **entries, uint32_t count);

/* The number of bytes of their data. */
size_t bocpy_immutables_size(bocpy_immutable *const *entries, uint32_t count);

#endif
