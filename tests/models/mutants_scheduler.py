"""Mutants of the scheduler: its queues, parking and waking, quiescence."""

from __future__ import annotations

from mutant import Mutant, weaker

MUTANTS = (
    # ---- the run queue
    weaker(
        "push_is_relaxed",
        "run_queue",
        "run_queue.h",
        "boci_store_release(&queue->tail, tail + 1)",
        "relaxed",
        ("model_run_queue.c",),
    ),
    weaker(
        "thief_looks_relaxed",
        "run_queue",
        "run_queue.c",
        "const uint32_t tail = boci_load_acquire(&victim->tail); /* [A6] */\n    const",
        "relaxed",
    ),
    Mutant(
        "owner_claims_without_cas",
        "run_queue",
        "run_queue.h",
        "if (queue->alone) {",
        "if (true) {",
        ("model_run_queue.c",),
    ),
    Mutant(
        "claim_comes_before_copy",
        "run_queue",
        "run_queue.c",
        "    for (uint32_t i = 0; i < count; i++) {\n"
        "      void *copy = boci_load_relaxed(boci_ring_slot(victim, head + i)); "
        "/* hint: CAS */\n"
        "      boci_store_relaxed(boci_ring_slot(mine, my_tail + i), copy);      "
        "/* owner */\n"
        "    }\n"
        "    if (boci_cas_strong_acq_rel(&victim->head, &head, head + count)) "
        "/* [R7] */\n"
        "      return count;\n",
        "    if (!boci_cas_strong_acq_rel(&victim->head, &head, head + count))\n"
        "      continue;\n"
        "    for (uint32_t i = 0; i < count; i++)\n"
        "      boci_store_relaxed(boci_ring_slot(mine, my_tail + i),\n"
        "        boci_load_relaxed(boci_ring_slot(victim, head + i)));\n"
        "    return count;\n",
    ),
    # ---- the injector
    Mutant(
        "takers_do_not_take_turns",
        "injector",
        "injector.c",
        "  boci_mutex_lock(&queue->take_mutex);\n"
        "  const boci_batch batch = take_list(queue, most);\n"
        "  boci_mutex_unlock(&queue->take_mutex);\n",
        "  const boci_batch batch = take_list(queue, most);\n",
    ),
    Mutant(
        "what_came_meanwhile_is_lost",
        "injector",
        "injector.c",
        "  rest.last->next = queue->first;\n",
        "",
    ),
    Mutant(
        "rest_has_no_last",
        "injector",
        "injector.c",
        "  if (!queue->last)\n    queue->last = rest.last;\n",
        "",
    ),
    # ---- the overflow
    Mutant(
        "segment_stays_when_it_is_taken",
        "overflow",
        "overflow.c",
        "  overflow->first += count;\n",
        "",
    ),
    Mutant(
        "takers_of_segments_are_not_alone",
        "overflow",
        "overflow.c",
        "  boci_segment *segment = NULL;\n"
        "  boci_mutex_lock(&overflow->mutex);\n"
        "  if (length_locked(overflow) > 0) {\n"
        "    segment = *at_locked(overflow, 0);\n"
        "    remove_locked(overflow, 1);\n"
        "  }\n"
        "  boci_mutex_unlock(&overflow->mutex);\n",
        "  boci_segment *segment = NULL;\n"
        "  if (length_locked(overflow) > 0) {\n"
        "    segment = *at_locked(overflow, 0);\n"
        "    remove_locked(overflow, 1);\n"
        "  }\n",
    ),
    # ---- sleeping and waking
    Mutant(
        "parking_worker_has_no_fence",
        "sleep",
        "parked_workers.c",
        "  boci_parked_fence(parked); /* [F1] [F2] */\n",
        "",
    ),
    Mutant(
        "publisher_has_no_fence",
        "sleep",
        "parked_workers.h",
        "  else\n    boci_fence_seq_cst();                             /* [F2] */\n",
        "",
        ("enqueue.c", "parked_workers.c", "schedule.c", "find_work.c", "worker.c"),
    ),
    Mutant(
        "searcher_has_no_fence",
        "sleep",
        "idle_policy.c",
        "  boci_fence_seq_cst(); "
        "/* [F2]: publishers relied on us while we searched */\n",
        "",
    ),
    Mutant(
        "searcher_does_not_look_again",
        "sleep",
        "idle_policy.c",
        "    if (work_visible(worker))\n"
        "      boci_parked_wake_one(&scheduler->parked);\n",
        "",
    ),
    Mutant(
        "parking_worker_does_not_look_for_work",
        "sleep",
        "idle_policy.c",
        "  if ((!leave && work_visible(worker)) || boci_called_away(worker)) {",
        "  if ((!leave && false) || boci_called_away(worker)) {",
    ),
    Mutant(
        "parking_worker_does_not_look_whether_it_ends",
        "sleep",
        "idle_policy.c",
        "  if ((!leave && work_visible(worker)) || boci_called_away(worker)) {",
        "  if (!leave && work_visible(worker)) {",
    ),
    Mutant(
        "token_of_a_faster_waker_is_left",
        "sleep",
        "parked_workers.c",
        "  if (!unlist_parked(parked, worker))\n"
        "    boci_parker_park(&worker->parking.parker, BOCI_NEVER);\n",
        "  (void)unlist_parked(parked, worker);\n",
    ),
    Mutant(
        "share_is_not_announced",
        "sleep",
        "find_work.c",
        "    /* A parking worker may have looked while they were between the two "
        "queues. */\n"
        "    boci_wake_for_surplus(worker);\n",
        "",
    ),
    Mutant(
        "oversubscription_is_trusted_without_a_monitor",
        "sleep",
        "parked_workers.c",
        "  if (boci_parked_oversubscribed(parked) &&\n"
        "      boci_load_relaxed(&parked->monitors) > 0) /* hint: after [F2] */\n",
        "  if (boci_parked_oversubscribed(parked))\n",
    ),
    Mutant(
        "monitor_looks_no_more",
        "sleep",
        "idle_policy.c",
        "timed_out && skipped < MAX_SKIPPED && !inbox_waits(worker) &&\n"
        "                          !timer_is_due(worker) && "
        "all_processors_busy(worker);",
        "timed_out && (all_processors_busy(worker) || timer_is_due(worker) ||\n"
        "                                        skipped <= MAX_SKIPPED ||\n"
        "                                        !inbox_waits(worker));",
    ),
    Mutant(
        "woken_is_no_searcher",
        "sleep",
        "parked_workers.c",
        "  boci_add_acq_rel(&parked->state, BOCI_SEARCHER - 1);",
        "  boci_sub_acq_rel(&parked->state, 1);",
    ),
    Mutant(
        "workers_are_woken_before_the_end_is_said",
        "sleep",
        "scheduler.c",
        "  boci_store_release(&scheduler->stopping, 1); /* [R11] */\n"
        "  for (uint32_t i = 0; i < threads; i++)\n"
        "    boci_parked_wake(&scheduler->parked, &scheduler->worker[i]);\n",
        "  for (uint32_t i = 0; i < threads; i++)\n"
        "    boci_parked_wake(&scheduler->parked, &scheduler->worker[i]);\n"
        "  boci_store_release(&scheduler->stopping, 1);\n",
    ),
    Mutant(
        "parker_trusts_its_condition",
        "sleep",
        "parker.c",
        "  while (!parker->token) {\n"
        "    if (!boci_cond_wait_until(&parker->cond, &parker->mutex, deadline))\n"
        "      break;\n  }\n",
        "  if (!parker->token)\n"
        "    boci_cond_wait_until(&parker->cond, &parker->mutex, deadline);\n",
    ),
    # ---- quiescence
    weaker(
        "sum_is_relaxed",
        "quiescence",
        "quiescence.c",
        "finished += boci_load_acquire(&scheduler->worker[i].in_flight.finished)",
        "relaxed",
    ),
    Mutant(
        "waiter_for_quiet_has_no_fence",
        "quiescence",
        "quiescence.c",
        "  boci_fence_seq_cst(); /* [F1] */\n",
        "",
    ),
    Mutant(
        "waiter_for_quiet_does_not_look",
        "quiescence",
        "quiescence.c",
        "  boci_fence_seq_cst(); /* [F1] */\n  boci_quiescence_check(scheduler);\n",
        "",
    ),
    Mutant(
        "end_outside_is_counted_before_the_lock",
        "quiescence",
        "quiescence.c",
        "  boci_mutex_lock(&waiters->mutex);\n"
        "  boci_add_release(&scheduler->external.in_flight.finished, 1); /* [R9] */\n",
        "  boci_add_release(&scheduler->external.in_flight.finished, 1);\n"
        "  boci_mutex_lock(&waiters->mutex);\n",
    ),
    Mutant(
        "end_outside_notifies_nobody",
        "quiescence",
        "quiescence.c",
        "  boci_waiters_check_locked(waiters, is_quiescent, scheduler);\n",
        "",
    ),
    Mutant(
        "waiter_leaves_while_it_is_notified",
        "quiescence",
        "waiters.c",
        "  if (boci_waiters_cancel(waiters, &node))\n    status = BOC_TIMEOUT;\n",
        "  (void)waiters;\n",
    ),
)
