/* Worker slot: a worker's data about the values that live in its interpreter.
 *
 * With backend `interpreters`, an object of a worker's interpreter that a cown holds
 * lies in a *box*, and the box is in the list of that worker's slot: so the worker can
 * encode all of them when it stops. A box whose object is to be given up waits in
 * `deferred` or `own_deferred` for the worker (deferred_decref.h).
 *
 * Threads: the list belongs to the thread that holds the GIL of the slot's interpreter.
 */
#ifndef BOCPY_WORKER_SLOT_H
#define BOCPY_WORKER_SLOT_H

#include "handle.h"

#include <boc/runtime.h>

typedef struct bocpy_reader_copy bocpy_reader_copy;
typedef struct bocpy_boot bocpy_boot;

enum { BOCPY_IDLE_HANDLES = 12 };

typedef struct bocpy_box {
  /* the value with this content, or NULL if the cown is freed */
  bocpy_value *value;
  bocpy_reader_copy *copy; /* the copy with this content, or NULL (reader_copies.h) */
  PyObject *object;
  bocpy_worker_slot *slot;
  struct bocpy_box *prev, *next;   /* the slot's list */
  struct bocpy_box *next_deferred; /* in a list of deferred decrefs */
} bocpy_box;

struct bocpy_worker_slot {
  unsigned index;
  bool own_interp;
  _Atomic(PyInterpreterState *) interp; /* NULL until the worker has made it */
  PyThreadState *tstate;
  /* threading's hooks, set on this thread; backend `threads` */
  PyObject *trace, *profile;
  const bocpy_boot *boot; /* what the worker's interpreter has to know (worker.h) */
  bocpy_state *state;
  boc_runtime *runtime; /* set before any body runs */
  atomic_bool parked;   /* hint: the worker is detached, its GIL is free */
  _Atomic(const bocpy_thread *) thread; /* of the worker; for in_flight.h */
  _Atomic(const bocpy_code *) running;  /* hint: the body (in_flight.h) */
  bocpy_box living;                     /* head of the list of boxes */
  bocpy_box *own_deferred;              /* pushed and given up by this worker */
  /* pushed by others under the lock of deferred_decref.c, given up by this worker */
  _Atomic(bocpy_box *) deferred;
  bool closed; /* under that lock: the worker stops, and takes no more */
  /* Cowns without a core, to be arguments of further bodies (lent_handle.h) */
  PyObject *idle_handles[BOCPY_IDLE_HANDLES];
  unsigned idle_count;
};

/* The slot of the calling thread, if it is a worker, else NULL. */
static inline bocpy_worker_slot *bocpy_worker_slot_here(void) {
  return bocpy_self.slot;
}

#endif
