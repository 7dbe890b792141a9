/* Code: what is known about the functions that behaviors run.
 *
 * A function is looked at once per code object and globals; its record is process-wide
 * and stays. On backend `interpreters` the record also carries the function's
 * description, from which each worker makes a template of its own when it first runs
 * it.
 *
 * Threads: attached.
 */
#ifndef BOCPY_CODE_H
#define BOCPY_CODE_H

#include "state.h"

struct bocpy_code {
  size_t id;
  Py_ssize_t positional;   /* parameters, positional-only ones included */
  Py_ssize_t keyword_only; /* parameters */
  Py_ssize_t free;         /* variables of enclosing functions */
  bool varargs;
  const char *qualname, *file; /* UTF-8 */
  int line;
  _Atomic(struct bocpy_blob *) blob; /* the description, once needed */
};

/* What an interpreter knows about a function that is scheduled there. */
struct bocpy_entry {
  const bocpy_code *code;
  PyObject *object;       /* the code object: its address is the key */
  PyObject *globals;      /* of the function: the rest of the key */
  PyObject *shipment;     /* how workers get to know it (bocpy._ship), once needed */
  PyObject *watch, *seen; /* of the shipment */
};

/* The entry of `function`, a PyFunction. NULL with SyntaxError if it cannot be a body.
 */
bocpy_entry *bocpy_code_of(bocpy_state *state, PyObject *function);

/* Makes sure that workers can make a template of `function`, and that they see the
 * globals that it reaches as they are now. -1 with an exception. */
int bocpy_code_ship(bocpy_state *state, bocpy_entry *entry, PyObject *function);

/* Borrowed: this interpreter's template. NULL with an exception. */
PyObject *bocpy_code_template(bocpy_state *state, const bocpy_code *code);

/* Gives up all Python references that the state's maps hold. */
int bocpy_code_traverse(bocpy_state *state, visitproc visit, void *arg);
void bocpy_code_clear(bocpy_state *state);

#endif
