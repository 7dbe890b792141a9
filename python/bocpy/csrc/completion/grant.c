/* Grant: see grant.h.
 *
 * The asker and the behavior have a reference each; the behavior drops its own when it
 * has finished and released its cowns. `list_lock` guards the list of all grants that
 * are not over, which the end of the program and the child of a fork need. */
#include "grant.h"

#include <stdlib.h>

#include "placement.h"
#include "pump.h"
#include "reader_copies.h"
#include "runtime.h"
#include "status.h"
#include "worker.h"

#include <boc/scope.h>

enum { WAITING, GRANTED, ENTERED, OVER, ABANDONED };

static bocpy_lock list_lock;
static bocpy_grant head = {.prev = &head, .next = &head};
static atomic_int entered; /* hint: how many grants tasks hold */

int bocpy_grant_init(void) { return list_lock ? 0 : bocpy_lock_init(&list_lock); }

static void link_grant(bocpy_grant *grant) {
  bocpy_lock_take(&list_lock);
  grant->next = &head;
  grant->prev = head.prev;
  head.prev->next = grant;
  head.prev = grant;
  bocpy_lock_give(&list_lock);
}

static void unlink_grant(bocpy_grant *grant) {
  bocpy_lock_take(&list_lock);
  grant->prev->next = grant->next;
  grant->next->prev = grant->prev;
  grant->next = grant->prev = grant;
  bocpy_lock_give(&list_lock);
}

/* ---- the behavior ---------------------------------------------------------------- */

void bocpy_grant_hold(bocpy_grant *grant) { atomic_fetch_add(&grant->references, 1); }

void bocpy_grant_drop(bocpy_grant *grant) {
  if (atomic_fetch_sub(&grant->references, 1) != 1)
    return;
  bocpy_completion_queue_drop(grant->completion.queue);
  free(grant);
}

static void grant_completion_drop(bocpy_completion *self) {
  bocpy_grant_drop((bocpy_grant *)self);
}

/* A scope counts behaviors that were made in it. This one is never scheduled and freed
 * in the end, so that a cancelled scope cannot keep it from running, and the asker is
 * always notified. */
static void token_body(boc_behavior *self, void *env) {
  (void)self;
  (void)env;
}

static const boc_behavior_type token_type = {.name = "bocpy.grant_in_scope",
                                             .body = token_body};

static boc_status token_new(boc_runtime *runtime, boc_scope *scope,
                            boc_behavior **out_token) {
  if (!scope)
    return BOC_OK;
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  options.scope = scope;
  return boc_behavior_new_with(runtime, &token_type, 0, NULL, 0, &options, out_token);
}

static void be_over(void *ctx, bool ran) {
  bocpy_grant *grant = ctx;
  (void)ran;
  if (grant->token)
    boc_behavior_free(grant->token);
  atomic_store(&grant->over, true);
  bocpy_grant_drop(grant);
}

static bool is_read(const boc_behavior *self, uint32_t i) {
  return boc_behavior_mode(self, i) == BOC_READ;
}

/* Makes the values neutral where they live, so that the asker need not wait for this
 * interpreter. */
static void leave_behind(boc_behavior *self, uint32_t count) {
  bocpy_worker_slot *slot = bocpy_worker_slot_here();
  if (!slot || !slot->own_interp)
    return;
  for (uint32_t i = 0; i < count; i++) {
    bocpy_value *value = bocpy_value_of(boc_behavior_cown(self, i));
    if (bocpy_value_kind(value) != BOCPY_BOXED || value->slot != slot)
      continue;
    if (is_read(self, i))
      bocpy_value_lend_here(value);
    else
      bocpy_value_encode(value);
  }
}

/* Deferred first: once the asker sees GRANTED, it may complete the behavior. */
static void be_granted(boc_behavior *self, void *env) {
  bocpy_grant *grant = *(bocpy_grant **)env;
  leave_behind(self, grant->cowns);
  int expected = WAITING;
  boc_behavior_defer(self);
  if (!atomic_compare_exchange_strong(&grant->state, &expected, GRANTED)) {
    boc_behavior_complete(self);
    return;
  }
  if (grant->thread == &bocpy_self && grant->asking)
    grant->at_once = true;
  else
    grant->told(grant);
}

