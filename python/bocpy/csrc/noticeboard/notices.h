/* Notices: the noticeboard of the process, as Python sees it.
 *
 * A notice is a buffer on both backends: each reader decodes an object of its own, so
 * that concurrent readers share nothing.
 *
 *   where          what is read
 *   in a body      the snapshot of its first read, each notice decoded once
 *   anywhere else  the board as it is now
 *
 * Threads: attached to any interpreter.
 */
#ifndef BOCPY_NOTICES_H
#define BOCPY_NOTICES_H

#include "state.h"

int bocpy_notices_init(void); /* process-wide; -1 with an exception */

/* In the child of a fork: an empty board. -1 with MemoryError. */
int bocpy_notices_forget(void);

/* At the end of a body: drops its snapshot. */
void bocpy_notices_leave_slow(void);
static inline void bocpy_notices_leave(void) {
  if (bocpy_self.view)
    bocpy_notices_leave_slow();
}

/* Entries for the module's method table. */
PyObject *bocpy_noticeboard(PyObject *module, PyObject *unused);
PyObject *bocpy_notice_read(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_notice_write(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_notice_delete(PyObject *module, PyObject *text);
PyObject *bocpy_notice_update(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_notice_seed(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_notices_clear(PyObject *module, PyObject *unused);
extern const char bocpy_noticeboard_doc[], bocpy_notice_read_doc[],
    bocpy_notice_write_doc[], bocpy_notice_delete_doc[], bocpy_notice_update_doc[],
    bocpy_notice_seed_doc[];

#endif
