/* Acquire: see acquire.h.
 *
 *   state      set by                        leads to
 *   WAITING    the thread that wants it      GRANTED, ABANDONED
 *   GRANTED    the behavior's body           (held until released)
 *   ABANDONED  the thread, tired of waiting  (the behavior finishes at once)
 *
 * The thread and the behavior have one reference each; the behavior's goes when it is
 * over, its cown handed on, which a release waits for: so nobody finds a cown in use
 * after it. `list_lock` guards the list of all that is held, which the end of the
 * program and the child of a fork need. */
#include "acquire.h"

#include <stdlib.h>

#include "pinned.h"
#include "pump.h"
#include "runtime.h"
#include "reader_copies.h"
#include "waiting.h"

#include <boc/scope.h>

enum { WAITING, GRANTED, ABANDONED };

struct bocpy_hold {
  boc_behavior *behavior;
  bocpy_waiter *waiter;
  bocpy_value *value;
  const bocpy_thread *thread;
  atomic_int state;
  atomic_int references;
  atomic_bool over; /* the cown has been handed on */
  unsigned depth;   /* of `with` blocks inside the first */
  bocpy_hold *prev, *next;
};

static bocpy_lock list_lock;
static bocpy_hold head = {.prev = &head, .next = &head};

int bocpy_hold_init(void) { return list_lock ? 0 : bocpy_lock_init(&list_lock); }

static void link_hold(bocpy_hold *hold) {
  bocpy_lock_take(&list_lock);
  hold->next = &head;
  hold->prev = head.prev;
  head.prev->next = hold;
  head.prev = hold;
  bocpy_lock_give(&list_lock);
}

static void unlink_hold(bocpy_hold *hold) {
  bocpy_lock_take(&list_lock);
  hold->prev->next = hold->next;
  hold->next->prev = hold->prev;
  bocpy_lock_give(&list_lock);
}

/* ---- the behavior -------------------------------------------------------------------
 */

static void drop_hold(bocpy_hold *hold) {
  if (atomic_fetch_sub(&hold->references, 1) == 1)
    free(hold);
}

static void be_over(void *ctx, bool ran) {
  bocpy_hold *hold = ctx;
  (void)ran;
  atomic_store(&hold->over, true);
  drop_hold(hold);
}

static void grant(boc_behavior *self, void *env) {
  bocpy_hold *hold = *(bocpy_hold **)env;
  int expected = WAITING;
  if (atomic_compare_exchange_strong(&hold->state, &expected, GRANTED)) {
    boc_behavior_defer(self);
    bocpy_waiter_signal(hold->waiter);
  }
}

static const boc_behavior_type hold_type = {.name = "bocpy.hold", .body = grant};

/* ---- acquire
 * ------------------------------------------------------------------------- */

static bocpy_hold *hold_new(boc_cown *core) {
  bocpy_hold *hold = calloc(1, sizeof(*hold));
  if (!hold) {
    PyErr_NoMemory();
    return NULL;
  }
  hold->waiter = bocpy_waiter_new();
  if (!hold->waiter) {
    free(hold);
    return NULL;
  }
  hold->value = bocpy_value_of(core);
  hold->thread = &bocpy_self;
  atomic_store(&hold->references, 2);
  return hold;
}

static int schedule(bocpy_hold *hold, boc_cown *core) {
  boc_access access = {core, BOC_WRITE};
  boc_runtime *runtime = bocpy_runtime_enter(false);
  if (!runtime)
    return -1;
  boc_behavior_options options = {.done = be_over, .ctx = hold};
  boc_status status = boc_behavior_new_with(runtime, &hold_type, sizeof(bocpy_hold *),
                                            &access, 1, &options, &hold->behavior);
  if (status == BOC_OK) {
    *(bocpy_hold **)boc_behavior_env(hold->behavior) = hold;
    boc_behavior_schedule(hold->behavior);
  } else {
    bocpy_status_raise(status, "acquire()");
  }
  bocpy_runtime_leave();
  return status == BOC_OK ? 0 : -1;
}

static void begin(bocpy_hold *hold) {
  bocpy_waiter_free(hold->waiter);
  hold->waiter = NULL;
  link_hold(hold);
  hold->value->hold = hold;
  bocpy_value_hold_to_write(hold->value);
}

