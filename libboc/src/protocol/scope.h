/* Scope: what scheduling needs of it. See the public scope.h. */
#ifndef BOCI_SCOPE_H
#define BOCI_SCOPE_H

#include <boc/scope.h>

/* A behavior of the scope, and so of its ancestors, is in flight; it is no more. */
void boci_scope_enter(boc_scope *scope);
void boci_scope_leave(boc_scope *scope);

#endif
