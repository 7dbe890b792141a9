/* Grant: cowns that somebody who is no behavior holds, all of them at once.
 *
 * A grant is a behavior over some cowns that ends when it is given back. It waits its
 * turn like any other; its body tells whoever asked for it.
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

#include "bridge.h"
#include "core.h"

#include <boc/behavior.h>

typedef struct bocpy_grant bocpy_grant;

struct bocpy_grant {
  bocpy_completion completion;     /* first */
  void (*told)(bocpy_grant *self); /* by the worker that has granted it */
  void *ctx;                       /* for it */
  boc_behavior *behavior;
  const bocpy_thread *thread; /* that asked */
  bool asking;                /* `thread` is just scheduling it */
  bool at_once;               /* and it was granted then */
  uint32_t cowns;             /* without the result */
  bool filled;                /* there is a result, after the cowns */
  bool forgotten;             /* of the parent, in the child of a fork */
  atomic_int state;
  atomic_int references;
  atomic_bool over;         /* the cowns have been handed on */
  boc_behavior *token;      /* never scheduled: its scope counts it; or NULL */
  bocpy_grant *prev, *next; /* all that are not over (grant.c) */
};

int bocpy_grant_init(void); /* process-wide; -1 with an exception */

/* A grant over `count` accesses that calls `told` once it is granted, scheduled
 * already. The caller has one reference. NULL with an exception. `result` may be NULL:
 * a cown that nobody knows yet, to be filled before the grant is given back. `scope`
 * may be NULL, too: it counts the grant until that is over. Cancelling the scope does
 * not keep the grant from being granted: the asker is to look. */
bocpy_grant *bocpy_grant_new(const boc_access *accesses, uint32_t count,
                             boc_cown *result, boc_scope *scope,
                             void (*told)(bocpy_grant *self), bocpy_bridge *bridge,
                             void *ctx);

/* Ends it, in whatever state it is: gives back what is held, once. True if the cowns
 * had been granted. */
bool bocpy_grant_end(bocpy_grant *grant);
void bocpy_grant_hold(bocpy_grant *grant);
void bocpy_grant_drop(bocpy_grant *grant);

/* The holder's: makes the values its own, and the end of that. */
void bocpy_grant_enter(bocpy_grant *grant);

/* How the grant holds the cown: BOC_READ, BOC_WRITE; -1: not at all. */
int bocpy_grant_mode(const bocpy_grant *grant, const boc_cown *core);

/* The grant of the task that runs on this thread, or NULL: it holds nothing. Borrowed,
 * and without an exception. Cheap if no task holds anything. */
bocpy_grant *bocpy_grant_here(void);

/* Whether a task of this thread's event loop holds something. */
bool bocpy_grant_any(void);

/* Gives back what any task holds: for the end of the program. */
void bocpy_grant_release_all(void);

/* In the child of a fork: the grants are the parent's. -1 with an exception. */
int bocpy_grants_forget(void);

/* What every _Grant object begins with (grant_object.h). */
typedef struct bocpy_grant_handle {
  PyObject_HEAD bocpy_grant *grant;
} bocpy_grant_handle;

/* -1 with RuntimeError if the calling thread must not wait for a cown: in a body, or in
 * a task that holds some, or if it `holds` others itself. */
int bocpy_grant_refuse(bool holds, const char *what);

/* -1 with RuntimeError if this thread's event loop has a task that holds the cown: it
 * could not give it back while the thread waits. */
int bocpy_grant_refuse_blocking(const boc_cown *core, const char *what);

/* Waits for a grant of one cown for reading: 0, 1 not within `timeout` ns, -1 with an
 * exception. */
int bocpy_grant_wait(boc_cown *core, int64_t timeout, bocpy_grant **out_grant);

#endif
