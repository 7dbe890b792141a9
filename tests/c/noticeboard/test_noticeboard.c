/* The noticeboard: the contract, then readers and updaters at the same time. */
#include "harness.h"

#include <boc/noticeboard.h>

#include <stdio.h>
#include <string.h>

static boc_notice_key key_of(const char *text) {
  return (boc_notice_key){text, strlen(text)};
}

static boc_status put(boc_noticeboard *board, const char *key, uintptr_t value) {
  return boc_noticeboard_write(board, key_of(key), (void *)value);
}

/* The value of a key, or 0. */
static uintptr_t value_of(const boc_notices *notices, const char *key) {
  const boc_notice *found = boc_notices_find(notices, key_of(key));
  return found ? (uintptr_t)found->payload : 0;
}

static uintptr_t look_up(boc_noticeboard *board, const char *key) {
  const boc_notices *notices = boc_noticeboard_read(board);
  const uintptr_t value = value_of(notices, key);
  boc_notices_drop(notices);
  return value;
}

static void sum_drops(void *ctx, void *payload) {
  boci_add_relaxed((boci_atomic_word *)ctx, (uintptr_t)payload);
}

static boc_noticeboard *open_board(boci_atomic_word *dropped) {
  boc_noticeboard *board = NULL;
  const boc_noticeboard_options options = {sizeof(options), sum_drops, dropped, NULL};
  boci_init(dropped, 0);
  CHECK_EQ(boc_noticeboard_new(&options, &board), BOC_OK);
  return board;
}

static void snapshots_do_not_change(void) {
  boci_atomic_word dropped;
  boc_noticeboard *board = open_board(&dropped);
  CHECK_EQ(put(board, "a", 1), BOC_OK);
  CHECK_EQ(put(board, "b", 2), BOC_OK);
  const boc_notices *before = boc_noticeboard_read(board);
  CHECK_EQ(put(board, "a", 4), BOC_OK);
  CHECK_EQ(boc_noticeboard_delete(board, key_of("b")), BOC_OK);
  CHECK_EQ(boc_noticeboard_delete(board, key_of("b")), BOC_NOT_FOUND);
  CHECK_EQ(boc_notices_count(before), 2);
  CHECK_EQ(boc_notices_version(before), 2);
  CHECK_EQ(value_of(before, "a"), 1);
  CHECK_EQ(value_of(before, "b"), 2);
  CHECK_EQ(look_up(board, "a"), 4);
  CHECK_EQ(look_up(board, "b"), 0);
  CHECK_EQ(boci_load_relaxed(&dropped), 0);
  boc_notices_drop(before);
  CHECK_EQ(boci_load_relaxed(&dropped), 3);
  CHECK_EQ(boc_noticeboard_clear(board), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&dropped), 7);
  boc_noticeboard_free(board);
}

static void keys_and_room_are_bounded(void) {
  boci_atomic_word dropped;
  boc_noticeboard *board = open_board(&dropped);
  char text[65];
  memset(text, 'k', sizeof(text));
  CHECK_EQ(boc_noticeboard_write(board, (boc_notice_key){text, 64}, NULL),
           BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_noticeboard_write(board, (boc_notice_key){NULL, 0}, NULL), BOC_OK);
  CHECK_EQ(boc_noticeboard_write(board, (boc_notice_key){text, 0}, NULL), BOC_OK);
  CHECK_EQ(boc_noticeboard_delete(board, (boc_notice_key){NULL, 0}), BOC_OK);
  CHECK_EQ(boc_noticeboard_write(board, (boc_notice_key){"a\0b", 3}, NULL),
           BOC_BAD_ARGUMENT);
  CHECK_EQ(boc_noticeboard_write(board, (boc_notice_key){text, 63}, NULL), BOC_OK);
  for (int i = 1; i < 64; i++) {
    snprintf(text, sizeof(text), "%d", i);
    CHECK_EQ(put(board, text, 1), BOC_OK);
  }
  CHECK_EQ(put(board, "one more", 1), BOC_FULL);
  CHECK_EQ(put(board, "63", 5), BOC_OK);
  CHECK_EQ(look_up(board, "63"), 5);
  boc_noticeboard_free(board);
  CHECK_EQ(boci_load_relaxed(&dropped), 68);
}

