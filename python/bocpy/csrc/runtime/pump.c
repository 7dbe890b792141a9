/* Pump: see pump.h.
 *
 * The bell is one waiter that stays; only the main thread sleeps on it. `rung` saves
 * system calls: a bell that has rung does not ring again until it was listened to.
 *
 * Ordering: who fills the lane then sets `rung`; who listens takes the signal, clears
 * `rung`, then looks at the lane. Both words are sequentially consistent, so a ring
 * that finds `rung` set comes before the look. */
#include "pump.h"

#include "runtime.h"
#include "state.h"
#include "value.h"

static bocpy_lock guard; /* of the making of what follows */
static _Atomic(boc_lane *) lane;
static bocpy_waiter *bell;
static atomic_ulong main_thread; /* its ident */

static atomic_bool rung;
static atomic_bool busy;    /* hint: behaviors are being run */
static atomic_size_t moves; /* count: how often the lane was filled, or one was run */
static atomic_size_t since; /* hint: when that last was, in ms */

int bocpy_pump_init(void) { return guard ? 0 : bocpy_lock_init(&guard); }

/* ---- the lane -----------------------------------------------------------------------
 */

static size_t now_ms(void) { return (size_t)(boc_now() / 1000000); }

static void ring(void) {
  if (!atomic_exchange(&rung, true))
    bocpy_waiter_signal(bell);
}

/* What the watchdog looks at: it waits from here on, and tells anew. */
static void moved(void) {
  atomic_store_explicit(&since, now_ms(), memory_order_relaxed);
  atomic_fetch_add_explicit(&moves, 1, memory_order_relaxed);
}

static void filled(void *ctx) {
  (void)ctx;
  moved();
  ring();
}

static void listen(void) {
  while (bocpy_waiter_take(bell))
    continue;
  atomic_store(&rung, false);
}

/* 0 with an exception. */
static unsigned long ask_main_thread(void) {
  PyObject *threading = PyImport_ImportModule("threading");
  PyObject *thread =
      threading ? PyObject_CallMethod(threading, "main_thread", NULL) : NULL;
  PyObject *ident = thread ? PyObject_GetAttrString(thread, "ident") : NULL;
  unsigned long number = ident ? PyLong_AsUnsignedLong(ident) : 0;
  Py_XDECREF(ident);
  Py_XDECREF(thread);
  Py_XDECREF(threading);
  return PyErr_Occurred() ? 0 : number;
}

/* Under `guard`. */
static boc_lane *make_lane(unsigned long ident) {
  const boc_lane_options options = {.filled = filled};
  boc_lane *made = NULL;
  if (!bell)
    bell = bocpy_waiter_new();
  if (!bell)
    return NULL;
  atomic_store(&main_thread, ident);
  if (boc_lane_new(&options, &made) != BOC_OK)
    PyErr_NoMemory();
  atomic_store(&lane, made);
  return made;
}

boc_lane *bocpy_pump_lane(void) {
  boc_lane *made = atomic_load(&lane);
  if (made)
    return made;
  unsigned long ident = ask_main_thread();
  if (!ident)
    return NULL;
  bocpy_lock_take_detached(&guard);
  made = atomic_load(&lane);
  if (!made)
    made = make_lane(ident);
  bocpy_lock_give(&guard);
  return made;
}

bool bocpy_pump_is_here(void) {
  return atomic_load(&main_thread) == PyThread_get_thread_ident();
}

int bocpy_pump_forget(void) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  guard = fresh;
  if (!bell)
    return 0;
  atomic_store(&main_thread, PyThread_get_thread_ident());
  bocpy_event_fini(bell);
  if (!bocpy_event_init(bell)) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  atomic_store(&rung, false);
  return 0;
}

/* ---- running ------------------------------------------------------------------------
 */

/* A program that is leaving cannot leave once more. */
static bool ends_pump(PyObject *exception) {
  if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit))
    return !bocpy_runtime_is_leaving();
  return !PyErr_GivenExceptionMatches(exception, PyExc_Exception);
}

bool bocpy_pump_note(PyObject *exception) {
  bocpy_pumping *pumping = bocpy_self.pumping;
  if (ends_pump(exception)) {
    Py_XSETREF(pumping->stop, Py_NewRef(exception));
    return true;
  }
  pumping->raised++;
  if (!pumping->keep || pumping->first)
    return false;
  pumping->first = Py_NewRef(exception);
  return true;
}

static int refuse_nested(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "pinned behaviors are being run further up already: they do not "
                  "nest");
  return -1;
}

/* What libboc's steps gave up meanwhile is ended here, where Python code may run. */
static boc_status take_one(bocpy_pumping *pumping, size_t *out_ran) {
  bocpy_pumping *outer = bocpy_self.pumping;
  bocpy_self.pumping = pumping;
  atomic_store_explicit(&busy, true, memory_order_relaxed);
  boc_status status = boc_lane_pump(atomic_load(&lane), BOC_FOREVER, 1, out_ran);
  if (*out_ran)
    moved();
  atomic_store(&busy,
               outer != NULL); /* whoever sees this sees `since` and `moves` too */
  bocpy_self.pumping = outer;
  bocpy_value_bury_main();
  return status;
}

/* 1 one ran; 0 there is none; -1 with what is to go up. */
static int run_one(bocpy_pumping *pumping) {
  size_t ran = 0;
  if (take_one(pumping, &ran) != BOC_OK)
    return refuse_nested();
  if (pumping->stop) {
    PyErr_SetRaisedException(pumping->stop);
    pumping->stop = NULL;
    return -1;
  }
  return ran && PyErr_CheckSignals() < 0 ? -1 : (int)ran;
}

