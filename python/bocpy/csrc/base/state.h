/* State: what the module keeps per interpreter, per thread, and how to find either.
 *
 * Threads: a bocpy_state belongs to its interpreter; only threads that are attached to
 * that interpreter use it. On free-threaded builds `mutex` guards what several threads
 * may use. A bocpy_thread belongs to its thread.
 */
#ifndef BOCPY_STATE_H
#define BOCPY_STATE_H

#include "codec_state.h"
#include "freelist.h"

typedef struct bocpy_worker_slot bocpy_worker_slot;
typedef struct bocpy_pumping bocpy_pumping;
typedef struct bocpy_code bocpy_code;

typedef struct bocpy_entry bocpy_entry;
typedef struct bocpy_template bocpy_template;
typedef struct bocpy_view bocpy_view;

typedef struct bocpy_state {
  PyObject *module; /* borrowed: the module owns this */
  PyInterpreterState *interp;
  PyObject *registry; /* the interpreter's dict, in which the state is found, or NULL */
  bool is_main;       /* whether it is the main interpreter */
  PyTypeObject *cown_type;
  PyTypeObject *pinned_type;
  PyTypeObject *capsule_type;
  PyTypeObject *when_type;
  PyTypeObject *reading_type;
  PyTypeObject *completion_queue_type;
  PyTypeObject *grant_type;
  PyTypeObject *acquired_cowns_type;
  PyTypeObject *watch_type;
  PyTypeObject *scope_type;
  PyObject *scope_variable;   /* a context variable: the current _Scope, or None */
  PyObject *distributed_hook; /* the function of distributed_hook.h, or NULL */
  PyObject *value_name;       /* the interned str 'value' */
  PyObject *notices;          /* cached notices (notice_cache.h), or NULL */
  bocpy_python_cache python;  /* the Python functions that C calls */
  bool propagates;            /* context variables are registered (_context.py) */
  /* in the interpreter of a worker: the snapshot of globals of the body that runs, or
   * NULL; the call of the body has the reference (run.c) */
  PyObject *body_globals;
  size_t caught_up; /* how many records were applied (definition_log.h) */
  int dict_watcher, type_watcher, function_watcher; /* 0: none (object_watchers.h) */
  bocpy_codec_state codec;
  bocpy_address_map attributes; /* by handle: its dict, owned (handle_attributes.h) */
  /* the int that was last stored in a cown, or NULL, and its value (cown.c) */
  PyObject *latest_int;
  int32_t latest_number;
  bocpy_freelist handles;    /* of cowns */
  bocpy_freelist schedulers; /* what when() returns */

  bocpy_mutex mutex; /* guards the map and the templates on free-threaded builds */
  bocpy_address_map
      entries;         /* by code object: what is known about its functions (code.h) */
  bocpy_entry *latest; /* the entry that was found last, or NULL; not without a GIL */
  bocpy_template *templates; /* by code id: the function that runs it here */
  size_t templates_capacity;
} bocpy_state;

enum { BOCPY_THREAD_NAME_MAX = 40 };

typedef struct bocpy_thread {
  bocpy_worker_slot *slot;       /* of a worker; NULL on other threads */
  unsigned bodies;               /* how many bodies are on the stack */
  const struct bocpy_code *code; /* of the innermost that runs (code.h), else NULL */
  unsigned importing;            /* how many modules a worker imports here */
  bocpy_view *view;              /* the notices as the body sees them (notices.h) */
  bocpy_pumping *pumping;      /* while behaviors of the lane run (pump.h), else NULL */
  struct boc_runtime *runtime; /* of the body that is being pumped, else NULL */
  bool waits_shortly;          /* its last wait was short (waiting.c) */
  unsigned char woken_beside;  /* wakes in a row on the waker's processor (waiting.c) */
  unsigned char spins_to_skip, spins_missed; /* its back-off (waiting.c) */
  bool end_is_watched; /* its end gives back its cowns (bocpy._thread_ends) */
  char name[BOCPY_THREAD_NAME_MAX]; /* in UTF-8, maybe cut, if its end is watched */
  /* the thread is between the hooks of a fork and has the lock of runtime.c */
  bool forking;
  /* the thread was a worker, and is in the child of a fork in a body */
  bool left_behind;
  /* the thread was a worker, and runs finalizers of what it kept for itself */
  bool worker_ends;
  /* how many waits for a cown, and uses of the runtime by a thread that waits for it,
   * are on the stack: signals are handled in them */
  unsigned waits_for_cowns, runtime_uses;
  /* how many calls that schedule, and blocks of atomically(), are on the stack: hooks
   * and finalizers run in them */
  unsigned runtime_enters;
  bool freeing;          /* a buffer with cowns in it is being freed (buffer.c) */
  bocpy_buffer *freed;   /* buffers to free after that one */
  unsigned decref_depth; /* how many deallocations are nested on the stack (value.c) */
  struct bocpy_box *deferred; /* objects to release after those */
  /* what the block of atomically() has collected (batch.h), or NULL */
  struct bocpy_batch *batch;
  /* how many calls on the stack are no part of the body that runs, or ran: they may be
   * in another interpreter (bocpy_go_away) */
  unsigned away;
  /* the cown that a callback may read (result.c), or NULL */
  struct boc_cown *lent;
  PyInterpreterState *interp;
  bocpy_state *state;            /* of `interp`, if `epoch` is the current one */
  const PyTypeObject *cown_type; /* its Cown */
  size_t epoch;
} bocpy_thread;

