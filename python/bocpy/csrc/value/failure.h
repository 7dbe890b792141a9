/* Failure: the records of exceptions that bodies raised and nobody has looked at.
 *
 * A record lasts from the end of the body until somebody reads the value. If the cown
 * goes first, the record becomes an *orphan*: it takes the content over.
 *
 * Threads: any, unless a function says otherwise.
 */
#ifndef BOCPY_FAILURE_H
#define BOCPY_FAILURE_H

#include "value.h"

struct bocpy_failure {
  bocpy_value *value; /* NULL: an orphan */
  boc_cown *core; /* whose value it is; not held: the cown's end waits for the lock */
  bocpy_value content;    /* of an orphan */
  const bocpy_code *code; /* what raised; held */
  bocpy_failure *prev, *next;
};

int bocpy_failure_init(void); /* process-wide; -1 with an exception */

/* Records that `value`, the content of `core`, is an exception that nobody has read.
 * Out of memory it does nothing: the exception is still the value. */
void bocpy_failure_add(bocpy_value *value, boc_cown *core, const bocpy_code *code);

/* The failure has been read, if there is one: perhaps by several threads at once. */
void bocpy_failure_forget(bocpy_value *value);

/* The cown of `value` goes, and its failure is unread: the record becomes an orphan. */
void bocpy_failure_orphan(bocpy_value *value);

/* ---- for failure_report.c -------------------------------------------------------- */

/* Takes an orphan out of the list, or returns NULL. Ended by bocpy_failure_free. */
bocpy_failure *bocpy_failure_take_orphan(void);
void bocpy_failure_free(bocpy_failure *failure);

/* Copies the first record; false: there is none. */
bool bocpy_failure_copy_first(bocpy_failure *out_copy);

/* A failure on its way to Python: one of the two is not NULL. */
typedef struct bocpy_failure_taken {
  boc_cown *core;        /* held */
  bocpy_failure *orphan; /* out of the list */
  const bocpy_code *code;
} bocpy_failure_taken;

/* All failures, in the order in which they came, in malloc'd memory; orphans leave the
 * list. NULL without memory. */
bocpy_failure_taken *bocpy_failure_take_all(size_t *out_count);

#endif
