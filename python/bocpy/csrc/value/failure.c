/* Failure: see failure.h. `failures_lock` guards the list and every record in it. */
#include "failure.h"

#include <stdlib.h>

#include "code.h"

static bocpy_lock failures_lock;
static bocpy_failure failures = {.prev = &failures, .next = &failures};

int bocpy_failure_init(void) {
  return failures_lock ? 0 : bocpy_lock_init(&failures_lock);
}

void bocpy_failure_free(bocpy_failure *failure) {
  bocpy_code_drop(failure->code);
  free(failure);
}

static void failure_unlink_locked(bocpy_failure *failure) {
  failure->prev->next = failure->next;
  failure->next->prev = failure->prev;
}

void bocpy_failure_add(bocpy_value *value, boc_cown *core, const bocpy_code *code) {
  bocpy_rare *rare = bocpy_value_need_rare(value);
  bocpy_failure *failure = rare ? calloc(1, sizeof(*failure)) : NULL;
  if (!failure)
    return;
  failure->value = value;
  failure->core = core;
  failure->code = code;
  bocpy_code_hold(code);
  bocpy_lock_take(&failures_lock);
  failure->next = &failures;
  failure->prev = failures.prev;
  failures.prev->next = failure;
  failures.prev = failure;
  bocpy_lock_give(&failures_lock);
  rare->failure = failure;
}

void bocpy_failure_forget(bocpy_value *value) {
  bocpy_rare *rare = bocpy_value_rare(value);
  if (!rare)
    return;
  bocpy_lock_take(&failures_lock);
  bocpy_failure *failure = rare->failure;
  rare->failure = NULL;
  if (failure)
    failure_unlink_locked(failure);
  bocpy_lock_give(&failures_lock);
  if (failure)
    bocpy_failure_free(failure);
}

void bocpy_failure_orphan(bocpy_value *value) {
  bocpy_failure *failure = bocpy_value_failure(value);
  bocpy_lock_take(&failures_lock);
  failure->content = *value;
  failure->content.rare = NULL;
  failure->value = NULL;
  bocpy_lock_give(&failures_lock);
}

bocpy_failure *bocpy_failure_take_orphan(void) {
  bocpy_lock_take(&failures_lock);
  bocpy_failure *failure = failures.next;
  while (failure != &failures && failure->value)
    failure = failure->next;
  if (failure == &failures)
    failure = NULL;
  else
    failure_unlink_locked(failure);
  bocpy_lock_give(&failures_lock);
  return failure;
}

bool bocpy_failure_copy_first(bocpy_failure *out_copy) {
  bool found = false;
  bocpy_lock_take(&failures_lock);
  bocpy_failure *failure = failures.next;
  if (failure != &failures) {
    *out_copy = *failure;
    bocpy_code_hold(failure->code);
    found = true;
  }
  bocpy_lock_give(&failures_lock);
  return found;
}

static size_t failures_count_locked(void) {
  size_t count = 0;
  for (bocpy_failure *failure = failures.next; failure != &failures;
       failure = failure->next)
    count++;
  return count;
}

bocpy_failure_taken *bocpy_failure_take_all(size_t *out_count) {
  size_t count = 0;
  bocpy_lock_take(&failures_lock);
  bocpy_failure_taken *all = calloc(failures_count_locked() + 1, sizeof(*all));
  for (bocpy_failure *failure = failures.next, *next; all && failure != &failures;
       failure = next) {
    next = failure->next;
    boc_cown *core = failure->value ? boc_cown_try_hold(failure->core) : NULL;
    if (!failure->value)
      failure_unlink_locked(failure);
    if (core || !failure->value)
      all[count++] = (bocpy_failure_taken){core, core ? NULL : failure, failure->code};
  }
  bocpy_lock_give(&failures_lock);
  *out_count = count;
  return all;
}
