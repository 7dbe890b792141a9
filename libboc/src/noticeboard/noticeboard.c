/* Noticeboard: snapshots, copied on write.
 *
 * A snapshot is an array of references to notices; snapshots and notices have reference
 * counts. A reader must add its reference to the current snapshot before a writer can
 * replace and drop it. So the reader reads the pointer and counts with `readers` locked
 * for reading, for a few instructions. A writer that has replaced the pointer waits
 * until all threads that were inside have left.
 *
 *   reader                              writer
 *   1. lock for reading                 1. replace the pointer
 *   2. fence [F4]                       2. fence [F4]
 *   3. read the pointer, count, unlock  3. wait for the readers; drop the old snapshot
 *
 * Rejected: a lock that readers wait for; a count beside the pointer in one word
 * (addresses have no room for it everywhere).
 *
 * Threads: any.
 * Invariants:
 *   1. Snapshots and notices do not change once they are published.
 *   2. The drop hook and `change` run with no lock held.
 * Ordering:
 *   [R26] a snapshot is published by the pointer; [A26] its readers.
 *   [R27] a reference is given back; [A27] the thread that gives back the last one
 *   frees. The lock: see distributed_rwlock.h.
 */
#include <boc/noticeboard.h>

#include <string.h>

#include "alloc.h"
#include "distributed_rwlock.h"
#include "options.h"

typedef struct notice_entry {
  boci_atomic_u32 references; /* snapshots refer to it */
  boc_notice notice;
  char key[BOC_NOTICE_KEY_MAX + 1];
} notice_entry;

struct boc_notices {
  /* references of readers, and that of the board while the snapshot is current */
  boci_atomic_u32 references;
  boc_noticeboard *board;
  uint64_t version;
  size_t count;
  notice_entry *entries[];
};

struct boc_noticeboard {
  boci_rwlock readers;
  boci_atomic_ptr present;
  boci_mutex writing;
  void (*drop)(void *ctx, void *payload);
  void *ctx;
  boc_allocator allocator_copy;
  const boc_allocator *allocator;
};

/* ---- notices and snapshots ------------------------------------------------------- */

static size_t snapshot_size(size_t count) {
  return sizeof(boc_notices) + count * sizeof(notice_entry *);
}

static boc_notices *new_snapshot(boc_noticeboard *board, uint64_t version,
                                 size_t count) {
  boc_notices *made = boci_allocate(board->allocator, snapshot_size(count));
  if (!made)
    return NULL;
  boci_init(&made->references, 1);
  made->board = board;
  made->version = version;
  made->count = count;
  return made;
}

/* Without references: putting it into a snapshot adds one. */
static notice_entry *new_entry(boc_noticeboard *board, boc_notice_key key,
                               uint64_t version, void *payload) {
  notice_entry *made = boci_allocate(board->allocator, sizeof(*made));
  if (!made)
    return NULL;
  boci_init(&made->references, 0);
  if (key.size)
    memcpy(made->key, key.bytes, key.size);
  made->key[key.size] = 0;
  made->notice = (boc_notice){{made->key, key.size}, payload, version};
  return made;
}

static void drop_payload(const boc_noticeboard *board, void *payload) {
  if (board->drop)
    board->drop(board->ctx, payload);
}

static void drop_entry(boc_noticeboard *board, notice_entry *old) {
  if (boci_sub_acq_rel(&old->references, 1) != 1) /* [R27] [A27] */
    return;
  drop_payload(board, old->notice.payload);
  boci_release(board->allocator, old, sizeof(*old));
}

void boc_notices_drop(const boc_notices *notices) {
  BOCI_REQUIRE(notices != NULL);
  boc_notices *old = (boc_notices *)(uintptr_t)notices;
  if (boci_sub_acq_rel(&old->references, 1) != 1) /* [R27] [A27] */
    return;
  boc_noticeboard *board = old->board;
  for (size_t i = 0; i < old->count; i++)
    drop_entry(board, old->entries[i]);
  boci_release(board->allocator, old, snapshot_size(old->count));
}

uint64_t boc_notices_version(const boc_notices *notices) {
  BOCI_REQUIRE(notices != NULL);
  return notices->version;
}
size_t boc_notices_count(const boc_notices *notices) {
  BOCI_REQUIRE(notices != NULL);
  return notices->count;
}

const boc_notice *boc_notices_at(const boc_notices *notices, size_t index) {
  BOCI_REQUIRE(notices != NULL);
  return index < notices->count ? &notices->entries[index]->notice : NULL;
}

