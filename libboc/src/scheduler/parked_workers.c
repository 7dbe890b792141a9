/* Parked workers: see parked_workers.h for the steps. */
#include "parked_workers.h"

#include "compiler.h"
#include "os.h"
#include "worker.h"

/* ns between two searches of the monitors, of all of them together. */
#define MONITOR_NS UINT64_C(1000000)

boc_status boci_idle_init(boci_idle *idle, uint32_t workers) {
  boci_init(&idle->state, 0);
  boci_init(&idle->monitors, 0);
  boci_init(&idle->workers, 0);
  boci_init(&idle->max_searchers, 0);
  idle->processors = boci_os_processor_count();
  boci_idle_resize(idle, workers);
  idle->parked = NULL;
  idle->keeper = NULL;
  return boci_mutex_init(&idle->mutex);
}

void boci_idle_resize(boci_idle *idle, uint32_t workers) {
  const uint32_t at_once = workers < idle->processors ? workers : idle->processors;
  boci_store_relaxed(&idle->workers, workers);                 /* hint */
  boci_store_relaxed(&idle->max_searchers, (at_once + 1) / 2); /* hint */
}

void boci_idle_fini(boci_idle *idle) { boci_mutex_fini(&idle->mutex); }

static uint32_t searcher_count(uint32_t state) { return state / BOCI_SEARCHER; }
static uint32_t parked_count(uint32_t state) { return state % BOCI_SEARCHER; }

static bool oversubscribed_in(const boci_idle *idle, uint32_t state) {
  return boci_load_relaxed(&((boci_idle *)idle)->workers) >= /* hint */
         idle->processors + parked_count(state);
}

bool boci_idle_oversubscribed(const boci_idle *idle) {
  return oversubscribed_in(idle, boci_load_relaxed(&idle->state)); /* hint */
}

/* ---- searchers ------------------------------------------------------------------- */

void boci_idle_begin_searching(boci_idle *idle, boci_worker *worker) {
  boci_add_acq_rel(&idle->state, BOCI_SEARCHER); /* [F2]: undone before a fence */
  worker->parking.searching = true;
}

bool boci_idle_start_searching(boci_idle *idle, boci_worker *worker) {
  if (worker->parking.searching)
    return true;
  const uint32_t state = boci_load_relaxed(&idle->state); /* hint: too many are fine */
  if (searcher_count(state) >= boci_load_relaxed(&idle->max_searchers)) /* hint */
    return false;
  boci_idle_begin_searching(idle, worker);
  return true;
}

void boci_idle_stop_searching(boci_idle *idle, boci_worker *worker) {
  if (!worker->parking.searching)
    return;
  worker->parking.searching = false;
  boci_sub_acq_rel(&idle->state, BOCI_SEARCHER); /* before [F2], by the caller */
}

/* ---- the parked list ------------------------------------------------------------- */

static void list_parked_locked(boci_idle *idle, boci_worker *worker) {
  boci_parking *parking = &worker->parking;
  parking->listed = true;
  parking->prev = NULL;
  parking->next = idle->parked;
  if (idle->parked)
    idle->parked->parking.prev = worker;
  idle->parked = worker;
  if (!idle->keeper)
    idle->keeper = worker;
}

/* Behind all others, for invariant 3. */
static void list_dormant_locked(boci_idle *idle, boci_worker *worker) {
  boci_worker *last = NULL, **link = &idle->parked;
  for (; *link; link = &last->parking.next)
    last = *link;
  *link = worker;
  worker->parking.prev = last;
  worker->parking.next = NULL;
  worker->parking.listed = worker->parking.dormant = true;
}

static void unlist_parked_locked(boci_idle *idle, boci_worker *worker) {
  boci_parking *parking = &worker->parking;
  parking->listed = false;
  if (idle->keeper == worker)
    idle->keeper = NULL;
  if (parking->prev)
    parking->prev->parking.next = parking->next;
  else
    idle->parked = parking->next;
  if (parking->next)
    parking->next->parking.prev = parking->prev;
}

void boci_idle_prepare_park(boci_idle *idle, boci_worker *worker) {
  boci_mutex_lock(&idle->mutex);
  list_parked_locked(idle, worker);
  const uint32_t left = worker->parking.searching ? BOCI_SEARCHER : 0;
  worker->parking.searching = false;        /* from here on the waker sets it */
  boci_add_acq_rel(&idle->state, 1 - left); /* before [F2] */
  boci_mutex_unlock(&idle->mutex);
  boci_fence_seq_cst(); /* [F1] [F2] */
}

void boci_idle_list_dormant(boci_idle *idle, boci_worker *worker) {
  boci_mutex_lock(&idle->mutex);
  list_dormant_locked(idle, worker);
  boci_add_acq_rel(&idle->state, 1); /* before [F2], if it has looked for work */
  boci_mutex_unlock(&idle->mutex);
}

bool boci_idle_unlist_dormant(boci_idle *idle, boci_worker *worker) {
  boci_mutex_lock(&idle->mutex);
  const bool dormant = worker->parking.listed && worker->parking.dormant;
  if (dormant) {
    unlist_parked_locked(idle, worker);
    boci_sub_acq_rel(&idle->state, 1); /* no [F2]: undoes the listing */
  }
  boci_mutex_unlock(&idle->mutex);
  return dormant;
}

bool boci_idle_cancel_dormancy(boci_idle *idle, boci_worker *worker) {
  const bool listed = boci_idle_unlist_dormant(idle, worker);
  if (listed)
    worker->parking.dormant = false;
  return listed;
}