static int grant_admit(boc_behavior *self, void *env, unsigned worker, bool overdue) {
  (void)worker;
  const bocpy_grant *grant = *(bocpy_grant **)env;
  return bocpy_admit(self, grant->cowns, true, overdue);
}

static const boc_behavior_type shipped_type = {
    .name = "bocpy.grant", .body = be_granted, .admit = grant_admit};
static const boc_behavior_type plain_type = {.name = "bocpy.grant", .body = be_granted};

/* ---- asking ---------------------------------------------------------------------- */

/* Whether the values can be read without waiting for another interpreter: a hint, which
 * costs a wait if it is wrong. */
static bool is_at_hand(const boc_access *accesses, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const bocpy_value *value = bocpy_value_of(accesses[i].cown);
    if (value->pinned && !bocpy_main_thread_is_here())
      return false;
    if (!boc_cown_busy(accesses[i].cown) && bocpy_value_kind(value) == BOCPY_BOXED)
      return false;
  }
  return true;
}

static boc_status grant_schedule(bocpy_grant *grant, boc_runtime *runtime,
                                 const boc_access *accesses, uint32_t count) {
  bool pinned = false;
  for (uint32_t i = 0; i < count;
       i++) /* all `count` are there; the analyzer loses it */
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
    pinned = pinned || bocpy_value_of(accesses[i].cown)->pinned;
  const boc_behavior_type *type =
      pinned || bocpy_by_reference() ? &plain_type : &shipped_type;
  boc_behavior_options options = BOC_BEHAVIOR_OPTIONS_INIT;
  options.done = be_over;
  options.ctx = grant;
  boc_status status =
      boc_behavior_new_with(runtime, type, sizeof(bocpy_grant *), accesses, count,
                            &options, &grant->behavior);
  if (status != BOC_OK)
    return status;
  *(bocpy_grant **)boc_behavior_env(grant->behavior) = grant;
  link_grant(grant);
  if (is_at_hand(accesses, count)) {
    grant->asking = true;
    boc_behavior_schedule_or_run(grant->behavior);
    grant->asking = false;
  } else {
    boc_behavior_schedule(grant->behavior);
  }
  return BOC_OK;
}

static boc_status schedule_with(bocpy_grant *grant, boc_runtime *runtime,
                                const boc_access *accesses, boc_cown *result) {
  uint32_t count = grant->cowns;
  if (!result)
    return grant_schedule(grant, runtime, accesses, count);
  boc_access *all = malloc((count + 1) * sizeof(*all));
  if (!all)
    return BOC_NO_MEMORY;
  for (uint32_t i = 0; i < count; i++)
    all[i] = accesses[i];
  all[count] = (boc_access){result, BOC_FRESH};
  boc_status status = grant_schedule(grant, runtime, all, count + 1);
  free(all);
  return status;
}

bocpy_grant *bocpy_grant_new(const boc_access *accesses, uint32_t count,
                             boc_cown *result, boc_scope *scope,
                             void (*told)(bocpy_grant *self),
                             bocpy_completion_queue *queue, void *ctx) {
  boc_runtime *runtime = bocpy_runtime_enter(result != NULL);
  if (!runtime)
    return NULL;
  bocpy_grant *grant = calloc(1, sizeof(*grant));
  boc_status status = BOC_NO_MEMORY;
  if (grant) {
    grant->completion.queue = queue ? bocpy_completion_queue_hold(queue) : NULL;
    grant->completion.drop = grant_completion_drop;
    grant->told = told;
    grant->ctx = ctx;
    grant->thread = &bocpy_self;
    grant->cowns = count;
    grant->filled = result != NULL;
    atomic_store(&grant->references, 2);
    status = token_new(runtime, scope, &grant->token);
    if (status == BOC_OK)
      status = schedule_with(grant, runtime, accesses, result);
    if (status != BOC_OK && grant->token)
      boc_behavior_free(grant->token);
  }
  bocpy_runtime_leave();
  if (status == BOC_OK)
    return grant;
  if (grant)
    bocpy_completion_queue_drop(grant->completion.queue);
  free(grant);
  bocpy_status_raise(status, "await");
  return NULL;
}

