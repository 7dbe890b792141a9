/* Pickled handles: what a cown is pickled as outside of any encoding, by a program's
 * own pickle or copy. A pickled_handle names the process, and a cown that lives in it
 * as long as others hold it; it holds nothing itself, so a pickle that is thrown away
 * leaks nothing.
 */
#ifndef BOCPY_PICKLED_HANDLE_H
#define BOCPY_PICKLED_HANDLE_H

#include "codec.h"

/* Makes the process's table usable. By the first interpreter, before any other. */
int bocpy_pickled_handle_init(void);

/* What a handle's __reduce__ returns: the call of `find` with a pickled_handle. */
PyObject *bocpy_pickled_handle_reduce(boc_cown *core, PyObject *find);

#endif