/* The position of `key`; `count` if it is not there. */
static size_t key_position(const boc_notices *notices, boc_notice_key key) {
  size_t at = 0;
  for (; at < notices->count; at++) {
    const boc_notice_key other = notices->entries[at]->notice.key;
    if (other.size == key.size &&
        (key.size == 0 || memcmp(other.bytes, key.bytes, key.size) == 0))
      break;
  }
  return at;
}

const boc_notice *boc_notices_find(const boc_notices *notices, boc_notice_key key) {
  BOCI_REQUIRE(notices != NULL);
  return boc_notices_at(notices, key_position(notices, key));
}

/* ---- the board ------------------------------------------------------------------- */

static boc_status init_board(boc_noticeboard *board) {
  boc_status status = boci_rwlock_init(&board->readers);
  if (status != BOC_OK)
    return status;
  status = boci_mutex_init(&board->writing);
  boc_notices *empty = status == BOC_OK ? new_snapshot(board, 0, 0) : NULL;
  if (empty) {
    boci_init(&board->present, empty);
    return BOC_OK;
  }
  if (status == BOC_OK)
    boci_mutex_fini(&board->writing);
  boci_rwlock_fini(&board->readers);
  return BOC_NO_MEMORY;
}

boc_status boc_noticeboard_new(const boc_noticeboard_options *options,
                               boc_noticeboard **out_board) {
  BOCI_REQUIRE(out_board != NULL);
  boc_noticeboard_options own = BOC_NOTICEBOARD_OPTIONS_INIT;
  if (!boci_options_read(&own, sizeof own, options))
    return BOC_BAD_ARGUMENT;
  boc_noticeboard *board = boci_allocate(own.allocator, sizeof(*board));
  if (!board)
    return BOC_NO_MEMORY;
  board->drop = own.drop;
  board->ctx = own.ctx;
  board->allocator = NULL;
  board->allocator_copy = (boc_allocator){0};
  if (own.allocator) {
    board->allocator_copy = *own.allocator;
    board->allocator = &board->allocator_copy;
  }
  const boc_status status = init_board(board);
  if (status == BOC_OK)
    *out_board = board;
  else
    boci_release(own.allocator, board, sizeof(*board));
  return status;
}

void boc_noticeboard_free(boc_noticeboard *board) {
  BOCI_REQUIRE(board != NULL);
  boc_notices_drop(boci_load_acquire(&board->present)); /* [A26] */
  boci_mutex_fini(&board->writing);
  boci_rwlock_fini(&board->readers);
  const boc_allocator allocator = board->allocator_copy;
  boci_release(board->allocator ? &allocator : NULL, board, sizeof(*board));
}

const boc_notices *boc_noticeboard_read(boc_noticeboard *board) {
  BOCI_REQUIRE(board != NULL);
  boci_atomic_word *slot = boci_rwlock_read_lock(&board->readers);
  boci_fence_seq_cst();                                      /* [F4] */
  boc_notices *present = boci_load_acquire(&board->present); /* [A26] */
  boci_add_relaxed(&present->references, 1);                 /* count */
  boci_rwlock_read_unlock(slot);
  return present;
}

/* ---- changes --------------------------------------------------------------------- */

/* A change of a key's notice; only if its version is `expected`, if `checked`. */
typedef struct notice_change {
  boc_notice_key key;
  bool deletes, checked;
  uint64_t expected;
  void *payload;
} notice_change;

static boc_status check_change(const boc_notices *present, const notice_change *what,
                               size_t at) {
  const bool there = at < present->count;
  const uint64_t version = there ? present->entries[at]->notice.version : 0;
  if (what->checked && version != what->expected)
    return BOC_BAD_STATE;
  if (what->deletes)
    return there ? BOC_OK : BOC_NOT_FOUND;
  return there || present->count < BOC_NOTICES_MAX ? BOC_OK : BOC_FULL;
}

/* The next snapshot: like `present`, but with `fresh` at `at`, or without the notice at
 * `at`. */
static boc_notices *next_snapshot(boc_notices *present, size_t at,
                                  notice_entry *fresh) {
  const size_t count = !fresh                 ? present->count - 1
                       : at == present->count ? at + 1
                                              : present->count;
  boc_notices *next = new_snapshot(present->board, present->version + 1, count);
  if (!next)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    const size_t from = !fresh && i >= at ? i + 1 : i;
    next->entries[i] = fresh && i == at ? fresh : present->entries[from];
    boci_add_relaxed(&next->entries[i]->references, 1); /* count */
  }
  return next;
}

