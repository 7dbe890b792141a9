/* Deferred decref: references that a thread drops but must not decrement itself.
 *
 * Any thread may drop the last reference to a cown, while the cown's object lives in
 * the interpreter of another thread. And freeing an object may run Python code, which
 * must not happen within a step of libboc. So the object goes to a list, and a thread
 * of its interpreter drops the reference later.
 *
 *   the object lives in     the thread that gives it up     who drops the reference
 *   a worker's interpreter    that worker                     it, between two bodies
 *   a worker's interpreter    any other                       the worker, when poked
 *   the main one              a thread of it, not in libboc   it, at once
 *   the main one              a worker of backend `threads`   it, between two bodies
 *   the main one              any other                       a pending call there
 *
 * If there is no memory, the object leaks: running Python code instead would be worse.
 */
#ifndef BOCPY_DEFERRED_DECREF_H
#define BOCPY_DEFERRED_DECREF_H

#include "value.h"

int bocpy_deferred_init(void); /* process-wide; -1 with an exception */

/* ---- boxes: attached to the interpreter of the slot ------------------------------ */

/* A box in the list of `slot`, this thread's, with a reference of its own. NULL with
 * MemoryError. */
bocpy_box *bocpy_box_new(bocpy_worker_slot *slot, PyObject *object);

/* Frees a box: returns its object, with the reference that the box had. */
PyObject *bocpy_box_open(bocpy_box *box);

/* ---- giving up: any thread ------------------------------------------------------- */

/* Drops a reference to an object of the main interpreter. */
void bocpy_defer_decref(PyObject *object);

/* The same, whatever thread this is: by a pending call. */
void bocpy_defer_decref_in_main(PyObject *object);

/* Drops the box of a BOXED value. False: its worker was stopping and has made the value
 * neutral meanwhile; nothing was dropped. */
bool bocpy_defer_box(bocpy_value *value);

/* bocpy_value_drop_copies (value.h) is here too. */

/* ---- the owners ------------------------------------------------------------------ */

/* Drops what was deferred to this slot's worker; attached to its interpreter. */
void bocpy_worker_slot_run_deferred(bocpy_worker_slot *slot);

/* Drops what was deferred to the main interpreter; attached to it. */
void bocpy_main_run_deferred(void);

/* The encoding of an object that a stopping worker leaves behind; NULL: there is none,
 * and the value becomes None. `*failed` says whether it counts as a failure. */
typedef bocpy_buffer *(*bocpy_encode_last)(PyObject *object, bool *failed);

/* Makes all values that live in the slot neutral, by `encode`, and takes no more.
 * Attached; nobody holds any of the cowns. */
void bocpy_worker_slot_close(bocpy_worker_slot *slot, bocpy_encode_last encode);

#endif
