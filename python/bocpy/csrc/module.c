/* Module: bocpy._core's methods, types and life. Each interpreter has a module of its
 * own; the first one, that of the main interpreter, makes what all share. */
#include "acquire.h"
#include "acquired_cowns.h"
#include "batch.h"
#include "code.h"
#include "cown_capsule.h"
#include "cown_core.h"
#include "deferred_decref.h"
#include "definition_log.h"
#include "distributed_hook.h"
#include "extension.h"
#include "failure.h"
#include "failure_report.h"
#include "foreign_ext.h"
#include "fork.h"
#include "grant.h"
#include "grant_object.h"
#include "handle_attributes.h"
#include "in_flight.h"
#include "mailbox.h"
#include "notices.h"
#include "object_watchers.h"
#include "pickled_handle.h"
#include "pinned.h"
#include "program_end.h"
#include "pump.h"
#include "py312_keyword_names.h"
#include "quiesce.h"
#include "reference_cycles.h"
#include "result.h"
#include "run.h"
#include "runtime.h"
#include "scope.h"
#include "shapes.h"
#include "stack_frames.h"
#include "start_and_quiesce.h"
#include "stats.h"
#include "structure.h"
#include "test_hooks.h"
#include "tracebacks.h"
#include "waiting.h"
#include "watch.h"
#include "when.h"
#include "worker.h"
#include "worker_count.h"

#include <boc/boc.h>

static PyObject *module_is_main(PyObject *module, PyObject *unused) {
  (void)unused;
  return PyBool_FromLong(bocpy_state_of(module)->is_main);
}

PyDoc_STRVAR(
    start_doc,
    "start(worker_count=None, module=None, *, backend=None, raise_failures=None)\n"
    "--\n\n"
    "Starts the workers; the first behavior would start them, too.\n\n"
    "`worker_count` is WORKER_COUNT by default. `backend` is 'interpreters' (workers\n"
    "with an interpreter and GIL of their own) or 'threads' (workers of the main\n"
    "interpreter, values by reference). By default BOCPY_BACKEND decides, or else\n"
    "the version of Python. `module` is accepted and not needed. If `raise_failures`\n"
    "is True, `wait` and `quiesce` raise failures that nobody has read. If it is\n"
    "False, as at first, failures are reported as soon as nobody can read them any\n"
    "more. None changes nothing.\n\n"
    "Does nothing if the runtime runs already. Raises RuntimeError if it runs with\n"
    "another worker count or backend, or outside the main interpreter; ValueError or\n"
    "TypeError for an invalid worker count.\n\n"
    ">>> from bocpy import start, wait\n"
    ">>> start(2)\n"
    ">>> start(2)\n"
    ">>> wait()");

