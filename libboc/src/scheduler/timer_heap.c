/* Timer heap: see timer_heap.h. */
#include "timer_heap.h"

#include <string.h>

#include "alloc.h"
#include "enqueue.h"
#include "scheduler.h"

enum { ARMED, TAKEN };

#define NOT_IN_HEAP SIZE_MAX

enum {
  FIRST_CAPACITY = 16,
  /* how many due timers a worker schedules before it does other work */
  SERVED_AT_ONCE = 64,
  /* how many bodies run between two reads of the clock, if they are short */
  SHORT_BODIES = 16
};

/* ns; if that many bodies take less, they are short. */
#define SHORT_NS UINT64_C(100000)

struct boc_timer {
  boci_atomic_u32 references; /* one of its maker, one of the thread that takes it */
  boci_atomic_u32 state;
  size_t at; /* its index in the heap; under the heap's mutex */
  boci_scheduler *scheduler;
  boc_behavior *behavior;
  boc_scope *scope; /* the scope of the behavior, which holds it; or NULL */
  boci_scope_node node;
  boc_allocator allocator; /* copied, since the timer may outlive its runtime */
};

/* ---- references ------------------------------------------------------------------ */

/* A timer with both references. */
static boc_timer *timer_new(boci_scheduler *scheduler, boc_behavior *behavior) {
  boc_timer *timer = boci_allocate(scheduler->allocator, sizeof *timer);
  if (!timer)
    return NULL;
  memset(timer, 0, sizeof *timer);
  boci_init(&timer->references, 2);
  boci_init(&timer->state, ARMED);
  timer->at = NOT_IN_HEAP;
  timer->scheduler = scheduler;
  timer->behavior = behavior;
  if (behavior->block.flags & BOCI_BEHAVIOR_OPTIONS)
    timer->scope = boci_behavior_stored_options(behavior)->scope;
  if (scheduler->allocator)
    timer->allocator = *scheduler->allocator;
  return timer;
}

boc_timer *boc_timer_hold(boc_timer *timer) {
  BOCI_REQUIRE(timer != NULL);
  boci_add_relaxed(&timer->references, 1); /* count: the caller's own keeps it alive */
  return timer;
}

static void timer_release(boc_timer *timer) {
  const boc_allocator allocator = timer->allocator;
  boci_release(allocator.release ? &allocator : NULL, timer, sizeof *timer);
}

void boc_timer_drop(boc_timer *timer) {
  if (timer && boci_sub_acq_rel(&timer->references, 1) == 1) /* [R30] [A30] */
    timer_release(timer);
}

/* ---- the heap -------------------------------------------------------------------- */

boc_status boci_timers_init(boci_timers *timers) {
  memset(timers, 0, sizeof *timers);
  boci_init(&timers->armed, 0);
  boc_status status = boci_mutex_init(&timers->mutex);
  if (status != BOC_OK)
    return status;
  if ((status = boci_mutex_init(&timers->server)) != BOC_OK)
    boci_mutex_fini(&timers->mutex);
  return status;
}

void boci_timers_fini(boci_timers *timers, const boc_allocator *allocator) {
  BOCI_REQUIRE(!boci_timers_any(timers) && "no timer is armed at the end");
  if (timers->heap)
    boci_release(allocator, timers->heap, timers->capacity * sizeof *timers->heap);
  boci_mutex_fini(&timers->server);
  boci_mutex_fini(&timers->mutex);
}

