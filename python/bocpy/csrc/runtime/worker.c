/* Worker: see worker.h. The hooks of libboc, in the order of a worker's life. */
#include "worker.h"
#include "deferred_decref.h"
#include "runtime.h"
#include "tracemalloc_guard.h"
#include "value.h"

#include <marshal.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "immutable.h"
#include "lent_handle.h"

static bocpy_lock interpreter_lock; /* one interpreter starts or ends at a time */
/* start_run gives it, and another function takes it */
static bocpy_lock start_done;
/* why the latest worker that failed did not start */
static _Atomic(char *) worker_error;

int bocpy_worker_init(void) {
  if (interpreter_lock)
    return 0;
  if (bocpy_lock_init(&start_done) < 0)
    return -1;
  bocpy_lock_take(&start_done);
  return bocpy_lock_init(&interpreter_lock);
}

/* ---- start ----------------------------------------------------------------------- */

static void worker_keep_text(const char *text) {
  free(atomic_exchange(&worker_error, text ? strdup(text) : NULL));
}

/* Stores the text of the exception that is set. */
static void worker_keep_error(void) {
  PyObject *exception = PyErr_GetRaisedException();
  PyObject *text = exception ? PyObject_Repr(exception) : NULL;
  const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
  worker_keep_text(utf8);
  Py_XDECREF(text);
  Py_XDECREF(exception);
  PyErr_Clear();
}

char *bocpy_worker_take_error(void) { return atomic_exchange(&worker_error, NULL); }

/* In the main interpreter. Without an error text, start() has waited for the worker and
 * raised. */
static int worker_warn_of_failure(void *unused) {
  (void)unused;
  char *error = bocpy_worker_take_error();
  if (error && PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                                "bocpy: a further worker could not be started; the "
                                "others do its work: %s",
                                error) < 0)
    PyErr_WriteUnraisable(NULL);
  free(error);
  return 0;
}

#if BOCPY_HAVE_OWN_GIL
static bool worker_enter_interpreter(bocpy_worker_slot *slot) {
  PyInterpreterConfig config = {
      .use_main_obmalloc = 0,
      .allow_fork = 0,
      .allow_exec = 0,
      .allow_threads = 1,
      .allow_daemon_threads = 0,
      .check_multi_interp_extensions = 1,
      .gil = PyInterpreterConfig_OWN_GIL,
  };
  PyStatus status = Py_NewInterpreterFromConfig(&slot->tstate, &config);
  if (!PyStatus_Exception(status))
    return true;
  worker_keep_text(status.err_msg ? status.err_msg : "no new interpreter");
  return false;
}
#else
static bool worker_enter_interpreter(bocpy_worker_slot *slot) {
  (void)slot;
  return false;
}
#endif

/* Sets sys.path first, and the finder of a frozen program, so that the new interpreter
 * finds the same modules as the main one. */
static int worker_set_sys(PyObject *facts) {
  PyObject *names = PyDict_GetItemString(facts, "sys"), *name, *value;
  Py_ssize_t at = 0;
  while (names && PyDict_Next(names, &at, &name, &value)) {
    const char *text = PyUnicode_AsUTF8(name);
    if (!text || PySys_SetObject(text, value) < 0)
      return -1;
  }
  return 0;
}

static int worker_set_up(const bocpy_boot *boot) {
  PyObject *facts = PyMarshal_ReadObjectFromString(boot->bytes, (Py_ssize_t)boot->size);
  PyObject *done = NULL;
  if (facts && PyDict_Check(facts) && worker_set_sys(facts) == 0)
    done = bocpy_python_call(NULL, BOCPY_PY_WORKER_SET_UP, "(O)", facts);
  Py_XDECREF(facts);
  Py_XDECREF(done);
  return done ? 0 : -1;
}

static void worker_wake_home(void *ctx) {
  bocpy_worker_slot *slot = ctx;
  boc_worker_poke(slot->runtime, slot->index);
}

