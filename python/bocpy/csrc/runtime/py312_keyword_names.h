/* Keyword names of 3.12: objects that outlive their interpreter.
 *
 * CPython 3.12 keeps the names of a function's keyword arguments in a process-wide
 * tuple. The first interpreter that calls the function makes it, and the main
 * interpreter frees it at the very end. If a worker made it, it lies in memory that the
 * main interpreter does not know, and the program would abort. So this file notes the
 * memory of workers, and at the end of the program makes the main interpreter skip
 * objects there. On other versions it does nothing.
 */
#ifndef BOCPY_PY312_KEYWORD_NAMES_H
#define BOCPY_PY312_KEYWORD_NAMES_H

#include "sync.h"

/* Starts to note memory. Process-wide; -1 with an exception. Main interpreter, before
 * there are workers. */
int bocpy_keyword_names_init(void);

/* From now on the main interpreter frees no object in the memory of workers that have
 * ended. Main interpreter, without workers. */
void bocpy_keyword_names_keep(void);

#endif
