/* Failure: see failure.h. `records` guards the list and every record in it. */
#include "failure.h"

#include <stdlib.h>

#include "code.h"
#include "runtime.h"

struct bocpy_failure {
  bocpy_value *value;     /* NULL: orphaned */
  bocpy_value content;    /* of the orphan */
  const bocpy_code *code; /* what raised */
  bocpy_failure *prev, *next;
};

static bocpy_lock records;
static bocpy_failure head = {.prev = &head, .next = &head};

int bocpy_failure_init(void) { return records ? 0 : bocpy_lock_init(&records); }

static void unlink_locked(bocpy_failure *failure) {
  failure->prev->next = failure->next;
  failure->next->prev = failure->prev;
}

void bocpy_failure_store(bocpy_value *value, const bocpy_code *code) {
  bocpy_value_fail(value, PyErr_GetRaisedException());
  if (!bocpy_by_reference())
    bocpy_value_flatten(value);
  bocpy_failure *failure = calloc(1, sizeof(*failure));
  if (!failure)
    return;
  failure->value = value;
  failure->code = code;
  bocpy_lock_take(&records);
  failure->next = &head;
  failure->prev = head.prev;
  head.prev->next = failure;
  head.prev = failure;
  bocpy_lock_give(&records);
  value->failure = failure;
}

void bocpy_failure_forget(bocpy_value *value) {
  bocpy_lock_take(&records);
  bocpy_failure *failure = value->failure;
  value->failure = NULL;
  if (failure)
    unlink_locked(failure);
  bocpy_lock_give(&records);
  free(failure);
}

static int report_orphans(void *unused) {
  (void)unused;
  bocpy_failure_report(false);
  return 0;
}

bool bocpy_failure_orphan(bocpy_value *value) {
  bocpy_failure *failure = value->failure;
  bocpy_lock_take(&records);
  failure->content = *value;
  failure->content.failure = NULL;
  failure->value = NULL;
  bocpy_lock_give(&records);
  Py_AddPendingCall(report_orphans, NULL);
  return true;
}

static bocpy_failure *take_orphan(void) {
  bocpy_lock_take(&records);
  bocpy_failure *failure = head.next;
  while (failure != &head && failure->value)
    failure = failure->next;
  if (failure == &head)
    failure = NULL;
  else
    unlink_locked(failure);
  bocpy_lock_give(&records);
  return failure;
}

/* Copies what can still be read: its owner keeps the original. */
static bool take_living(bocpy_failure *out_copy) {
  bool found = false;
  bocpy_lock_take(&records);
  bocpy_failure *failure = head.next;
  if (failure != &head) {
    *out_copy = *failure;
    found = true;
  }
  bocpy_lock_give(&records);
  return found;
}

static void print(bocpy_value *value, const bocpy_code *code) {
  bocpy_state *state = bocpy_state_get();
  PyObject *exception = state ? bocpy_value_get(value) : NULL;
  if (!exception)
    exception = PyErr_GetRaisedException();
  PyObject *module =
      state ? bocpy_state_import(state, &state->failures, "bocpy._failures") : NULL;
  PyObject *place = NULL;
  if (module)
    place = PyObject_CallMethod(module, "Place", "Ossi", exception,
                                code ? code->qualname : "?", code ? code->file : "?",
                                code ? code->line : 0);
  PyErr_Clear();
  PyErr_SetRaisedException(exception);
  PyErr_WriteUnraisable(place);
  Py_XDECREF(place);
}

static void report_living(void) {
  bocpy_failure copy;
  while (take_living(&copy)) {
    bocpy_value *value = copy.value ? copy.value : &copy.content;
    print(value, copy.code);
    if (copy.value && copy.value->failure)
      bocpy_failure_forget(copy.value);
  }
}

void bocpy_failure_report(bool all) {
  bocpy_failure *failure;
  while ((failure = take_orphan())) {
    print(&failure->content, failure->code);
    bocpy_value_clear(&failure->content);
    free(failure);
  }
  if (all)
    report_living();
}

PyObject *bocpy_failure_pack(PyObject *exception) {
  bocpy_state *state = bocpy_state_get();
  PyObject *module =
      state ? bocpy_state_import(state, &state->failures, "bocpy._failures") : NULL;
  return module ? PyObject_CallMethod(module, "pack", "O", exception) : NULL;
}
