/* Pickled handles: what a cown is pickled as outside of any encoding, by a program's own pickle
 * or copy. A ticket names the process, and a cown that lives in it as long as others
 * hold it; it holds nothing itself, so a pickle that is thrown away leaks nothing.
 */
#ifndef BOCPY_TICKETS_H
#define BOCPY_TICKETS_H

#include "codec.h"

/* Makes the process's table usable. By the first interpreter, before any other. */
int bocpy_tickets_init(void);

/* What a handle's __reduce__ returns: the call of `find` with a ticket. */
PyObject *bocpy_ticket_reduce(boc_cown *core, PyObject *find);

#endif