extern BOCPY_THREAD_LOCAL bocpy_thread bocpy_self;

/* What belongs to a thread only in the interpreter that it leaves for a while. */
typedef struct bocpy_left {
  bocpy_worker_slot *slot;
  struct bocpy_batch *batch;
} bocpy_left;

/* The thread enters another interpreter. While it is there it is no worker, which has a
 * GIL that guards its slot, it schedules what it schedules at once, and it keeps no
 * view of the notices: the body would read and free objects of that interpreter. */
static inline bocpy_left bocpy_go_away(void) {
  const bocpy_left left = {bocpy_self.slot, bocpy_self.batch};
  bocpy_self.slot = NULL;
  bocpy_self.batch = NULL;
  bocpy_self.away++;
  return left;
}

static inline void bocpy_come_back(bocpy_left left) {
  bocpy_self.away--;
  bocpy_self.batch = left.batch;
  bocpy_self.slot = left.slot;
}

/* _in_body(): whether this thread runs a body. */
PyObject *bocpy_in_body(PyObject *module, PyObject *unused);

/* From now on the end of this thread gives back what it holds by acquire(): nobody else
 * could, and another thread may get the address of its bocpy_self. Sets its `name`. -1
 * with an exception. */
int bocpy_watch_thread_end(void);

/* ---- the process ----------------------------------------------------------------- */

/* Whether values are plain references: the backend is `threads`, or would be `threads`
 * if the runtime started now. Any thread. */
extern atomic_bool bocpy_threads_backend;
static inline bool bocpy_by_reference(void) {
  /* relaxed (owner): changes only while no worker exists */
  return atomic_load_explicit(&bocpy_threads_backend, memory_order_relaxed);
}

/* Finds out which thread is the main one, unless that is known. -1 with an
 * exception. */
int bocpy_main_thread_find(void);

/* Whether the calling thread is the main one; always false before it was found. Any
 * thread. */
bool bocpy_main_thread_is_here(void);

/* For the child of a fork, whose only thread is the main one. */
void bocpy_main_thread_forget(void);

/* How often the process has forked: what an earlier process made belongs to the parent.
 * Any thread. */
extern atomic_size_t bocpy_forks;

/* 0, or -1 with RuntimeError: the calling thread is not in the main interpreter. */
int bocpy_require_main(const char *what);

/* ---- interpreters ---------------------------------------------------------------- */

extern struct PyModuleDef bocpy_module;

/* The state of the interpreter that this thread is attached to, or NULL with an
 * exception if bocpy is not imported there. */
bocpy_state *bocpy_state_get(void);

/* The same, for a thread that has called bocpy_state_get in this interpreter before;
 * NULL without an exception on other threads. */
bocpy_state *bocpy_state_peek(void);

/* The same, found by the type of an object: NULL, too, if the type is not exactly the
 * Cown of that interpreter. Each interpreter has a Cown of its own. */
bocpy_state *bocpy_state_of_cown(const PyTypeObject *type);

/* Lets bocpy_state_peek find the state of the interpreter that this thread is in. */
void bocpy_state_remember(bocpy_state *state);

static inline bocpy_state *bocpy_state_of(PyObject *module) {
  return (bocpy_state *)PyModule_GetState(module);
}

/* From enter to leave, bocpy_state_get finds `state` in its interpreter. -1 with an
 * exception. */
int bocpy_state_enter(bocpy_state *state, PyObject *module);
void bocpy_state_leave(bocpy_state *state);

/* Refuses to make something at the import of a module in a worker, where each worker
 * would make one of its own. 0, or -1 with RuntimeError. */
int bocpy_raise_importing(const char *what); /* -1 with that error */
static inline int bocpy_refuse_importing(const char *what) {
  return bocpy_self.importing ? bocpy_raise_importing(what) : 0;
}

/* Entry for the module's method table: adds to the number of modules that this thread
 * imports, and returns it. */
PyObject *bocpy_importing(PyObject *module, PyObject *change);

#endif
