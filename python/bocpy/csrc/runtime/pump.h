/* Pump: the lane of all pinned cowns, and the thread that runs its behaviors.
 *
 * That is the main thread: in pump(), and whenever it waits for something that may
 * depend on a pinned behavior. Such a wait sleeps until its condition holds or the lane
 * gets a behavior: the thread that fills the lane signals the main thread.
 *
 * Threads: attached to the main interpreter, unless a function says otherwise.
 */
#ifndef BOCPY_PUMP_H
#define BOCPY_PUMP_H

#include "waiting.h"

#include <boc/lane.h>

/* The outcome of the behaviors that a pump has run. */
struct bocpy_pumping {
  size_t executed, raised;
  bool keep;       /* keep the first exception, to raise it at the end */
  PyObject *first; /* that exception */
  /* an exception that ends the pump at once, as KeyboardInterrupt does */
  PyObject *stop;
};

int bocpy_pump_init(void); /* process-wide; -1 with an exception */

/* In the child of a fork: the parent has the wakeup, too. -1 with an exception. */
int bocpy_pump_forget(void);

/* Makes the lane if there is none yet. NULL with an exception. */
boc_lane *bocpy_pump_lane(void);

/* As bocpy_waiter_wait, for any attached thread. The main thread, outside of bodies,
 * runs the lane's behaviors meanwhile. -1 also with a KeyboardInterrupt or the like
 * that a body raised. */
int bocpy_pump_wait(bocpy_waiter *waiter, int64_t timeout);

/* The same, where the thread has the cowns that it waits for as soon as they are free:
 * a handler of a signal that runs meanwhile cannot wait for all behaviors. */
int bocpy_pump_wait_for_cowns(bocpy_waiter *waiter, int64_t timeout);

/* Runs all behaviors that are ready now, and drops what they raise. Does nothing on
 * other threads than the main one. */
void bocpy_pump_rest(void);

/* A pinned body has raised `exception`. Returns true if pump() will raise it, so that
 * nobody need report it. */
bool bocpy_pump_note(PyObject *exception);

/* Calls `told(ctx)`, on any thread, when the lane gets work, and at once if it has
 * some; `told` must not block. There is one listener at a time, the last. */
void bocpy_pump_listen(void (*told)(void *ctx), void *ctx);
void bocpy_pump_unlisten(void *ctx); /* if `ctx` is that of the listener */

/* Entries for the module's method table. */
PyObject *bocpy_pump_some(PyObject *module, PyObject *most);
PyObject *bocpy_pump(PyObject *module, PyObject *args);
PyObject *bocpy_pump_backlog(PyObject *module, PyObject *unused);

/* Whether the last pump was ended by what a body has raised. */
PyObject *bocpy_pump_was_ended(PyObject *module, PyObject *unused);

#endif
