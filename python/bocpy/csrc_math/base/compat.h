/* Compat: what differs between the versions and builds of CPython, and between
 * compilers.
 *
 * With a GIL a thread that is attached owns every object of its interpreter, so MX_LOCK
 * is empty. Without one it is the critical section of the object. */
#ifndef MX_COMPAT_H
#define MX_COMPAT_H

#ifndef PY_SSIZE_T_CLEAN
#define PY_SSIZE_T_CLEAN
#endif
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <stdatomic.h>

/* Atomic with a GIL, too: a consumer of a tensor may give up its block on a thread that
 * is attached to no interpreter, or to another one. */
typedef atomic_size_t mx_count;

/* A thread that adds a reference to a block already has one, or holds the lock of the
 * object that has one: no order is needed. The thread that gives up the last reference
 * must see what the other threads wrote [C1]. */
static inline void mx_count_up(mx_count *count) {
  atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}
static inline size_t mx_count_read(mx_count *count) {
  return atomic_load_explicit(count, memory_order_acquire);
}
/* Returns how many references are left. */
static inline size_t mx_count_down(mx_count *count) { /* [C1] */
  return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) - 1;
}
static inline void mx_count_set(mx_count *count, size_t value) {
  atomic_store_explicit(count, value, memory_order_relaxed);
}

#ifdef Py_GIL_DISABLED
#define MX_LOCK(object) Py_BEGIN_CRITICAL_SECTION(object)
#define MX_UNLOCK() Py_END_CRITICAL_SECTION()
#else
#define MX_LOCK(object)                                                                \
  {                                                                                    \
    (void)(object)
#define MX_UNLOCK() }
#endif

#if defined(__GNUC__)
#define MX_LIKELY(x) __builtin_expect(!!(x), 1)
#define MX_NOINLINE __attribute__((noinline, cold))
#else
#define MX_LIKELY(x) (x)
#define MX_NOINLINE
#endif

/* Multiplies two sizes. False: the product does not fit. */
static inline bool mx_multiply(size_t a, size_t b, size_t *out_product) {
  if (b && a > SIZE_MAX / b)
    return false;
  *out_product = a * b;
  return true;
}

#endif
