/* Code: what is known about the functions that behaviors run.
 *
 * A function is examined once per code object and globals. That makes an entry of the
 * interpreter and a record of the process. On backend `interpreters` the record also
 * has the function's description, from which each worker makes a template of its own
 * when it first runs the function.
 *
 * An entry is freed with its code object. Entries, calls and failures hold the record;
 * when the last hold is dropped, the next new function reuses the record and its id.
 * Calls of functions that are scheduled very often are not counted: their records are
 * never freed. Nor do such calls, where they go by reference, hold the function: they
 * share a function of the record, which is dropped with the workers once the code
 * object is freed.
 *
 * Threads: attached.
 */
#ifndef BOCPY_CODE_H
#define BOCPY_CODE_H

#include "object_watchers.h"
#include "state.h"

struct bocpy_code {
  size_t id;               /* stays the same when another function reuses the record */
  size_t serial;           /* no two functions have the same one */
  Py_ssize_t positional;   /* parameters, positional-only ones included */
  Py_ssize_t keyword_only; /* parameters */
  Py_ssize_t free;         /* variables of enclosing functions */
  bool varargs;
  char *qualname, *file; /* UTF-8 */
  int line;
  _Atomic(struct bocpy_blob *) blob; /* the description; NULL until it is needed */
  _Atomic(PyObject *) shared;        /* see bocpy_code_shared */
  atomic_size_t holds;               /* 0 if the record is free */
  atomic_size_t uses;                /* how many calls bocpy_code_use has counted */
  struct bocpy_code *next_free;
};

/* What an interpreter knows about a function that is scheduled there. */
struct bocpy_entry {
  const bocpy_code *code;
  /* the code object, without a reference: its address is the key */
  PyObject *object;
  PyObject *reference;    /* a weak reference, whose callback ends the entry */
  PyObject *globals;      /* those of the function: the other part of the key */
  PyObject *shipment;     /* for workers (bocpy._ship); NULL until it is needed */
  PyObject *watch, *seen; /* of the shipment */
  /* the value of bocpy_watchers_changes when the shipment was checked */
  size_t checked;
  bool polls;      /* the shipment has to be polled at each scheduling */
  PyObject *names; /* what of the globals a call by reference keeps
                               (globals_snapshot.h); NULL: nothing */
  /* the next entry of the same code object, with other globals */
  struct bocpy_entry *next;
};

/* A function that runs the code of `serial`, in the interpreter that made it. */
struct bocpy_template {
  PyObject *function;
  size_t serial;
};

int bocpy_code_init(void); /* process-wide; -1 with an exception */

/* The entry of `function`, a PyFunction, valid while its code object lives. NULL with
 * SyntaxError if it cannot be a body. */
bocpy_entry *bocpy_code_find(bocpy_state *state, PyObject *function);
static inline bocpy_entry *bocpy_code_of(bocpy_state *state, PyObject *function) {
  bocpy_entry *latest = state->latest;
  return latest && latest->object == PyFunction_GET_CODE(function) &&
                 latest->globals == PyFunction_GET_GLOBALS(function)
             ? latest
             : bocpy_code_find(state, function);
}

/* Makes sure that workers can make a template of `function`, and that they see the
 * globals that it reaches as they are now. Where those differ from what pending
 * behaviors must see, `*out_snapshot` is a new reference to a snapshot that travels
 * with the call (bocpy._ship.enter); otherwise it is NULL. -1 with an exception. */
int bocpy_code_ship(bocpy_state *state, bocpy_entry *entry, PyObject *function,
                    PyObject **out_snapshot);

/* Whether bocpy_code_ship has nothing to do: the function reaches no global that has to
 * be looked at, and nothing that is watched has changed. */
static inline bool bocpy_code_is_shipped(const bocpy_entry *entry) {
  return entry->shipment && entry->checked == bocpy_watchers_changes() &&
         !PyTuple_GET_SIZE(entry->watch) && !entry->polls;
}

/* Borrowed: this interpreter's template. NULL with an exception. */
PyObject *bocpy_code_template(bocpy_state *state, const bocpy_code *code);

/* For a function that is scheduled very often by reference: a function object, without
 * defaults and closure, that all calls share, so that they need no references.
 * Borrowed, valid while there are workers. It is made from `function`. NULL without an
 * exception if the function is not scheduled that often, or if `function` is NULL and
 * there is none yet. */
PyObject *bocpy_code_shared(const bocpy_code *code, PyObject *function);

/* Drops the shared functions whose code objects are freed. No behavior may be scheduled
 * or running. */
void bocpy_code_release_retired(void);

/* "'f' (m.py:3)", for a record that another thread may be dropping. NULL, maybe without
 * an exception, if nothing holds it. */
PyObject *bocpy_code_describe(const bocpy_code *code);

/* Adds a hold. Each has to be dropped. */
void bocpy_code_hold(const bocpy_code *code);
void bocpy_code_drop(const bocpy_code *code);

/* Holds the record for one call. Returns false if the record is never freed, so that
 * the call need not drop it. */
bool bocpy_code_use(const bocpy_code *code);

/* Visits all Python references in the state's maps. */
int bocpy_code_traverse(bocpy_state *state, visitproc visit, void *arg);
void bocpy_code_clear(bocpy_state *state);

#endif
