/* Scope: a count of behaviors in flight, the waiters for it, and a flag.
 *
 * Threads: any. A behavior in flight holds a reference to its scope and counts in it
 * and in all its ancestors, which the scope holds.
 * Ordering:
 *   [R14] leaving publishes what the behavior did; [A14] the thread that finds the
 *     count at zero acquires it. Waiters look again under their mutex.
 *   [R15] cancelled is published; [A15] the thread that asks. The mutexes order it with
 *     the nodes: a cancel finds a node, or the thread that added it finds the cancel.
 */
#include "scope.h"

#include "alloc.h"
#include "checks.h"
#include "thread_context.h"
#include "waiters.h"

struct boc_scope {
  boci_atomic_word references;
  boci_atomic_word pending;
  boci_atomic_u32 cancelled;
  boci_atomic_word
      room; /* 0; or a waiter for room needs fewer pending behaviors than this */
  boci_waiters waiters;
  boci_waiters room_waiters;
  boc_scope *parent;
  /* guards the next three fields; a parent's is locked before its child's */
  boci_mutex mutex;
  boci_scope_node nodes;             /* head of a list */
  boc_scope *children, *prev, *next; /* the children; the siblings of the scope */
  void *data;
  void (*drop_data)(void *data);
  const boc_allocator *allocator;
  boc_allocator allocator_copy;
};

static void join_parent(boc_scope *scope) {
  boc_scope *parent = scope->parent;
  boci_mutex_lock(&parent->mutex);
  scope->next = parent->children;
  if (parent->children)
    parent->children->prev = scope;
  parent->children = scope;
  boci_mutex_unlock(&parent->mutex);
}

static void leave_parent(boc_scope *scope) {
  boc_scope *parent = scope->parent;
  boci_mutex_lock(&parent->mutex);
  if (scope->prev)
    scope->prev->next = scope->next;
  else
    parent->children = scope->next;
  if (scope->next)
    scope->next->prev = scope->prev;
  boci_mutex_unlock(&parent->mutex);
}

static void init_scope(boc_scope *scope, boc_scope *parent,
                       const boc_allocator *allocator) {
  boci_init(&scope->references, 1);
  boci_init(&scope->pending, 0);
  boci_init(&scope->cancelled, 0);
  boci_init(&scope->room, 0);
  scope->data = NULL;
  scope->drop_data = NULL;
  scope->nodes.prev = scope->nodes.next = &scope->nodes;
  scope->children = scope->prev = scope->next = NULL;
  scope->parent = parent ? boc_scope_hold(parent) : NULL;
  if (parent)
    join_parent(scope);
  scope->allocator = NULL;
  if (!allocator)
    return;
  scope->allocator_copy = *allocator;
  scope->allocator = &scope->allocator_copy;
}

static boc_status init_parts(boc_scope *scope) {
  boc_status status = boci_mutex_init(&scope->mutex);
  if (status != BOC_OK)
    return status;
  if ((status = boci_waiters_init(&scope->waiters)) != BOC_OK)
    goto no_waiters;
  if ((status = boci_waiters_init(&scope->room_waiters)) == BOC_OK)
    return BOC_OK;
  boci_waiters_fini(&scope->waiters);
no_waiters:
  boci_mutex_fini(&scope->mutex);
  return status;
}

boc_status boc_scope_new(boc_scope *parent, const boc_allocator *allocator,
                         boc_scope **out_scope) {
  BOCI_REQUIRE(out_scope != NULL);
  boc_scope *scope = boci_allocate(allocator, sizeof *scope);
  if (!scope)
    return BOC_NO_MEMORY;
  const boc_status status = init_parts(scope);
  if (status != BOC_OK) {
    boci_release(allocator, scope, sizeof *scope);
    return status;
  }
  init_scope(scope, parent, allocator);
  *out_scope = scope;
  return BOC_OK;
}

#define SCOPE_IS_HELD(scope) (boci_load_relaxed(&(scope)->references) > 0) /* assert */

