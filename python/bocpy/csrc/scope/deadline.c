/* Deadline: see deadline.h. */
#include "deadline.h"

#include "waiting.h"

int bocpy_deadline_set(bocpy_scope *scope, PyObject *seconds) {
  int64_t timeout;
  if (bocpy_parse_timeout(seconds, "behaviors()", &timeout) < 0)
    return -1;
  if (timeout >= 0)
    atomic_store(&scope->deadline, boc_now() + (uint64_t)timeout);
  return 0;
}

static void deadline_expire(boc_scope *core) {
  bocpy_scope *scope = boc_scope_data(core);
  bocpy_lock_take(&bocpy_scope_lock);
  bool first = !scope->late && !boc_scope_cancelled(core);
  if (first) {
    scope->late = true;
    scope->late_pending = boc_scope_pending(core);
    scope->late_count =
        bocpy_scope_running_locked(scope, scope->late_codes, BOCPY_RUNNING_MAX);
  }
  bocpy_lock_give(&bocpy_scope_lock);
  if (first)
    boc_scope_cancel(core);
}

bool bocpy_deadline_cancelled(boc_scope *core) {
  for (boc_scope *at = core; at;) {
    const bocpy_scope *scope = boc_scope_data(at);
    uint64_t deadline = scope ? atomic_load(&scope->deadline) : 0;
    if (deadline && boc_now() >= deadline)
      deadline_expire(at);
    at = scope ? scope->parent : NULL;
  }
  return boc_scope_cancelled(core);
}

PyObject *bocpy_deadline_late(const bocpy_scope *scope) {
  bocpy_lock_take(&bocpy_scope_lock);
  bool late = scope->late;
  bocpy_lock_give(&bocpy_scope_lock);
  return late ? PyLong_FromSize_t(scope->late_pending) : Py_NewRef(Py_None);
}

size_t bocpy_deadline_running_locked(const bocpy_scope *scope,
                                     const bocpy_code **codes) {
  for (size_t i = 0; i < scope->late_count; i++) {
    bocpy_code_hold(scope->late_codes[i]);
    codes[i] = scope->late_codes[i];
  }
  return scope->late_count;
}

void bocpy_deadline_drop(bocpy_scope *scope) {
  for (size_t i = 0; i < scope->late_count; i++)
    bocpy_code_drop(scope->late_codes[i]);
}
