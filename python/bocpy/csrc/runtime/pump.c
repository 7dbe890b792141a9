/* Pump: see pump.h.
 *
 * `pump_wakeup` is one waiter for the life of the process; only the main thread sleeps
 * on it. `pump_wakeup_set` saves system calls: once signalled, the waiter is not
 * signalled again until the main thread has taken the signal.
 *
 * Ordering: the thread that fills the lane then sets `pump_wakeup_set`; the main thread
 * takes the signal, clears `pump_wakeup_set`, then looks at the lane. Both words are
 * sequentially consistent: a filler that finds `pump_wakeup_set` set comes before that
 * look. */
#include "pump.h"
#include "deferred_decref.h"

#include "runtime.h"
#include "state.h"
#include "value.h"

static bocpy_lock lane_lock; /* guards making the lane and the wakeup */
static _Atomic(boc_lane *) pump_lane;
static bocpy_waiter *pump_wakeup;

static atomic_bool pump_wakeup_set;
static bool pump_ended;       /* by what a body has raised; of the main thread */
static atomic_bool pump_busy; /* hint: the main thread is running behaviors */
static atomic_size_t
    lane_moves; /* count: how often the lane was filled, or a behavior of it was run */
static atomic_size_t lane_since; /* hint: the time of the last of these, in ms */

/* ---- the lane -------------------------------------------------------------------- */

static size_t now_ms(void) { return (size_t)(boc_now() / 1000000); }

static void pump_wakeup_signal(void) {
  if (!atomic_exchange(&pump_wakeup_set, true))
    bocpy_waiter_signal(pump_wakeup);
}

/* The watchdog's time starts anew. */
static void lane_note_move(void) {
  atomic_store_explicit(&lane_since, now_ms(), memory_order_relaxed);
  atomic_fetch_add_explicit(&lane_moves, 1, memory_order_relaxed);
}

/* Guards the listener: an event loop that runs on the main thread is notified, too. */
static bocpy_lock listener_lock;
static void (*listener)(void *ctx); /* called under the lock, with its context */
static void *listener_ctx;
static atomic_bool listener_set; /* hint: there is a listener */

static void listener_tell(void) {
  if (!atomic_load(&listener_set))
    return;
  bocpy_lock_take(&listener_lock);
  if (listener)
    listener(listener_ctx);
  bocpy_lock_give(&listener_lock);
}

static void lane_filled(void *ctx) {
  (void)ctx;
  lane_note_move();
  pump_wakeup_signal();
  listener_tell();
}

static void listener_change(void (*told)(void *ctx), void *ctx) {
  listener = told;
  listener_ctx = ctx;
  atomic_store(&listener_set, told != NULL);
}

void bocpy_pump_listen(void (*told)(void *ctx), void *ctx) {
  bocpy_lock_take(&listener_lock);
  listener_change(told, ctx);
  bocpy_lock_give(&listener_lock);
  boc_lane *made = atomic_load(&pump_lane);
  if (made && boc_lane_length(made) > 0)
    listener_tell();
}

void bocpy_pump_unlisten(void *ctx) {
  bocpy_lock_take(&listener_lock);
  if (listener_ctx == ctx)
    listener_change(NULL, NULL);
  bocpy_lock_give(&listener_lock);
}

static void pump_wakeup_clear(void) {
  while (bocpy_waiter_take(pump_wakeup))
    continue;
  atomic_store(&pump_wakeup_set, false);
}

int bocpy_pump_init(void) {
  if (lane_lock)
    return 0;
  return bocpy_lock_init(&lane_lock) < 0 ? -1 : bocpy_lock_init(&listener_lock);
}

/* The caller has `lane_lock`. */
static boc_lane *lane_make(void) {
  boc_lane_options options = BOC_LANE_OPTIONS_INIT;
  options.filled = lane_filled;
  boc_lane *made = NULL;
  if (!pump_wakeup)
    pump_wakeup = bocpy_waiter_new_polled();
  if (!pump_wakeup)
    return NULL;
  if (boc_lane_new(&options, &made) != BOC_OK)
    PyErr_NoMemory();
  atomic_store(&pump_lane, made);
  return made;
}

boc_lane *bocpy_pump_lane(void) {
  boc_lane *made = atomic_load(&pump_lane);
  if (made)
    return made;
  if (bocpy_main_thread_find() < 0)
    return NULL;
  bocpy_lock_take_detached(&lane_lock);
  made = atomic_load(&pump_lane);
  if (!made)
    made = lane_make();
  bocpy_lock_give(&lane_lock);
  return made;
}

int bocpy_pump_forget(void) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  lane_lock = fresh;
  if (bocpy_lock_init(&listener_lock) < 0)
    return -1;
  listener_change(NULL, NULL);
  if (!pump_wakeup)
    return 0;
  bocpy_event_fini(pump_wakeup);
  if (!bocpy_event_init(pump_wakeup)) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  atomic_store(&pump_wakeup_set, false);
  return 0;
}