void bocpy_pump_rest(void) {
  if (!atomic_load(&lane) || !bocpy_pump_is_here() || bocpy_self.pumping)
    return;
  bocpy_pumping pumping = {0};
  size_t ran = 1;
  while (ran && take_one(&pumping, &ran) == BOC_OK)
    Py_CLEAR(pumping.stop);
}

/* ---- waiting ------------------------------------------------------------------------
 */

static uint64_t deadline_of(int64_t timeout) {
  return timeout < 0 ? UINT64_MAX : boc_now() + (uint64_t)timeout;
}

static bool passed(uint64_t deadline) {
  return deadline != UINT64_MAX && boc_now() >= deadline;
}

static int64_t left_of(uint64_t deadline) {
  uint64_t now = boc_now();
  return deadline == UINT64_MAX ? BOC_FOREVER
         : now < deadline       ? (int64_t)(deadline - now)
                                : 0;
}

/* Until the waiter is signalled (0), or nothing is ready or the deadline has passed
 * (1); -1 with an exception. */
static int run_ready(bocpy_waiter *waiter, uint64_t deadline) {
  bocpy_pumping pumping = {0};
  int ran;
  listen();
  while ((ran = run_one(&pumping)) > 0) {
    if (bocpy_waiter_take(waiter))
      return 0;
    if (passed(deadline))
      return 1;
  }
  return ran < 0 ? -1 : 1;
}

static int wait_pumping(bocpy_waiter *waiter, uint64_t deadline) {
  for (;;) {
    int status = run_ready(waiter, deadline);
    if (status != 1)
      return status;
    if (passed(deadline))
      return bocpy_waiter_wait(waiter, 0);
    status = bocpy_waiter_wait_or(waiter, bell, left_of(deadline));
    if (status != 2)
      return status;
  }
}

/* Whether this thread is to pump while it waits; -1 with an exception. */
static int may_pump(void) {
  if (bocpy_self.bodies || bocpy_self.pumping ||
      PyInterpreterState_Get() != PyInterpreterState_Main())
    return 0;
  return bocpy_pump_lane() ? bocpy_pump_is_here() : -1;
}

int bocpy_pump_wait(bocpy_waiter *waiter, int64_t timeout) {
  int pumping = may_pump();
  if (pumping <= 0)
    return pumping < 0 ? -1 : bocpy_waiter_wait(waiter, timeout);
  return wait_pumping(waiter, deadline_of(timeout));
}

/* ---- pump() -------------------------------------------------------------------------
 */

static int require_pump(void) {
  if (bocpy_runtime_require_main("pump()") < 0 || !bocpy_pump_lane())
    return -1;
  if (!bocpy_pump_is_here()) {
    PyErr_SetString(PyExc_RuntimeError,
                    "pump() is for the main thread only: that is where behaviors over "
                    "pinned cowns run");
    return -1;
  }
  if (bocpy_self.bodies) {
    PyErr_SetString(PyExc_RuntimeError,
                    "pump() inside a behavior: pinned behaviors do not nest; the pump "
                    "that runs this one goes on when it returns");
    return -1;
  }
  if (bocpy_runtime_is_running())
    return 0;
  PyErr_SetString(PyExc_RuntimeError,
                  "pump() without a runtime: call start(), or schedule a behavior, "
                  "first");
  return -1;
}

/* 0, with whether the deadline left some; -1 with an exception. */
static int pump_all(bocpy_pumping *pumping, int64_t timeout, size_t most,
                    bool *out_late) {
  uint64_t deadline = deadline_of(timeout);
  int ran = 1;
  *out_late = false;
  while (ran > 0 && !*out_late && pumping->executed < most) {
    ran = run_one(pumping);
    *out_late = ran > 0 && pumping->executed < most && passed(deadline) &&
                boc_lane_length(atomic_load(&lane)) > 0;
  }
  return ran < 0 ? -1 : 0;
}

/* What is raised came after `earlier`, a reference that this takes over. */
static void add_context(PyObject *earlier) {
  PyObject *exception = PyErr_GetRaisedException();
  PyObject *context = PyException_GetContext(exception);
  if (context || exception == earlier) {
    Py_XDECREF(context);
    Py_DECREF(earlier);
  } else {
    PyException_SetContext(exception, earlier);
  }
  PyErr_SetRaisedException(exception);
}

PyObject *bocpy_pump(PyObject *module, PyObject *args) {
  long long timeout;
  Py_ssize_t most;
  int keep;
  bool late;
  (void)module;
  if (!PyArg_ParseTuple(args, "Lnp:_pump", &timeout, &most, &keep) ||
      require_pump() < 0)
    return NULL;
  bocpy_pumping pumping = {.keep = keep};
  int status = pump_all(&pumping, timeout, (size_t)most, &late);
  if (status < 0 && pumping.first)
    add_context(pumping.first);
  else if (pumping.first)
    PyErr_SetRaisedException(pumping.first);
  if (status < 0 || pumping.first)
    return NULL;
  return Py_BuildValue("nOn", (Py_ssize_t)pumping.executed, late ? Py_True : Py_False,
                       (Py_ssize_t)pumping.raised);
}

/* How often the lane has got something to run, for how many ms nobody has touched what
 * is in it, and how many behaviors that is. */
PyObject *bocpy_pump_backlog(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  boc_lane *made = atomic_load(&lane);
  bool pumped = atomic_load(&busy);
  size_t depth = made && !pumped ? boc_lane_length(made) : 0;
  size_t begun = atomic_load_explicit(&since, memory_order_relaxed);
  return Py_BuildValue("nnn",
                       (Py_ssize_t)atomic_load_explicit(&moves, memory_order_relaxed),
                       (Py_ssize_t)(depth ? now_ms() - begun : 0), (Py_ssize_t)depth);
}