static boc_status make_next(boc_noticeboard *board, boc_notices *present,
                            const notice_change *what, boc_notices **out_next) {
  const size_t at = key_position(present, what->key);
  const boc_status status = check_change(present, what, at);
  if (status != BOC_OK)
    return status;
  notice_entry *fresh = NULL;
  if (!what->deletes) {
    fresh = new_entry(board, what->key, present->version + 1, what->payload);
    if (!fresh)
      return BOC_NO_MEMORY;
  }
  boc_notices *next = next_snapshot(present, at, fresh);
  if (next) {
    *out_next = next;
    return BOC_OK;
  }
  if (fresh)
    boci_release(board->allocator, fresh, sizeof(*fresh));
  return BOC_NO_MEMORY;
}

/* Drops the old snapshot: its successor is published. */
static void retire_snapshot(boc_noticeboard *board, boc_notices *old) {
  boci_rwlock_wait_for_readers(&board->readers);
  boc_notices_drop(old);
}

static bool valid_key(boc_notice_key key) {
  return key.size <= BOC_NOTICE_KEY_MAX &&
         (key.size == 0 || !memchr(key.bytes, 0, key.size));
}

static boc_status apply_change(boc_noticeboard *board, const notice_change *what) {
  if (!valid_key(what->key))
    return BOC_BAD_ARGUMENT;
  boc_notices *next = NULL;
  boci_mutex_lock(&board->writing);
  boc_notices *present = boci_load_relaxed(&board->present); /* owner: under the lock */
  const boc_status status = make_next(board, present, what, &next);
  if (status == BOC_OK)
    boci_store_release(&board->present, next); /* [R26] */
  boci_mutex_unlock(&board->writing);
  if (status == BOC_OK)
    retire_snapshot(board, present);
  return status;
}

boc_status boc_noticeboard_write(boc_noticeboard *board, boc_notice_key key,
                                 void *payload) {
  BOCI_REQUIRE(board != NULL);
  return apply_change(board, &(notice_change){.key = key, .payload = payload});
}

boc_status boc_noticeboard_delete(boc_noticeboard *board, boc_notice_key key) {
  BOCI_REQUIRE(board != NULL);
  return apply_change(board, &(notice_change){.key = key, .deletes = true});
}

boc_status boc_noticeboard_write_if(boc_noticeboard *board, boc_notice_key key,
                                    uint64_t version, void *payload) {
  BOCI_REQUIRE(board != NULL);
  return apply_change(board, &(notice_change){key, false, true, version, payload});
}

boc_status boc_noticeboard_delete_if(boc_noticeboard *board, boc_notice_key key,
                                     uint64_t version) {
  BOCI_REQUIRE(board != NULL);
  return apply_change(board, &(notice_change){key, true, true, version, NULL});
}

boc_status boc_noticeboard_clear(boc_noticeboard *board) {
  BOCI_REQUIRE(board != NULL);
  boci_mutex_lock(&board->writing);
  boc_notices *present = boci_load_relaxed(&board->present); /* owner: under the lock */
  boc_notices *next = new_snapshot(board, present->version + 1, 0);
  if (next)
    boci_store_release(&board->present, next); /* [R26] */
  boci_mutex_unlock(&board->writing);
  if (!next)
    return BOC_NO_MEMORY;
  retire_snapshot(board, present);
  return BOC_OK;
}

static boc_status update_once(boc_noticeboard *board, boc_notice_key key,
                              boc_verdict (*change)(void *ctx,
                                                    const boc_notice *present,
                                                    void **out_payload),
                              void *ctx) {
  notice_change what = {.key = key, .checked = true};
  const boc_notices *notices = boc_noticeboard_read(board);
  const boc_notice *present = boc_notices_find(notices, key);
  what.expected = present ? present->version : 0;
  const boc_verdict verdict = change(ctx, present, &what.payload);
  boc_notices_drop(notices);
  if (verdict == BOC_NOTICE_KEEP)
    return BOC_OK;
  what.deletes = verdict == BOC_NOTICE_DELETE;
  const boc_status status = apply_change(board, &what);
  if (status != BOC_OK && !what.deletes)
    drop_payload(board, what.payload);
  return status;
}

boc_status boc_noticeboard_update(boc_noticeboard *board, boc_notice_key key,
                                  boc_verdict (*change)(void *ctx,
                                                        const boc_notice *present,
                                                        void **out_payload),
                                  void *ctx) {
  if (!valid_key(key))
    return BOC_BAD_ARGUMENT;
  boc_status status;
  do
    status = update_once(board, key, change, ctx);
  while (status == BOC_BAD_STATE);
  return status;
}
