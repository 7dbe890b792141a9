/* In flight: see in_flight.h. */
#include "in_flight.h"

#include "code.h"
#include "cown_core.h"
#include "runtime.h"

#define NS_PER_TENTH 100000000u

enum { NAMED_MAX = 4 }; /* how many behaviors a text names */

static _Atomic(const bocpy_code *) running_pinned;  /* hint */
static _Atomic(const bocpy_thread *) thread_pinned; /* hint: the thread that runs it */

static bocpy_soonest_timers soonest_timers; /* set once, by bocpy_timer_init */

void bocpy_in_flight_name_timers(bocpy_soonest_timers soonest) {
  soonest_timers = soonest;
}

static bocpy_holder_names holder_names; /* set once, by bocpy_acquire_init */

void bocpy_in_flight_name_holders(bocpy_holder_names names) { holder_names = names; }

void bocpy_in_flight_run_pinned(const bocpy_code *code) {
  atomic_store_explicit(&thread_pinned, &bocpy_self, memory_order_relaxed); /* hint */
  atomic_store_explicit(&running_pinned, code, memory_order_relaxed);       /* hint */
}

/* ---- parts of the text ----------------------------------------------------------- */

/* Adds `part`, which it steals, to the list, unless the list has it. -1 with an
 * exception. Ignores a NULL part without an exception. */
static int parts_add(PyObject *parts, PyObject *part) {
  if (!part)
    return PyErr_Occurred() ? -1 : 0;
  int there = PySequence_Contains(parts, part);
  int status = there ? (there < 0 ? -1 : 0) : PyList_Append(parts, part);
  Py_DECREF(part);
  return status;
}

static PyObject *parts_join(PyObject *parts) {
  PyObject *separator = PyUnicode_FromString("; ");
  PyObject *joined = separator ? PyUnicode_Join(separator, parts) : NULL;
  PyObject *text = !joined                       ? NULL
                   : PyUnicode_GetLength(joined) ? PyUnicode_FromFormat(": %U", joined)
                                                 : Py_NewRef(joined);
  Py_XDECREF(separator);
  Py_XDECREF(joined);
  return text;
}

/* "'f' (m.py:3) WHERE", where WHERE may name the worker of `slot`. NULL, maybe without
 * an exception, if the behavior has ended. */
static PyObject *part_of(const bocpy_code *code, const char *where,
                         const bocpy_worker_slot *slot) {
  PyObject *worker = NULL;
  if (slot) {
    bocpy_state *state = bocpy_state_get();
    worker = state ? bocpy_python_call(&state->python, BOCPY_PY_THREADS_WORKER_NAME,
                                       "(I)", slot->index + 1)
                   : NULL;
    if (!worker)
      return NULL;
  }
  PyObject *name = bocpy_code_describe(code);
  PyObject *part = name ? PyUnicode_FromFormat(where, name, worker) : NULL;
  Py_XDECREF(name);
  Py_XDECREF(worker);
  return part;
}

static const bocpy_code *slot_running(const bocpy_worker_slot *slot) {
  return atomic_load_explicit(&slot->running, memory_order_relaxed); /* hint */
}

/* ---- who has a cown -------------------------------------------------------------- */

static const bocpy_worker_slot *slot_of(const bocpy_thread *thread) {
  unsigned count;
  const bocpy_worker_slot *slots = bocpy_runtime_slots(&count);
  for (unsigned i = 0; i < count; i++)
    if (atomic_load_explicit(&slots[i].thread, memory_order_relaxed) ==
        thread) /* hint */
      return &slots[i];
  return NULL;
}

/* The threads that hold `core`, or any cown if that is NULL, by acquire(). */
static int parts_add_threads(PyObject *parts, const boc_cown *core,
                             const char *format) {
  PyObject *names = holder_names(core);
  int status = names ? 0 : -1;
  for (Py_ssize_t i = 0; names && status == 0 && i < PyList_GET_SIZE(names); i++)
    status = parts_add(parts, PyUnicode_FromFormat(format, PyList_GET_ITEM(names, i)));
  Py_XDECREF(names);
  return status;
}

/* Somebody that is no behavior has the cown. */
static int parts_add_outside(PyObject *parts, const boc_cown *core) {
  Py_ssize_t known = PyList_GET_SIZE(parts);
  if (parts_add_threads(parts, core, "thread %R has it by acquire()") < 0)
    return -1;
  return PyList_GET_SIZE(parts) > known
             ? 0
             : parts_add(parts, PyUnicode_FromString(
                                    "a thread or task has it by acquire() or hold()"));
}

/* `described` gets the code of the body that has the cown, if a body has it. */
static int parts_add_holder(PyObject *parts, boc_cown *core,
                            const bocpy_code **described) {
  const bocpy_value *value = bocpy_value_of(core);
  const bocpy_thread *holder =
      atomic_load_explicit(&value->holder, memory_order_relaxed); /* hint */
  *described = NULL;
  if (!holder)
    return 0;
  const bocpy_worker_slot *slot = slot_of(holder);
  if (slot && (*described = slot_running(slot)))
    return parts_add(parts, part_of(*described, "%U has it, on %U", slot));
  if (holder == atomic_load_explicit(&thread_pinned, memory_order_relaxed) &&
      (*described = atomic_load_explicit(&running_pinned, memory_order_relaxed)))
    return parts_add(parts, part_of(*described, "%U has it, on the main thread", NULL));
  return slot ? 0 : parts_add_outside(parts, core);
}

