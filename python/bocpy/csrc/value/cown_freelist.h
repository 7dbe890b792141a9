/* Cown free list: where the cores of cowns come from.
 *
 * The core of a behavior's result is made by who schedules and ends on the worker that
 * has run it. To the allocator of the C library that is the dearest way there is, so
 * what one thread gives up goes to the other in batches:
 *
 *   thread that frees --(32 at once)--> depot --(32 at once)--> thread that makes
 *
 * Blocks are malloc's, each on its own: any thread can free what it has too many of.
 * Workers and the thread that has loaded the extension keep blocks; other threads, of
 * which nobody says when they end, go to malloc and free. Under the sanitizers so do
 * all, so that a stale pointer is seen.
 *
 * Threads: any, attached or not.
 */
#ifndef BOCPY_COWN_FREELIST_H
#define BOCPY_COWN_FREELIST_H

#include "sync.h"

#include <boc/base.h>

extern const boc_allocator bocpy_cown_freelist;

/* Process-wide; the calling thread keeps blocks. -1 with an exception. */
int bocpy_cown_freelist_init(void);

/* In the child of a fork: the depot may have been in use. -1 with an exception. */
int bocpy_cown_freelist_forget(void);

/* The beginning of a worker, and its very end. */
void bocpy_cown_freelist_enter(void);
void bocpy_cown_freelist_leave(void);

#endif
