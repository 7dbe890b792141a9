/* Parked workers: see parked_workers.h for the steps. */
#include "parked_workers.h"

#include "compiler.h"
#include "os.h"
#include "worker.h"

/* ns between two searches of the monitors, of all of them together. */
#define MONITOR_NS UINT64_C(1000000)

boc_status boci_parked_init(boci_parked_workers *parked, uint32_t workers) {
  boci_init(&parked->state, 0);
  boci_init(&parked->monitors, 0);
  boci_init(&parked->workers, 0);
  boci_init(&parked->max_searchers, 0);
  boci_init(&parked->fences_others, boci_os_can_fence_others());
  parked->processors = boci_os_processor_count();
  boci_parked_resize(parked, workers);
  parked->list = NULL;
  parked->keeper = NULL;
  return boci_mutex_init(&parked->mutex);
}

void boci_parked_resize(boci_parked_workers *parked, uint32_t workers) {
  const uint32_t at_once = workers < parked->processors ? workers : parked->processors;
  boci_store_relaxed(&parked->workers, workers);                 /* hint */
  boci_store_relaxed(&parked->max_searchers, (at_once + 1) / 2); /* hint */
}

void boci_parked_fini(boci_parked_workers *parked) { boci_mutex_fini(&parked->mutex); }

static uint32_t searcher_count(uint32_t state) { return state / BOCI_SEARCHER; }
static uint32_t parked_count(uint32_t state) { return state % BOCI_SEARCHER; }

static bool oversubscribed_in(const boci_parked_workers *parked, uint32_t state) {
  return boci_load_relaxed(&((boci_parked_workers *)parked)->workers) >= /* hint */
         parked->processors + parked_count(state);
}

bool boci_parked_oversubscribed(const boci_parked_workers *parked) {
  return oversubscribed_in(parked, boci_load_relaxed(&parked->state)); /* hint */
}

/* ---- searchers ------------------------------------------------------------------- */

void boci_parked_begin_searching(boci_parked_workers *parked, boci_worker *worker) {
  boci_add_acq_rel(&parked->state, BOCI_SEARCHER); /* [F2]: undone before a fence */
  worker->parking.searching = true;
}

bool boci_parked_start_searching(boci_parked_workers *parked, boci_worker *worker) {
  if (worker->parking.searching)
    return true;
  const uint32_t state = boci_load_relaxed(&parked->state); /* hint: more are fine */
  if (searcher_count(state) >= boci_load_relaxed(&parked->max_searchers)) /* hint */
    return false;
  boci_parked_begin_searching(parked, worker);
  return true;
}

void boci_parked_stop_searching(boci_parked_workers *parked, boci_worker *worker) {
  if (!worker->parking.searching)
    return;
  worker->parking.searching = false;
  boci_sub_acq_rel(&parked->state, BOCI_SEARCHER); /* before [F2], by the caller */
}

/* ---- the parked list ------------------------------------------------------------- */

static void list_parked_locked(boci_parked_workers *parked, boci_worker *worker) {
  boci_parking *parking = &worker->parking;
  parking->listed = true;
  parking->prev = NULL;
  parking->next = parked->list;
  if (parked->list)
    parked->list->parking.prev = worker;
  parked->list = worker;
  if (!parked->keeper)
    parked->keeper = worker;
}

/* Behind all others, for invariant 3. */
static void list_dormant_locked(boci_parked_workers *parked, boci_worker *worker) {
  boci_worker *last = NULL, **link = &parked->list;
  for (; *link; link = &last->parking.next)
    last = *link;
  *link = worker;
  worker->parking.prev = last;
  worker->parking.next = NULL;
  worker->parking.listed = worker->parking.dormant = true;
}

static void unlist_parked_locked(boci_parked_workers *parked, boci_worker *worker) {
  boci_parking *parking = &worker->parking;
  parking->listed = false;
  if (parked->keeper == worker)
    parked->keeper = NULL;
  if (parking->prev)
    parking->prev->parking.next = parking->next;
  else
    parked->list = parking->next;
  if (parking->next)
    parking->next->parking.prev = parking->prev;
}