/* ---- running --------------------------------------------------------------------- */

/* SystemExit ends the pump, except while the program is ending already. */
static bool exception_ends_pump(PyObject *exception) {
  if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit))
    return !bocpy_runtime_is_leaving();
  return !PyErr_GivenExceptionMatches(exception, PyExc_Exception);
}

bool bocpy_pump_note(PyObject *exception) {
  bocpy_pumping *pumping = bocpy_self.pumping;
  if (exception_ends_pump(exception)) {
    Py_XSETREF(pumping->stop, Py_NewRef(exception));
    return true;
  }
  pumping->raised++;
  if (!pumping->keep || pumping->first)
    return false;
  pumping->first = Py_NewRef(exception);
  return true;
}

static int pump_refuse_nested(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "pinned behaviors are being run further up already: they do not "
                  "nest");
  return -1;
}

/* Runs one behavior of the lane. Drops references that were deferred meanwhile, since
 * Python code may run here. */
static boc_status lane_run_one(bocpy_pumping *pumping, size_t *out_ran) {
  bocpy_pumping *outer = bocpy_self.pumping;
  bocpy_self.pumping = pumping;
  atomic_store_explicit(&pump_busy, true, memory_order_relaxed);
  boc_status status = boc_lane_pump(atomic_load(&pump_lane), BOC_FOREVER, 1, out_ran);
  if (*out_ran)
    lane_note_move();
  atomic_store(&pump_busy,
               outer !=
                   NULL); /* this store publishes `lane_since` and `lane_moves`, too */
  bocpy_self.pumping = outer;
  bocpy_main_run_deferred();
  return status;
}

/* For libboc the thread is still inside of a body, where no lane can be pumped. */
static int pump_refuse_left_behind(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "pinned behaviors cannot run in the child of a fork in a body: fork "
                  "outside of behaviors");
  return -1;
}

/* 1: one behavior ran. 0: none was ready. -1 with the exception that ends the pump. */
static int pump_run_one(bocpy_pumping *pumping) {
  size_t ran = 0;
  pump_ended = false;
  if (bocpy_self.left_behind)
    return boc_lane_length(atomic_load(&pump_lane)) ? pump_refuse_left_behind() : 0;
  if (lane_run_one(pumping, &ran) != BOC_OK)
    return pump_refuse_nested();
  if (pumping->stop) {
    PyErr_SetRaisedException(pumping->stop);
    pumping->stop = NULL;
    pump_ended = true;
    return -1;
  }
  return ran && PyErr_CheckSignals() < 0 ? -1 : (int)ran;
}

void bocpy_pump_rest(void) {
  if (!atomic_load(&pump_lane) || !bocpy_main_thread_is_here() || bocpy_self.pumping)
    return;
  bocpy_pumping pumping = {0};
  size_t ran = 1;
  while (ran && lane_run_one(&pumping, &ran) == BOC_OK)
    Py_CLEAR(pumping.stop);
}

/* ---- waiting --------------------------------------------------------------------- */

static uint64_t deadline_of(int64_t timeout) {
  return timeout < 0 ? UINT64_MAX : boc_now() + (uint64_t)timeout;
}

static bool deadline_passed(uint64_t deadline) {
  return deadline != UINT64_MAX && boc_now() >= deadline;
}

static int64_t deadline_left(uint64_t deadline) {
  uint64_t now = boc_now();
  return deadline == UINT64_MAX ? BOC_FOREVER
         : now < deadline       ? (int64_t)(deadline - now)
                                : 0;
}

/* Runs behaviors until the waiter is signalled (0), or until none is ready or the
 * deadline has passed (1). -1 with an exception. */
static int pump_run_ready(bocpy_waiter *waiter, uint64_t deadline) {
  bocpy_pumping pumping = {0};
  int ran;
  pump_wakeup_clear();
  while ((ran = pump_run_one(&pumping)) > 0) {
    if (bocpy_waiter_take(waiter))
      return 0;
    if (deadline_passed(deadline))
      return 1;
  }
  return ran < 0 ? -1 : 1;
}

static int pump_wait_running(bocpy_waiter *waiter, uint64_t deadline) {
  for (;;) {
    int status = pump_run_ready(waiter, deadline);
    if (status != 1)
      return status;
    if (deadline_passed(deadline))
      return bocpy_waiter_wait(waiter, 0);
    bocpy_waiter_spin(waiter, &pump_wakeup_set, deadline_left(deadline));
    status = bocpy_waiter_wait_or(waiter, pump_wakeup, deadline_left(deadline));
    if (status != 2)
      return status;
  }
}

