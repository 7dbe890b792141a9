/* Scopes: groups of behaviors that are waited for, and cancelled, together.
 *
 * A behavior belongs to the scope that it was made in: the one named in its options,
 * else the one of the body that makes it. So a scope has exactly the work that was
 * started in it, transitively. A scope may have a parent: the scope's work is then its
 * parent's work, too. */
#ifndef BOC_SCOPE_H
#define BOC_SCOPE_H

#include <boc/behavior.h>
#include <boc/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Makes an empty scope with one reference, which the caller has. `parent` may be NULL;
 * the scope holds it. Any thread. Refusals: BOC_NO_MEMORY. */
BOC_API boc_status boc_scope_new(boc_scope *parent, const boc_allocator *allocator,
                                 boc_scope **out_scope);

/** Adds a reference and returns `scope`. The caller has one. Any thread. */
BOC_API boc_scope *boc_scope_hold(boc_scope *scope);

/** Gives up a reference of the caller's. Behaviors in flight keep their scope alive.
 * Any thread. */
BOC_API void boc_scope_drop(boc_scope *scope);

/** As boc_scope_hold, for a caller that has no reference but knows that the scope's
 * data has not been dropped (for example because `drop` takes a lock that the caller
 * has). NULL if the last reference has been given up already. Any thread. */
BOC_API boc_scope *boc_scope_try_hold(boc_scope *scope);

/** The scope of the body that this thread runs, or NULL. Borrowed. */
BOC_API boc_scope *boc_scope_current(void);

/** Waits until no behavior of the scope is scheduled, running or deferred.
 * Outcomes: BOC_OK, BOC_TIMEOUT. Refusals: BOC_BAD_STATE on a worker, BOC_NO_MEMORY. */
BOC_API boc_status boc_scope_wait(boc_scope *scope, int64_t timeout);

/** As boc_scope_wait, without blocking a thread: see boc_runtime_on_quiescent. */
BOC_API void boc_scope_on_empty(boc_scope *scope, boc_quiesce_node *node);

/** Takes `node` back, as boc_runtime_quiesce_cancel does. */
BOC_API bool boc_scope_on_empty_cancel(boc_scope *scope, boc_quiesce_node *node);

/** Cancels the scope and the scopes below it. Behaviors whose bodies have not begun
 * will not run: their environments are dropped and their cowns handed on. Bodies that
 * run can ask `boc_behavior_cancelled`. Behaviors that are made in the scope later are
 * cancelled, too. */
BOC_API void boc_scope_cancel(boc_scope *scope);

/** Whether boc_scope_cancel was called for it, or for a scope above it. Any thread. */
BOC_API bool boc_scope_cancelled(const boc_scope *scope);

/** How many behaviors of the scope are scheduled, running or deferred at the moment of
 * the call. A hint. Any thread. */
BOC_API size_t boc_scope_pending(const boc_scope *scope);

/** Calls `node->done` once, when fewer than `count` behaviors of the scope are pending:
 * at once on this thread if that is so already, else on the thread that ends a behavior
 * of the scope. `done` must not block. A producer uses it to wait until its behaviors
 * catch up. If several nodes wait with different counts, `done` may be called early:
 * ask boc_scope_pending again. boc_scope_on_room_cancel takes the node back. Any
 * thread. */
BOC_API void boc_scope_on_room(boc_scope *scope, size_t count, boc_quiesce_node *node);

/** Takes `node` back, as boc_runtime_quiesce_cancel does. */
BOC_API bool boc_scope_on_room_cancel(boc_scope *scope, boc_quiesce_node *node);

/** Sets the data that an embedder keeps with a scope. The maker of the scope calls this
 * at most once, before the scope's first behavior. `drop(data)` is called when the last
 * reference is given up, on the thread that gives it up; `drop` may be NULL. */
BOC_API void boc_scope_set_data(boc_scope *scope, void *data, void (*drop)(void *data));

/** The data that boc_scope_set_data was given; NULL before. Any thread. */
BOC_API void *boc_scope_data(const boc_scope *scope);

#ifdef __cplusplus
}
#endif

#endif
