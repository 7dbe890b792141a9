/* Noticeboard: a small map that all may read at any time without waiting.
 *
 * Keys are short byte strings, values opaque pointers. Readers take a snapshot:
 * immutable, and valid until they give it back. Writers make the next snapshot from
 * the present one.
 */
#ifndef BOC_NOTICEBOARD_H
#define BOC_NOTICEBOARD_H

#include <boc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOC_NOTICES_MAX 64u
#define BOC_NOTICE_KEY_MAX 63u

typedef struct boc_noticeboard boc_noticeboard;
typedef struct boc_notices boc_notices; /* a snapshot */

/* 0 to BOC_NOTICE_KEY_MAX bytes, any but NUL; copied where it is kept. */
typedef struct boc_notice_key {
  const char *bytes;
  size_t size;
} boc_notice_key;

/* Lives as long as a snapshot that it was found in. */
typedef struct boc_notice {
  boc_notice_key key; /* its bytes are followed by a NUL */
  void *payload;
  uint64_t version; /* of the board, when it was written; from 1 */
} boc_notice;

/* Start from BOC_NOTICEBOARD_OPTIONS_INIT and change what matters.
 *
 * - `drop`: ends a payload that no snapshot has any more; on the thread that gave back
 *   the last one. It may be NULL.
 */
typedef struct boc_noticeboard_options {
  size_t size; /* sizeof of this struct, for later versions */
  void (*drop)(void *ctx, void *payload);
  void *ctx;                      /* handed to `drop` */
  const boc_allocator *allocator; /* copied; NULL: malloc and free */
} boc_noticeboard_options;

#define BOC_NOTICEBOARD_OPTIONS_INIT {sizeof(boc_noticeboard_options), NULL, NULL, NULL}

/* `options` may be NULL. Refusals: BOC_NO_MEMORY, BOC_BAD_ARGUMENT. */
BOC_API boc_status boc_noticeboard_new(const boc_noticeboard_options *options,
                                       boc_noticeboard **out_board);

/* Nobody may use the board or any snapshot of it any more. */
BOC_API void boc_noticeboard_free(boc_noticeboard *board);

/* The present snapshot; to be given back by boc_notices_drop. Takes no lock. Any
 * thread. */
BOC_API const boc_notices *boc_noticeboard_read(boc_noticeboard *board);
BOC_API void boc_notices_drop(const boc_notices *notices);

/* The board's version: grows with each change. */
BOC_API uint64_t boc_notices_version(const boc_notices *notices);
BOC_API size_t boc_notices_count(const boc_notices *notices);

/* The `index`-th, in the order of first writing; or by key, NULL if there is none. */
BOC_API const boc_notice *boc_notices_at(const boc_notices *notices, size_t index);
BOC_API const boc_notice *boc_notices_find(const boc_notices *notices,
                                           boc_notice_key key);

/* Changes take effect before they return. `payload` is the board's if the answer is
 * BOC_OK. Any thread. Refusals: BOC_BAD_ARGUMENT (the key), BOC_FULL (a new key),
 * BOC_NO_MEMORY; of delete and update also BOC_NOT_FOUND (there is nothing to delete).
 */
BOC_API boc_status boc_noticeboard_write(boc_noticeboard *board, boc_notice_key key,
                                         void *payload);
BOC_API boc_status boc_noticeboard_delete(boc_noticeboard *board, boc_notice_key key);
BOC_API boc_status boc_noticeboard_clear(boc_noticeboard *board);

/* The same if the key's notice still has this version (0: there is none), else the
 * refusal BOC_BAD_STATE. */
BOC_API boc_status boc_noticeboard_write_if(boc_noticeboard *board, boc_notice_key key,
                                            uint64_t version, void *payload);
BOC_API boc_status boc_noticeboard_delete_if(boc_noticeboard *board, boc_notice_key key,
                                             uint64_t version);

typedef enum boc_verdict {
  BOC_NOTICE_KEEP,
  BOC_NOTICE_WRITE,
  BOC_NOTICE_DELETE
} boc_verdict;

/* Read, modify, write as one step: `change` is called with the present notice (or NULL)
 * and without locks; again, if another change came in between: what it had made is
 * dropped by the drop hook. It may use the board. */
BOC_API boc_status boc_noticeboard_update(
    boc_noticeboard *board, boc_notice_key key,
    boc_verdict (*change)(void *ctx, const boc_notice *present, void **out_payload),
    void *ctx);

#ifdef __cplusplus
}
#endif

#endif
