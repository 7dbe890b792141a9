/* Code: what is known about the functions that behaviors run.
 *
 * A function is looked at once per code object and globals, which makes an entry of the
 * interpreter and a record of the process. On backend `interpreters` the record also
 * carries the function's description, from which each worker makes a template of its
 * own when it first runs it.
 *
 * An entry goes when its code object does. The record is held by the entry, by calls
 * and by failures; whoever drops the last hold leaves it, and with it its id, to the
 * next function. Functions that are scheduled very often are not worth counting: their
 * records stay. Nor are they worth keeping alive one by one, where they are called by
 * reference: such calls share a function of the record, which goes with the workers
 * after the code object has gone.
 *
 * Threads: attached.
 */
#ifndef BOCPY_CODE_H
#define BOCPY_CODE_H

#include "state.h"

struct bocpy_code {
  size_t id;               /* kept when another function takes the record over */
  size_t serial;           /* no two functions share one */
  Py_ssize_t positional;   /* parameters, positional-only ones included */
  Py_ssize_t keyword_only; /* parameters */
  Py_ssize_t free;         /* variables of enclosing functions */
  bool varargs;
  char *qualname, *file; /* UTF-8 */
  int line;
  _Atomic(struct bocpy_blob *) blob; /* the description, once needed */
  _Atomic(PyObject *) shared;        /* bocpy_code_shared */
  atomic_size_t holds;               /* 0: free */
  atomic_size_t uses;                /* how often bocpy_code_use counted */
  struct bocpy_code *next_free;
};

/* What an interpreter knows about a function that is scheduled there. */
struct bocpy_entry {
  const bocpy_code *code;
  PyObject *object;         /* the code object, not held: its address is the key */
  PyObject *reference;      /* a weak one, whose callback ends the entry */
  PyObject *globals;        /* of the function: the rest of the key */
  PyObject *shipment;       /* how workers get to know it (bocpy._ship), once needed */
  PyObject *watch, *seen;   /* of the shipment */
  size_t checked;           /* the shipment: bocpy_changes when it was made */
  bool polls;               /* of the shipment: to be looked through each time */
  PyObject *names;          /* what of the globals a call by reference keeps
                               (overlay.h); NULL: nothing */
  struct bocpy_entry *next; /* of the same code object, with other globals */
};

/* A function that runs the code of `serial`, in the interpreter that made it. */
struct bocpy_template {
  PyObject *function;
  size_t serial;
};

int bocpy_code_init(void); /* process-wide; -1 with an exception */

/* The entry of `function`, a PyFunction, for as long as its code object lives. NULL
 * with SyntaxError if it cannot be a body. */
bocpy_entry *bocpy_code_of(bocpy_state *state, PyObject *function);

/* Makes sure that workers can make a template of `function`, and that they see the
 * globals that it reaches as they are now. What differs from what the pending behaviors
 * are to see goes into `*out_snapshot`, a new reference or NULL, which the call takes
 * along (bocpy._ship.enter). -1 with an exception. */
int bocpy_code_ship(bocpy_state *state, bocpy_entry *entry, PyObject *function,
                    PyObject **out_snapshot);

/* Borrowed: this interpreter's template. NULL with an exception. */
PyObject *bocpy_code_template(bocpy_state *state, const bocpy_code *code);

/* For a function that is scheduled very often by reference: one function object,
 * without defaults and closure, that all calls share, so that they need no reference
 * each. Borrowed, for as long as there are workers. It is made from `function`. NULL
 * without an exception: the function is not scheduled that often, or `function` is NULL
 * and there is none yet. */
PyObject *bocpy_code_shared(const bocpy_code *code, PyObject *function);

/* Drops the shared functions whose code objects are gone. No behavior is scheduled or
 * running. */
void bocpy_code_release_retired(void);

/* "'f' (m.py:3)" of a record that somebody may just be dropping. NULL, maybe without an
 * exception: nobody holds it. */
PyObject *bocpy_code_describe(const bocpy_code *code);

/* Keeps a record. To be dropped as often. */
void bocpy_code_hold(const bocpy_code *code);
void bocpy_code_drop(const bocpy_code *code);

/* Holds the record for one call. False: it is kept for good, so the call need not drop
 * it. */
bool bocpy_code_use(const bocpy_code *code);

/* Gives up all Python references that the state's maps hold. */
int bocpy_code_traverse(bocpy_state *state, visitproc visit, void *arg);
void bocpy_code_clear(bocpy_state *state);

#endif
