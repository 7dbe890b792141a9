/* Reader copies: a thread's part in the reading of a value.
 *
 * Consecutive readers of a cown run in parallel. With backend `threads` they share the
 * object. With `interpreters` each reading interpreter has a copy of its own, decoded
 * once from the same buffer and kept until the next write; the interpreter in which the
 * value lived keeps the original.
 *
 *   the value was     the first reader elsewhere     readers then have
 *   NONE, INLINE      finds it neutral               what they decode, each time
 *   ENCODED           finds it neutral               a copy each
 *   BOXED, OBJECT     makes it ENCODED (lend)        the original; a copy each
 *
 * Threads: functions are for a thread that is attached to an interpreter while a
 *   behavior of its own reads the cown, unless they say otherwise.
 * Invariants:
 *   1. While there are readers, a value only goes from BOXED or OBJECT to ENCODED (or
 *      NONE), by a thread that has the GIL of the interpreter where it lived. So
 *      readers in that interpreter exclude it, and readers elsewhere use the slot only,
 *      which stays.
 *   2. The list only grows while there are readers; an entry is made by a thread that
 *      is attached to the interpreter of its slot, so that no slot has two.
 * Ordering:
 *   [R1] an entry, or the buffer, is published; [A1] readers look for either.
 */
#ifndef BOCPY_READER_COPIES_H
#define BOCPY_READER_COPIES_H

#include "value.h"

struct bocpy_reader_copy {
  bocpy_reader_copy *next;
  /* the slot of its worker; NULL: the thread that pumps */
  bocpy_worker_slot *slot;
  _Atomic(const bocpy_thread *) reader; /* the thread, while a body of it reads */
  unsigned depth;                       /* how often that body names the cown */
  bocpy_box *box;   /* the copy of a worker's interpreter, or NULL */
  PyObject *object; /* the copy of the main interpreter, or NULL */
};

/* Whether a body on the calling thread reads the cown of `value`. Any thread. */
bool bocpy_reader_is_here(const bocpy_value *value);

/* A body begins to read, ends to read. -1 with MemoryError. */
int bocpy_reader_begin(bocpy_value *value);
void bocpy_reader_end(bocpy_value *value);

/* A new reference to the content for a reader, or NULL with an exception: the value is
 * as it was. */
PyObject *bocpy_reader_get(bocpy_value *value);

/* As bocpy_reader_get, for a thread of the main interpreter, on behalf of a behavior
 * that reads the cown and has not finished, though its body has ended. */
PyObject *bocpy_reader_copy_here(bocpy_value *value);

/* Makes the content neutral for readers in other interpreters, wherever it lives; waits
 * for the GIL there. The behavior that reads it need not have begun. */
void bocpy_value_lend(bocpy_value *value);

/* The same, if the content lives in the interpreter to which this thread is
 * attached. */
void bocpy_value_lend_here(bocpy_value *value);

#endif
