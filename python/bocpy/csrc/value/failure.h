/* Failure: the records of exceptions that bodies raised and nobody has read.
 *
 * A record lives from the end of the body until somebody reads the value. If the cown
 * is freed first, the record becomes an *orphan*: it takes the content over.
 *
 * Threads: any, unless a function says otherwise.
 */
#ifndef BOCPY_FAILURE_H
#define BOCPY_FAILURE_H

#include "value.h"

struct bocpy_failure {
  bocpy_value *value; /* NULL for an orphan */
  /* the cown of the value; without a reference, since freeing the cown waits for the
   * lock */
  boc_cown *core;
  bocpy_value content;    /* the exception of an orphan */
  const bocpy_code *code; /* the body that raised it; held */
  bocpy_failure *prev, *next;
};

int bocpy_failure_init(void); /* process-wide; -1 with an exception */

/* Records that `value`, the content of `core`, is an exception that nobody has read.
 * Without memory it does nothing: the exception is still the value. */
void bocpy_failure_add(bocpy_value *value, boc_cown *core, const bocpy_code *code);

/* Removes the failure, if there is one: it has been read, perhaps by several threads at
 * once. */
void bocpy_failure_forget(bocpy_value *value);

/* The cown of `value` is freed, and its failure is unread: the record becomes an
 * orphan. */
void bocpy_failure_orphan(bocpy_value *value);

/* ---- for failure_report.c -------------------------------------------------------- */

/* Takes an orphan out of the list; NULL if there is none. bocpy_failure_free frees
 * it. */
bocpy_failure *bocpy_failure_take_orphan(void);
void bocpy_failure_free(bocpy_failure *failure);

/* Copies the first record; returns false if there is none. */
bool bocpy_failure_copy_first(bocpy_failure *out_copy);

/* A failure for Python: one of the two is not NULL. */
typedef struct bocpy_failure_taken {
  boc_cown *core;        /* with a reference */
  bocpy_failure *orphan; /* already out of the list */
  const bocpy_code *code;
} bocpy_failure_taken;

/* All failures, oldest first, in malloc'd memory; orphans leave the list. NULL without
 * memory. */
bocpy_failure_taken *bocpy_failure_take_all(size_t *out_count);

#endif
