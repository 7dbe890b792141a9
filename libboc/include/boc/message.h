/* Messages: a mailbox is a set of tagged queues, open to any thread.
 *
 * A message is an opaque pointer. Sending never blocks; receiving takes a message from
 * one tag or from several: from one that has messages, and in turn if all have.
 * Messages of one sender to one tag arrive in order. Mailboxes are independent of
 * runtimes and of each other.
 *
 * A tag exists from its first use, by either side, or from `boc_mailbox_set_tags`.
 */
#ifndef BOC_MESSAGE_H
#define BOC_MESSAGE_H

#include <boc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A mailbox. Opaque. */
typedef struct boc_mailbox boc_mailbox;

/** A tag's name: any bytes; compared by content and copied where the library keeps
 * it. */
typedef struct boc_tag {
  /** Its first byte; no NUL is needed at the end. */
  const char *bytes;
  /** How many bytes. */
  size_t size;
} boc_tag;

/** Options of a mailbox. Start from BOC_MAILBOX_OPTIONS_INIT and change what matters.
 */
typedef struct boc_mailbox_options {
  /** sizeof of this struct: how later versions know it. */
  size_t size;
  /** How many tags there may be, at most 32; 0: 16. */
  unsigned tags;
  /** Messages for each tag, a power of two from 2; 0: 16384. */
  size_t capacity;
  /** Ends a payload that nobody receives. May be NULL. */
  void (*drop)(void *ctx, void *payload);
  /** Passed to `drop`. */
  void *ctx;
  /** Copied; NULL: malloc and free. */
  const boc_allocator *allocator;
} boc_mailbox_options;

/** The defaults of boc_mailbox_options. */
#define BOC_MAILBOX_OPTIONS_INIT {sizeof(boc_mailbox_options), 0, 0, NULL, NULL, NULL}

/** A mailbox without messages. `options` may be NULL. Any thread. Refusals:
 * BOC_NO_MEMORY, BOC_BAD_ARGUMENT. */
BOC_API boc_status boc_mailbox_new(const boc_mailbox_options *options,
                                   boc_mailbox **out_mailbox);

/** Closes the mailbox: from now on sends are refused. Receivers still get the queued
 * messages, and then BOC_CLOSED, those that wait now included. Any thread. */
BOC_API void boc_mailbox_close(boc_mailbox *mailbox);

/** Drops the queued messages. No thread may use the mailbox any more, or be in a call
 * of it. */
BOC_API void boc_mailbox_free(boc_mailbox *mailbox);

/** Puts `payload` into the queue of `tag`; it belongs to the mailbox if this returns
 * BOC_OK. Never blocks. Any thread. Outcomes: BOC_OK, BOC_CLOSED. Refusals: BOC_FULL,
 * BOC_NOT_FOUND (a new tag, and there are as many as there may be), BOC_NO_MEMORY. */
BOC_API boc_status boc_mailbox_send(boc_mailbox *mailbox, boc_tag tag, void *payload);

/** A token with which another thread cancels a receive. Starts as {0}. */
typedef struct boc_receive_token {
  struct boc_mailbox_waiter *waiter; /* private */
  bool cancelled;                    /* private */
} boc_receive_token;

/** Takes the oldest message of one of `tags`; waits for one, parked, until `timeout`
 * has passed. `out_index` says of which tag. `token` may be NULL. Any thread; on a
 * worker see boc_worker_block_begin. Outcomes: BOC_OK, BOC_TIMEOUT, BOC_CLOSED,
 * BOC_CANCELLED. Refusals: BOC_NOT_FOUND (no room for a new tag, or
 * boc_mailbox_set_tags took one away meanwhile), BOC_BAD_ARGUMENT (no tags),
 * BOC_NO_MEMORY. */
BOC_API boc_status boc_mailbox_receive(boc_mailbox *mailbox, const boc_tag *tags,
                                       size_t count, int64_t timeout,
                                       boc_receive_token *token, size_t *out_index,
                                       void **out_payload);

/** Cancels the receive that waits with `token`, or else the next one with it. */
BOC_API void boc_mailbox_cancel(boc_mailbox *mailbox, boc_receive_token *token);

/** Drops the queued messages of those of `tags` that exist, and wakes receivers that
 * wait for them, which go on waiting. Any thread. */
BOC_API void boc_mailbox_drain(boc_mailbox *mailbox, const boc_tag *tags, size_t count);

/** Replaces all tags, and drops all queued messages. Receivers that wait for a removed
 * tag get BOC_NOT_FOUND. A message that is sent meanwhile is either dropped or stays.
 * Any thread. Refusals: BOC_FULL, BOC_BAD_ARGUMENT (a tag twice), BOC_NO_MEMORY. */
BOC_API boc_status boc_mailbox_set_tags(boc_mailbox *mailbox, const boc_tag *tags,
                                        size_t count);

/** For waits that must not block a thread in the library: `notify(ctx)` is called once,
 * when something may have arrived for the waiter's tags, or they changed, or the
 * mailbox was closed; at once if that has happened already, otherwise by the thread
 * that causes it. It must neither use the mailbox nor block. The waiter belongs to the
 * caller again after `boc_mailbox_remove_waiter`. */
typedef struct boc_mailbox_waiter {
  struct boc_mailbox_waiter *prev, *next; /* private */
  uint32_t mask, generation;              /* private */
  bool listed;                            /* private */
  boc_status outcome;                     /* private */
  /** The function that is called; required. */
  void (*notify)(void *ctx);
  /** Passed to `notify`. */
  void *ctx;
} boc_mailbox_waiter;

/** Begins a wait for `tags`: see boc_mailbox_waiter. Refusals as of
 * boc_mailbox_receive. Any thread. */
BOC_API boc_status boc_mailbox_add_waiter(boc_mailbox *mailbox, const boc_tag *tags,
                                          size_t count, boc_mailbox_waiter *waiter);

/** Takes `waiter` back: once for each successful boc_mailbox_add_waiter, whether it was
 * notified or not. If it was notified of a message that is still there, another waiter
 * is notified of it. Outcomes: BOC_WOULD_BLOCK: it was not notified; BOC_OK: it was,
 * and that call has returned; BOC_CLOSED: it was notified of the closing. Refusal:
 * BOC_NOT_FOUND: one of its tags was removed. A zeroed waiter that was never added
 * gives BOC_OK. */
BOC_API boc_status boc_mailbox_remove_waiter(boc_mailbox *mailbox,
                                             boc_mailbox_waiter *waiter);

#ifdef __cplusplus
}
#endif

#endif
