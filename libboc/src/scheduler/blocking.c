/* Blocking: see blocking.h. */
#include "blocking.h"

#include "enqueue.h"
#include "scheduler.h"

boc_status boci_blocking_init(boci_blocking *blocking) {
  *blocking = (boci_blocking){.retired = NULL};
  boci_init(&blocking->excess, 0);
  return boci_mutex_init(&blocking->mutex);
}

void boci_blocking_fini(boci_blocking *blocking) { boci_mutex_fini(&blocking->mutex); }

static bool has_surplus_locked(const boci_blocking *blocking) {
  return blocking->active > blocking->blocked && !blocking->stopped;
}

static void update_excess_locked(boci_blocking *blocking) {
  const uint32_t excess =
      has_surplus_locked(blocking) ? blocking->active - blocking->blocked : 0;
  boci_store_relaxed(&blocking->excess, excess); /* hint: re-checked under the lock */
}

/* ---- a worker comes -------------------------------------------------------------- */

static void recall_retired_locked(boci_blocking *blocking) {
  boci_worker *worker = blocking->retired;
  blocking->retired = worker->parking.next;
  worker->retired = worker->parking.dormant = false;
  boci_parker_unpark(&worker->parking.parker);
}

static boc_status start_worker_locked(boci_scheduler *scheduler) {
  const uint32_t index = boci_load_relaxed(&scheduler->started); /* owner: locked */
  if (index >= scheduler->capacity)
    return BOC_FULL;
  boci_worker *worker = &scheduler->worker[index];
  boc_status status = boci_worker_init(worker, scheduler, index);
  if (status != BOC_OK)
    return status;
  status = boci_worker_start_thread(worker);
  if (status == BOC_OK)
    boci_store_release(&scheduler->started, index + 1); /* [R13] */
  else
    boci_worker_fini(worker);
  return status;
}

void boci_blocking_wait_until_published(boci_worker *worker) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  boci_mutex_unlock(&blocking->mutex);
}

void boci_blocking_start_failed(boci_worker *worker) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  worker->failed = true;
  if (worker->index >= boci_scheduler_workers(worker->scheduler))
    blocking->active--;
  update_excess_locked(blocking);
  boci_mutex_unlock(&blocking->mutex);
}

/* One worker at most: each start may fail, and takes long in an embedder's hook. */
static boc_status compensate_locked(boci_scheduler *scheduler) {
  boci_blocking *blocking = &scheduler->blocking;
  boc_status status = BOC_OK;
  if (blocking->active >= blocking->blocked || blocking->stopped)
    return BOC_OK;
  if (blocking->retired)
    recall_retired_locked(blocking);
  else
    status = start_worker_locked(scheduler);
  if (status == BOC_OK)
    blocking->active++;
  return status;
}

boc_status boc_worker_block_begin(void) {
  boci_worker *worker = boci_worker_current();
  if (!worker)
    return BOC_OK;
  boci_scheduler *scheduler = worker->scheduler;
  boci_blocking *blocking = &scheduler->blocking;
  boci_store_relaxed(&worker->blocked,
                     1); /* hint: others take from its inbox at once */
  boci_mutex_lock(&blocking->mutex);
  blocking->blocked++;
  const boc_status status = compensate_locked(scheduler);
  update_excess_locked(blocking);
  boci_mutex_unlock(&blocking->mutex);
  boci_parked_wake_one(&scheduler->parked);
  return status;
}

void boc_worker_block_end(void) {
  boci_worker *worker = boci_worker_current();
  if (!worker)
    return;
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_store_relaxed(&worker->blocked, 0); /* hint */
  boci_mutex_lock(&blocking->mutex);
  blocking->blocked--;
  update_excess_locked(blocking);
  boci_mutex_unlock(&blocking->mutex);
}

/* ---- a worker retires ------------------------------------------------------------ */

static void list_retired_locked(boci_blocking *blocking, boci_worker *worker) {
  worker->retired = true;
  worker->parking.next = blocking->retired;
  blocking->retired = worker;
}

static bool enter_retirement(boci_worker *worker) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  const bool surplus = has_surplus_locked(blocking);
  if (surplus) {
    blocking->active--;
    list_retired_locked(blocking, worker);
  }
  update_excess_locked(blocking);
  boci_mutex_unlock(&blocking->mutex);
  return surplus;
}

static bool is_retired(boci_worker *worker) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  const bool retired = worker->retired;
  boci_mutex_unlock(&blocking->mutex);
  return retired;
}

void boci_blocking_retire(boci_worker *worker) {
  boci_parker *parker = &worker->parking.parker;
  if (!enter_retirement(worker))
    return;
  /* The worker that this wakes checks for quiescence before it parks. */
  boci_enqueue_drain(worker);
  boci_store_relaxed(&worker->blocked,
                     1); /* hint: others take from its inbox at once */
  while (is_retired(worker)) {
    boci_worker_call_before_park(worker);
    boci_parker_park(parker, BOCI_NEVER);
    boci_worker_call_after_park(worker);
    boci_worker_answer_poke(worker);
  }
  /* A token that a poke has left must not look like a wake-up later. */
  boci_parker_park(parker, boci_os_now());
  boci_store_relaxed(&worker->blocked, 0); /* hint */
}

