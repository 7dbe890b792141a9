/* Failure: see failure.h. `failures_lock` guards the list and every record in it. */
#include "failure.h"

#include <stdlib.h>

#include "code.h"
#include "runtime.h"

struct bocpy_failure {
  bocpy_value *value; /* NULL: orphaned */
  boc_cown *core; /* whose value it is; not held: its end waits for `failures_lock` */
  bocpy_value content;    /* of the orphan */
  const bocpy_code *code; /* what raised */
  bocpy_failure *prev, *next;
};

static bocpy_lock failures_lock;
static atomic_bool failures_kept;
static bocpy_failure failures = {.prev = &failures, .next = &failures};

int bocpy_failure_init(void) {
  return failures_lock ? 0 : bocpy_lock_init(&failures_lock);
}

static void failure_free(bocpy_failure *failure) {
  bocpy_code_drop(failure->code);
  free(failure);
}

static void failure_unlink_locked(bocpy_failure *failure) {
  failure->prev->next = failure->next;
  failure->next->prev = failure->prev;
}

void bocpy_failure_store(boc_cown *result, const bocpy_code *code) {
  bocpy_value *value = bocpy_value_of(result);
  bocpy_value_fail(value, PyErr_GetRaisedException());
  if (!bocpy_by_reference())
    bocpy_value_encode(value);
  bocpy_failure *failure = calloc(1, sizeof(*failure));
  if (!failure)
    return;
  failure->value = value;
  failure->core = result;
  failure->code = code;
  bocpy_code_hold(code);
  bocpy_lock_take(&failures_lock);
  failure->next = &failures;
  failure->prev = failures.prev;
  failures.prev->next = failure;
  failures.prev = failure;
  bocpy_lock_give(&failures_lock);
  value->failure = failure;
}

void bocpy_failure_forget(bocpy_value *value) {
  bocpy_lock_take(&failures_lock);
  bocpy_failure *failure = value->failure;
  value->failure = NULL;
  if (failure)
    failure_unlink_locked(failure);
  bocpy_lock_give(&failures_lock);
  if (failure)
    failure_free(failure);
}

static int failures_report_orphans(void *unused) {
  (void)unused;
  if (!bocpy_failure_kept())
    bocpy_failure_report(false);
  return 0;
}

bool bocpy_failure_orphan(bocpy_value *value) {
  bocpy_failure *failure = value->failure;
  bocpy_lock_take(&failures_lock);
  failure->content = *value;
  failure->content.failure = NULL;
  failure->value = NULL;
  bocpy_lock_give(&failures_lock);
  if (!bocpy_failure_kept())
    Py_AddPendingCall(failures_report_orphans, NULL);
  return true;
}

