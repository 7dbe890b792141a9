/* Failure report: reports exceptions that nobody has read.
 *
 * When a cown with an unread failure is freed, or when the program ends, the failure is
 * reported through sys.unraisablehook of the main interpreter, with the behavior's name
 * and place; unless failures are kept for wait() to raise. Where Python's own hook
 * would print very many, most are only counted: `_failure/report_unread.py` decides
 * which.
 *
 * Threads: attached, unless a function says otherwise.
 */
#ifndef BOCPY_FAILURE_REPORT_H
#define BOCPY_FAILURE_REPORT_H

#include "cown_core.h"
#include "failure.h"

/* Makes the exception that is set the content of a result, unread. By the thread that
 * holds the cown. */
void bocpy_failure_store(boc_cown *result, const bocpy_code *code);

/* Reports the orphans; if `all`, also failures that could still be read. Attached to
 * the main interpreter. */
void bocpy_failure_report(bool all);

/* Prints how many failures were counted instead of printed, if there are any. Where the
 * program waits for all behaviors, or ends. */
void bocpy_failure_report_counted(void);

/* Makes the main thread report the orphans, unless failures are kept. Any thread. */
void bocpy_failure_report_soon(void);

/* Whether failures are kept for wait(); by default they are not. Any thread. */
bool bocpy_failure_kept(void);
void bocpy_failure_keep(bool keep);

/* Entries for the module's method table. _take_failures() returns a list of tuples
 * (cown, exception, name, file, line). An orphan has no cown any more, and leaves the
 * list; other failures stay in their cowns. */
PyObject *bocpy_keeps_failures(PyObject *module, PyObject *unused);
PyObject *bocpy_take_failures(PyObject *module, PyObject *unused);

#endif