boc_scope *boc_scope_hold(boc_scope *scope) {
  BOCI_REQUIRE(scope != NULL);
  BOCI_CHECK(SCOPE_IS_HELD(scope), "boc_scope_hold: a scope that somebody holds");
  boci_add_relaxed(&scope->references, 1); /* count: the caller's own keeps it alive */
  return scope;
}

boc_scope *boc_scope_try_hold(boc_scope *scope) {
  BOCI_REQUIRE(scope != NULL);
  uintptr_t seen = boci_load_relaxed(&scope->references); /* hint: the swap checks it */
  while (seen)
    if (boci_cas_weak_relaxed(&scope->references, &seen, seen + 1)) /* count */
      return scope;
  return NULL;
}

/* Frees a scope without references. */
static void free_scope(boc_scope *scope) {
#if defined(BOC_CHECKS)
  static boci_quarantine quarantine;
  scope = boci_quarantine_swap(&quarantine, scope);
#endif
  if (!BOCI_QUARANTINES || scope)
    boci_release(NULL, scope, sizeof *scope);
}

static void end_scope(boc_scope *scope) {
  const bool own = scope->allocator != NULL;
  const boc_allocator allocator = own ? scope->allocator_copy : (boc_allocator){0};
  if (scope->drop_data)
    scope->drop_data(scope->data);
  if (scope->parent)
    leave_parent(scope);
  boci_waiters_fini(&scope->room_waiters);
  boci_waiters_fini(&scope->waiters);
  boci_mutex_fini(&scope->mutex);
  if (own)
    boci_release(&allocator, scope, sizeof *scope);
  else
    free_scope(scope);
}

void boc_scope_drop(boc_scope *scope) {
  BOCI_CHECK(!scope || SCOPE_IS_HELD(scope),
             "boc_scope_drop: a scope that somebody holds");
  while (scope && boci_sub_acq_rel(&scope->references, 1) == 1) { /* [R14] [A14] */
    boc_scope *parent = scope->parent;
    end_scope(scope);
    scope = parent;
  }
}

boc_scope *boc_scope_current(void) { return boci_thread_context_scope(); }

static bool scope_is_empty(void *ctx) {
  boc_scope *scope = ctx;
  return boci_load_acquire(&scope->pending) == 0; /* [A14] */
}

void boci_scope_enter(boc_scope *scope) {
  boc_scope_hold(scope);
  for (boc_scope *at = scope; at; at = at->parent)
    boci_add_relaxed(&at->pending, 1); /* count: before the behavior can be linked */
}

static bool scope_has_room(void *ctx) {
  boc_scope *scope = ctx;
  return boci_load_acquire(&scope->pending) < /* [A14] */
         boci_load_relaxed(&scope->room);     /* hint: after [F1] */
}

static void scope_tell(boc_scope *scope) {
  const uintptr_t rest = boci_load_acquire(&scope->pending); /* [A14] */
  if (rest < boci_load_relaxed(&scope->room))                /* hint: after [F1] */
    boci_waiters_check(&scope->room_waiters, scope_has_room, scope);
  if (rest == 0)
    boci_waiters_check(&scope->waiters, scope_is_empty, scope);
}

/* A thread that is notified that a scope is empty sees that its ancestors have counted
 * that, too. */
void boci_scope_leave(boc_scope *scope) {
  for (boc_scope *at = scope; at; at = at->parent)
    boci_sub_acq_rel(&at->pending, 1); /* [R14] [A14] */
  boci_fence_seq_cst();                /* [F1] */
  for (boc_scope *at = scope; at; at = at->parent)
    scope_tell(at);
  boc_scope_drop(scope);
}

/* The largest count that any waiter has asked for stays: others are notified early. */
void boc_scope_on_room(boc_scope *scope, size_t count, boc_quiesce_node *node) {
  BOCI_REQUIRE(scope != NULL && node != NULL && node->done != NULL);
  uintptr_t room = boci_load_relaxed(&scope->room); /* hint: the swap checks it */
  while (room < count &&
         !boci_cas_weak_relaxed(&scope->room, &room, count)) /* hint: the fence [F1] */
    continue;
  boci_waiters_add(&scope->room_waiters, node);
  boci_fence_seq_cst(); /* [F1] */
  boci_waiters_check(&scope->room_waiters, scope_has_room, scope);
}

