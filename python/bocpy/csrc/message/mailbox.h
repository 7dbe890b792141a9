/* Mailbox: send, receive, drain, set_tags, over the one mailbox of the process.
 *
 * A message is a bocpy_value: with backend `threads` the object itself, else neutral,
 * so that any interpreter may take it.
 *
 * Threads: attached to any interpreter, workers and bodies included. A receive that
 * waits detaches from its interpreter; in a body, a compensating worker takes its
 * place.
 */
#ifndef BOCPY_MAILBOX_H
#define BOCPY_MAILBOX_H

#include "compat.h"

#include <boc/base.h>

#define BOCPY_TAGS_MAX 16

int bocpy_mailbox_init(void); /* process-wide; -1 with an exception */

/* In the child of a fork: an empty mailbox. -1 with MemoryError. */
int bocpy_mailbox_forget(void);

/* For waits that block no thread: adds a waiter for one tag or an iterable of them, as
 * boc_mailbox_add_waiter does. 0, or -1 with an exception. */
struct boc_mailbox_waiter;
int bocpy_mailbox_add_waiter(PyObject *tags, struct boc_mailbox_waiter *waiter);
boc_status bocpy_mailbox_remove_waiter(struct boc_mailbox_waiter *waiter);

/* Entries for the module's method table. */
PyObject *bocpy_send(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                     PyObject *names);
PyObject *bocpy_receive(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *names);
PyObject *bocpy_drain(PyObject *module, PyObject *tags);
PyObject *bocpy_set_tags(PyObject *module, PyObject *tags);
extern const char bocpy_send_doc[], bocpy_receive_doc[], bocpy_drain_doc[],
    bocpy_set_tags_doc[];

#endif
