/* Scope: what scheduling needs of it. See the public scope.h. */
#ifndef BOCI_SCOPE_H
#define BOCI_SCOPE_H

#include <boc/scope.h>

/* What ends as soon as the scope is cancelled: a behavior that has not had its time
 * (timers.h). In its scope's list, on which a cancel that comes first calls `claim`:
 * true, and the node is out of the list and `expire` is called, without any lock.
 * False: another thread has claimed it, and takes it out. */
typedef struct boci_scope_node {
  struct boci_scope_node *prev, *next;
  bool (*claim)(struct boci_scope_node *node);
  void (*expire)(struct boci_scope_node *node);
} boci_scope_node;

/* Adds a node, whose behavior holds the scope. A scope that is cancelled already does
 * not take it out by itself: the caller looks afterwards. */
void boci_scope_add_node(boc_scope *scope, boci_scope_node *node);
void boci_scope_remove_node(boc_scope *scope, boci_scope_node *node);

/* A behavior of the scope, and so of its ancestors, is in flight; it is no more. */
void boci_scope_enter(boc_scope *scope);
void boci_scope_leave(boc_scope *scope);

#endif