void boci_blocking_poke(boci_worker *worker) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  if (worker->retired && !worker->parking.dormant)
    boci_parker_unpark(&worker->parking.parker);
  boci_mutex_unlock(&blocking->mutex);
}

/* ---- another number of workers --------------------------------------------------- */

/* Takes a retired worker out of the list, and wakes it; one that has not started yet
 * goes on to wait for work. */
static void recall_locked(boci_scheduler *scheduler, boci_worker *worker) {
  boci_worker **link = &scheduler->blocking.retired;
  while (*link != worker)
    link = &(*link)->parking.next;
  *link = worker->parking.next;
  worker->retired = false;
  if (worker->parking.dormant)
    boci_parked_list_dormant(&scheduler->parked, worker);
  else
    boci_parker_unpark(&worker->parking.parker);
}

/* Makes compensating workers below `workers` ordinary ones, and ordinary workers from
 * there on compensating ones. */
static void set_number_locked(boci_scheduler *scheduler, uint32_t workers) {
  boci_blocking *blocking = &scheduler->blocking;
  const uint32_t before = boci_scheduler_workers(scheduler);
  const uint32_t started = boci_load_relaxed(&scheduler->started); /* owner: locked */
  for (uint32_t i = before; i < workers && i < started; i++) {
    if (scheduler->worker[i].retired)
      recall_locked(scheduler, &scheduler->worker[i]);
    else if (!scheduler->worker[i].failed)
      blocking->active--;
  }
  for (uint32_t i = workers; i < before && i < started; i++)
    if (boci_parked_unlist_dormant(&scheduler->parked, &scheduler->worker[i]))
      list_retired_locked(blocking, &scheduler->worker[i]);
    else
      blocking->active += !scheduler->worker[i].failed;
  for (uint32_t i = 0; i < started; i++)
    boci_store_relaxed(&scheduler->worker[i].compensating,
                       i >= workers);               /* hint: the mutex has the truth */
  boci_store_relaxed(&scheduler->workers, workers); /* hint: see the reader */
  boci_parked_resize(&scheduler->parked, workers);
  update_excess_locked(blocking);
}

/* Whether the worker is parked and has not run its start hook. */
static bool rests_dormant(boci_worker *worker) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  const bool dormant = worker->retired && worker->parking.dormant;
  boci_mutex_unlock(&blocking->mutex);
  return dormant;
}

/* Waits until surplus workers have retired: nothing keeps them busy. */
static void wait_retired(boci_scheduler *scheduler) {
  const uint32_t started = boci_scheduler_started(scheduler);
  for (uint32_t i = boci_scheduler_workers(scheduler); i < started; i++)
    if (!rests_dormant(&scheduler->worker[i]))
      boci_worker_poke(&scheduler->worker[i]);
  while (boci_load_relaxed(&scheduler->blocking.excess)) /* hint: for no longer */
    boci_os_yield();
}

static void set_failed(boci_worker *worker, bool failed) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  worker->failed = failed;
  boci_mutex_unlock(&blocking->mutex);
}

static bool has_failed(boci_worker *worker) {
  boci_blocking *blocking = &worker->scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  const bool failed = worker->failed;
  boci_mutex_unlock(&blocking->mutex);
  return failed;
}

/* What kept workers from starting before may be over. */
static boc_status start_failed_again(boci_scheduler *scheduler, uint32_t workers) {
  for (uint32_t i = 0; i < workers; i++) {
    boci_worker *worker = &scheduler->worker[i];
    if (!has_failed(worker))
      continue;
    set_failed(worker, false);
    const boc_status status = boci_worker_start_again(worker);
    if (status != BOC_OK) {
      set_failed(worker, true);
      return status;
    }
  }
  return BOC_OK;
}

static boc_status start_missing_locked(boci_scheduler *scheduler, uint32_t workers) {
  boc_status status = BOC_OK;
  while (status == BOC_OK &&
         boci_load_relaxed(&scheduler->started) < workers) /* owner: locked */
    status = start_worker_locked(scheduler);
  return status;
}

boc_status boci_blocking_resize(boci_scheduler *scheduler, uint32_t workers) {
  boci_blocking *blocking = &scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  const uint32_t before = boci_scheduler_workers(scheduler);
  const uint32_t from = boci_load_relaxed(&scheduler->started); /* owner: locked */
  set_number_locked(scheduler, workers);
  boc_status status = start_missing_locked(scheduler, workers);
  const uint32_t to = boci_load_relaxed(&scheduler->started); /* owner: locked */
  boci_mutex_unlock(&blocking->mutex);
  const boc_status started = boci_scheduler_wait_started(scheduler, from, to);
  if (status == BOC_OK)
    status = started;
  if (status == BOC_OK)
    status = start_failed_again(scheduler, workers);
  if (status != BOC_OK) {
    boci_mutex_lock(&blocking->mutex);
    set_number_locked(scheduler, before);
    boci_mutex_unlock(&blocking->mutex);
  }
  wait_retired(scheduler);
  return status;
}

void boci_blocking_stop(boci_scheduler *scheduler) {
  boci_blocking *blocking = &scheduler->blocking;
  boci_mutex_lock(&blocking->mutex);
  blocking->stopped = true;
  while (blocking->retired)
    recall_locked(scheduler, blocking->retired);
  update_excess_locked(blocking);
  boci_mutex_unlock(&blocking->mutex);
}