/* ---- holding --------------------------------------------------------------------- */

void bocpy_grant_enter(bocpy_grant *grant) {
  int expected = GRANTED;
  if (!atomic_compare_exchange_strong(&grant->state, &expected, ENTERED))
    return;
  atomic_fetch_add(&entered, 1);
  for (uint32_t i = 0; i < grant->cowns; i++) {
    if (is_read(grant->behavior, i))
      continue;
    bocpy_value *value = bocpy_value_of(boc_behavior_cown(grant->behavior, i));
    bocpy_value_hold_to_write(value);
    bocpy_value_hold(value, (const bocpy_thread *)(const void *)grant);
  }
}

static void grant_leave(bocpy_grant *grant) {
  atomic_fetch_sub(&entered, 1);
  for (uint32_t i = 0; i < grant->cowns; i++) {
    if (is_read(grant->behavior, i))
      continue;
    bocpy_value *value = bocpy_value_of(boc_behavior_cown(grant->behavior, i));
    if (!grant->forgotten)
      bocpy_value_leave(value);
    bocpy_value_hold(value, NULL);
  }
}

/* Waits until the worker that granted it has executed its last instructions, so that
 * nobody finds the cowns in use afterwards. A callback does not wait: it is one of
 * those instructions. */
static void give_back(bocpy_grant *grant) {
  boc_behavior_complete(grant->behavior);
  if (bocpy_self.bodies || atomic_load(&grant->over))
    return;
  Py_BEGIN_ALLOW_THREADS
  while (!atomic_load(&grant->over))
    boc_yield();
  Py_END_ALLOW_THREADS
}

bool bocpy_grant_end(bocpy_grant *grant) {
  int state = atomic_load(&grant->state);
  int next;
  do {
    if (state == OVER || state == ABANDONED)
      return state == OVER;
    next = state == WAITING ? ABANDONED : OVER;
  } while (!atomic_compare_exchange_weak(&grant->state, &state, next));
  bocpy_completion_disown(&grant->completion);
  unlink_grant(grant);
  PyObject *pending = PyErr_GetRaisedException();
  if (state == ENTERED)
    grant_leave(grant);
  if (next == OVER && !grant->forgotten)
    give_back(grant);
  bocpy_runtime_settle();
  if (pending)
    PyErr_SetRaisedException(pending);
  return next == OVER;
}

int bocpy_grant_mode(const bocpy_grant *grant, const boc_cown *core) {
  int mode = -1;
  for (uint32_t i = 0; i < grant->cowns; i++)
    if (boc_behavior_cown(grant->behavior, i) == core)
      mode = (int)boc_behavior_mode(grant->behavior, i);
  return mode;
}

/* ---- all of them ----------------------------------------------------------------- */

bool bocpy_grant_any(void) {
  bool found = false;
  bocpy_lock_take(&list_lock);
  for (bocpy_grant *grant = head.next; grant != &head; grant = grant->next)
    found = found ||
            (grant->thread == &bocpy_self && atomic_load(&grant->state) == ENTERED);
  bocpy_lock_give(&list_lock);
  return found;
}

static bocpy_grant *take_any(void) {
  bocpy_lock_take(&list_lock);
  bocpy_grant *grant = head.next;
  while (grant != &head && !grant->completion.queue)
    grant = grant->next;
  if (grant == &head)
    grant = NULL;
  else
    bocpy_grant_hold(grant);
  bocpy_lock_give(&list_lock);
  return grant;
}

void bocpy_grant_release_all(void) {
  bocpy_grant *grant;
  while ((grant = take_any())) {
    bocpy_grant_end(grant);
    bocpy_grant_drop(grant);
  }
}

int bocpy_grants_forget(void) {
  bocpy_lock fresh = NULL;
  if (bocpy_lock_init(&fresh) < 0)
    return -1;
  list_lock = fresh;
  for (bocpy_grant *grant = head.next, *next; grant != &head; grant = next) {
    next = grant->next;
    grant->forgotten = true;
    grant->next = grant->prev = grant;
  }
  head.next = head.prev = &head;
  return 0;
}