static boc_status worker_start_interpreter(bocpy_worker_slot *slot) {
  if (bocpy_tracemalloc_traces()) {
    worker_keep_text("tracemalloc traces, and CPython before 3.15 can hang if it makes "
                     "an interpreter meanwhile: use backend='threads'");
    return BOC_BAD_STATE;
  }
  if (!worker_enter_interpreter(slot))
    return BOC_BAD_STATE;
  slot->state = worker_set_up(slot->boot) == 0 ? bocpy_state_get() : NULL;
  if (slot->state) {
    atomic_store(&slot->interp, PyThreadState_GetInterpreter(slot->tstate));
    bocpy_home_set_wake(slot->state->codec.home, worker_wake_home, slot);
    return BOC_OK;
  }
  worker_keep_error();
  bocpy_self.slot = NULL;
  Py_EndInterpreter(slot->tstate);
  return BOC_BAD_STATE;
}

/* If that fails, the thread has no name, but runs bodies. The thread that starts the
 * workers has the lock meanwhile, and waits: hooks of imports must not wait for it. */
static void worker_enter_threading(bocpy_worker_slot *slot) {
  bocpy_runtime_stand_in(true);
  PyObject *done = bocpy_python_call(&slot->state->python, BOCPY_PY_THREADS_ENTER,
                                     "(I)", slot->index + 1);
  bocpy_runtime_stand_in(false);
  if (!done)
    PyErr_WriteUnraisable(NULL);
  Py_XDECREF(done);
}

static void worker_leave_threading(bocpy_worker_slot *slot) {
  PyObject *done =
      bocpy_python_call(&slot->state->python, BOCPY_PY_THREADS_LEAVE, NULL);
  if (!done)
    PyErr_WriteUnraisable(NULL);
  Py_XDECREF(done);
}

/* Calls for bodies the functions that threading.settrace() and the like have set for
 * new threads. Some debuggers set them when there are workers already: so each worker
 * checks when it gets work. */
static void worker_follow(bocpy_worker_slot *slot, PyObject **now, bocpy_python get,
                          bocpy_python set) {
  PyObject *chosen = bocpy_python_call(&slot->state->python, get, NULL);
  if (chosen && chosen != (*now ? *now : Py_None)) {
    Py_XSETREF(*now, Py_NewRef(chosen));
    PyObject *done = bocpy_python_call(&slot->state->python, set, "(O)", chosen);
    Py_XDECREF(done);
  }
  Py_XDECREF(chosen);
  if (PyErr_Occurred())
    PyErr_WriteUnraisable(NULL);
}

static void worker_follow_hooks(bocpy_worker_slot *slot) {
  worker_follow(slot, &slot->trace, BOCPY_PY_THREADING_GETTRACE, BOCPY_PY_SYS_SETTRACE);
  worker_follow(slot, &slot->profile, BOCPY_PY_THREADING_GETPROFILE,
                BOCPY_PY_SYS_SETPROFILE);
}

static boc_status worker_start_thread(bocpy_worker_slot *slot) {
  atomic_store(&slot->interp, PyInterpreterState_Main());
  slot->tstate = PyThreadState_New(PyInterpreterState_Main());
  if (!slot->tstate)
    return BOC_NO_MEMORY;
  PyEval_RestoreThread(slot->tstate);
  slot->state = bocpy_state_get();
  if (slot->state)
    return BOC_OK;
  worker_keep_error();
  bocpy_self.slot = NULL;
  PyThreadState_Clear(slot->tstate);
  PyThreadState_DeleteCurrent();
  return BOC_NO_MEMORY;
}

static boc_status worker_start(void *ctx, unsigned worker) {
  bocpy_worker_slot *slot = (bocpy_worker_slot *)ctx + worker;
  boc_status status;
  bocpy_self.slot = slot;
  atomic_store_explicit(&slot->thread, &bocpy_self, memory_order_relaxed); /* hint */
  if (slot->own_interp) {
    bocpy_lock_take(&interpreter_lock);
    status = worker_start_interpreter(slot);
    bocpy_lock_give(&interpreter_lock);
  } else {
    status = worker_start_thread(slot);
  }
  if (status != BOC_OK && worker > 0) /* start() need not have waited for it */
    Py_AddPendingCall(worker_warn_of_failure, NULL);
  if (status != BOC_OK)
    return status;
  worker_enter_threading(slot);
  PyEval_SaveThread();
  atomic_store(&slot->parked, true);
  return BOC_OK;
}

