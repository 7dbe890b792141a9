/* Free list: a few objects of one type that nobody has, kept instead of freed.
 *
 * Every behavior makes and drops a handle or two and what `when` returns; going through
 * the allocator for each costs more than all else that is done with them. A spare has
 * no references and is unknown to the collector; its first word after the header is the
 * link to the next.
 *
 * Threads: whoever holds the GIL of the interpreter that the list belongs to. Without a
 * GIL there are no spares.
 */
#ifndef BOCPY_FREELIST_H
#define BOCPY_FREELIST_H

#include "compat.h"

enum { BOCPY_FREELIST_MAX = 32 };

typedef struct bocpy_freelist {
  PyObject *first;
  unsigned count;
  bool closed; /* nothing is kept any more */
} bocpy_freelist;

/* Where the link is: every type that has spares has room for it. */
static inline PyObject **bocpy_freelist_link(PyObject *spare) {
  return (PyObject **)(spare + 1);
}

/* An object of `type` with one reference, its fields unset; NULL without an exception:
 * there is no spare. */
static inline PyObject *bocpy_freelist_take(bocpy_freelist *spares,
                                            PyTypeObject *type) {
  PyObject *spare = spares->first;
  if (!spare)
    return NULL;
  spares->first = *bocpy_freelist_link(spare);
  spares->count--;
  return PyObject_Init(spare, type);
}

/* In a deallocator, in place of freeing. False: free it. */
static inline bool bocpy_freelist_keep(bocpy_freelist *spares, PyObject *object) {
  if (BOCPY_FREE_THREADED || spares->closed || spares->count >= BOCPY_FREELIST_MAX)
    return false;
  *bocpy_freelist_link(object) = spares->first;
  spares->first = object;
  spares->count++;
  return true;
}

/* Frees all with `destroy`, PyObject_GC_Del or PyObject_Free, and keeps no more. */
static inline void bocpy_freelist_close(bocpy_freelist *spares,
                                        void (*destroy)(void *)) {
  spares->closed = true;
  for (PyObject *spare = spares->first, *next; spare; spare = next) {
    next = *bocpy_freelist_link(spare);
    destroy(spare);
  }
  spares->first = NULL;
  spares->count = 0;
}

#endif
