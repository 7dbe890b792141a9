/* Scope: what scheduling needs of it. */
#ifndef BOCI_SCOPE_H
#define BOCI_SCOPE_H

#include <boc/scope.h>

/* A behavior of the scope, and so of all above it, is in flight; or not any more. */
void boci_scope_enter(boc_scope *scope);
void boci_scope_leave(boc_scope *scope);

#endif
