/* Bound arguments: the arguments of a behavior's function besides its cowns, checked
 * against the function's parameters when the behavior is scheduled. See when.h for the
 * order of the captures. */
#ifndef BOCPY_BOUND_ARGS_H
#define BOCPY_BOUND_ARGS_H

#include "code.h"
#include "when.h"

typedef struct bocpy_bound_args {
  PyObject *function; /* a PyFunction */
  PyObject *code;     /* its code object, which keeps the entry alive */
  bocpy_entry *entry; /* what is known about it */
  PyObject *captures; /* a tuple, or NULL if there are none */
  uint32_t extra, positional, keywords, cells;
  bool globals; /* the last capture is a snapshot of globals */
} bocpy_bound_args;

/* Computes with what `callable` is to be called, given `items` arguments made of cowns
 * and a tuple of captures or NULL. -1 with an exception: TypeError with the counts if
 * the arguments do not fit the parameters, SyntaxError if it cannot be a body. */
int bocpy_bound_args_init(bocpy_bound_args *bound, bocpy_state *state,
                          PyObject *callable, uint32_t items, PyObject *captures);
/* Adds a snapshot of globals, which is stolen, to the captures. -1 with an exception.
 */
int bocpy_bound_args_add_globals(bocpy_bound_args *bound, PyObject *snapshot);

void bocpy_bound_args_fini(bocpy_bound_args *bound);

/* The name of the i-th capture, for messages: a new reference, or NULL without an
 * exception. */
PyObject *bocpy_bound_args_name(const bocpy_bound_args *bound, uint32_t items,
                                Py_ssize_t i);

#endif
