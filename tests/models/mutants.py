#!/usr/bin/env python3
"""Sources of libboc with one thing wrong each, which the models have to find.

    mutants.py list                    a line for each: NAME | MODEL | FILE | SOURCE ...
    mutants.py make NAME SOURCE OUT    writes the changed source
    mutants.py check                   each change applies to the present sources

A change is to a source, or to a header that some sources include; then each of those is
written with the changed header in front, so that its guard keeps the other one out.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("libboc/src", "tests/models")


@dataclass(frozen=True)
class Mutant:
    """What is wrong, the model that finds it, and the change."""

    name: str
    model: str
    file: str
    old: str
    new: str
    #: Where a changed header is included.
    included: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return self.included or (self.file,)


def weaker(
    name: str,
    model: str,
    file: str,
    old: str,
    order: str,
    included: tuple[str, ...] = (),
) -> Mutant:
    """The first operation in `old` with another order."""
    new = re.sub(r"_(?:acquire|release|acq_rel)\(", f"_{order}(", old, count=1)
    return Mutant(name, model, file, old, new, included)


MUTANTS = (
    # ---- the models' own backend
    Mutant(
        "without_fence", "litmus", "model_litmus.c", "  boci_fence_seq_cst();\n", ""
    ),
    weaker(
        "without_release",
        "litmus",
        "model_litmus.c",
        "boci_store_release(&flag, 1)",
        "relaxed",
    ),
    weaker(
        "without_acquire",
        "litmus",
        "model_litmus.c",
        "boci_load_acquire(&flag)",
        "relaxed",
    ),
    Mutant(
        "without_signal",
        "litmus",
        "model_litmus.c",
        "    boci_cond_signal(&cond);\n",
        "",
    ),
    Mutant(
        "without_lock",
        "litmus",
        "model_litmus.c",
        "  boci_mutex_lock(&mutex);\n  locked++;\n",
        "  locked++;\n  boci_mutex_lock(&mutex);\n",
    ),
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
    # ---- the ring of messages
    weaker(
        "filled_cell_is_not_published",
        "mpmc_ring",
        "mpmc_ring.c",
        "boci_store_release(&cell->sequence, at + 1)",
        "relaxed",
    ),
    weaker(
        "filled_cell_is_not_acquired",
        "mpmc_ring",
        "mpmc_ring.c",
        "boci_load_acquire(&cell->sequence); /* [A20] */",
        "relaxed",
    ),
    weaker(
        "emptied_cell_is_not_published",
        "mpmc_ring",
        "mpmc_ring.c",
        "boci_store_release(&cell->sequence, at + ring->mask + 1)",
        "relaxed",
    ),
    weaker(
        "emptied_cell_is_not_acquired",
        "mpmc_ring",
        "mpmc_ring.c",
        "boci_load_acquire(&cell->sequence); /* [A21] */",
        "relaxed",
    ),
    Mutant(
        "cell_is_given_back_before_it_is_read",
        "mpmc_ring",
        "mpmc_ring.c",
        "      *out_payload = cell->payload;\n"
        "      boci_store_release(&cell->sequence, at + ring->mask + 1); /* [R21] */\n",
        "      boci_store_release(&cell->sequence, at + ring->mask + 1);\n"
        "      *out_payload = cell->payload;\n",
    ),
    # ---- linking and hand-off
    Mutant(
        "ready_before_all_are_linked",
        "hand_off",
        "behavior.c",
        "    granted += boci_request_link(request, request, to);\n"
        "  }\n"
        "  for (uint32_t i = 0; i < linked; i++)\n"
        "    boci_request_set_ready(&requests[requests[i].order]);\n",
        "    granted += boci_request_link(request, request, to);\n"
        "    boci_request_set_ready(request);\n"
        "  }\n",
    ),
    Mutant(
        "link_does_not_publish",
        "hand_off",
        "request.h",
        "boci_store_release(&previous->word, /* [R2] */\n"
        "                     (uintptr_t)first",
        "boci_store_relaxed(&previous->word, (uintptr_t)first",
        ("behavior.c", "request.c", "model_hand_off.c"),
    ),
    weaker(
        "empty_queue_does_not_publish",
        "hand_off",
        "request.c",
        "boci_cas_strong_release(&boci_request_cown(request)->tail",
        "relaxed",
    ),
    weaker(
        "newcomer_does_not_acquire",
        "hand_off",
        "request.h",
        "boci_request *previous = boci_swap_acq_rel(&cown->tail, last)",
        "release",
        ("behavior.c", "request.c", "model_hand_off.c"),
    ),
    weaker(
        "newcomer_does_not_publish",
        "hand_off",
        "request.h",
        "boci_request *previous = boci_swap_acq_rel(&cown->tail, last)",
        "acquire",
        ("behavior.c", "request.c", "model_hand_off.c"),
    ),
    weaker(
        "count_down_is_relaxed",
        "hand_off",
        "behavior.h",
        "boci_sub_acq_rel(&behavior->pending, granted)",
        "relaxed",
        ("behavior.c", "request.c", "model_hand_off.c"),
    ),
    weaker(
        "last_does_not_acquire",
        "hand_off",
        "behavior.h",
        "boci_load_acquire(&behavior->pending) != granted",
        "relaxed",
        ("behavior.c", "request.c", "model_hand_off.c"),
    ),
    Mutant(
        "reader_behind_a_granted_one_is_forgotten",
        "hand_off",
        "request.c",
        "if (!(word & BOCI_GRANTED) || !reads)",
        "if (!(word & BOCI_GRANTED) || !reads || true)",
    ),
    Mutant(
        "release_does_not_wait_for_its_successor",
        "readers",
        "request.c",
        "  return wait_successor(request);",
        "  return 0 & (uintptr_t)wait_successor;",
    ),
    Mutant(
        "ready_after_the_only_link",
        "readers",
        "request.c",
        "  boci_store_release(&request->word, BOCI_READY); /* [R2] */\n"
        "  return previous ? follow_predecessor(previous, request, to) : "
        "link_first(request, to);\n",
        "  const bool got = previous ? follow_predecessor(previous, request, to)\n"
        "                            : link_first(request, to);\n"
        "  boci_store_release(&request->word, BOCI_READY);\n"
        "  return got;\n",
    ),
    Mutant(
        "newcomer_is_looked_at_after_its_link",
        "readers",
        "request.c",
        "if (!(word & BOCI_GRANTED) || !reads)",
        "if (!(word & BOCI_GRANTED) || !boci_request_reads(first) || !reads)",
    ),
    weaker(
        "grant_is_relaxed",
        "readers",
        "request.c",
        "boci_add_acq_rel(&reader->word, BOCI_GRANTED)",
        "relaxed",
    ),
    weaker(
        "reader_links_without_publishing",
        "readers",
        "request.c",
        "boci_add_acq_rel(&reader->word, boci_request_as_successor(first))",
        "acquire",
    ),
    weaker(
        "reader_links_without_acquiring",
        "readers",
        "request.c",
        "boci_add_acq_rel(&reader->word, boci_request_as_successor(first))",
        "release",
    ),
    Mutant(
        "writer_does_not_look_again",
        "leave",
        "request.c",
        "if (boci_add_acq_rel(&cown->readers, BOCI_WRITER_WAITS) != 0)",
        "if (boci_add_acq_rel(&cown->readers, BOCI_WRITER_WAITS) != 0 || true)",
    ),
    weaker(
        "writer_sees_no_reader_relaxed",
        "leave",
        "request.c",
        "if (boci_load_acquire(&cown->readers) == 0)",
        "relaxed",
    ),
    weaker(
        "reader_leaves_without_publishing",
        "leave",
        "request.c",
        "boci_sub_acq_rel(&cown->readers, change)",
        "acquire",
    ),
    weaker(
        "last_reader_does_not_acquire",
        "leave",
        "request.c",
        "boci_sub_acq_rel(&cown->readers, change)",
        "release",
    ),
    Mutant(
        "mark_comes_before_the_writer",
        "leave",
        "request.c",
        "    cown->writer = word_successor(word);\n"
        "    change -= BOCI_WRITER_WAITS;\n"
        "  }\n"
        "  const uint32_t rest =\n"
        "      boci_sub_acq_rel(&cown->readers, change) - change; /* [R3] [A3] */\n",
        "    change -= BOCI_WRITER_WAITS;\n"
        "  }\n"
        "  const uint32_t rest =\n"
        "      boci_sub_acq_rel(&cown->readers, change) - change;\n"
        "  if (word & BOCI_WRITER_NEXT)\n"
        "    cown->writer = word_successor(word);\n",
    ),
    weaker(
        "drop_is_relaxed",
        "leave",
        "cown.c",
        "boci_sub_acq_rel(&cown->references, 1)",
        "relaxed",
    ),
    Mutant(
        "batch_is_ready_one_by_one",
        "batch",
        "behavior.c",
        "    at += length;\n  }\n"
        "  for (size_t i = 0; i < total; i++)\n"
        "    boci_request_set_ready(all[i]);\n",
        "    for (size_t i = 0; i < length; i++)\n"
        "      boci_request_set_ready(run[i]);\n"
        "    at += length;\n  }\n",
    ),
    # ---- sleeping and waking
    Mutant(
        "parking_worker_has_no_fence",
        "sleep",
        "idle.c",
        "  boci_fence_seq_cst(); /* [F1] [F2] */\n",
        "",
    ),
    Mutant(
        "publisher_has_no_fence",
        "sleep",
        "idle.c",
        "bool boci_idle_wake_one(boci_idle *idle) {\n"
        "  boci_fence_seq_cst();                                   /* [F2] */\n",
        "bool boci_idle_wake_one(boci_idle *idle) {\n",
    ),
    Mutant(
        "searcher_has_no_fence",
        "sleep",
        "park_worker.c",
        "  boci_fence_seq_cst(); "
        "/* [F2]: publishers relied on us while we searched */\n",
        "",
    ),
    Mutant(
        "searcher_does_not_look_again",
        "sleep",
        "park_worker.c",
        "    if (work_visible(worker))\n      boci_idle_wake_one(&scheduler->idle);\n",
        "",
    ),
    Mutant(
        "parking_worker_does_not_look_for_work",
        "sleep",
        "park_worker.c",
        "  if ((!leave && work_visible(worker)) || boci_called_away(worker)) {",
        "  if ((!leave && false) || boci_called_away(worker)) {",
    ),
    Mutant(
        "parking_worker_does_not_look_whether_it_ends",
        "sleep",
        "park_worker.c",
        "  if ((!leave && work_visible(worker)) || boci_called_away(worker)) {",
        "  if (!leave && work_visible(worker)) {",
    ),
    Mutant(
        "token_of_a_faster_waker_is_left",
        "sleep",
        "idle.c",
        "  if (!unlist_parked(idle, worker))\n"
        "    boci_parker_park(&worker->parking.parker, BOCI_NEVER);\n",
        "  (void)unlist_parked(idle, worker);\n",
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
        "idle.c",
        "  if (oversubscribed_in(idle, state) &&\n"
        "      boci_load_relaxed(&idle->monitors) > 0) /* hint: after [F2] */\n",
        "  if (oversubscribed_in(idle, state))\n",
    ),
    Mutant(
        "monitor_looks_no_more",
        "sleep",
        "park_worker.c",
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
        "idle.c",
        "  boci_add_acq_rel(&idle->state, BOCI_SEARCHER - 1);",
        "  boci_sub_acq_rel(&idle->state, 1);",
    ),
    Mutant(
        "workers_are_woken_before_the_end_is_said",
        "sleep",
        "scheduler.c",
        "  boci_store_release(&scheduler->stopping, 1); /* [R11] */\n"
        "  for (uint32_t i = 0; i < threads; i++)\n"
        "    boci_idle_wake(&scheduler->idle, &scheduler->worker[i]);\n",
        "  for (uint32_t i = 0; i < threads; i++)\n"
        "    boci_idle_wake(&scheduler->idle, &scheduler->worker[i]);\n"
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
        "  boci_add_release(&scheduler->outside.in_flight.finished, 1); /* [R9] */\n",
        "  boci_add_release(&scheduler->outside.in_flight.finished, 1);\n"
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
    # ---- messages
    Mutant(
        "sender_has_no_fence",
        "mailbox",
        "mailbox.c",
        "  boci_fence_seq_cst();                             /* [F3] */\n",
        "",
    ),
    Mutant(
        "receiver_does_not_try_again",
        "mailbox",
        "receive.c",
        "  boci_fence_seq_cst(); /* [F3] */\n  status = try_receive(call);\n",
        "  status = BOC_WOULD_BLOCK;\n",
    ),
    Mutant(
        "notified_receiver_does_not_pass_on",
        "mailbox",
        "receive.c",
        "    boci_waiter_pass_on(call->mailbox, &self->waiter);\n",
        "    (void)call;\n",
    ),
    weaker(
        "ring_is_not_acquired",
        "mailbox",
        "mailbox.h",
        "boci_load_acquire(&slot->ring); /* [A23] */",
        "relaxed",
        ("receive.c",),
    ),
    weaker(
        "reader_leaves_the_lock_without_publishing",
        "mailbox",
        "distributed_rwlock.h",
        "boci_sub_release(slot, 2);",
        "relaxed",
        ("mailbox.c", "receive.c", "mailbox_waiters.c", "notify.c"),
    ),
    Mutant(
        "writer_does_not_wait_for_readers",
        "mailbox",
        "distributed_rwlock.h",
        "    while (boci_load_acquire(&lock->slots[i].word) != 1) /* [A24] */\n"
        "      boci_spin_once(&tries);\n",
        "    (void)tries;\n",
        ("mailbox.c", "tags.c"),
    ),
)


def path_of(name: str) -> str:
    """Where a file is, from the root of the tree."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob(name)]
    if len(found) != 1:
        sys.exit(f"{len(found)} files have the name {name}")
    return found[0].relative_to(ROOT).as_posix()


