/* Pickled handles: the form in which a program's own pickle or copy, outside of any
 * encoding, stores a cown. A pickled_handle names the process and a cown in it. It
 * holds no reference, so a pickle that is thrown away leaks nothing; the cown lives
 * only while others hold it. */
#ifndef BOCPY_PICKLED_HANDLE_H
#define BOCPY_PICKLED_HANDLE_H

#include "codec.h"

/* Makes the process's table usable. By the first interpreter, before any other. */
int bocpy_pickled_handle_init(void);

/* The result of a handle's __reduce__: a call of `find` with a pickled_handle. */
PyObject *bocpy_pickled_handle_reduce(boc_cown *core, PyObject *find);

#endif