bocpy_grant *bocpy_grant_here(void) {
  if (!atomic_load_explicit(&entered, memory_order_relaxed)) /* hint: sees its own */
    return NULL;
  bocpy_state *state = bocpy_state_get();
  PyObject *pending = PyErr_GetRaisedException();
  PyObject *object =
      state && state->is_main
          ? bocpy_python_call(&state->python, BOCPY_PY_TASKS_HELD_HERE, NULL)
          : NULL;
  bocpy_grant *grant = object && PyObject_TypeCheck(object, state->grant_type)
                           ? ((bocpy_grant_handle *)object)->grant
                           : NULL;
  Py_XDECREF(object); /* the task refers to it */
  PyErr_Clear();
  if (pending)
    PyErr_SetRaisedException(pending);
  return grant;
}

/* ---- refusals -------------------------------------------------------------------- */

int bocpy_batch_refuse(const char *what) {
  if (!bocpy_self.batch)
    return 0;
  PyErr_Format(
      PyExc_RuntimeError,
      "%s in an atomically() block: what the block schedules is scheduled at its "
      "end, so wait after it",
      what);
  return -1;
}

/* _refuse_in_batch(what) */
PyObject *bocpy_refuse_in_batch(PyObject *module, PyObject *what) {
  const char *text = PyUnicode_AsUTF8(what);
  (void)module;
  if (!text || bocpy_batch_refuse(text) < 0)
    return NULL;
  Py_RETURN_NONE;
}

int bocpy_grant_refuse(bool holds, const char *what) {
  if (bocpy_batch_refuse(what) < 0)
    return -1;
  if (bocpy_self.bodies) {
    PyErr_Format(
        PyExc_RuntimeError,
        "%s: a behavior cannot wait for a cown, that could deadlock: name it in "
        "@when(...), or schedule another behavior over it",
        what);
    return -1;
  }
  if (bocpy_require_main(what) < 0)
    return -1;
  if (!holds && !bocpy_grant_here())
    return 0;
  PyErr_Format(PyExc_RuntimeError,
               "%s while holding a cown could deadlock: ask for all of them at once "
               "(with bocpy.acquire(a, b), async with bocpy.aio.hold(a, b)), or give "
               "back what you hold first",
               what);
  return -1;
}

int bocpy_grant_refuse_blocking(const boc_cown *core, const char *what) {
  if (bocpy_self.batch)
    return bocpy_batch_refuse(what);
  if (!atomic_load_explicit(&entered, memory_order_relaxed)) /* hint: sees its own */
    return 0;
  bool found = false;
  bocpy_lock_take(&list_lock);
  for (bocpy_grant *grant = head.next; grant != &head; grant = grant->next)
    found = found ||
            (grant->thread == &bocpy_self && atomic_load(&grant->state) == ENTERED &&
             bocpy_grant_mode(grant, core) >= 0);
  bocpy_lock_give(&list_lock);
  if (!found)
    return 0;
  PyErr_Format(PyExc_RuntimeError,
               "%s would wait for a task of this thread's own event loop, which holds "
               "the cown: use `async with cown` in a task",
               what);
  return -1;
}

/* ---- by threads ------------------------------------------------------------------ */

static void signal_waiter(bocpy_grant *grant) { bocpy_waiter_signal(grant->ctx); }

int bocpy_grant_wait(boc_cown *core, int64_t timeout, bocpy_grant **out_grant) {
  boc_access access = {core, BOC_READ};
  if (bocpy_grant_refuse_blocking(core, "result()") < 0)
    return -1;
  bocpy_waiter *waiter = bocpy_waiter_new();
  bocpy_grant *grant =
      waiter ? bocpy_grant_new(&access, 1, NULL, NULL, signal_waiter, NULL, waiter)
             : NULL;
  int status = !grant           ? -1
               : grant->at_once ? 0
                                : bocpy_pump_wait_for_cowns(waiter, timeout);
  if (status == 0) {
    *out_grant = grant;
  } else if (grant) {
    PyObject *pending = PyErr_GetRaisedException();
    if (bocpy_grant_end(grant))
      bocpy_waiter_settle(waiter);
    bocpy_grant_drop(grant);
    if (pending)
      PyErr_SetRaisedException(pending);
  }
  if (waiter)
    bocpy_waiter_free(waiter);
  return status;
}