/* Whether this thread has to pump while it waits; -1 with an exception. */
static int pump_may_run(void) {
  if (bocpy_self.bodies || bocpy_self.pumping ||
      PyInterpreterState_Get() != PyInterpreterState_Main())
    return 0;
  return bocpy_pump_lane() ? bocpy_main_thread_is_here() : -1;
}

static int pump_wait_elsewhere(bocpy_waiter *waiter, int64_t timeout) {
  uint64_t begun = boc_now();
  bocpy_waiter_spin(waiter, NULL, timeout);
  uint64_t passed = boc_now() - begun;
  if (timeout > 0)
    timeout = passed < (uint64_t)timeout ? timeout - (int64_t)passed : 0;
  return bocpy_waiter_wait(waiter, timeout);
}

int bocpy_pump_wait(bocpy_waiter *waiter, int64_t timeout) {
  uint64_t begun = boc_now();
  int pumping = pump_may_run();
  if (pumping < 0)
    return -1;
  int status = pumping ? pump_wait_running(waiter, deadline_of(timeout))
                       : pump_wait_elsewhere(waiter, timeout);
  bocpy_waiter_note(begun, status == 0);
  return status;
}

int bocpy_pump_wait_for_cowns(bocpy_waiter *waiter, int64_t timeout) {
  bocpy_self.waits_for_cowns++;
  int status = bocpy_pump_wait(waiter, timeout);
  bocpy_self.waits_for_cowns--;
  return status;
}

/* ---- pump() ---------------------------------------------------------------------- */

static int pump_require(void) {
  if (bocpy_require_main("pump()") < 0 || !bocpy_pump_lane())
    return -1;
  if (!bocpy_main_thread_is_here()) {
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
  int running = bocpy_runtime_resume();
  if (running != 0)
    return running > 0 ? 0 : -1;
  PyErr_SetString(PyExc_RuntimeError,
                  "pump() without a runtime: call start(), or schedule a behavior, "
                  "first");
  return -1;
}

/* 0, and in *out_late whether the deadline came while some were ready. -1 with an
 * exception. */
static int pump_run_all(bocpy_pumping *pumping, int64_t timeout, size_t most,
                        bool *out_late) {
  uint64_t deadline = deadline_of(timeout);
  int ran = 1;
  *out_late = false;
  while (ran > 0 && !*out_late && !pumping->first && pumping->executed < most) {
    ran = pump_run_one(pumping);
    *out_late = ran > 0 && pumping->executed < most && deadline_passed(deadline) &&
                boc_lane_length(atomic_load(&pump_lane)) > 0;
  }
  return ran < 0 ? -1 : 0;
}

PyObject *bocpy_pump(PyObject *module, PyObject *args) {
  long long timeout;
  Py_ssize_t most;
  int keep;
  bool late;
  (void)module;
  if (!PyArg_ParseTuple(args, "Lnp:_pump", &timeout, &most, &keep) ||
      pump_require() < 0)
    return NULL;
  bocpy_pumping pumping = {.keep = keep};
  int status = pump_run_all(&pumping, timeout, (size_t)most, &late);
  if (pumping.first)
    PyErr_SetRaisedException(pumping.first);
  if (status < 0 || pumping.first)
    return NULL;
  return Py_BuildValue("nOn", (Py_ssize_t)pumping.executed, late ? Py_True : Py_False,
                       (Py_ssize_t)pumping.raised);
}

/* For an event loop: runs `most` ready behaviors at most; returns whether some are
 * left. */
PyObject *bocpy_pump_some(PyObject *module, PyObject *most) {
  (void)module;
  size_t left = PyLong_AsSize_t(most);
  if (left == (size_t)-1 && PyErr_Occurred())
    return NULL;
  boc_lane *made = atomic_load(&pump_lane);
  if (!made || bocpy_self.bodies || bocpy_self.pumping || !bocpy_main_thread_is_here())
    Py_RETURN_FALSE;
  bocpy_pumping pumping = {0};
  int ran = 1;
  pump_wakeup_clear();
  while (ran > 0 && left-- > 0)
    ran = pump_run_one(&pumping);
  return ran < 0 ? NULL : PyBool_FromLong(boc_lane_length(made) > 0);
}

PyObject *bocpy_pump_was_ended(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyBool_FromLong(pump_ended);
}

/* How often the lane has got work, for how many ms nobody has run any of it, and how
 * many behaviors it has. */
PyObject *bocpy_pump_backlog(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  boc_lane *made = atomic_load(&pump_lane);
  bool pumped = atomic_load(&pump_busy);
  size_t depth = made && !pumped ? boc_lane_length(made) : 0;
  size_t begun = atomic_load_explicit(&lane_since, memory_order_relaxed);
  return Py_BuildValue(
      "nnn", (Py_ssize_t)atomic_load_explicit(&lane_moves, memory_order_relaxed),
      (Py_ssize_t)(depth ? now_ms() - begun : 0), (Py_ssize_t)depth);
}
