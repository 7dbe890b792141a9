/* Free list: objects of one type that have no reference, kept for their next use.
 *
 * Every behavior makes and drops one or two handles and the object that `when` returns;
 * allocating them would cost more than all other operations on them. The collector does
 * not know an object in the list; the object's first word after the header links to the
 * next.
 *
 * Threads: the thread that holds the GIL of the interpreter that the list belongs to.
 * On free-threaded builds the list stays empty.
 */
#ifndef BOCPY_FREELIST_H
#define BOCPY_FREELIST_H

#include "compat.h"

enum { BOCPY_FREELIST_MAX = 32 };

typedef struct bocpy_freelist {
  PyObject *first;
  unsigned count;
  bool closed; /* from now on, objects are freed */
} bocpy_freelist;

/* The place of the link: each type with a free list has room for it. */
static inline PyObject **bocpy_freelist_link(PyObject *object) {
  return (PyObject **)(object + 1);
}

/* An object of `type` with one reference, its fields unset; NULL without an exception:
 * the list is empty. */
static inline PyObject *bocpy_freelist_take(bocpy_freelist *list, PyTypeObject *type) {
  PyObject *object = list->first;
  if (!object)
    return NULL;
  list->first = *bocpy_freelist_link(object);
  list->count--;
  return PyObject_Init(object, type);
}

/* A deallocator calls it instead of freeing the object. Returns false if the caller has
 * to free it. */
static inline bool bocpy_freelist_keep(bocpy_freelist *list, PyObject *object) {
  if (BOCPY_FREE_THREADED || list->closed || list->count >= BOCPY_FREELIST_MAX)
    return false;
  *bocpy_freelist_link(object) = list->first;
  list->first = object;
  list->count++;
  return true;
}

/* Frees all objects with `destroy` (PyObject_GC_Del or PyObject_Free) and closes the
 * list. */
static inline void bocpy_freelist_close(bocpy_freelist *list, void (*destroy)(void *)) {
  list->closed = true;
  for (PyObject *object = list->first, *next; object; object = next) {
    next = *bocpy_freelist_link(object);
    destroy(object);
  }
  list->first = NULL;
  list->count = 0;
}

#endif