/* ---- work and rest --------------------------------------------------------------- */

static void worker_before_park(void *ctx, unsigned worker) {
  bocpy_worker_slot *slot = (bocpy_worker_slot *)ctx + worker;
  bocpy_worker_slot_run_deferred(slot);
  PyEval_SaveThread();
  atomic_store_explicit(&slot->parked, true, memory_order_relaxed); /* hint */
}

static void worker_after_park(void *ctx, unsigned worker) {
  bocpy_worker_slot *slot = (bocpy_worker_slot *)ctx + worker;
  atomic_store_explicit(&slot->parked, false, memory_order_relaxed); /* hint */
  PyEval_RestoreThread(slot->tstate);
  if (!slot->own_interp)
    worker_follow_hooks(slot);
}

static void worker_poke(void *ctx, unsigned worker) {
  bocpy_worker_slot_run_deferred((bocpy_worker_slot *)ctx + worker);
}

/* ---- stop ------------------------------------------------------------------------ */

static void worker_tear_down(void) {
  PyObject *done = bocpy_python_call(NULL, BOCPY_PY_WORKER_TEAR_DOWN, NULL);
  if (!done)
    PyErr_WriteUnraisable(NULL);
  Py_XDECREF(done);
}

static void worker_stop(void *ctx, unsigned worker) {
  bocpy_worker_slot *slot = (bocpy_worker_slot *)ctx + worker;
  bocpy_worker_slot_encode(slot);
  bocpy_idle_handles_clear(slot);
  if (slot->own_interp) {
    bocpy_home_close(slot->state->codec.home);
    worker_tear_down();
    bocpy_code_clear(slot->state);
    slot->state = NULL;
    bocpy_lock_take(&interpreter_lock);
    Py_EndInterpreter(slot->tstate);
    bocpy_lock_give(&interpreter_lock);
  } else {
    /* What finalizers schedule now would not run. */
    bocpy_self.slot = NULL;
    bocpy_self.worker_ends = true;
    worker_leave_threading(slot);
    Py_CLEAR(slot->trace);
    Py_CLEAR(slot->profile);
    PyThreadState_Clear(slot->tstate);
    PyThreadState_DeleteCurrent();
  }
  bocpy_self = (bocpy_thread){0};
}

boc_worker_hooks bocpy_worker_hooks(bocpy_worker_slot *slots) {
  return (boc_worker_hooks){
      .start = worker_start,
      .stop = worker_stop,
      .before_park = worker_before_park,
      .after_park = worker_after_park,
      .poke = worker_poke,
      .ctx = slots,
  };
}

void bocpy_worker_slots_init(bocpy_worker_slot *slots, unsigned count, bool own_interp,
                             const bocpy_boot *boot) {
  for (unsigned i = 0; i < count; i++) {
    bocpy_worker_slot *slot = &slots[i];
    memset(slot, 0, sizeof(*slot));
    slot->index = i;
    slot->own_interp = own_interp;
    slot->boot = boot;
    slot->living.prev = slot->living.next = &slot->living;
  }
}

typedef struct start_call {
  const boc_runtime_options *options;
  boc_runtime **out_runtime;
  boc_status status;
} start_call;

static void start_run(void *arg) {
  start_call *call = arg;
  call->status = boc_runtime_new(call->options, call->out_runtime);
  bocpy_lock_give(&start_done);
}

int bocpy_workers_start(const boc_runtime_options *options, boc_runtime **out_runtime,
                        boc_status *out_status) {
  start_call call = {.options = options, .out_runtime = out_runtime};
  bocpy_state *here = bocpy_state_get();
  bool beside =
      !BOCPY_HAVE_SHARED_CODE &&
      PyThread_start_new_thread(start_run, &call) != PYTHREAD_INVALID_THREAD_ID;
  PyObject *done =
      here ? bocpy_python_call(&here->python, BOCPY_PY_WORKER_PREPARE, NULL) : NULL;
  Py_BEGIN_ALLOW_THREADS
  if (!beside)
    start_run(&call);
  bocpy_lock_take(&start_done);
  Py_END_ALLOW_THREADS
  *out_status = call.status;
  Py_XDECREF(done);
  return done ? 0 : -1;
}

