/* Idle: see idle.h for the recipe. */
#include "idle.h"

#include "os.h"
#include "worker.h"

boc_status boci_idle_init(boci_idle *idle, uint32_t workers) {
  boci_init(&idle->state, 0);
  boci_init(&idle->watchers, 0);
  idle->workers = workers;
  idle->processors = boci_os_processor_count();
  const uint32_t at_once = workers < idle->processors ? workers : idle->processors;
  idle->most_searchers = (at_once + 1) / 2;
  idle->bed = NULL;
  return boci_mutex_init(&idle->mutex);
}

void boci_idle_fini(boci_idle *idle) { boci_mutex_fini(&idle->mutex); }

#define WATCH UINT64_C(1000000) /* ns between two looks of those who watch */

static uint32_t searchers(uint32_t state) { return state / BOCI_SEARCHER; }
static uint32_t sleepers(uint32_t state) { return state % BOCI_SEARCHER; }

static bool crowded(const boci_idle *idle, uint32_t state) {
  return idle->workers >= idle->processors + sleepers(state);
}

bool boci_idle_crowded(const boci_idle *idle) {
  return crowded(idle, boci_load_relaxed(&idle->state)); /* hint: others come and go */
}

bool boci_idle_search(boci_idle *idle, boci_worker *worker) {
  if (worker->sleeper.searching)
    return true;
  const uint32_t state =
      boci_load_relaxed(&idle->state); /* hint: a few too many is fine */
  if (searchers(state) >= idle->most_searchers)
    return false;
  boci_add_acq_rel(&idle->state, BOCI_SEARCHER); /* [F2]: undone before a fence */
  worker->sleeper.searching = true;
  return true;
}

void boci_idle_stop_searching(boci_idle *idle, boci_worker *worker) {
  if (!worker->sleeper.searching)
    return;
  worker->sleeper.searching = false;
  boci_sub_acq_rel(&idle->state, BOCI_SEARCHER); /* before [F2], by the caller */
}

static void enter_bed_locked(boci_idle *idle, boci_worker *worker) {
  boci_sleeper *sleeper = &worker->sleeper;
  sleeper->in_bed = true;
  sleeper->before = NULL;
  sleeper->after = idle->bed;
  if (idle->bed)
    idle->bed->sleeper.before = worker;
  idle->bed = worker;
}

static void leave_bed_locked(boci_idle *idle, boci_worker *worker) {
  boci_sleeper *sleeper = &worker->sleeper;
  sleeper->in_bed = false;
  if (sleeper->before)
    sleeper->before->sleeper.after = sleeper->after;
  else
    idle->bed = sleeper->after;
  if (sleeper->after)
    sleeper->after->sleeper.before = sleeper->before;
}

void boci_idle_lie_down(boci_idle *idle, boci_worker *worker) {
  boci_mutex_lock(&idle->mutex);
  enter_bed_locked(idle, worker);
  const uint32_t left = worker->sleeper.searching ? BOCI_SEARCHER : 0;
  worker->sleeper.searching = false;        /* from here on who wakes us sets it */
  boci_add_acq_rel(&idle->state, 1 - left); /* before [F2] */
  boci_mutex_unlock(&idle->mutex);
  boci_fence_seq_cst(); /* [F1] [F2] */
}

static bool leave_bed(boci_idle *idle, boci_worker *worker) {
  boci_mutex_lock(&idle->mutex);
  const bool mine = worker->sleeper.in_bed;
  if (mine) {
    leave_bed_locked(idle, worker);
    boci_sub_acq_rel(&idle->state, 1); /* undoes the step before [F2] */
  }
  boci_mutex_unlock(&idle->mutex);
  return mine;
}

void boci_idle_get_up(boci_idle *idle, boci_worker *worker) {
  if (!leave_bed(idle, worker))
    boci_parker_park(&worker->sleeper.parker, BOCI_NEVER);
}

static bool park(boci_idle *idle, boci_worker *worker, uint64_t deadline) {
  const bool woken = boci_parker_park(&worker->sleeper.parker, deadline);
  if (!woken)
    boci_idle_get_up(idle, worker);
  return woken;
}

/* The later ones sleep longer, so that all of them together look about once a WATCH. */
static bool watch(boci_idle *idle, boci_worker *worker, uint64_t deadline) {
  const uint32_t state = boci_load_relaxed(&idle->state); /* hint: how many */
  const uint64_t next = boci_os_now() + (sleepers(state) + 1) * WATCH;
  boci_add_relaxed(&idle->watchers, 1); /* hint: who sees us may rely on us */
  const bool woken = park(idle, worker, next < deadline ? next : deadline);
  boci_sub_relaxed(&idle->watchers, 1); /* hint: we look, or lie down with a fence */
  return woken;
}

bool boci_idle_park(boci_idle *idle, boci_worker *worker, bool watches,
                    uint64_t deadline) {
  return watches ? watch(idle, worker, deadline) : park(idle, worker, deadline);
}

/* From bed to searching, in one step of `state`. */
static void rouse_locked(boci_idle *idle, boci_worker *worker) {
  leave_bed_locked(idle, worker);
  worker->sleeper.searching = true;
  boci_add_acq_rel(&idle->state, BOCI_SEARCHER - 1); /* seen by others after [F2] */
}

static void wake_one_slow(boci_idle *idle) {
  boci_mutex_lock(&idle->mutex);
  boci_worker *worker = idle->bed;
  const uint32_t state =
      boci_load_relaxed(&idle->state); /* hint: more searchers are fine */
  if (searchers(state) > 0)
    worker = NULL;
  if (worker)
    rouse_locked(idle, worker);
  boci_mutex_unlock(&idle->mutex);
  if (worker)
    boci_parker_unpark(&worker->sleeper.parker);
}

void boci_idle_wake_one(boci_idle *idle) {
  boci_fence_seq_cst();                                   /* [F2] */
  const uint32_t state = boci_load_relaxed(&idle->state); /* hint: after [F2] */
  if (searchers(state) > 0 || sleepers(state) == 0)
    return;
  if (crowded(idle, state) && boci_load_relaxed(&idle->watchers) > 0) /* hint: [F2] */
    return;
  wake_one_slow(idle);
}

bool boci_idle_wake(boci_idle *idle, boci_worker *worker) {
  boci_fence_seq_cst(); /* [F2] */
  boci_mutex_lock(&idle->mutex);
  const bool slept = worker->sleeper.in_bed;
  if (slept)
    rouse_locked(idle, worker);
  boci_mutex_unlock(&idle->mutex);
  if (slept)
    boci_parker_unpark(&worker->sleeper.parker);
  return slept;
}