static PyMethodDef module_methods[] = {
    {"when", (PyCFunction)(void (*)(void))bocpy_when, METH_FASTCALL, bocpy_when_doc},
    {"_batch_begin", bocpy_batch_begin, METH_NOARGS, NULL},
    {"_batch_end", bocpy_batch_end, METH_O, NULL},
    {"after", (PyCFunction)(void (*)(void))bocpy_after, METH_FASTCALL, bocpy_after_doc},
    {"_at", (PyCFunction)(void (*)(void))bocpy_at, METH_FASTCALL, NULL},
    {"_when_in", (PyCFunction)(void (*)(void))bocpy_when_in, METH_FASTCALL, NULL},
    {"_scope_find", bocpy_scope_find, METH_O, NULL},
    {"_blocked", bocpy_blocked, METH_O, NULL},
    {"_pass_callbacks_on", bocpy_pass_callbacks_on, METH_NOARGS, NULL},
    {"_refuse_in_batch", bocpy_refuse_in_batch, METH_O, NULL},
    {"_behavior_name", bocpy_behavior_name, METH_NOARGS, NULL},
    {"_changes", bocpy_watchers_count, METH_NOARGS, NULL},
    {"_set_propagating", bocpy_set_propagating, METH_NOARGS, NULL},
    {"_in_body", bocpy_in_body, METH_NOARGS, NULL},
    {"_scope_current", bocpy_scope_current, METH_NOARGS, NULL},
    {"_cancelled", bocpy_scope_cancelled, METH_NOARGS, NULL},
    {"whencall", (PyCFunction)(void (*)(void))bocpy_whencall,
     METH_VARARGS | METH_KEYWORDS, bocpy_whencall_doc},
    {"_when_each", (PyCFunction)(void (*)(void))bocpy_when_each, METH_FASTCALL, NULL},
    {"read", bocpy_read, METH_O, bocpy_read_doc},
    {"acquire", (PyCFunction)(void (*)(void))bocpy_acquire_cowns,
     METH_FASTCALL | METH_KEYWORDS, bocpy_acquire_cowns_doc},
    {"_release_here", bocpy_release_here, METH_O, NULL},
    {"_in_flight", bocpy_in_flight, METH_NOARGS, NULL},
    {"start", (PyCFunction)(void (*)(void))bocpy_start, METH_VARARGS | METH_KEYWORDS,
     start_doc},
    {"send", (PyCFunction)(void (*)(void))bocpy_send, METH_FASTCALL | METH_KEYWORDS,
     bocpy_send_doc},
    {"receive", (PyCFunction)(void (*)(void))bocpy_receive,
     METH_FASTCALL | METH_KEYWORDS, bocpy_receive_doc},
    {"drain", bocpy_drain, METH_O, bocpy_drain_doc},
    {"set_tags", bocpy_set_tags, METH_O, bocpy_set_tags_doc},
    {"noticeboard", bocpy_noticeboard, METH_NOARGS, bocpy_noticeboard_doc},
    {"notice_read", (PyCFunction)(void (*)(void))bocpy_notice_read,
     METH_VARARGS | METH_KEYWORDS, bocpy_notice_read_doc},
    {"notice_write", (PyCFunction)(void (*)(void))bocpy_notice_write,
     METH_VARARGS | METH_KEYWORDS, bocpy_notice_write_doc},
    {"notice_delete", bocpy_notice_delete, METH_O, bocpy_notice_delete_doc},
    {"notice_update", (PyCFunction)(void (*)(void))bocpy_notice_update,
     METH_VARARGS | METH_KEYWORDS, bocpy_notice_update_doc},
    {"notice_seed", (PyCFunction)(void (*)(void))bocpy_notice_seed,
     METH_VARARGS | METH_KEYWORDS, bocpy_notice_seed_doc},
    {"_set_distributed_hook", bocpy_set_distributed_hook, METH_O, NULL},
    {"_clear_notices", bocpy_notices_clear, METH_NOARGS, NULL},
    {"_quiesce", (PyCFunction)(void (*)(void))bocpy_quiesce,
     METH_VARARGS | METH_KEYWORDS, NULL},
    {"_pause", bocpy_pause, METH_NOARGS, NULL},
    {"_take_failures", bocpy_take_failures, METH_NOARGS, NULL},
    {"_keeps_failures", bocpy_keeps_failures, METH_NOARGS, NULL},
    {"_pump", bocpy_pump, METH_VARARGS, NULL},
    {"_pump_some", bocpy_pump_some, METH_O, NULL},
    {"_pump_was_ended", bocpy_pump_was_ended, METH_NOARGS, NULL},
    {"_pump_backlog", bocpy_pump_backlog, METH_NOARGS, NULL},
    {"_stats", bocpy_stats, METH_NOARGS, NULL},
    {"_running", bocpy_running, METH_NOARGS, NULL},
    {"_backend", bocpy_backend, METH_NOARGS, NULL},
    {"_worker_count", bocpy_worker_count, METH_NOARGS, NULL},
    {"_is_main", module_is_main, METH_NOARGS, NULL},
    {"_finish", bocpy_finish, METH_NOARGS, NULL},
    {"_current_frames", bocpy_current_frames, METH_NOARGS, NULL},
    {"_trace_take", bocpy_trace_take_entry, METH_VARARGS, NULL},
    {"_current_exceptions", bocpy_current_exceptions, METH_NOARGS, NULL},
    {"_before_fork", bocpy_before_fork, METH_NOARGS, NULL},
    {"_after_fork_in_parent", bocpy_after_fork_in_parent, METH_NOARGS, NULL},
    {"_after_fork_in_child", bocpy_after_fork_in_child, METH_NOARGS, NULL},
    {"_refuses", bocpy_foreign_ext_refuses, METH_O, NULL},
    {"_ask_main", bocpy_foreign_ext_ask_main, METH_O, NULL},
    {"_importing", bocpy_importing, METH_O, NULL},
    {"_watch_changes", bocpy_watchers_watch, METH_O, NULL},
    {"_locked_here", bocpy_locked_here, METH_NOARGS, NULL},
    {"_stand_in", bocpy_stand_in, METH_NOARGS, NULL},
    {"_structure_of", bocpy_structure_of, METH_VARARGS, NULL},
    {"_structure_first_other", bocpy_structure_first_other, METH_O, NULL},
    {"_is_idle", bocpy_is_idle, METH_NOARGS, NULL},
    {"_publish", bocpy_publish, METH_VARARGS, NULL},
    {"_published_since", bocpy_published_since, METH_O, NULL},
    BOCPY_CODEC_METHODS,
    BOCPY_TEST_METHODS{NULL, NULL, 0, NULL},
};