static bool entry_precedes(const boci_timer_entry *a, const boci_timer_entry *b) {
  return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

static void heap_put(boci_timers *timers, size_t at, boci_timer_entry entry) {
  timers->heap[at] = entry;
  entry.timer->at = at;
}

static void heap_sift_up(boci_timers *timers, size_t at, boci_timer_entry entry) {
  while (at > 0 && entry_precedes(&entry, &timers->heap[(at - 1) / 2])) {
    heap_put(timers, at, timers->heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  heap_put(timers, at, entry);
}

static void heap_sift_down(boci_timers *timers, size_t at, size_t count,
                           boci_timer_entry entry) {
  for (size_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count &&
        entry_precedes(&timers->heap[child + 1], &timers->heap[child]))
      child++;
    if (!entry_precedes(&timers->heap[child], &entry))
      break;
    heap_put(timers, at, timers->heap[child]);
  }
  heap_put(timers, at, entry);
}

/* The owner of the mutex is the only writer of `armed`. */
static size_t heap_count(const boci_timers *timers) {
  return boci_load_relaxed(&timers->armed); /* owner */
}

static void heap_remove(boci_timers *timers, boc_timer *timer) {
  const size_t at = timer->at, count = heap_count(timers) - 1;
  timer->at = NOT_IN_HEAP;
  boci_store_relaxed(&timers->armed, count); /* hint: of workers */
  if (at == count)
    return;
  const boci_timer_entry last = timers->heap[count];
  if (at > 0 && entry_precedes(&last, &timers->heap[(at - 1) / 2]))
    heap_sift_up(timers, at, last);
  else
    heap_sift_down(timers, at, count, last);
}

static bool heap_has_room(boci_timers *timers, const boc_allocator *allocator) {
  const size_t count = heap_count(timers), before = timers->capacity;
  if (count < before)
    return true;
  const size_t capacity = before ? 2 * before : FIRST_CAPACITY;
  boci_timer_entry *heap = boci_allocate(allocator, capacity * sizeof *heap);
  if (!heap)
    return false;
  if (before) {
    memcpy(heap, timers->heap, count * sizeof *heap);
    boci_release(allocator, timers->heap, before * sizeof *heap);
  }
  timers->heap = heap;
  timers->capacity = capacity;
  return true;
}

uint64_t boci_timers_next(boci_timers *timers) {
  if (!boci_timers_any(timers))
    return BOCI_NEVER;
  boci_mutex_lock(&timers->mutex);
  const uint64_t next = heap_count(timers) > 0 ? timers->heap[0].deadline : BOCI_NEVER;
  boci_mutex_unlock(&timers->mutex);
  return next;
}

/* ---- taking a timer -------------------------------------------------------------- */

static bool timer_take(boc_timer *timer) {
  uint32_t expected = ARMED;
  return boci_cas_strong_acquire(&timer->state, &expected, TAKEN); /* [A30] */
}

/* A timer that another thread has taken may still be in the heap; that thread finds it
 * removed. */
static boc_timer *take_due(boci_timers *timers, uint64_t now) {
  boc_timer *due = NULL;
  boci_mutex_lock(&timers->mutex);
  while (!due && heap_count(timers) > 0 && timers->heap[0].deadline <= now) {
    boc_timer *timer = timers->heap[0].timer;
    heap_remove(timers, timer);
    if (timer_take(timer))
      due = timer;
  }
  boci_mutex_unlock(&timers->mutex);
  return due;
}

/* After the link the behavior may be freed, and its scope with it. */
static void timer_link(boc_timer *timer, const boci_executor *to) {
  boc_behavior *behavior = timer->behavior;
  if (timer->scope)
    boci_scope_remove_node(timer->scope, &timer->node);
  boc_timer_drop(timer);
  boci_behavior_link_rest(behavior, to);
}

/* Called by the thread that has taken the timer, which it removes from its scope's
 * list. The runtime may be freed once the behavior is ready: on a thread that is not
 * one of its workers, the behavior goes where those of another runtime go. */
static void timer_withdraw(boc_timer *timer) {
  boci_scheduler *scheduler = timer->scheduler;
  boc_behavior *behavior = timer->behavior;
  boci_mutex_lock(&scheduler->timers.mutex);
  if (timer->at != NOT_IN_HEAP)
    heap_remove(&scheduler->timers, timer);
  boci_mutex_unlock(&scheduler->timers.mutex);
  boc_timer_drop(timer);
  boci_behavior_withdraw(behavior);
  boci_worker *worker = boci_scheduler_own_worker(scheduler);
  if (worker)
    boci_enqueue_from_body(worker, behavior);
  else
    boci_enqueue_external(NULL, behavior);
}

static boc_timer *timer_of_node(boci_scope_node *node) {
  return (boc_timer *)((char *)node - offsetof(boc_timer, node));
}

static bool node_claim(boci_scope_node *node) {
  return timer_take(timer_of_node(node));
}

static void node_expire(boci_scope_node *node) { timer_withdraw(timer_of_node(node)); }

bool boc_timer_cancel(boc_timer *timer) {
  BOCI_REQUIRE(timer != NULL);
  if (!timer_take(timer))
    return false;
  if (timer->scope)
    boci_scope_remove_node(timer->scope, &timer->node);
  timer_withdraw(timer);
  return true;
}

/* ---- arming ---------------------------------------------------------------------- */

/* Under the heap's mutex, which a thread that takes the timer needs, too. A scope's
 * mutex is locked within it, never the other way round. */
static void timer_arm_locked(boci_timers *timers, boc_timer *timer, uint64_t deadline) {
  const size_t count = heap_count(timers);
  BOCI_CHECK_STAGE(timer->behavior, NEW,
                   "boc_runtime_after: neither scheduled nor freed yet");
  BOCI_SET_STAGE(timer->behavior, SCHEDULED);
  boci_behavior_arm(timer->behavior);
  boci_scheduler_count_scheduled(timer->scheduler, 1);
  timer->node = (boci_scope_node){.claim = node_claim, .expire = node_expire};
  if (timer->scope)
    boci_scope_add_node(timer->scope, &timer->node);
  boci_store_relaxed(&timers->armed, count + 1); /* hint: of workers, after [F2] */
  heap_sift_up(timers, count, (boci_timer_entry){deadline, timers->order++, timer});
}

static boc_status timer_arm(boc_timer *timer, uint64_t deadline) {
  boci_scheduler *scheduler = timer->scheduler;
  boci_timers *timers = &scheduler->timers;
  boci_mutex_lock(&timers->mutex);
  const bool room = heap_has_room(timers, scheduler->allocator);
  if (room)
    timer_arm_locked(timers, timer, deadline); /* [R30], by the mutex */
  const bool earliest = room && timer->at == 0;
  boci_mutex_unlock(&timers->mutex);
  if (earliest)
    boci_parked_wake_keeper(&scheduler->parked, true);
  return room ? BOC_OK : BOC_NO_MEMORY;
}

boc_status boci_timers_arm(boci_scheduler *scheduler, uint64_t deadline,
                           boc_behavior *behavior, boc_timer **out_timer) {
  boc_timer *timer = timer_new(scheduler, behavior);
  if (!timer)
    return BOC_NO_MEMORY;
  boc_scope *scope = timer->scope ? boc_scope_hold(timer->scope) : NULL;
  const boc_status status = timer_arm(timer, deadline);
  if (status == BOC_OK) {
    if (scope && boc_scope_cancelled(scope))
      boc_timer_cancel(timer);
    if (out_timer)
      *out_timer = timer;
    else
      boc_timer_drop(timer);
  } else {
    timer_release(timer); /* no other thread has seen it */
  }
  boc_scope_drop(scope);
  return status;
}

boc_status boci_timers_expired(boci_scheduler *scheduler, boc_behavior *behavior,
                               boc_timer **out_timer) {
  boc_timer *timer = timer_new(scheduler, behavior);
  if (!timer)
    return BOC_NO_MEMORY;
  boci_store_relaxed(&timer->state, TAKEN);  /* owner */
  boci_store_relaxed(&timer->references, 1); /* owner */
  *out_timer = timer;
  return BOC_OK;
}

/* ---- serving --------------------------------------------------------------------- */

void boci_timers_serve(boci_worker *worker) {
  boci_timers *timers = &worker->scheduler->timers;
  if (!boci_timers_any(timers) || !boci_mutex_try_lock(&timers->server))
    return;
  const uint64_t now = boci_os_now();
  boc_timer *due;
  for (unsigned i = 0; i < SERVED_AT_ONCE && (due = take_due(timers, now)); i++)
    timer_link(due, &worker->body_executor);
  boci_mutex_unlock(&timers->server);
}

void boci_timers_serve_between_bodies(boci_worker *worker) {
  if (worker->bodies_before_clock > 0) {
    worker->bodies_before_clock--;
    return;
  }
  const uint64_t now = boci_os_now();
  const bool are_short = now - worker->clock_seen < SHORT_NS;
  worker->bodies_before_clock = are_short ? SHORT_BODIES : 0;
  worker->clock_seen = now;
  boci_timers_serve(worker);
}
