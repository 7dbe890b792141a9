/* Python calls: every Python function that C calls by name, in one list.
 *
 * What is easier to write in Python (shipping functions, explaining errors, setting up
 * an interpreter) is written there, and C calls it only through this file.
 * docs/architecture.md has the list as a table, with the caller and the reason of each.
 * An attribute is looked up when it is first needed, and kept in the interpreter's
 * state.
 *
 * Threads: attached to the interpreter of `state`.
 */
#ifndef BOCPY_PYTHON_CALLS_H
#define BOCPY_PYTHON_CALLS_H

#include "sync.h"

/* X(name here, module, attribute) */
#define BOCPY_PYTHON_MAP(X)                                                            \
  X(ARGUMENTS_COMPLETE, "bocpy._arguments", "complete")                                \
  X(BEHAVIOR_TRACEBACK, "bocpy._failure.exception_codec", "BehaviorTraceback")         \
  X(BODY_CHECK, "bocpy._body", "check_body")                                           \
  X(CODEC_ENCODING_OF, "bocpy._codec.class_encodings", "encoding_of")                  \
  X(CONTEXT_ADD, "bocpy._context", "add")                                              \
  X(BODY_NORMALIZE, "bocpy._body", "normalize")                                        \
  X(CANCELLED_ERROR, "bocpy._failure.cancelled_error", "CancelledError")               \
  X(EXPLAIN_UNSHIPPABLE, "bocpy._explain_unshippable", "explain")                      \
  X(FAILURES_PACK, "bocpy._failure.exception_codec", "pack")                           \
  X(FAILURES_SURVIVORS, "bocpy._failure.exception_codec", "_survivors")                \
  X(FAILURES_UNPACK, "bocpy._failure.exception_codec", "unpack")                       \
  X(FAILURES_OF_HANDLER, "bocpy._failure.exception_codec", "raised_by_handler")        \
  X(FAILURES_REPORT, "bocpy._failure.report_unread", "report")                         \
  X(FAILURES_COUNTED, "bocpy._failure.report_unread", "report_counted")                \
  X(ANSWER_REQUEST, "bocpy._main_interpreter.requests", "answer")                      \
  X(LOOPS_AWAIT, "bocpy._loops", "await_cown")                                         \
  X(LOOPS_ENTER, "bocpy._loops", "enter_cown")                                         \
  X(LOOPS_EXIT, "bocpy._loops", "exit_cown")                                           \
  X(NAMESPACES_IMPORT, "bocpy._global_namespaces", "import_module")                    \
  X(NOTICES_REMOVED, "bocpy._notice_removed", "REMOVED")                               \
  X(SHIP_BUILD, "bocpy._ship", "build")                                                \
  X(SHIP_CATCH_UP, "bocpy._ship", "catch_up")                                          \
  X(SHIP_DESCRIBE, "bocpy._ship", "describe")                                          \
  X(SHIP_DUMPS, "bocpy._ship", "dumps")                                                \
  X(SHIP_ENTER, "bocpy._ship", "enter")                                                \
  X(SHIP_EXPORT_CLASS, "bocpy._ship", "export_class")                                  \
  X(SHIP_FIND_CLASS, "bocpy._ship", "find_class")                                      \
  X(SHIP_LEAVE, "bocpy._ship", "leave")                                                \
  X(SHIP_LOADS, "bocpy._ship", "loads")                                                \
  X(SHIP_MISSING, "bocpy._ship", "MISSING")                                            \
  X(SHIP_REFRESH, "bocpy._ship", "refresh")                                            \
  X(SHIP_PASS_ON, "bocpy._ship", "pass_on")                                            \
  X(SHIP_POLL, "bocpy._ship", "poll")                                                  \
  X(SHIP_SNAPSHOT_HERE, "bocpy._ship", "snapshot_here")                                \
  X(TASKS_HELD_HERE, "bocpy._tasks", "held_here")                                      \
  X(TASKS_LIBRARY_HERE, "bocpy._tasks", "library_here")                                \
  X(THREAD_ENDS_WATCH, "bocpy._thread_ends", "watch")                                  \
  X(THREADS_ALIVE, "bocpy._threads", "alive")                                          \
  X(THREADS_END_CHILD, "bocpy._threads", "end_child")                                  \
  X(THREADS_ENTER, "bocpy._threads", "enter")                                          \
  X(THREADS_LEAVE, "bocpy._threads", "leave")                                          \
  X(THREADS_WORKER_NAME, "bocpy._threads", "worker_name")                              \
  X(WORKER_FACTS, "bocpy._worker", "facts")                                            \
  X(WORKER_PREPARE, "bocpy._worker", "prepare")                                        \
  X(WORKER_SET_UP, "bocpy._worker", "set_up")                                          \
  X(WORKER_TEAR_DOWN, "bocpy._worker", "tear_down")                                    \
  X(COPYREG_TABLE, "copyreg", "dispatch_table")                                        \
  X(OS_GETPID, "os", "getpid")                                                         \
  X(SIGNAL_SET_WAKEUP_FD, "_signal", "set_wakeup_fd")                                  \
  X(SYS_IS_FINALIZING, "sys", "is_finalizing")                                         \
  X(THREADING_CURRENT_THREAD, "threading", "current_thread")                           \
  X(SYS_SETPROFILE, "sys", "setprofile")                                               \
  X(SYS_SETTRACE, "sys", "settrace")                                                   \
  X(THREADING_GETPROFILE, "threading", "getprofile")                                   \
  X(THREADING_GETTRACE, "threading", "gettrace")                                       \
  X(THREADING_MAIN_THREAD, "threading", "main_thread")                                 \
  X(TRACEMALLOC_IS_TRACING, "_tracemalloc", "is_tracing")

typedef enum bocpy_python {
#define BOCPY_PYTHON_NAME(name, module, attribute) BOCPY_PY_##name,
  BOCPY_PYTHON_MAP(BOCPY_PYTHON_NAME)
#undef BOCPY_PYTHON_NAME
      BOCPY_PYTHON_COUNT
} bocpy_python;

/* Set once, by the thread that needs it first. On free-threaded builds two threads may
 * try at the same time. */
typedef _Atomic(PyObject *) bocpy_once;

/* What an interpreter has looked up so far; all NULL at first. */
typedef struct bocpy_python_cache {
  bocpy_once found[BOCPY_PYTHON_COUNT];
} bocpy_python_cache;

/* Borrowed: the attribute itself. NULL with an exception. */
PyObject *bocpy_python_get(bocpy_python_cache *cache, bocpy_python which);

/* Calls it with the arguments that `format` (Py_BuildValue's, in parentheses) makes; a
 * NULL `format` means none. A new reference, or NULL with an exception. `cache` may be
 * NULL where the interpreter has no state yet. */
PyObject *bocpy_python_call(bocpy_python_cache *cache, bocpy_python which,
                            const char *format, ...);

int bocpy_python_traverse(bocpy_python_cache *cache, visitproc visit, void *arg);
void bocpy_python_clear(bocpy_python_cache *cache);

#endif