/* A filter of system calls that was installed later refuses the fence: publishers fence
 * themselves from now on. Those that do not know yet have published long before the
 * pause ends. */
BOCI_NOINLINE static void stop_fencing_others(boci_parked_workers *parked) {
  const uint64_t end = boci_os_now() + MONITOR_NS;
  boci_store_relaxed(&parked->fences_others, 0); /* hint: the pause */
  while (boci_os_now() < end)
    boci_os_yield();
  boci_fence_seq_cst(); /* [F1] [F2] */
}

void boci_parked_fence(boci_parked_workers *parked) {
  boci_fence_seq_cst();                            /* [F1] [F2] */
  if (boci_load_relaxed(&parked->fences_others) && /* hint: see stop_fencing_others */
      !boci_os_fence_others())
    stop_fencing_others(parked);
}

void boci_parked_prepare_park(boci_parked_workers *parked, boci_worker *worker) {
  boci_mutex_lock(&parked->mutex);
  list_parked_locked(parked, worker);
  const uint32_t left = worker->parking.searching ? BOCI_SEARCHER : 0;
  worker->parking.searching = false;          /* from here on the waker sets it */
  boci_add_acq_rel(&parked->state, 1 - left); /* before [F2] */
  boci_mutex_unlock(&parked->mutex);
  boci_parked_fence(parked); /* [F1] [F2] */
}

void boci_parked_list_dormant(boci_parked_workers *parked, boci_worker *worker) {
  boci_mutex_lock(&parked->mutex);
  list_dormant_locked(parked, worker);
  boci_add_acq_rel(&parked->state, 1); /* before [F2], if it has looked for work */
  boci_mutex_unlock(&parked->mutex);
}

bool boci_parked_unlist_dormant(boci_parked_workers *parked, boci_worker *worker) {
  boci_mutex_lock(&parked->mutex);
  const bool dormant = worker->parking.listed && worker->parking.dormant;
  if (dormant) {
    unlist_parked_locked(parked, worker);
    boci_sub_acq_rel(&parked->state, 1); /* no [F2]: undoes the listing */
  }
  boci_mutex_unlock(&parked->mutex);
  return dormant;
}

bool boci_parked_cancel_dormancy(boci_parked_workers *parked, boci_worker *worker) {
  const bool listed = boci_parked_unlist_dormant(parked, worker);
  if (listed)
    worker->parking.dormant = false;
  return listed;
}

/* Removes the worker from the list unless a waker has done so. */
static bool unlist_parked(boci_parked_workers *parked, boci_worker *worker) {
  boci_mutex_lock(&parked->mutex);
  const bool listed = worker->parking.listed;
  if (listed) {
    unlist_parked_locked(parked, worker);
    boci_sub_acq_rel(&parked->state, 1); /* undoes the step before [F2] */
  }
  boci_mutex_unlock(&parked->mutex);
  return listed;
}

void boci_parked_cancel_park(boci_parked_workers *parked, boci_worker *worker) {
  if (!unlist_parked(parked, worker))
    boci_parker_park(&worker->parking.parker, BOCI_NEVER);
}

static bool park_until(boci_parked_workers *parked, boci_worker *worker,
                       uint64_t deadline) {
  const bool woken = boci_parker_park(&worker->parking.parker, deadline);
  if (!woken)
    boci_parked_cancel_park(parked, worker);
  return woken;
}

/* The more workers are parked, the longer each sleeps, so that all of them together
 * search about once in MONITOR_NS. */
static bool park_as_monitor(boci_parked_workers *parked, boci_worker *worker,
                            uint64_t deadline) {
  const uint32_t state = boci_load_relaxed(&parked->state); /* hint: how many */
  const uint64_t next = boci_os_now() + (parked_count(state) + 1) * MONITOR_NS;
  boci_add_relaxed(&parked->monitors,
                   1); /* hint: publishers may rely on us from here */
  const bool woken = park_until(parked, worker, next < deadline ? next : deadline);
  boci_sub_relaxed(&parked->monitors, 1); /* hint: we search, or park with a fence */
  return woken;
}