bool boc_scope_on_room_cancel(boc_scope *scope, boc_quiesce_node *node) {
  BOCI_REQUIRE(scope != NULL && node != NULL);
  return boci_waiters_cancel(&scope->room_waiters, node);
}

void boc_scope_on_empty(boc_scope *scope, boc_quiesce_node *node) {
  BOCI_REQUIRE(scope != NULL && node != NULL && node->done != NULL);
  boci_waiters_add(&scope->waiters, node);
  boci_fence_seq_cst(); /* [F1] */
  boci_waiters_check(&scope->waiters, scope_is_empty, scope);
}

bool boc_scope_on_empty_cancel(boc_scope *scope, boc_quiesce_node *node) {
  BOCI_REQUIRE(scope != NULL && node != NULL);
  return boci_waiters_cancel(&scope->waiters, node);
}

static void add_scope_waiter(void *scope, boc_quiesce_node *node) {
  boc_scope_on_empty(scope, node);
}

boc_status boc_scope_wait(boc_scope *scope, int64_t timeout) {
  BOCI_REQUIRE(scope != NULL);
  if (boci_thread_context_is_worker())
    return BOC_BAD_STATE;
  return boci_waiters_wait(&scope->waiters, timeout, add_scope_waiter, scope);
}

/* ---- cancelling ------------------------------------------------------------------ */

void boci_scope_add_node(boc_scope *scope, boci_scope_node *node) {
  boci_mutex_lock(&scope->mutex);
  node->prev = scope->nodes.prev;
  node->next = &scope->nodes;
  node->prev->next = node->next->prev = node;
  boci_mutex_unlock(&scope->mutex);
}

void boci_scope_remove_node(boc_scope *scope, boci_scope_node *node) {
  boci_mutex_lock(&scope->mutex);
  node->prev->next = node->next;
  node->next->prev = node->prev;
  boci_mutex_unlock(&scope->mutex);
}

/* Moves the nodes of the scope, and of scopes below it, that it can claim to
 * `claimed`. */
static boci_scope_node *claim_nodes(boc_scope *scope, boci_scope_node *claimed) {
  boci_mutex_lock(&scope->mutex);
  for (boci_scope_node *node = scope->nodes.next, *next; node != &scope->nodes;
       node = next) {
    next = node->next;
    if (!node->claim(node))
      continue;
    node->prev->next = next;
    next->prev = node->prev;
    node->next = claimed;
    claimed = node;
  }
  for (boc_scope *child = scope->children; child; child = child->next)
    claimed = claim_nodes(child, claimed);
  boci_mutex_unlock(&scope->mutex);
  return claimed;
}

void boc_scope_cancel(boc_scope *scope) {
  BOCI_REQUIRE(scope != NULL);
  boci_store_release(&scope->cancelled, 1); /* [R15] */
  for (boci_scope_node *node = claim_nodes(scope, NULL), *next; node; node = next) {
    next = node->next; /* the node ends with its behavior */
    node->expire(node);
  }
}

bool boc_scope_cancelled(const boc_scope *scope) {
  for (boc_scope *at = (boc_scope *)scope; at; at = at->parent)
    if (boci_load_acquire(&at->cancelled)) /* [A15] */
      return true;
  return false;
}

size_t boc_scope_pending(const boc_scope *scope) {
  BOCI_REQUIRE(scope != NULL);
  return boci_load_acquire(&((boc_scope *)scope)->pending); /* [A14] */
}

void boc_scope_set_data(boc_scope *scope, void *data, void (*drop)(void *data)) {
  BOCI_REQUIRE(scope != NULL);
  scope->data = data;
  scope->drop_data = drop;
}

void *boc_scope_data(const boc_scope *scope) {
  BOCI_REQUIRE(scope != NULL);
  return scope->data;
}
