"""Mutants of the protocol: linking requests, and handing cowns on."""

from __future__ import annotations

from mutant import Mutant, weaker

MUTANTS = (
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
)