/* A worker that starts on demand may be reading the previous one. */
void bocpy_workers_set_boot(bocpy_worker_slot *slots, unsigned count,
                            const bocpy_boot *boot) {
  bocpy_lock_take(&interpreter_lock);
  for (unsigned i = 0; i < count; i++)
    slots[i].boot = boot;
  bocpy_lock_give(&interpreter_lock);
}

/* ---- visits ---------------------------------------------------------------------- */

/* Leaves the worker's interpreter for the main one, and comes back. */
static void worker_visit_main(bocpy_worker_slot *slot, void (*what)(void *ctx),
                              void *ctx) {
  PyThreadState *mine = PyEval_SaveThread();
  PyThreadState *theirs = PyThreadState_New(PyInterpreterState_Main());
  if (!theirs)
    Py_FatalError("bocpy: out of memory while entering the main interpreter");
  bool parked = atomic_exchange_explicit(&slot->parked, true, memory_order_relaxed);
  PyEval_RestoreThread(theirs);
  const bocpy_left left = bocpy_go_away();
  what(ctx);
  bocpy_come_back(left);
  PyThreadState_Clear(theirs);
  PyThreadState_DeleteCurrent();
  atomic_store_explicit(&slot->parked, parked, memory_order_relaxed); /* hint */
  PyEval_RestoreThread(mine);
}

void bocpy_visit_main(void (*what)(void *ctx), void *ctx) {
  boc_runtime *runtime = bocpy_self.runtime;
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
  bocpy_self.runtime = bocpy_runtime_now();
  bocpy_self.bodies++;
  bocpy_self.away++;
  if (slot && slot->own_interp)
    worker_visit_main(slot, what, ctx);
  else
    what(ctx);
  bocpy_self.away--;
  bocpy_self.bodies--;
  bocpy_self.runtime = runtime;
}

/* ---- bodies that block ----------------------------------------------------------- */

static const char *worker_alone_reason(boc_status status) {
  switch (status) {
  case BOC_FULL:
    return "all workers that bocpy may add are in use; let fewer bodies wait at a time";
  case BOC_NO_THREAD:
    return "the system refused a thread; raise the limit of threads (ulimit -u, a "
           "container's pids) or of memory";
  default:
    return "the system refused memory for a thread";
  }
}

/* In the main interpreter. */
static void worker_warn_alone(void *status) {
  if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1,
                       "bocpy: a body waits (receive, a future's result), and no "
                       "worker could take its worker's place: %s. Bodies that wait so "
                       "keep their workers busy; if all workers wait, no behavior "
                       "runs",
                       worker_alone_reason(*(boc_status *)status)) < 0)
    PyErr_WriteUnraisable(NULL);
}

void bocpy_worker_block_begin(bocpy_worker_slot *slot) {
  static atomic_bool told[2];
  bocpy_worker_slot_run_deferred(slot);
  boc_status status = boc_worker_block_begin();
  if (status == BOC_OK || atomic_exchange(&told[status == BOC_FULL], true))
    return;
  boc_worker_block_end(); /* a program's showwarning may schedule */
  bocpy_visit_main(worker_warn_alone, &status);
  boc_worker_block_begin();
}

/* _blocked(function): returns what it returns, while another worker may take this one's
 * place. The function blocks on something other than a cown, and schedules nothing. */
PyObject *bocpy_blocked(PyObject *module, PyObject *function) {
  bocpy_worker_slot *slot = bocpy_self.bodies ? bocpy_worker_slot_here() : NULL;
  (void)module;
  if (!slot)
    return PyObject_CallNoArgs(function);
  bocpy_worker_block_begin(slot);
  PyObject *result = PyObject_CallNoArgs(function);
  PyObject *pending = PyErr_GetRaisedException();
  boc_worker_block_end();
  PyErr_SetRaisedException(pending);
  return result;
}