/* Removes the worker from the list unless a waker has done so. */
static bool unlist_parked(boci_idle *idle, boci_worker *worker) {
  boci_mutex_lock(&idle->mutex);
  const bool listed = worker->parking.listed;
  if (listed) {
    unlist_parked_locked(idle, worker);
    boci_sub_acq_rel(&idle->state, 1); /* undoes the step before [F2] */
  }
  boci_mutex_unlock(&idle->mutex);
  return listed;
}

void boci_idle_cancel_park(boci_idle *idle, boci_worker *worker) {
  if (!unlist_parked(idle, worker))
    boci_parker_park(&worker->parking.parker, BOCI_NEVER);
}

static bool park_until(boci_idle *idle, boci_worker *worker, uint64_t deadline) {
  const bool woken = boci_parker_park(&worker->parking.parker, deadline);
  if (!woken)
    boci_idle_cancel_park(idle, worker);
  return woken;
}

/* The more workers are parked, the longer each sleeps, so that all of them together
 * search about once in MONITOR_NS. */
static bool park_as_monitor(boci_idle *idle, boci_worker *worker, uint64_t deadline) {
  const uint32_t state = boci_load_relaxed(&idle->state); /* hint: how many */
  const uint64_t next = boci_os_now() + (parked_count(state) + 1) * MONITOR_NS;
  boci_add_relaxed(&idle->monitors, 1); /* hint: publishers may rely on us from here */
  const bool woken = park_until(idle, worker, next < deadline ? next : deadline);
  boci_sub_relaxed(&idle->monitors, 1); /* hint: we search, or park with a fence */
  return woken;
}

bool boci_idle_park(boci_idle *idle, boci_worker *worker, bool monitors,
                    uint64_t deadline) {
  return monitors ? park_as_monitor(idle, worker, deadline)
                  : park_until(idle, worker, deadline);
}

/* ---- waking ---------------------------------------------------------------------- */

/* From parked to searching, in one step of `state`. */
static void make_searcher_locked(boci_idle *idle, boci_worker *worker) {
  unlist_parked_locked(idle, worker);
  worker->parking.dormant = false;
  worker->parking.searching = true;
  boci_add_acq_rel(&idle->state, BOCI_SEARCHER - 1); /* seen by others after [F2] */
}

/* Separate from the common case, which then needs no stack frame. */
BOCI_NOINLINE static bool wake_one_slow(boci_idle *idle) {
  boci_mutex_lock(&idle->mutex);
  const uint32_t state = boci_load_relaxed(&idle->state); /* hint: more are fine */
  boci_worker *worker = searcher_count(state) > 0 ? NULL : idle->parked;
  if (worker)
    make_searcher_locked(idle, worker);
  boci_mutex_unlock(&idle->mutex);
  if (worker)
    boci_parker_unpark(&worker->parking.parker);
  return worker != NULL;
}

bool boci_idle_wake_one(boci_idle *idle) {
  if (!boci_idle_may_wake(idle))
    return false;
  if (boci_idle_oversubscribed(idle) &&
      boci_load_relaxed(&idle->monitors) > 0) /* hint: after [F2] */
    return false;
  return wake_one_slow(idle);
}

bool boci_idle_wake(boci_idle *idle, boci_worker *worker) {
  boci_fence_seq_cst(); /* [F2] */
  boci_mutex_lock(&idle->mutex);
  const bool parked = worker->parking.listed;
  if (parked)
    make_searcher_locked(idle, worker);
  boci_mutex_unlock(&idle->mutex);
  if (parked)
    boci_parker_unpark(&worker->parking.parker);
  return parked;
}

void boci_idle_stop_dormancy(boci_idle *idle, boci_worker *worker) {
  boci_idle_stop_searching(idle, worker);
  boci_fence_seq_cst(); /* [F2]: publishers relied on us */
  boci_mutex_lock(&idle->mutex);
  boci_worker *other = idle->parked;
  if (other && other->parking.dormant)
    /* it could not search either; this worker wakes it when it has started */
    other = NULL;
  if (other)
    make_searcher_locked(idle, other);
  boci_mutex_unlock(&idle->mutex);
  if (other)
    boci_parker_unpark(&other->parking.parker);
}

/* ---- the keeper ------------------------------------------------------------------ */

/* The worker that checks the timers next. A searcher checks them before it parks. */
static boci_worker *next_keeper_locked(const boci_idle *idle, bool sooner) {
  if (idle->keeper)
    return sooner ? idle->keeper : NULL;
  const uint32_t state = boci_load_relaxed(&idle->state); /* hint: after [F2] */
  return searcher_count(state) > 0 ? NULL : idle->parked;
}

void boci_idle_wake_keeper(boci_idle *idle, bool sooner) {
  boci_fence_seq_cst();                                   /* [F2] */
  if (parked_count(boci_load_relaxed(&idle->state)) == 0) /* hint: after [F2] */
    return;
  boci_mutex_lock(&idle->mutex);
  boci_worker *worker = next_keeper_locked(idle, sooner);
  if (worker)
    make_searcher_locked(idle, worker);
  boci_mutex_unlock(&idle->mutex);
  if (worker)
    boci_parker_unpark(&worker->parking.parker);
}

bool boci_idle_is_keeper(boci_idle *idle, const boci_worker *worker) {
  boci_mutex_lock(&idle->mutex);
  const bool is = idle->keeper == worker;
  boci_mutex_unlock(&idle->mutex);
  return is;
}
