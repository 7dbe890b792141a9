/* Keyword names of 3.12: objects that outlive their interpreter.
 *
 * CPython 3.12 keeps the names of keyword arguments in a tuple of the process, made by
 * whichever interpreter is the first to call a function, and the main interpreter gives
 * it up at the very end. If a worker was the first, the tuple lies in memory that the
 * main interpreter knows nothing of, and the program would end in an abort. So we take
 * notes of the memory of workers, and when the program ends have the main interpreter
 * leave alone what lies there. Elsewhere this does nothing.
 */
#ifndef BOCPY_PY312_KWNAMES_H
#define BOCPY_PY312_KWNAMES_H

#include "sync.h"

/* Starts to take notes. Process-wide; -1 with an exception. Main interpreter, before
 * there are workers. */
int bocpy_kwnames_init(void);

/* From now on the main interpreter frees no object that lies in the memory of workers
 * that have ended. Main interpreter, without workers. */
void bocpy_kwnames_keep(void);

#endif
