"""Mutants of the mailbox: the ring of messages, and waiting for one."""

from __future__ import annotations

from mutant import Mutant, weaker

MUTANTS = (
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
        ("mailbox.c", "tag_queues.c"),
    ),
)
