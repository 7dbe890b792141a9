/* Timer: see timer.h. */
#include "timer.h"

#include <math.h>
#include <stdlib.h>

#include "address_map.h"
#include "cown.h"
#include "in_flight.h"
#include "waiting.h"

#define NS_PER_SECOND 1e9
#define MAX_SECONDS 9.2e9 /* about 292 years: what 63 bits of ns hold */

/* The table's entry for a result. */
typedef struct pending {
  boc_timer *timer;       /* NULL while the timer is being started */
  boc_behavior *behavior; /* valid until it begins; its last cown is the result */
  bool over;              /* it came to its end meanwhile */
  bocpy_timer_info info;
} pending;

static bocpy_lock timer_lock;
static bocpy_address_map timer_table; /* by the core of the result; under the lock */
static atomic_size_t timer_count;     /* hint: how many entries it has */

static size_t timer_soonest(bocpy_timer_info *out_infos, size_t most,
                            size_t *out_pending);

int bocpy_timer_init(void) {
  bocpy_in_flight_name_timers(timer_soonest);
  return timer_lock ? 0 : bocpy_lock_init(&timer_lock);
}

/* Leaks what the entries point to: the fork may have interrupted any operation on
 * it. */
int bocpy_timer_forget(void) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  timer_lock = fresh;
  timer_table = (bocpy_address_map){0};
  atomic_store(&timer_count, 0);
  return 0;
}

size_t bocpy_timer_pending(void) { return atomic_load(&timer_count); }

/* ---- the table ------------------------------------------------------------------- */

static bool table_add(boc_cown *result, pending *entry) {
  bocpy_lock_take(&timer_lock);
  bool added = bocpy_address_map_put_pointer(&timer_table, result, entry);
  if (added)
    atomic_fetch_add(&timer_count, 1);
  bocpy_lock_give(&timer_lock);
  return added;
}

/* NULL if it is not there. */
static pending *table_take_locked(boc_cown *result) {
  pending *entry = bocpy_address_map_pointer(&timer_table, result);
  if (!entry)
    return NULL;
  bocpy_address_map_remove(&timer_table, result);
  atomic_fetch_sub(&timer_count, 1);
  return entry;
}

static void timer_entry_end(pending *entry) {
  boc_timer_drop(entry->timer);
  free(entry);
}

/* Sets the entry's timer, unless the entry is over already. */
static void table_complete(pending *entry, boc_timer *timer) {
  bocpy_lock_take(&timer_lock);
  entry->timer = timer;
  bool over = entry->over;
  bocpy_lock_give(&timer_lock);
  if (over)
    timer_entry_end(entry);
}

/* An entry without a timer belongs to the thread that starts it. */
void bocpy_timer_over(boc_cown *result) {
  bocpy_lock_take(&timer_lock);
  pending *entry = table_take_locked(result);
  bool whole = entry && entry->timer;
  if (entry)
    entry->over = true;
  bocpy_lock_give(&timer_lock);
  if (whole)
    timer_entry_end(entry);
}

/* ---- starting -------------------------------------------------------------------- */

static boc_status timer_start(boc_runtime *runtime, const bocpy_due *due,
                              boc_behavior *behavior, boc_timer **out_timer) {
  return due->kind == BOCPY_DUE_AT
             ? boc_runtime_at(runtime, due->ns, behavior, out_timer)
             : boc_runtime_after(runtime, (int64_t)due->ns, behavior, out_timer);
}

boc_status bocpy_timer_start(boc_runtime *runtime, const bocpy_due *due,
                             boc_behavior *behavior, boc_cown *result,
                             const bocpy_code *code) {
  pending *entry = calloc(1, sizeof(*entry));
  boc_timer *timer = NULL;
  if (entry) {
    uint64_t from = due->kind == BOCPY_DUE_AT ? 0 : boc_now();
    entry->behavior = behavior;
    entry->info = (bocpy_timer_info){.code = code, .due = from + due->ns};
  }
  if (!entry || !table_add(result, entry)) {
    free(entry);
    return BOC_NO_MEMORY;
  }
  boc_status status = timer_start(runtime, due, behavior, &timer);
  if (status == BOC_OK) {
    table_complete(entry, timer);
    return status;
  }
  bocpy_timer_over(result);
  free(entry);
  return status;
}

static int seconds_refuse_type(PyObject *seconds, const char *what) {
  const char *kind = Py_TYPE(seconds)->tp_name;
  PyErr_Format(PyExc_TypeError, "%s must be a number of seconds, not '%s'", what, kind);
  return -1;
}

