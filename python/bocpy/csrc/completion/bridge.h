/* Bridge: a list of completions with one descriptor.
 *
 * Whoever completes something (a worker, mostly) pushes it and, if the list was empty,
 * makes the descriptor readable; an event loop, or a thread that waits, takes all that
 * is there. So any number of waits needs one descriptor and no thread.
 *
 * A completion is a C struct that no interpreter owns, since what it waits for may end
 * after its Python object. The object is known by a borrowed reference, which the
 * object takes back (bocpy_completion_disown) before it goes.
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
  bocpy_bridge *bridge; /* held; NULL: nobody takes it from a list */
  PyObject *owner;      /* borrowed, under the bridge's lock; NULL: it is gone */
  void (*drop)(bocpy_completion *self); /* gives up the list's reference */
};

/* Puts `self` into its bridge's list, with a reference that the list takes over; a
 * bridge that is closed gives that up at once. */
void bocpy_completion_push(bocpy_completion *self);

/* The object that the bridge is to give out. 0. */
int bocpy_completion_own(bocpy_completion *self, PyObject *owner);

/* The object goes, or will not be taken any more. */
void bocpy_completion_disown(bocpy_completion *self);

bocpy_bridge *bocpy_bridge_hold(bocpy_bridge *bridge);
void bocpy_bridge_drop(bocpy_bridge *bridge);

/* ---- the Python object ----------------------------------------------------------- */

extern PyType_Spec bocpy_bridge_spec;

/* What a _Bridge object leads to (borrowed); NULL with TypeError, or RuntimeError if it
 * is closed. */
bocpy_bridge *bocpy_bridge_of(bocpy_state *state, PyObject *object);

/* Keeps a completion's object alive until it is taken: 0, or -1 with an exception. */
int bocpy_bridge_expect(PyObject *bridge, PyObject *completion);
void bocpy_bridge_forget(PyObject *bridge, PyObject *completion);

#endif
