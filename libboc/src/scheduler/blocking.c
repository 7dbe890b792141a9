/* Spare: see blocking.h. */
#include "blocking.h"

#include "runtime.h"

boc_status boci_spares_init(boci_spares *spares) {
  *spares = (boci_spares){.retired = NULL};
  boci_init(&spares->excess, 0);
  return boci_mutex_init(&spares->mutex);
}

void boci_spares_fini(boci_spares *spares) { boci_mutex_fini(&spares->mutex); }

static void count_excess_locked(boci_spares *spares) {
  const bool surplus = spares->awake > spares->blocked && !spares->stopped;
  const uint32_t excess = surplus ? spares->awake - spares->blocked : 0;
  boci_store_relaxed(&spares->excess, excess); /* hint: re-checked under the lock */
}

static void recall_locked(boci_spares *spares) {
  boci_worker *worker = spares->retired;
  spares->retired = worker->sleeper.after;
  worker->resting = false;
  boci_parker_unpark(&worker->sleeper.parker);
}

/* A blocked body without a stand-in is no error: it only costs the others time. */
static bool enlist_locked(boc_runtime *runtime) {
  const uint32_t index =
      boci_load_relaxed(&runtime->started); /* owner: under the lock */
  if (index >= runtime->capacity)
    return false;
  boci_worker *worker = &runtime->worker[index];
  if (boci_worker_init(worker, runtime, index) != BOC_OK)
    return false;
  const bool begun = boci_runtime_start_thread(worker) == BOC_OK;
  if (begun)
    boci_store_release(&runtime->started, index + 1); /* [R13] */
  else
    boci_worker_fini(worker);
  return begun;
}

void boci_spare_enter(boci_worker *worker) {
  boci_spares *spares = &worker->runtime->spares;
  boci_mutex_lock(&spares->mutex);
  boci_mutex_unlock(&spares->mutex);
}

void boc_worker_block_begin(void) {
  boci_worker *worker = boci_worker_current();
  if (!worker)
    return;
  boc_runtime *runtime = worker->runtime;
  boci_spares *spares = &runtime->spares;
  boci_store_relaxed(&worker->blocked, 1); /* hint: its inbox is everybody's at once */
  boci_mutex_lock(&spares->mutex);
  spares->blocked++;
  if (spares->awake < spares->blocked && !spares->stopped) {
    if (spares->retired) {
      recall_locked(spares);
      spares->awake++;
    } else if (enlist_locked(runtime)) {
      spares->awake++;
    }
  }
  count_excess_locked(spares);
  boci_mutex_unlock(&spares->mutex);
  boci_idle_wake_one(&runtime->idle);
}

void boc_worker_block_end(void) {
  boci_worker *worker = boci_worker_current();
  if (!worker)
    return;
  boci_spares *spares = &worker->runtime->spares;
  boci_store_relaxed(&worker->blocked, 0); /* hint */
  boci_mutex_lock(&spares->mutex);
  spares->blocked--;
  count_excess_locked(spares);
  boci_mutex_unlock(&spares->mutex);
}

static bool retire(boci_worker *worker) {
  boci_spares *spares = &worker->runtime->spares;
  boci_mutex_lock(&spares->mutex);
  const bool surplus = spares->awake > spares->blocked && !spares->stopped;
  if (surplus) {
    spares->awake--;
    worker->resting = true;
    worker->sleeper.after = spares->retired;
    spares->retired = worker;
  }
  count_excess_locked(spares);
  boci_mutex_unlock(&spares->mutex);
  return surplus;
}

static bool recalled(boci_worker *worker) {
  boci_spares *spares = &worker->runtime->spares;
  boci_mutex_lock(&spares->mutex);
  const bool back = !worker->resting;
  boci_mutex_unlock(&spares->mutex);
  return back;
}

/* A token that a poke left behind must not look like a wake-up from bed later. */
static void clear_token(boci_worker *worker) {
  boci_parker_park(&worker->sleeper.parker, boci_os_now());
}

void boci_spare_rest(boci_worker *worker) {
  if (!retire(worker))
    return;
  boci_worker_shed(worker); /* whom that wakes looks for those who wait for quiet */
  boci_store_relaxed(&worker->blocked, 1); /* hint: its inbox is everybody's at once */
  while (!recalled(worker)) {
    boci_worker_tell_parked(worker);
    boci_parker_park(&worker->sleeper.parker, BOCI_NEVER);
    boci_worker_tell_working(worker);
    boci_worker_answer_poke(worker);
  }
  clear_token(worker);
  boci_store_relaxed(&worker->blocked, 0); /* hint */
}

void boci_spare_poke(boci_worker *worker) {
  boci_spares *spares = &worker->runtime->spares;
  boci_mutex_lock(&spares->mutex);
  if (worker->resting)
    boci_parker_unpark(&worker->sleeper.parker);
  boci_mutex_unlock(&spares->mutex);
}

void boci_spare_lost(boci_worker *worker) {
  boci_spares *spares = &worker->runtime->spares;
  boci_mutex_lock(&spares->mutex);
  spares->awake--;
  boci_mutex_unlock(&spares->mutex);
}

void boci_spares_stop(boc_runtime *runtime) {
  boci_spares *spares = &runtime->spares;
  boci_mutex_lock(&spares->mutex);
  spares->stopped = true;
  while (spares->retired)
    recall_locked(spares);
  count_excess_locked(spares);
  boci_mutex_unlock(&spares->mutex);
}
