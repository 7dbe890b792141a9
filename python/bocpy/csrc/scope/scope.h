/* Scope: groups of behaviors that are waited for, and cancelled, together.
 *
 * A scope is a boc_scope whose data is a bocpy_scope: what failed in it, what runs in
 * it, and by which number other interpreters find it. A _Scope object is a handle that
 * holds one reference; a scope lives while it has handles or behaviors.
 *
 * The current scope of a thread outside of bodies is a context variable; that of a body
 * is the behavior's own, which libboc knows.
 *
 * Threads: attached, unless a function says otherwise.
 */
#ifndef BOCPY_SCOPE_H
#define BOCPY_SCOPE_H

#include "cown_core.h"

#include <boc/scope.h>

typedef struct bocpy_scope bocpy_scope;

/* A body that runs in a scope: on its stack. */
typedef struct bocpy_scope_entry {
  bocpy_scope *scope; /* NULL: in none */
  const bocpy_code *code;
  struct bocpy_scope_entry *prev, *next;
} bocpy_scope_entry;

int bocpy_scope_init(void); /* process-wide; -1 with an exception */

/* In the child of a fork. -1 with an exception. */
int bocpy_scope_forget(void);

/* A body begins, and ends. Cheap if it is in no scope. */
void bocpy_scope_begin(bocpy_scope_entry *entry, const bocpy_code *code);
void bocpy_scope_end(bocpy_scope_entry *entry);

/* The body of `entry` has raised the exception that is set: `result` is going to hold
 * it. True if the body has ended because its scope was cancelled, which needs no
 * report. */
bool bocpy_scope_failed(const bocpy_scope_entry *entry, boc_cown *result);

/* Whether there has been a scope in this process: most programs have none. */
extern atomic_bool bocpy_scopes_used;
/* The part of bocpy_scope_here for processes with scopes. */
int bocpy_scope_enter_current(bocpy_state *state, PyObject *given,
                              boc_scope **out_scope);

/* The scope of a behavior that is scheduled here: `given` (a _Scope object) or, if that
 * is NULL, the current scope. *out_scope has a reference, or is NULL: only the body's
 * own scope. Waits while the scope is full, if this thread may. -1 with an
 * exception. */
static inline int bocpy_scope_here(bocpy_state *state, PyObject *given,
                                   boc_scope **out_scope) {
  *out_scope = NULL;
  /* relaxed (hint): a thread sees the scopes that it is in */
  return atomic_load_explicit(&bocpy_scopes_used, memory_order_relaxed)
             ? bocpy_scope_enter_current(state, given, out_scope)
             : 0;
}

/* Makes a CancelledError the content of a result. */
void bocpy_scope_store_cancelled(boc_cown *result);

/* The boc_scope of a _Scope object (borrowed), or NULL with TypeError. */
boc_scope *bocpy_scope_of(bocpy_state *state, PyObject *object);

/* A new Cown that becomes free when nothing of the scope is pending (done.c). NULL with
 * an exception. */
PyObject *bocpy_scope_done(boc_scope *scope);

/* How many behaviors may be pending; 0 if unlimited. */
size_t bocpy_scope_limit(const boc_scope *core);

/* Whether the scope, or one around it, has a limit. `core` may be NULL. */
bool bocpy_scope_is_limited(boc_scope *core);

extern PyType_Spec bocpy_scope_spec;

/* Entries for the module's method table. */
PyObject *bocpy_scope_find(PyObject *module, PyObject *number);
PyObject *bocpy_scope_cancelled(PyObject *module, PyObject *unused);
PyObject *bocpy_scope_current(PyObject *module, PyObject *unused);

#endif