static void conditional_changes_check_the_version(void) {
  boci_atomic_word dropped;
  boc_noticeboard *board = open_board(&dropped);
  CHECK_EQ(boc_noticeboard_write_if(board, key_of("a"), 9, NULL), BOC_BAD_STATE);
  CHECK_EQ(boc_noticeboard_write_if(board, key_of("a"), 0, (void *)1), BOC_OK);
  CHECK_EQ(boc_noticeboard_write_if(board, key_of("a"), 0, (void *)2), BOC_BAD_STATE);
  CHECK_EQ(boc_noticeboard_write_if(board, key_of("a"), 1, (void *)4), BOC_OK);
  CHECK_EQ(boc_noticeboard_delete_if(board, key_of("a"), 1), BOC_BAD_STATE);
  CHECK_EQ(boc_noticeboard_delete_if(board, key_of("a"), 2), BOC_OK);
  CHECK_EQ(boci_load_relaxed(&dropped), 5);
  boc_noticeboard_free(board);
}

static void every_failing_allocation_is_refused(void) {
  for (uintptr_t fail_at = 1, failed = 1; failed; fail_at++) {
    test_memory memory;
    boc_noticeboard *board;
    test_memory_init(&memory, fail_at);
    const boc_noticeboard_options options = {sizeof(options), NULL, NULL, &memory.base};
    if (boc_noticeboard_new(&options, &board) == BOC_OK) {
      const bool written = put(board, "a", 1) == BOC_OK;
      const bool again = put(board, "a", 2) == BOC_OK;
      CHECK_EQ(look_up(board, "a"), again ? 2 : written ? 1 : 0);
      boc_noticeboard_clear(board);
      boc_noticeboard_free(board);
    }
    failed = test_memory_failed(&memory);
    test_memory_fini(&memory);
  }
}

/* ---- races ----------------------------------------------------------------------- */

enum { UPDATERS = 2, EACH = 4 };

typedef struct shared {
  boc_noticeboard *board;
  boci_atomic_word dropped;
} shared;

static boc_verdict increase(void *ctx, const boc_notice *present, void **out_payload) {
  (void)ctx;
  *out_payload = (void *)((present ? (uintptr_t)present->payload : 0) + 1);
  return BOC_NOTICE_WRITE;
}

static void read_repeatedly(shared *all) {
  uint64_t version = 0;
  uintptr_t sum = 0;
  for (int i = 0; i < 2 * EACH; i++) {
    const boc_notices *notices = boc_noticeboard_read(all->board);
    CHECK(boc_notices_version(notices) >= version);
    CHECK(value_of(notices, "sum") >= sum);
    version = boc_notices_version(notices);
    sum = value_of(notices, "sum");
    CHECK(boc_notices_count(notices) <= 2);
    boc_notices_drop(notices);
  }
}

static void update_or_read(void *arg, unsigned index) {
  shared *all = arg;
  for (int i = 0; i < EACH && index < UPDATERS; i++) {
    CHECK_EQ(boc_noticeboard_update(all->board, key_of("sum"), increase, NULL), BOC_OK);
    CHECK_EQ(put(all->board, "other", 0), BOC_OK);
  }
  if (index >= UPDATERS)
    read_repeatedly(all);
}

static void updates_are_atomic(void) {
  shared all;
  all.board = open_board(&all.dropped);
  test_threads(UPDATERS + 2, update_or_read, &all);
  CHECK_EQ(look_up(all.board, "sum"), UPDATERS * EACH);
  boc_noticeboard_free(all.board);
}

static const test_case cases[] = {
    TEST_ONCE(snapshots_do_not_change),
    TEST_ONCE(keys_and_room_are_bounded),
    TEST_ONCE(conditional_changes_check_the_version),
    TEST_ONCE(every_failing_allocation_is_refused),
    TEST_RACE(updates_are_atomic, 1),
};

TEST_MAIN(cases)