static int parts_add_running(PyObject *parts) {
  unsigned count, more = 0;
  const bocpy_worker_slot *slots = bocpy_runtime_slots(&count);
  int status = 0;
  for (unsigned i = 0; i < count && status == 0; i++) {
    const bocpy_code *code = slot_running(&slots[i]);
    if (code && PyList_GET_SIZE(parts) < NAMED_MAX)
      status = parts_add(parts, part_of(code, "%U runs on %U", &slots[i]));
    else if (code)
      more++;
  }
  const bocpy_code *pinned =
      atomic_load_explicit(&running_pinned, memory_order_relaxed);
  if (status == 0 && pinned)
    status = parts_add(parts, part_of(pinned, "%U runs on the main thread", NULL));
  if (status == 0 && more)
    status = parts_add(parts, PyUnicode_FromFormat("%u more run", more));
  return status;
}

/* ---- the texts ------------------------------------------------------------------- */

/* Sets *out_held if somebody has the cown. */
static int parts_add_cown(PyObject *parts, boc_cown *core, const bocpy_code *before,
                          bool *out_held) {
  const bocpy_code *described;
  Py_ssize_t known = PyList_GET_SIZE(parts);
  if (known >= NAMED_MAX)
    return 0;
  if (parts_add_holder(parts, core, &described) < 0)
    return -1;
  *out_held = *out_held || PyList_GET_SIZE(parts) > known;
  if (!before || before == described)
    return 0;
  return parts_add(parts,
                   part_of(before, "%U was scheduled last before this call", NULL));
}

static PyObject *timer_text(const bocpy_timer_info *info) {
  uint64_t now = boc_now();
  PyObject *name = bocpy_code_describe(info->code);
  uint64_t tenths = info->due > now ? (info->due - now) / NS_PER_TENTH : 0;
  PyObject *left = PyFloat_FromDouble((double)tenths / 10);
  PyObject *text =
      name && left
          ? PyUnicode_FromFormat("%U is due in %S s, by after() or at()", name, left)
          : NULL;
  Py_XDECREF(left);
  Py_XDECREF(name);
  return text;
}

static int parts_add_timers(PyObject *parts) {
  bocpy_timer_info soonest[NAMED_MAX];
  size_t pending, count = soonest_timers(soonest, NAMED_MAX, &pending);
  int status = 0;
  for (size_t i = 0; i < count && status == 0; i++)
    status = parts_add(parts, timer_text(&soonest[i]));
  if (status == 0 && pending > count)
    status = parts_add(
        parts, PyUnicode_FromFormat("%zu more timers are pending", pending - count));
  return status;
}

/* Steals `parts`; `status` says whether the list is complete, and `held` whether it
 * names somebody that has a cown: if not, a timer may be what keeps it. */
static PyObject *parts_finish(PyObject *parts, int status, bool held) {
  if (status == 0 && !PyList_GET_SIZE(parts))
    status = parts_add_running(parts);
  if (status == 0 && !held)
    status = parts_add_timers(parts);
  PyObject *text = status == 0 ? parts_join(parts) : NULL;
  Py_DECREF(parts);
  bocpy_runtime_unuse();
  return text;
}

/* A list, and the runtime in use; or NULL, and *out_text is the whole text. */
static PyObject *parts_begin(PyObject **out_text) {
  PyObject *parts = PyList_New(0);
  *out_text = NULL;
  if (parts && bocpy_runtime_use())
    return parts;
  *out_text = parts ? parts_join(parts) : NULL;
  Py_XDECREF(parts);
  return NULL;
}

PyObject *bocpy_in_flight_ahead(const boc_behavior *self,
                                const bocpy_code *const *before) {
  PyObject *text, *parts = parts_begin(&text);
  int status = 0;
  bool held = false;
  if (!parts)
    return text;
  for (uint32_t i = 0; status == 0 && i < boc_behavior_count(self); i++)
    status = parts_add_cown(parts, boc_behavior_cown(self, i), before[i], &held);
  return parts_finish(parts, status, held);
}

PyObject *bocpy_in_flight_on(boc_cown *core, const bocpy_code *before) {
  PyObject *text, *parts = parts_begin(&text);
  bool held = false;
  if (!parts)
    return text;
  int status = parts_add_cown(parts, core, before, &held);
  return parts_finish(parts, status, held);
}

PyObject *bocpy_in_flight(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  PyObject *text, *parts = parts_begin(&text);
  if (!parts)
    return text;
  int status = parts_add_running(parts);
  if (status == 0)
    status = parts_add_threads(parts, NULL, "thread %R holds a cown by acquire()");
  return parts_finish(parts, status, false);
}
