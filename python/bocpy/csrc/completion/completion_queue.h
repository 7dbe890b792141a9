/* Completion queue: a list of completions with one descriptor.
 *
 * A thread that completes something (mostly a worker) pushes it and, if the list was
 * empty, makes the descriptor readable. An event loop, or a thread that waits, takes
 * all completions in the list. So any number of waits needs one descriptor and no
 * thread.
 *
 * A completion is a C struct that no interpreter owns, since its Python object may be
 * freed before it completes. The struct has a borrowed reference to the object, which
 * the object clears (bocpy_completion_disown) before it is freed.
 *
 * Threads: push by any thread, attached or not; the rest attached to the interpreter of
 * the queue. `lock` guards the list, the flags and the owners.
 */
#ifndef BOCPY_COMPLETION_QUEUE_H
#define BOCPY_COMPLETION_QUEUE_H

#include "state.h"
#include "waiting.h"

typedef struct bocpy_completion_queue bocpy_completion_queue;
typedef struct bocpy_completion bocpy_completion;

struct bocpy_completion {
  bocpy_completion *next;
  bocpy_completion_queue *queue; /* with a reference; NULL if no list will have it */
  /* borrowed, under the queue's lock; NULL once the object is freed */
  PyObject *owner;
  void (*drop)(bocpy_completion *self); /* drops the list's reference */
};

/* Appends `self` to its queue's list, with a reference that the list takes over; a
 * closed queue drops that at once. */
void bocpy_completion_push(bocpy_completion *self);

/* Sets the object that the queue returns for it. Returns 0. */
int bocpy_completion_own(bocpy_completion *self, PyObject *owner);

/* Clears the object: it is being freed, or will not be taken any more. */
void bocpy_completion_disown(bocpy_completion *self);

bocpy_completion_queue *bocpy_completion_queue_hold(bocpy_completion_queue *queue);
void bocpy_completion_queue_drop(bocpy_completion_queue *queue);

/* ---- the Python object ----------------------------------------------------------- */

extern PyType_Spec bocpy_completion_queue_spec;

/* The queue of a _CompletionQueue object (borrowed). NULL with TypeError, or with
 * RuntimeError if it is closed. */
bocpy_completion_queue *bocpy_completion_queue_of(bocpy_state *state, PyObject *object);

/* Keeps a completion's object alive until it is taken. 0, or -1 with an exception. */
int bocpy_completion_queue_expect(PyObject *queue, PyObject *completion);
void bocpy_completion_queue_forget(PyObject *queue, PyObject *completion);

#endif
