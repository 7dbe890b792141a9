/* Pump: the lane of all pinned cowns, and the one thread that runs what is in it.
 *
 * That is the main thread: in pump(), and whenever it waits for something that a pinned
 * behavior could hold up. Such a wait sleeps until what it waits for has come or the
 * lane gets a behavior: the thread that fills the lane signals the main thread.
 *
 * Threads: attached to the main interpreter, unless a function says otherwise.
 */
#ifndef BOCPY_PUMP_H
#define BOCPY_PUMP_H

#include "waiting.h"

#include <boc/lane.h>

/* What came of the behaviors that a pump has run. */
struct bocpy_pumping {
  size_t executed, raised;
  bool keep;       /* the first exception, to raise it in the end */
  PyObject *first; /* it */
  PyObject *stop;  /* what ends the pump at once: no Exception */
};

int bocpy_pump_init(void); /* process-wide; -1 with an exception */

/* In the child of a fork: the wakeup is the parent's too. -1 with an exception. */
int bocpy_pump_forget(void);

/* Makes the lane if there is none yet. NULL with an exception. */
boc_lane *bocpy_pump_lane(void);

/* As bocpy_waiter_wait, by any thread that is attached; the main thread, outside of
 * bodies, runs what is in the lane meanwhile. -1 also with a KeyboardInterrupt or the
 * like that a body raised. */
int bocpy_pump_wait(bocpy_waiter *waiter, int64_t timeout);

/* Runs all that is ready now, and drops what it raises. Does nothing on other threads
 * than the main one. */
void bocpy_pump_rest(void);

/* A pinned body has raised `exception`. True: pump() will raise it, so it need not be
 * reported. */
bool bocpy_pump_note(PyObject *exception);

/* Calls `told(ctx)`, on whichever thread, when the lane has got something to run, and
 * at once if it has; it must not block. One listener at a time: the last. */
void bocpy_pump_listen(void (*told)(void *ctx), void *ctx);
void bocpy_pump_unlisten(void *ctx); /* if it is the one */

/* Entries for the module's method table. */
PyObject *bocpy_pump_some(PyObject *module, PyObject *most);
PyObject *bocpy_pump(PyObject *module, PyObject *args);
PyObject *bocpy_pump_backlog(PyObject *module, PyObject *unused);

#endif
