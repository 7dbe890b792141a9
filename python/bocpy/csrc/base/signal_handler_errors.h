/* Signal handler errors: what handlers of signals raise while C code calls Python code.
 *
 * Handlers run on the main thread, between any two instructions of Python code. What
 * one raises there looks like an error of the code that it interrupts: of a class that
 * is decoded, say. Such code is called again, or its work is left undone, so that
 * nothing is lost; and what the handler has raised goes on.
 *
 * Threads: attached.
 */
#ifndef BOCPY_SIGNAL_HANDLER_ERRORS_H
#define BOCPY_SIGNAL_HANDLER_ERRORS_H

#include "state.h"

/* Whether handlers run on this thread. */
bool bocpy_handlers_run_here(void);

/* Whether a handler has raised the exception that is set, which stays set. */
bool bocpy_handler_raised(void);

/* If a handler has raised the exception that is set, moves it to `inout_taken`, in
 * place of one that may be there. Else false. */
bool bocpy_handler_take(PyObject **inout_taken);

/* Has the main thread raise `taken`, which may be NULL, as soon as it runs Python code
 * again. The caller runs none for which errors are ignored. */
void bocpy_handler_give(PyObject *taken);

#endif