bool boci_parked_park(boci_parked_workers *parked, boci_worker *worker, bool monitors,
                      uint64_t deadline) {
  return monitors ? park_as_monitor(parked, worker, deadline)
                  : park_until(parked, worker, deadline);
}

/* ---- waking ---------------------------------------------------------------------- */

/* From parked to searching, in one step of `state`. */
static void make_searcher_locked(boci_parked_workers *parked, boci_worker *worker) {
  unlist_parked_locked(parked, worker);
  worker->parking.dormant = false;
  worker->parking.searching = true;
  boci_add_acq_rel(&parked->state, BOCI_SEARCHER - 1); /* seen by others after [F2] */
}

/* Separate from the common case, which then needs no stack frame. */
BOCI_NOINLINE static bool wake_one_slow(boci_parked_workers *parked) {
  boci_fence_seq_cst(); /* [F2]: a searcher may have begun meanwhile */
  boci_mutex_lock(&parked->mutex);
  const uint32_t state = boci_load_relaxed(&parked->state); /* hint: more are fine */
  boci_worker *worker = searcher_count(state) > 0 ? NULL : parked->list;
  if (worker)
    make_searcher_locked(parked, worker);
  boci_mutex_unlock(&parked->mutex);
  if (worker)
    boci_parker_unpark(&worker->parking.parker);
  return worker != NULL;
}

bool boci_parked_wake_one(boci_parked_workers *parked) {
  if (!boci_parked_may_wake(parked))
    return false;
  if (boci_parked_oversubscribed(parked) &&
      boci_load_relaxed(&parked->monitors) > 0) /* hint: after [F2] */
    return false;
  return wake_one_slow(parked);
}

bool boci_parked_wake(boci_parked_workers *parked, boci_worker *worker) {
  boci_fence_seq_cst(); /* [F2] */
  boci_mutex_lock(&parked->mutex);
  const bool listed = worker->parking.listed;
  if (listed)
    make_searcher_locked(parked, worker);
  boci_mutex_unlock(&parked->mutex);
  if (listed)
    boci_parker_unpark(&worker->parking.parker);
  return listed;
}

void boci_parked_stop_dormancy(boci_parked_workers *parked, boci_worker *worker) {
  boci_parked_stop_searching(parked, worker);
  boci_fence_seq_cst(); /* [F2]: publishers relied on us */
  boci_mutex_lock(&parked->mutex);
  boci_worker *other = parked->list;
  if (other && other->parking.dormant)
    /* it could not search either; this worker wakes it when it has started */
    other = NULL;
  if (other)
    make_searcher_locked(parked, other);
  boci_mutex_unlock(&parked->mutex);
  if (other)
    boci_parker_unpark(&other->parking.parker);
}

/* ---- the keeper ------------------------------------------------------------------ */

/* The worker that checks the timers next. A searcher checks them before it parks. */
static boci_worker *next_keeper_locked(const boci_parked_workers *parked, bool sooner) {
  if (parked->keeper)
    return sooner ? parked->keeper : NULL;
  const uint32_t state = boci_load_relaxed(&parked->state); /* hint: after [F2] */
  return searcher_count(state) > 0 ? NULL : parked->list;
}

void boci_parked_wake_keeper(boci_parked_workers *parked, bool sooner) {
  boci_fence_seq_cst();                                     /* [F2] */
  if (parked_count(boci_load_relaxed(&parked->state)) == 0) /* hint: after [F2] */
    return;
  boci_mutex_lock(&parked->mutex);
  boci_worker *worker = next_keeper_locked(parked, sooner);
  if (worker)
    make_searcher_locked(parked, worker);
  boci_mutex_unlock(&parked->mutex);
  if (worker)
    boci_parker_unpark(&worker->parking.parker);
}

bool boci_parked_is_keeper(boci_parked_workers *parked, const boci_worker *worker) {
  boci_mutex_lock(&parked->mutex);
  const bool is = parked->keeper == worker;
  boci_mutex_unlock(&parked->mutex);
  return is;
}