static const bocpy_runtime_callbacks runtime_callbacks = {
    .watch_forks = bocpy_watch_forks,
    .before_restart = bocpy_before_restart,
    .after_the_end = bocpy_after_the_end,
};

/* Process-wide; the main interpreter imports the module first. */
static int process_init(void) {
  bocpy_reference_cycles_init();
  return bocpy_waiting_init() < 0 || bocpy_runtime_init(&runtime_callbacks) < 0 ||
                 bocpy_deferred_init() < 0 || bocpy_failure_init() < 0 ||
                 bocpy_code_init() < 0 || bocpy_acquire_init() < 0 ||
                 bocpy_grant_init() < 0 || bocpy_scope_init() < 0 ||
                 bocpy_timer_init() < 0 || bocpy_log_init() < 0 ||
                 bocpy_worker_init() < 0 || bocpy_keyword_names_init() < 0 ||
                 bocpy_mailbox_init() < 0 || bocpy_notices_init() < 0 ||
                 bocpy_pump_init() < 0 || bocpy_stats_init() < 0 ||
                 bocpy_shapes_init() < 0 || bocpy_pickled_handle_init() < 0 ||
                 bocpy_hooks_init() < 0 || bocpy_cown_core_init() < 0
             ? -1
             : 0;
}

static PyTypeObject *module_make_type(PyObject *module, PyType_Spec *spec) {
  return (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
}

/* A kind of Cown. */
static PyTypeObject *module_make_cown_type(PyObject *module, PyType_Spec *spec) {
  PyObject *base = (PyObject *)bocpy_state_of(module)->cown_type;
  return (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, base);
}

/* Two interpreters may import the module at the same moment, each with a GIL of its
 * own: one of them makes what the process shares, and the other waits. */
static int process_init_once(void) {
  static atomic_int begun; /* 1: being made; 2: made */
  for (;;) {
    int before = 0;
    if (atomic_compare_exchange_strong(&begun, &before, 1)) {
      int status = process_init();
      atomic_store(&begun, status < 0 ? 0 : 2);
      return status;
    }
    if (before == 2)
      return 0;
    Py_BEGIN_ALLOW_THREADS
    boc_yield();
    Py_END_ALLOW_THREADS
  }
}

static int module_exec(PyObject *module) {
  bocpy_state *state = bocpy_state_of(module);
  if (process_init_once() < 0)
    return -1;
  if (!(state->value_name = PyUnicode_InternFromString("value")) ||
      !(state->cown_type = module_make_type(module, &bocpy_cown_spec)) ||
      !(state->capsule_type = module_make_type(module, &bocpy_capsule_spec)) ||
      !(state->when_type = module_make_type(module, &bocpy_when_spec)) ||
      !(state->reading_type = module_make_type(module, &bocpy_reading_spec)) ||
      !(state->completion_queue_type =
            module_make_type(module, &bocpy_completion_queue_spec)) ||
      !(state->grant_type = module_make_type(module, &bocpy_grant_spec)) ||
      !(state->acquired_cowns_type =
            module_make_type(module, &bocpy_acquired_cowns_spec)) ||
      !(state->watch_type = module_make_type(module, &bocpy_watch_spec)) ||
      !(state->scope_type = module_make_type(module, &bocpy_scope_spec)) ||
      !(state->scope_variable = PyContextVar_New("bocpy.scope", NULL)) ||
      !(state->pinned_type = module_make_cown_type(module, &bocpy_pinned_spec)))
    return -1;
  if (PyModule_AddObjectRef(module, "Cown", (PyObject *)state->cown_type) < 0 ||
      PyModule_AddObjectRef(module, "PinnedCown", (PyObject *)state->pinned_type) < 0 ||
      PyModule_AddObjectRef(module, "_CompletionQueue",
                            (PyObject *)state->completion_queue_type) < 0 ||
      PyModule_AddObjectRef(module, "_Grant", (PyObject *)state->grant_type) < 0 ||
      PyModule_AddObjectRef(module, "AcquiredCowns",
                            (PyObject *)state->acquired_cowns_type) < 0 ||
      PyModule_AddObjectRef(module, "_Watch", (PyObject *)state->watch_type) < 0 ||
      PyModule_AddObjectRef(module, "_Scope", (PyObject *)state->scope_type) < 0 ||
      PyModule_AddObjectRef(module, "_scope_variable", state->scope_variable) < 0 ||
      PyModule_AddObjectRef(module, "CownCapsule", (PyObject *)state->capsule_type) <
          0 ||
      PyModule_AddStringConstant(module, "__version__", BOC_VERSION_STRING) < 0 ||
      PyModule_AddStringConstant(module, "_libboc_version", boc_version()) < 0)
    return -1;
  if (bocpy_state_enter(state, module) < 0)
    return -1;
  return bocpy_codec_state_init(&state->codec, &state->python, module);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
  bocpy_state *state = bocpy_state_of(module);
  Py_VISIT(state->registry);
  Py_VISIT(state->cown_type);
  Py_VISIT(state->distributed_hook);
  Py_VISIT(state->notices);
  Py_VISIT(state->pinned_type);
  Py_VISIT(state->capsule_type);
  Py_VISIT(state->when_type);
  Py_VISIT(state->reading_type);
  Py_VISIT(state->completion_queue_type);
  Py_VISIT(state->grant_type);
  Py_VISIT(state->acquired_cowns_type);
  Py_VISIT(state->watch_type);
  Py_VISIT(state->scope_type);
  Py_VISIT(state->scope_variable);
  int status = bocpy_python_traverse(&state->python, visit, arg);
  if (!status)
    status = bocpy_codec_state_traverse(&state->codec, visit, arg);
  return status ? status : bocpy_code_traverse(state, visit, arg);
}

static int module_clear(PyObject *module) {
  bocpy_state *state = bocpy_state_of(module);
  bocpy_freelist_close(&state->handles, PyObject_GC_Del);
  bocpy_freelist_close(&state->schedulers, PyObject_Free);
  bocpy_attributes_clear(state);
  bocpy_code_clear(state);
  bocpy_watchers_clear(state);
  bocpy_codec_state_clear(&state->codec);
  Py_CLEAR(state->value_name);
  Py_CLEAR(state->latest_int);
  Py_CLEAR(state->distributed_hook);
  Py_CLEAR(state->notices);
  bocpy_python_clear(&state->python);
  Py_CLEAR(state->when_type);
  Py_CLEAR(state->reading_type);
  Py_CLEAR(state->completion_queue_type);
  Py_CLEAR(state->grant_type);
  Py_CLEAR(state->acquired_cowns_type);
  Py_CLEAR(state->watch_type);
  Py_CLEAR(state->scope_type);
  Py_CLEAR(state->scope_variable);
  Py_CLEAR(state->capsule_type);
  Py_CLEAR(state->pinned_type);
  Py_CLEAR(state->cown_type);
  return 0;
}

static void module_free(void *module) {
  bocpy_state_leave(bocpy_state_of(module));
  module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    BOCPY_MODULE_SLOTS{0, NULL},
};

PyModuleDef bocpy_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "bocpy._core",
    .m_doc = "What of bocpy is C: cowns, behaviors, workers.",
    .m_size = sizeof(bocpy_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&bocpy_module); }
