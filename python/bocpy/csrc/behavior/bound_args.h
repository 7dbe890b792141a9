/* Bound arguments: what a behavior's function is called with besides its cowns, checked against
 * the function's parameters when it is scheduled. See when.h for the order of the
 * captures. */
#ifndef BOCPY_DRAFT_H
#define BOCPY_DRAFT_H

#include "code.h"
#include "when.h"

typedef struct bocpy_draft {
  PyObject *function; /* a PyFunction */
  PyObject *code;     /* its code object: keeps the entry */
  bocpy_entry *entry; /* what is known about it */
  PyObject *captures; /* a tuple, or NULL: nothing */
  uint32_t extra, positional, keywords, cells;
} bocpy_draft;

/* Works out what `callable` is to be called with, given `items` arguments made of cowns
 * and a tuple of captures or NULL. -1 with an exception: TypeError with the counts if
 * it does not fit the parameters, SyntaxError if it cannot be a body. */
int bocpy_draft_init(bocpy_draft *draft, bocpy_state *state, PyObject *callable,
                     uint32_t items, PyObject *captures);
void bocpy_draft_fini(bocpy_draft *draft);

/* The name of the i-th capture, for messages: a new reference, or NULL without an
 * exception. */
PyObject *bocpy_draft_name(const bocpy_draft *draft, uint32_t items, Py_ssize_t i);

#endif
