/* Worker: see worker.h. The hooks of libboc, in the order of a worker's life. */
#include "worker.h"

#include <marshal.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "cown_freelist.h"

static bocpy_lock creation; /* one interpreter at a time */
static char *last_error;    /* under `creation` */

int bocpy_worker_init(void) { return creation ? 0 : bocpy_lock_init(&creation); }

/* ---- start
 * ------------------------------------------------------------------------------ */

/* Keeps the text of the exception that is set. */
static void keep_error(void) {
  PyObject *exception = PyErr_GetRaisedException();
  PyObject *text = exception ? PyObject_Repr(exception) : NULL;
  const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
  free(last_error);
  last_error = utf8 ? strdup(utf8) : NULL;
  Py_XDECREF(text);
  Py_XDECREF(exception);
  PyErr_Clear();
}

char *bocpy_worker_take_error(void) {
  bocpy_lock_take(&creation);
  char *error = last_error;
  last_error = NULL;
  bocpy_lock_give(&creation);
  return error;
}

#if BOCPY_HAVE_OWN_GIL
static bool enter_interpreter(bocpy_slot *slot) {
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
  free(last_error);
  last_error = strdup(status.err_msg ? status.err_msg : "no new interpreter");
  return false;
}
#else
static bool enter_interpreter(bocpy_slot *slot) {
  (void)slot;
  return false;
}
#endif

/* The new interpreter shall find the same modules as the main one: that comes first. */
static int set_path(PyObject *boot) {
  PyObject *path = PyDict_GetItemString(boot, "path");
  return path ? PySys_SetObject("path", path) : 0;
}

static int set_up(const bocpy_boot *boot) {
  PyObject *facts = PyMarshal_ReadObjectFromString(boot->bytes, (Py_ssize_t)boot->size);
  PyObject *module = NULL, *done = NULL;
  if (facts && PyDict_Check(facts) && set_path(facts) == 0)
    module = PyImport_ImportModule("bocpy._worker");
  if (module)
    done = PyObject_CallMethod(module, "set_up", "O", facts);
  Py_XDECREF(facts);
  Py_XDECREF(module);
  Py_XDECREF(done);
  return done ? 0 : -1;
}

static boc_status start_interpreter(bocpy_slot *slot) {
  if (!enter_interpreter(slot))
    return BOC_BAD_STATE;
  slot->interp = PyThreadState_GetInterpreter(slot->tstate);
  slot->state = set_up(slot->boot) == 0 ? bocpy_state_get() : NULL;
  if (slot->state)
    return BOC_OK;
  keep_error();
  bocpy_self.slot = NULL;
  Py_EndInterpreter(slot->tstate);
  return BOC_BAD_STATE;
}

static boc_status start_thread(bocpy_slot *slot) {
  slot->interp = PyInterpreterState_Main();
  slot->tstate = PyThreadState_New(slot->interp);
  if (!slot->tstate)
    return BOC_NO_MEMORY;
  PyEval_RestoreThread(slot->tstate);
  slot->state = bocpy_state_get();
  return BOC_OK;
}

static boc_status start(void *ctx, unsigned worker) {
  bocpy_slot *slot = (bocpy_slot *)ctx + worker;
  boc_status status;
  bocpy_self.slot = slot;
  bocpy_core_memory_enter();
  if (slot->own_interp) {
    bocpy_lock_take(&creation);
    status = start_interpreter(slot);
    bocpy_lock_give(&creation);
  } else {
    status = start_thread(slot);
  }
  if (status != BOC_OK)
    return status;
  PyEval_SaveThread();
  atomic_store(&slot->parked, true);
  return BOC_OK;
}

/* ---- work and rest
 * ------------------------------------------------------------------------ */

static void before_park(void *ctx, unsigned worker) {
  bocpy_slot *slot = (bocpy_slot *)ctx + worker;
  bocpy_slot_bury(slot);
  PyEval_SaveThread();
  atomic_store_explicit(&slot->parked, true, memory_order_relaxed); /* hint */
}

static void after_park(void *ctx, unsigned worker) {
  bocpy_slot *slot = (bocpy_slot *)ctx + worker;
  atomic_store_explicit(&slot->parked, false, memory_order_relaxed); /* hint */
  PyEval_RestoreThread(slot->tstate);
}

static void poke(void *ctx, unsigned worker) {
  bocpy_slot_bury((bocpy_slot *)ctx + worker);
}

/* ---- stop
 * ------------------------------------------------------------------------------------
 */

static void tear_down(void) {
  PyObject *module = PyImport_ImportModule("bocpy._worker");
  PyObject *done = module ? PyObject_CallMethod(module, "tear_down", NULL) : NULL;
  if (!done)
    PyErr_WriteUnraisable(module);
  Py_XDECREF(done);
  Py_XDECREF(module);
}

static void stop(void *ctx, unsigned worker) {
  bocpy_slot *slot = (bocpy_slot *)ctx + worker;
  bocpy_slot_flatten(slot);
  if (slot->own_interp) {
    tear_down();
    bocpy_code_clear(slot->state);
    slot->state = NULL;
    bocpy_lock_take(&creation);
    Py_EndInterpreter(slot->tstate);
    bocpy_lock_give(&creation);
  } else {
    PyThreadState_Clear(slot->tstate);
    PyThreadState_DeleteCurrent();
  }
  bocpy_self = (bocpy_thread){0};
  bocpy_core_memory_leave();
}

boc_worker_hooks bocpy_worker_hooks(bocpy_slot *slots) {
  return (boc_worker_hooks){
      .start = start,
      .stop = stop,
      .before_park = before_park,
      .after_park = after_park,
      .poke = poke,
      .ctx = slots,
  };
}

void bocpy_slots_init(bocpy_slot *slots, unsigned count, bool own_interp,
                      const bocpy_boot *boot) {
  for (unsigned i = 0; i < count; i++) {
    bocpy_slot *slot = &slots[i];
    memset(slot, 0, sizeof(*slot));
    slot->index = i;
    slot->own_interp = own_interp;
    slot->boot = boot;
    slot->living.prev = slot->living.next = &slot->living;
  }
}
