/* Scope: the part that scheduling uses. See the public scope.h. */
#ifndef BOCI_SCOPE_H
#define BOCI_SCOPE_H

#include <boc/scope.h>

/* A behavior that ends as soon as the scope is cancelled, because its time has not come
 * yet (timer_heap.h). It is in its scope's list. A cancel calls `claim`. If that
 * returns true, the cancel removes the node from the list and calls `expire` without
 * any lock. If it returns false, another thread has claimed the node and removes it. */
typedef struct boci_scope_node {
  struct boci_scope_node *prev, *next;
  bool (*claim)(struct boci_scope_node *node);
  void (*expire)(struct boci_scope_node *node);
} boci_scope_node;

/* Adds a node, whose behavior holds the scope. If the scope is cancelled already, the
 * node stays: the caller checks for that afterwards. */
void boci_scope_add_node(boc_scope *scope, boci_scope_node *node);
void boci_scope_remove_node(boc_scope *scope, boci_scope_node *node);

/* Count a behavior of the scope, and so of its ancestors, as in flight, and as
 * ended. */
void boci_scope_enter(boc_scope *scope);
void boci_scope_leave(boc_scope *scope);

#endif
