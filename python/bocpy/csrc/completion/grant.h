/* Grant: cowns that a task of an event loop holds, all of them at once; bocpy.aio.hold,
 * `async with`, `await` and as_completed ask for one. For a thread that blocks until it
 * has its cowns see acquire.h.
 *
 * A grant is a behavior over some cowns that ends when it is given back. It waits its
 * turn like any other behavior; its body notifies the asker.
 *
 *   state      set by                         leads to
 *   WAITING    who asks                       GRANTED, ABANDONED
 *   GRANTED    the behavior's body            ENTERED, OVER
 *   ENTERED    who asked, and looks           OVER
 *   OVER       who asked: it is given back    (the cowns go on)
 *   ABANDONED  who asked, before the grant    (the behavior ends at once)
 *
 * Threads: attached to the main interpreter, unless a function says otherwise.
 */
#ifndef BOCPY_GRANT_H
#define BOCPY_GRANT_H

#include "completion_queue.h"
#include "cown_core.h"

#include <boc/behavior.h>

typedef struct bocpy_grant bocpy_grant;

struct bocpy_grant {
  bocpy_completion completion;     /* first */
  void (*told)(bocpy_grant *self); /* the worker that grants it calls this */
  void *ctx;                       /* of the asker, for `told` */
  boc_behavior *behavior;
  const bocpy_thread *thread; /* the thread that asked */
  bool asking;                /* `thread` is scheduling it at this moment */
  bool at_once;               /* it was granted during that */
  uint32_t cowns;             /* how many, without the result */
  bool filled;                /* the result comes after the cowns */
  bool forgotten;             /* in the child of a fork: it belongs to the parent */
  atomic_int state;
  atomic_int references;
  atomic_bool over;         /* the cowns have been released */
  boc_behavior *token;      /* never scheduled, but counted by its scope; or NULL */
  bocpy_grant *prev, *next; /* the list of grants that are not over (grant.c) */
};

int bocpy_grant_init(void); /* process-wide; -1 with an exception */

/* Schedules a grant over `count` accesses, which calls `told` once it is granted. The
 * caller has one reference. NULL with an exception. `result` may be NULL, or a cown
 * that no other code knows yet, to be filled before the grant is given back. `scope`
 * may be NULL, or counts the grant until it is over. Cancelling the scope does not keep
 * the grant from being granted: the asker has to check. */
bocpy_grant *bocpy_grant_new(const boc_access *accesses, uint32_t count,
                             boc_cown *result, boc_scope *scope,
                             void (*told)(bocpy_grant *self),
                             bocpy_completion_queue *queue, void *ctx);

/* Ends it, in whatever state it is, and releases held cowns, once. Returns whether the
 * cowns had been granted. */
bool bocpy_grant_end(bocpy_grant *grant);
void bocpy_grant_hold(bocpy_grant *grant);
void bocpy_grant_drop(bocpy_grant *grant);

/* For the holder: makes the values its own, and ends that. */
void bocpy_grant_enter(bocpy_grant *grant);

/* The mode in which the grant holds the cown: BOC_READ, BOC_WRITE; -1 if it does
 * not. */
int bocpy_grant_mode(const bocpy_grant *grant, const boc_cown *core);

/* The grant of the task that runs on this thread (borrowed); NULL, without an
 * exception, if the task holds nothing. Cheap if no task holds anything. */
bocpy_grant *bocpy_grant_here(void);

/* Whether a task of this thread's event loop holds something. */
bool bocpy_grant_any(void);

/* Releases what any task holds, at the end of the program. */
void bocpy_grant_release_all(void);

/* In the child of a fork: forgets the grants, which are the parent's. -1 with an
 * exception. */
int bocpy_grants_forget(void);

/* The first members of every _Grant object (grant_object.h). */
typedef struct bocpy_grant_handle {
  PyObject_HEAD bocpy_grant *grant;
} bocpy_grant_handle;

/* -1 with RuntimeError if the calling thread must not wait for a cown: in a body, in a
 * task that holds cowns, or if it `holds` others itself. */
int bocpy_grant_refuse(bool holds, const char *what);

/* -1 with RuntimeError in a block of atomically(): nothing of it is scheduled yet. */
int bocpy_batch_refuse(const char *what);
PyObject *bocpy_refuse_in_batch(PyObject *module, PyObject *what);

/* -1 with RuntimeError if a task of this thread's event loop holds the cown: the task
 * could not release it while the thread waits. */
int bocpy_grant_refuse_blocking(const boc_cown *core, const char *what);

/* Waits for a grant of one cown for reading. 0: granted. 1: not within `timeout` ns. -1
 * with an exception. */
int bocpy_grant_wait(boc_cown *core, int64_t timeout, bocpy_grant **out_grant);

#endif
