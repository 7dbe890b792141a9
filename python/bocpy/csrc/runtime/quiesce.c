/* Quiesce: see quiesce.h. */
#include "quiesce.h"

#include "pump.h"

static void quiesce_signal_waiter(void *waiter) { bocpy_waiter_signal(waiter); }

int bocpy_wait_quiescent(boc_runtime *runtime, int64_t timeout) {
  bocpy_waiter *waiter = bocpy_waiter_new();
  if (!waiter)
    return -1;
  boc_quiesce_node node = {.done = quiesce_signal_waiter, .ctx = waiter};
  boc_runtime_on_quiescent(runtime, &node);
  int status = bocpy_pump_wait(waiter, timeout);
  PyObject *pending = status < 0 ? PyErr_GetRaisedException() : NULL;
  bool cancelled = boc_runtime_quiesce_cancel(runtime, &node);
  if (status != 0 && !cancelled)
    bocpy_waiter_settle(waiter);
  bocpy_waiter_free(waiter);
  if (pending)
    PyErr_SetRaisedException(pending);
  return status;
}

void bocpy_quiesce_watch(boc_quiesce_node *node) {
  boc_runtime *runtime = bocpy_runtime_use();
  if (!runtime) {
    node->done(node->ctx);
    return;
  }
  boc_runtime_on_quiescent(runtime, node);
  bocpy_runtime_unuse();
}

/* A runtime that ends is quiescent first: then it has notified the node. */
bool bocpy_quiesce_unwatch(boc_quiesce_node *node) {
  boc_runtime *runtime = bocpy_runtime_use();
  if (!runtime)
    return false;
  bool taken = boc_runtime_quiesce_cancel(runtime, node);
  bocpy_runtime_unuse();
  return taken;
}

static void quiesce_note(void *idle) { atomic_store((atomic_bool *)idle, true); }

PyObject *bocpy_is_idle(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  atomic_bool idle = false;
  boc_quiesce_node node = {.done = quiesce_note, .ctx = &idle};
  bocpy_quiesce_watch(&node);
  bocpy_quiesce_unwatch(&node);
  return PyBool_FromLong(idle);
}