int bocpy_timer_seconds(PyObject *seconds, const char *what, uint64_t *out_ns) {
  if (PyBool_Check(seconds))
    return seconds_refuse_type(seconds, what);
  double number = PyFloat_AsDouble(seconds);
  if (number == -1.0 && PyErr_Occurred()) {
    bool is_type = PyErr_ExceptionMatches(PyExc_TypeError);
    if (!is_type && !PyErr_ExceptionMatches(PyExc_OverflowError))
      return -1;
    PyErr_Clear();
    if (is_type)
      return seconds_refuse_type(seconds, what);
    number = INFINITY;
  }
  if (!(number >= 0))
    PyErr_Format(PyExc_ValueError, "%s must not be negative, and not NaN: %R", what,
                 seconds);
  else if (number > MAX_SECONDS)
    PyErr_Format(PyExc_ValueError,
                 "%s must be at most 9.2e9 seconds, which are 292 years: %R", what,
                 seconds);
  else if (bocpy_check_duration(number, what) == 0)
    *out_ns = (uint64_t)(number * NS_PER_SECOND);
  return PyErr_Occurred() ? -1 : 0;
}

/* ---- what is pending ------------------------------------------------------------- */

/* Inserts `info` into the sorted `infos`, of which `most` stay. */
static size_t infos_insert(bocpy_timer_info *infos, size_t count, size_t most,
                           bocpy_timer_info info) {
  size_t at = count;
  while (at > 0 && infos[at - 1].due > info.due)
    at--;
  size_t end = count < most ? count + 1 : most;
  for (size_t i = end; i > at + 1; i--)
    infos[i - 1] = infos[i - 2];
  if (at < most)
    infos[at] = info;
  return end;
}

/* See bocpy_in_flight_name_timers. */
static size_t timer_soonest(bocpy_timer_info *out_infos, size_t most,
                            size_t *out_pending) {
  size_t count = 0;
  *out_pending = bocpy_timer_pending();
  if (*out_pending == 0)
    return 0;
  bocpy_lock_take(&timer_lock);
  for (size_t i = 0; i < timer_table.capacity; i++) {
    const void *result = timer_table.entries[i].key;
    const pending *entry =
        result ? bocpy_address_map_pointer(&timer_table, result) : NULL;
    if (entry)
      count = infos_insert(out_infos, count, most, entry->info);
  }
  bocpy_lock_give(&timer_lock);
  return count;
}

/* ---- cycles ---------------------------------------------------------------------- */

static bool behavior_has_locked(const boc_behavior *behavior, const boc_cown *cown) {
  for (size_t i = 0; i + 1 < boc_behavior_count(behavior); i++)
    if (boc_behavior_cown(behavior, i) == cown)
      return true;
  return false;
}

bool bocpy_timer_needs(boc_cown *result, const boc_cown *other) {
  if (atomic_load_explicit(&timer_count, memory_order_relaxed) == 0) /* hint */
    return false;
  bocpy_lock_take(&timer_lock);
  const pending *entry = bocpy_address_map_pointer(&timer_table, result);
  bool needs = entry && behavior_has_locked(entry->behavior, other);
  bocpy_lock_give(&timer_lock);
  return needs;
}

/* ---- cancelling ------------------------------------------------------------------ */

PyObject *bocpy_cown_cancel(PyObject *self, PyObject *unused) {
  boc_cown *core = ((bocpy_cown *)self)->core;
  (void)unused;
  bocpy_lock_take(&timer_lock);
  pending *entry = core ? bocpy_address_map_pointer(&timer_table, core) : NULL;
  boc_timer *timer = entry && entry->timer ? boc_timer_hold(entry->timer) : NULL;
  bocpy_lock_give(&timer_lock);
  bool cancelled = timer && boc_timer_cancel(timer);
  boc_timer_drop(timer);
  return PyBool_FromLong(cancelled);
}

const char bocpy_cown_cancel_doc[] =
    "cancel($self, /)\n"
    "--\n\n"
    "Cancels the behavior that `after` or `at` will schedule for this result.\n\n"
    "Returns True if its time had not come: it will not run, other behaviors do not\n"
    "wait for it, and the result raises CancelledError. Returns False if it is\n"
    "scheduled already, and for the result of any other behavior: to cancel those,\n"
    "use a scope (`behaviors`).\n\n"
    ">>> from bocpy import Cown, after\n"
    ">>> reminder = after(3600)(lambda: print('tea'))\n"
    ">>> reminder.cancel(), reminder.cancel()\n"
    "(True, False)\n";
