/* What a behavior with a Python body needs in C, so that it costs one call into C and
 * one out of it.
 *
 * A behavior carries a key, a number from 1 that the caller chooses. The behavior's
 * body calls py_glue_run with the key. If the body does not run (it was cancelled or
 * freed), py_glue_dropped is called instead: exactly one of the two is called for each
 * key.
 *
 * A ref is the address of a cown plus its mode (cowns are aligned to 4 bytes at least).
 *
 * Threads: py_glue_run on a worker, or on the thread that pumps a lane; the other
 * callbacks on any. */
#ifndef LIBBOC_GLUE_H
#define LIBBOC_GLUE_H

#if defined(_MSC_VER)
#define GLUE_THREAD_LOCAL __declspec(thread)
#else
#define GLUE_THREAD_LOCAL _Thread_local
#endif

#define GLUE_MODES ((uintptr_t)3)
#define GLUE_INLINE 16 /* accesses that need no memory of their own */

static void py_glue_run(boc_behavior *self, uintptr_t key);
static void py_glue_dropped(uintptr_t key);
static void py_glue_done(uintptr_t key, bool ran);

static GLUE_THREAD_LOCAL boc_behavior *glue_running;

/* The behavior whose Python body this thread runs, or NULL. */
static boc_behavior *glue_current(void) { return glue_running; }

static void glue_body(boc_behavior *self, void *env) {
  uintptr_t *key = env;
  uintptr_t mine = *key;
  boc_behavior *outer = glue_running; /* a body may pump a lane */
  *key = 0;                           /* by which glue_drop knows that the body ran */
  glue_running = self;
  py_glue_run(self, mine);
  glue_running = outer;
}

static void glue_drop(void *env) {
  uintptr_t key = *(uintptr_t *)env;
  if (key != 0) {
    py_glue_dropped(key);
  }
}

static void glue_done(void *ctx, bool ran) { py_glue_done((uintptr_t)ctx, ran); }

static const boc_cown_type glue_cown_type = {"python", 0, NULL, NULL, NULL, NULL};
static const boc_behavior_type glue_type = {"python", glue_body, glue_drop, NULL};

/* A cown without a payload: its value stays in Python. NULL if out of memory. */
static boc_cown *glue_cown(void) {
  boc_cown *cown = NULL;
  return boc_cown_new(&glue_cown_type, &cown) == BOC_OK ? cown : NULL;
}

static void glue_unpack(const uintptr_t *refs, size_t count, boc_access *accesses) {
  for (size_t i = 0; i < count; i++) {
    accesses[i].cown = (boc_cown *)(refs[i] & ~GLUE_MODES);
    accesses[i].mode = (boc_mode)(refs[i] & GLUE_MODES);
  }
}

/* A behavior over `refs`, not scheduled yet. `scope` may be NULL. With `done`,
 * py_glue_done is called when it is over. Statuses as of boc_behavior_new. */
static boc_status glue_new(boc_runtime *runtime, uintptr_t key, const uintptr_t *refs,
                           size_t count, boc_scope *scope, bool done,
                           boc_behavior **out_behavior) {
  boc_access few[GLUE_INLINE];
  boc_access *accesses = few;
  if (count > GLUE_INLINE) {
    accesses =
        count <= SIZE_MAX / sizeof *accesses ? malloc(count * sizeof *accesses) : NULL;
    if (accesses == NULL) {
      return BOC_NO_MEMORY;
    }
  }
  glue_unpack(refs, count, accesses);
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  options.scope = scope;
  options.done = done ? glue_done : NULL;
  options.ctx = (void *)key;
  boc_behavior *made = NULL;
  boc_status status =
      boc_behavior_new_with(runtime, &glue_type, sizeof key, accesses, count,
                            scope != NULL || done ? &options : NULL, &made);
  if (accesses != few) {
    free(accesses);
  }
  if (status == BOC_OK) {
    *(uintptr_t *)boc_behavior_env(made) = key;
    *out_behavior = made;
  }
  return status;
}

/* Makes a behavior as above, and schedules it. */
static boc_status glue_when(boc_runtime *runtime, uintptr_t key, const uintptr_t *refs,
                            size_t count, boc_scope *scope) {
  boc_behavior *made;
  boc_status status = glue_new(runtime, key, refs, count, scope, false, &made);
  if (status == BOC_OK) {
    boc_behavior_schedule(made);
  }
  return status;
}

/* A behavior that lasts until Python code completes it. A handler of a signal that
 * raises may interrupt that code between any two steps; so each function below does its
 * step once, however often it is called. */
typedef struct glue_grant {
  boc_behavior *behavior; /* from glue_defer on */
  bool scheduled;
  bool complete;
} glue_grant;

/* Makes a behavior with `done` as above, and schedules it, or runs it here. */
static boc_status glue_acquire(boc_runtime *runtime, uintptr_t key,
                               const uintptr_t *refs, size_t count, glue_grant *grant) {
  boc_behavior *made;
  boc_status status = glue_new(runtime, key, refs, count, NULL, true, &made);
  if (status == BOC_OK) {
    grant->scheduled = true;
    boc_behavior_schedule_or_run(made);
  }
  return status;
}

/* In the body. */
static void glue_defer(boc_behavior *self, glue_grant *grant) {
  if (grant->behavior == NULL) {
    boc_behavior_defer(self);
    grant->behavior = self;
  }
}

static void glue_complete(glue_grant *grant) {
  if (grant->behavior != NULL && !grant->complete) {
    grant->complete = true;
    boc_behavior_complete(grant->behavior);
  }
}

/* As glue_when, `ns` from now, or at a time. */
static boc_status glue_later(boc_runtime *runtime, uintptr_t key, const uintptr_t *refs,
                             size_t count, boc_scope *scope, int64_t ns, bool absolute,
                             boc_timer **out_timer) {
  boc_behavior *made;
  boc_status status = glue_new(runtime, key, refs, count, scope, false, &made);
  if (status == BOC_OK) {
    status = absolute ? boc_runtime_at(runtime, (uint64_t)ns, made, out_timer)
                      : boc_runtime_after(runtime, ns, made, out_timer);
    if (status != BOC_OK) {
      boc_behavior_free(made);
    }
  }
  return status;
}

/* Sets `*scheduled` as it schedules them. */
static boc_status glue_schedule_all(boc_behavior *const *behaviors, size_t count,
                                    bool *scheduled) {
  boc_status status = boc_behavior_schedule_all(behaviors, count);
  *scheduled = status == BOC_OK;
  return status;
}

/* Frees a behavior that was not scheduled, once. */
static void glue_free(boc_behavior **behavior) {
  boc_behavior *made = *behavior;
  *behavior = NULL;
  if (made != NULL) {
    boc_behavior_free(made);
  }
}

/* Each schedules a behavior and sets the pointer to NULL. The second says whether it ran
 * the behavior here. */
static bool glue_schedule(boc_behavior **behavior) {
  boc_behavior *made = *behavior;
  *behavior = NULL;
  boc_behavior_schedule(made);
  return false;
}

static bool glue_schedule_or_run(boc_behavior **behavior) {
  boc_behavior *made = *behavior;
  *behavior = NULL;
  return boc_behavior_schedule_or_run(made);
}

static void glue_timer_drop(boc_timer **timer) {
  if (*timer != NULL) {
    boc_timer_drop(*timer);
  }
}

#endif
