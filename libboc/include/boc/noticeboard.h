/* Noticeboard: a small map that any thread may read at any time without waiting.
 *
 * Keys are short byte strings, values opaque pointers. Readers take a snapshot:
 * immutable, and valid until they drop it. Writers make the next snapshot from the
 * current one.
 */
#ifndef BOC_NOTICEBOARD_H
#define BOC_NOTICEBOARD_H

#include <boc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many notices a board may have. */
#define BOC_NOTICES_MAX 64u

/** How many bytes a key may have. */
#define BOC_NOTICE_KEY_MAX 63u

/** A noticeboard. Opaque. */
typedef struct boc_noticeboard boc_noticeboard;

/** A snapshot of a noticeboard. Opaque. */
typedef struct boc_notices boc_notices;

/** A key: 0 to BOC_NOTICE_KEY_MAX bytes, any but NUL; copied where the library keeps
 * it. */
typedef struct boc_notice_key {
  /** Its first byte; no NUL is needed at the end. */
  const char *bytes;
  /** How many bytes. */
  size_t size;
} boc_notice_key;

/** One notice. Lives as long as a snapshot in which it was found. */
typedef struct boc_notice {
  /** A NUL follows its bytes. */
  boc_notice_key key;
  /** The value that was written. */
  void *payload;
  /** The version that writing it gave the board; from 1. */
  uint64_t version;
} boc_notice;

/** Options of a noticeboard. Start from BOC_NOTICEBOARD_OPTIONS_INIT and change what
 * matters. */
typedef struct boc_noticeboard_options {
  /** sizeof of this struct: how later versions know it. */
  size_t size;
  /** Ends a payload that no snapshot has any more, on the thread that dropped the last
   * such snapshot. May be NULL. */
  void (*drop)(void *ctx, void *payload);
  /** Passed to `drop`. */
  void *ctx;
  /** Copied; NULL: malloc and free. */
  const boc_allocator *allocator;
} boc_noticeboard_options;

/** The defaults of boc_noticeboard_options. */
#define BOC_NOTICEBOARD_OPTIONS_INIT {sizeof(boc_noticeboard_options), NULL, NULL, NULL}

/** An empty noticeboard. `options` may be NULL. Any thread. Refusals: BOC_NO_MEMORY,
 * BOC_BAD_ARGUMENT. */
BOC_API boc_status boc_noticeboard_new(const boc_noticeboard_options *options,
                                       boc_noticeboard **out_board);

/** Ends a noticeboard. No thread may use the board or any snapshot of it any more. */
BOC_API void boc_noticeboard_free(boc_noticeboard *board);

/** The current snapshot; the caller drops it with boc_notices_drop. Takes no lock. Any
 * thread. */
BOC_API const boc_notices *boc_noticeboard_read(boc_noticeboard *board);

/** Drops a snapshot. Any thread. */
BOC_API void boc_notices_drop(const boc_notices *notices);

/** The board's version: grows with each change. */
BOC_API uint64_t boc_notices_version(const boc_notices *notices);

/** How many notices the snapshot has. */
BOC_API size_t boc_notices_count(const boc_notices *notices);

/** The `index`-th notice, in the order of first writing. */
BOC_API const boc_notice *boc_notices_at(const boc_notices *notices, size_t index);

/** The notice of that key; NULL if there is none. */
BOC_API const boc_notice *boc_notices_find(const boc_notices *notices,
                                           boc_notice_key key);

/** Writes a notice. The change takes effect before the call returns, as all changes do;
 * `payload` belongs to the board if this returns BOC_OK. Any thread. Refusals:
 * BOC_BAD_ARGUMENT (the key), BOC_FULL (a new key), BOC_NO_MEMORY. */
BOC_API boc_status boc_noticeboard_write(boc_noticeboard *board, boc_notice_key key,
                                         void *payload);

/** Deletes a notice. Refusals as of boc_noticeboard_write, and BOC_NOT_FOUND (there is
 * nothing to delete). Any thread. */
BOC_API boc_status boc_noticeboard_delete(boc_noticeboard *board, boc_notice_key key);

/** Deletes all notices. Refusal: BOC_NO_MEMORY. Any thread. */
BOC_API boc_status boc_noticeboard_clear(boc_noticeboard *board);

/** As boc_noticeboard_write if the key's notice still has this version (0: there is
 * none), else the refusal BOC_BAD_STATE. */
BOC_API boc_status boc_noticeboard_write_if(boc_noticeboard *board, boc_notice_key key,
                                            uint64_t version, void *payload);

/** As boc_noticeboard_delete, on the same condition. */
BOC_API boc_status boc_noticeboard_delete_if(boc_noticeboard *board, boc_notice_key key,
                                             uint64_t version);

/** The answer of the function that boc_noticeboard_update calls. */
typedef enum boc_verdict {
  /** Leave the notice as it is. */
  BOC_NOTICE_KEEP,
  /** Write `*out_payload`. */
  BOC_NOTICE_WRITE,
  /** Delete the notice. */
  BOC_NOTICE_DELETE
} boc_verdict;

/** Reads, modifies and writes as one step: calls `change` with the current notice (or
 * NULL) and without locks. If another change came in between, the drop hook drops the
 * payload that `change` made, and `change` is called again. It may use the board. Any
 * thread. Refusals as of boc_noticeboard_delete. */
BOC_API boc_status boc_noticeboard_update(
    boc_noticeboard *board, boc_notice_key key,
    boc_verdict (*change)(void *ctx, const boc_notice *present, void **out_payload),
    void *ctx);

#ifdef __cplusplus
}
#endif

#endif
