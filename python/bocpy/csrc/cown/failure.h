/* Failure: exceptions that bodies raised, on their way to whoever looks at the result.
 *
 * A failure that nobody has looked at is known by a record, from the end of the body
 * until somebody reads the value. If the cown goes first, or the program ends, it is
 * reported through sys.unraisablehook of the main interpreter, with the behavior's name
 * and place; unless failures are kept, for wait() to raise them.
 *
 * Threads: as in value.h, unless they say otherwise.
 */
#ifndef BOCPY_FAILURE_H
#define BOCPY_FAILURE_H

#include "cown.h"

int bocpy_failure_init(void); /* process-wide; -1 with an exception */

/* Makes the exception that is set the content of a result, not read by anybody yet. */
void bocpy_failure_store(boc_cown *result, const bocpy_code *code);

/* It has been read, if there is one: maybe by several at once. */
void bocpy_failure_forget(bocpy_value *value);

/* The cown goes: true if the failure was unread and has taken the content over. */
bool bocpy_failure_orphan(bocpy_value *value);

/* Reports what has been orphaned; with `all` also what still could be read. Attached to
 * the main interpreter. */
void bocpy_failure_report(bool all);

/* Whether failures are kept for wait(), by default not. Any thread. */
bool bocpy_failure_kept(void);
void bocpy_failure_keep(bool keep);

/* Entries for the module's method table. _take_failures() -> [(cown, exception, name,
 * file, line), ...]: an orphan has no cown any more, and leaves the list; any other is
 * still to be read, in its cown. */
PyObject *bocpy_keeps_failures(PyObject *module, PyObject *unused);
PyObject *bocpy_take_failures(PyObject *module, PyObject *unused);

/* A new reference: what an exception is encoded as, so that it survives with its
 * traceback as text, whatever it is. NULL with an exception. */
PyObject *bocpy_failure_pack(PyObject *exception);

#endif