static bocpy_failure *failures_take_orphan(void) {
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

/* Copies what can still be read: its owner keeps the original. */
static bool failures_copy_living(bocpy_failure *out_copy) {
  bool found = false;
  bocpy_lock_take(&failures_lock);
  bocpy_failure *failure = failures.next;
  if (failure != &failures) {
    *out_copy = *failure;
    found = true;
  }
  bocpy_lock_give(&failures_lock);
  return found;
}

static void failure_print(bocpy_value *value, const bocpy_code *code) {
  bocpy_state *state = bocpy_state_get();
  PyObject *exception = state ? bocpy_value_get(value) : NULL;
  if (!exception)
    exception = PyErr_GetRaisedException();
  PyObject *place = NULL;
  if (state)
    place = bocpy_python_call(&state->python, BOCPY_PY_FAILURES_PLACE, "(Ossi)",
                              exception, code ? code->qualname : "?",
                              code ? code->file : "?", code ? code->line : 0);
  PyErr_Clear();
  PyErr_SetRaisedException(exception);
  PyErr_WriteUnraisable(place);
  Py_XDECREF(place);
}

static void failures_report_living(void) {
  bocpy_failure copy;
  while (failures_copy_living(&copy)) {
    bocpy_value *value = copy.value ? copy.value : &copy.content;
    failure_print(value, copy.code);
    if (copy.value && copy.value->failure)
      bocpy_failure_forget(copy.value);
  }
}

void bocpy_failure_report(bool all) {
  bocpy_failure *failure;
  while ((failure = failures_take_orphan())) {
    failure_print(&failure->content, failure->code);
    bocpy_value_clear(&failure->content);
    failure_free(failure);
  }
  if (all)
    failures_report_living();
}

/* ---- for wait() ------------------------------------------------------------------ */

bool bocpy_failure_kept(void) { return atomic_load(&failures_kept); }
void bocpy_failure_keep(bool keep) { atomic_store(&failures_kept, keep); }

PyObject *bocpy_keeps_failures(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyBool_FromLong(bocpy_failure_kept());
}

/* A failure on its way to Python: with one of the two. */
typedef struct taken {
  boc_cown *core;        /* held */
  bocpy_failure *orphan; /* out of the list */
  const bocpy_code *code;
} taken;

static size_t failures_count_locked(void) {
  size_t count = 0;
  for (bocpy_failure *failure = failures.next; failure != &failures;
       failure = failure->next)
    count++;
  return count;
}

/* All that are unread, in the order in which they came. NULL without memory. */
static taken *failures_take_all(size_t *out_count) {
  size_t count = 0;
  bocpy_lock_take(&failures_lock);
  taken *all = calloc(failures_count_locked() + 1, sizeof(*all));
  for (bocpy_failure *failure = failures.next, *next; all && failure != &failures;
       failure = next) {
    next = failure->next;
    boc_cown *core = failure->value ? boc_cown_try_hold(failure->core) : NULL;
    if (!failure->value)
      failure_unlink_locked(failure);
    if (core || !failure->value)
      all[count++] = (taken){core, core ? NULL : failure, failure->code};
  }
  bocpy_lock_give(&failures_lock);
  *out_count = count;
  return all;
}

/* Of an orphan: its exception, and the end of it. */
static PyObject *failure_take_exception(bocpy_failure *orphan) {
  PyObject *exception = bocpy_value_get(&orphan->content);
  if (!exception)
    exception = PyErr_GetRaisedException();
  bocpy_value_clear(&orphan->content);
  free(orphan);
  return exception;
}

static PyObject *failure_tuple(bocpy_state *state, taken one) {
  const bocpy_code *code = one.code;
  PyObject *cown = one.core ? bocpy_cown_adopt(state, one.core) : Py_NewRef(Py_None);
  PyObject *exception =
      one.orphan ? failure_take_exception(one.orphan) : Py_NewRef(Py_None);
  if (cown)
    return Py_BuildValue("NNssi", cown, exception, code->qualname, code->file,
                         code->line);
  Py_DECREF(exception);
  return NULL;
}

PyObject *bocpy_take_failures(PyObject *module, PyObject *unused) {
  (void)unused;
  size_t count;
  taken *all = failures_take_all(&count);
  PyObject *list = all ? PyList_New(0) : PyErr_NoMemory();
  PyObject *problem = list ? NULL : PyErr_GetRaisedException();
  for (size_t i = 0; i < count; i++) {
    PyObject *tuple = failure_tuple(bocpy_state_of(module), all[i]);
    if (!problem && (!tuple || PyList_Append(list, tuple) < 0))
      problem = PyErr_GetRaisedException();
    Py_XDECREF(tuple);
  }
  free(all);
  if (!problem)
    return list;
  Py_XDECREF(list);
  PyErr_SetRaisedException(problem);
  return NULL;
}

PyObject *bocpy_failure_pack(PyObject *exception) {
  bocpy_state *state = bocpy_state_get();
  return state ? bocpy_python_call(&state->python, BOCPY_PY_FAILURES_PACK, "(O)",
                                   exception)
               : NULL;
}
