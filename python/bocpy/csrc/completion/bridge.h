/* Bridge: a list of completions with one descriptor.
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
 * the bridge. `lock` guards the list, the flags and the owners.
 */
#ifndef BOCPY_BRIDGE_H
#define BOCPY_BRIDGE_H

#include "state.h"
#include "waiting.h"

typedef struct bocpy_bridge bocpy_bridge;
typedef struct bocpy_completion bocpy_completion;

struct bocpy_completion {
  bocpy_completion *next;
  bocpy_bridge *bridge; /* with a reference; NULL if no list will have it */
  /* borrowed, under the bridge's lock; NULL once the object is freed */
  PyObject *owner;
  void (*drop)(bocpy_completion *self); /* drops the list's reference */
};

/* Appends `self` to its bridge's list, with a reference that the list takes over; a
 * closed bridge drops that at once. */
void bocpy_completion_push(bocpy_completion *self);

/* Sets the object that the bridge returns for it. Returns 0. */
int bocpy_completion_own(bocpy_completion *self, PyObject *owner);

/* Clears the object: it is being freed, or will not be taken any more. */
void bocpy_completion_disown(bocpy_completion *self);

bocpy_bridge *bocpy_bridge_hold(bocpy_bridge *bridge);
void bocpy_bridge_drop(bocpy_bridge *bridge);

/* ---- the Python object ----------------------------------------------------------- */

extern PyType_Spec bocpy_bridge_spec;

/* The bridge of a _Bridge object (borrowed). NULL with TypeError, or with RuntimeError
 * if it is closed. */
bocpy_bridge *bocpy_bridge_of(bocpy_state *state, PyObject *object);

/* Keeps a completion's object alive until it is taken. 0, or -1 with an exception. */
int bocpy_bridge_expect(PyObject *bridge, PyObject *completion);
void bocpy_bridge_forget(PyObject *bridge, PyObject *completion);

#endif