def text_of(name: str) -> str:
    return (ROOT / path_of(name)).read_text(encoding="utf-8")


def changed(mutant: Mutant, source: str) -> str:
    """The text of `source` as the mutant has it."""
    text = text_of(mutant.file)
    if text.count(mutant.old) != 1:
        found = text.count(mutant.old)
        sys.exit(f"mutant {mutant.name}: {mutant.file} has {found} of: {mutant.old}")
    text = text.replace(mutant.old, mutant.new)
    text = f'#line 1 "{mutant.file}"\n' + text
    if source != mutant.file:
        text += f'#line 1 "{source}"\n' + text_of(source)
    return text


def by_name(name: str) -> Mutant:
    return next(mutant for mutant in MUTANTS if mutant.name == name)


def main(words: list[str]) -> None:
    match words:
        case ["list"]:
            for mutant in MUTANTS:
                sources = " ".join(path_of(source) for source in mutant.sources)
                words = mutant.name, mutant.model, path_of(mutant.file), sources
                print(*words, sep=" | ")
        case ["make", name, source, out]:
            text = changed(by_name(name), Path(source).name)
            Path(out).write_text(text, encoding="utf-8")
        case ["check"]:
            for mutant in MUTANTS:
                for source in mutant.sources:
                    changed(mutant, source)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
