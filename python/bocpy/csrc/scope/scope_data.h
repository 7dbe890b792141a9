/* Scope data: what bocpy keeps with a boc_scope. For the files of this folder.
 *
 * Threads: any. `bocpy_scope_lock` guards `failed`, `late` and what follows, and lists
 * of all scopes; the other fields are set before the scope is used.
 */
#ifndef BOCPY_SCOPE_DATA_H
#define BOCPY_SCOPE_DATA_H

#include "code.h"
#include "scope.h"
#include "sync.h"

/* The most bodies that the text of an error names. */
enum { BOCPY_RUNNING_MAX = 16 };

/* A behavior that has failed; the record refers to its result until somebody asks. */
typedef struct scope_failure {
  boc_cown *result;
  const bocpy_code *code;
  struct scope_failure *next;
} scope_failure;

struct bocpy_scope {
  unsigned long long number;
  boc_scope *core; /* without a reference: this is its data */
  boc_scope *parent;
  bool cancels; /* a failure cancels the scope */
  /* the most pending behaviors, for threads that schedule; 0 if unlimited */
  size_t limit;
  /* of the block, by the clock boc_now; 0 if there is none */
  _Atomic uint64_t deadline;
  bool failed; /* a failure has cancelled it */
  bool late;   /* a body has found that the deadline has passed */
  const bocpy_code *late_codes[BOCPY_RUNNING_MAX]; /* the bodies that ran then */
  size_t late_count, late_pending;
  scope_failure *first, *last;
  bocpy_scope_entry running; /* head of a list */
  bocpy_scope *prev, *next;
};

extern bocpy_lock bocpy_scope_lock;

/* Copies the codes of the bodies that run in the scope and in scopes below it, with
 * references, `room` at most; returns how many. The caller makes names of them without
 * the lock. */
size_t bocpy_scope_running_locked(const bocpy_scope *outer, const bocpy_code **codes,
                                  size_t room);

#endif