/* The worker that granted it may be on its last few instructions. */
static void give_back(bocpy_hold *hold) {
  boc_behavior_complete(hold->behavior);
  if (!atomic_load(&hold->over)) {
    Py_BEGIN_ALLOW_THREADS
    while (!atomic_load(&hold->over))
      boc_yield();
    Py_END_ALLOW_THREADS
  }
  drop_hold(hold);
  bocpy_runtime_settle();
}

/* The wait has ended early: if the grant came all the same, it is given back. */
static void abandon(bocpy_hold *hold) {
  int expected = WAITING;
  bocpy_waiter *waiter = hold->waiter;
  if (!atomic_compare_exchange_strong(&hold->state, &expected, ABANDONED)) {
    bocpy_waiter_settle(waiter);
    give_back(hold);
  } else {
    drop_hold(hold);
  }
  bocpy_waiter_free(waiter);
}

static int wait_granted(bocpy_hold *hold, int64_t timeout) {
  int status = bocpy_pump_wait(hold->waiter, timeout);
  if (status == 0) {
    begin(hold);
    return 0;
  }
  PyObject *pending = status < 0 ? PyErr_GetRaisedException() : NULL;
  abandon(hold);
  if (pending)
    PyErr_SetRaisedException(pending);
  return status;
}

static int refuse_in_body(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "a behavior cannot wait for a cown, that could deadlock: name it in "
                  "@when(...), or schedule another behavior over it");
  return -1;
}

int bocpy_hold_acquire(boc_cown *core, int64_t timeout) {
  if (bocpy_value_held(bocpy_value_of(core)) || bocpy_share_reads(bocpy_value_of(core)))
    return 0;
  if (bocpy_pinned_require_here(bocpy_value_of(core), "acquire()") < 0)
    return -1;
  if (bocpy_self.bodies)
    return refuse_in_body();
  if (bocpy_runtime_require_main("acquire()") < 0)
    return -1;
  bocpy_hold *hold = hold_new(core);
  if (!hold)
    return -1;
  if (schedule(hold, core) == 0)
    return wait_granted(hold, timeout);
  bocpy_waiter_free(hold->waiter);
  free(hold);
  return -1;
}

/* ---- release
 * -------------------------------------------------------------------------- */

/* The value goes back as a copy, so that nothing of this thread's is left in it. */
static void finish(bocpy_hold *hold) {
  bocpy_value_leave(hold->value);
  hold->value->hold = NULL;
  bocpy_value_hold(hold->value, NULL);
  unlink_hold(hold);
  give_back(hold);
}

int bocpy_hold_release(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (bocpy_value_held(value)) {
    if (value->hold)
      finish(value->hold);
    return 0;
  }
  if (!atomic_load_explicit(&value->holder, memory_order_relaxed)) /* hint */
    return 0;
  PyErr_SetString(PyExc_RuntimeError,
                  "release(): another thread or behavior holds this cown");
  return -1;
}

int bocpy_hold_enter(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (!bocpy_value_held(value))
    return bocpy_hold_acquire(core, BOC_FOREVER);
  if (value->hold)
    value->hold->depth++;
  return 0;
}

int bocpy_hold_leave(boc_cown *core) {
  bocpy_value *value = bocpy_value_of(core);
  if (bocpy_value_held(value) && value->hold && value->hold->depth) {
    value->hold->depth--;
    return 0;
  }
  return bocpy_hold_release(core);
}

/* ---- ends
 * ------------------------------------------------------------------------------ */

bool bocpy_hold_any(void) {
  bool found = false;
  bocpy_lock_take(&list_lock);
  for (bocpy_hold *hold = head.next; hold != &head; hold = hold->next)
    found = found || hold->thread == &bocpy_self;
  bocpy_lock_give(&list_lock);
  return found;
}

static bocpy_hold *take_any(void) {
  bocpy_lock_take(&list_lock);
  bocpy_hold *hold = head.next == &head ? NULL : head.next;
  bocpy_lock_give(&list_lock);
  return hold;
}

void bocpy_hold_release_all(void) {
  bocpy_hold *hold;
  while ((hold = take_any()))
    finish(hold);
}

void bocpy_hold_forget(void) {
  for (bocpy_hold *hold = head.next; hold != &head; hold = hold->next) {
    hold->value->hold = NULL;
    bocpy_value_hold(hold->value, NULL);
  }
  head.next = head.prev = &head;
}
