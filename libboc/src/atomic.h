/* Atomics: three types, a fixed set of operations, the memory order in every name.
 *
 * Types: boci_atomic_u32 (uint32_t), boci_atomic_word (uintptr_t), boci_atomic_ptr
 * (void *). They are structs, so that a plain read does not compile. Every operation
 * takes the address of any of the three, except where it says "numbers" (u32 and word).
 *
 *   boci_init(p, v)               before the object is shared; no order
 *   boci_load_O(p)                O: relaxed, acquire
 *   boci_store_O(p, v)            O: relaxed, release
 *   boci_swap_O(p, v)             O here and below: relaxed, acquire, release, acq_rel;
 *                                 returns the old value
 *   boci_add_O, boci_sub_O, boci_or_O, boci_and_O (p, v)
 *                                 numbers; wrap around; return the old value
 *   boci_cas_strong_O(p, &e, v)   true: *p was e and is v now; false: e is what *p was
 *   boci_cas_weak_O(p, &e, v)     for loops: may also fail with *p equal to e
 *   boci_fence_acquire(), boci_fence_release(), boci_fence_seq_cst()
 *   boci_fence_compiler()         orders nothing for the processor; see os.h
 *   boci_pause()                  in a spin: lets the other hardware thread go ahead
 *
 * The orders are C11's. A failed cas is acquire where its success has acquire, else
 * relaxed. There is no seq-cst operation: what needs store-load order says so with a
 * fence. ThreadSanitizer does not see fences: an acquire pairs with a release by
 * operations. The backends are atomic_c11.h, atomic_msvc.h, and that of the models in
 * tests/models.
 */
#ifndef BOCI_ATOMIC_H
#define BOCI_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "perturb.h"

/* X(name, type, order, order of a failed cas) */
#define BOCI_EACH_ORDER(X, name, type)                                                 \
  X(name, type, relaxed, relaxed)                                                      \
  X(name, type, acquire, acquire)                                                      \
  X(name, type, release, relaxed)                                                      \
  X(name, type, acq_rel, acquire)

#if defined(BOC_RELACY)
#include "atomic_relacy.h"
#elif defined(_MSC_VER) && !defined(__clang__) || defined(BOC_ATOMIC_MSVC)
#include "atomic_msvc.h"
#else
#include "atomic_c11.h"
#endif

#define BOCI_PICK(p, op)                                                               \
  _Generic((p),                                                                        \
      boci_atomic_u32 *: boci_u32_##op,                                                \
      boci_atomic_word *: boci_word_##op,                                              \
      boci_atomic_ptr *: boci_ptr_##op)
#define BOCI_PICK_CONST(p, op)                                                         \
  _Generic((p),                                                                        \
      boci_atomic_u32 *: boci_u32_##op,                                                \
      const boci_atomic_u32 *: boci_u32_##op,                                          \
      boci_atomic_word *: boci_word_##op,                                              \
      const boci_atomic_word *: boci_word_##op,                                        \
      boci_atomic_ptr *: boci_ptr_##op,                                                \
      const boci_atomic_ptr *: boci_ptr_##op)
#define BOCI_PICK_NUMBER(p, op)                                                        \
  _Generic((p), boci_atomic_u32 *: boci_u32_##op, boci_atomic_word *: boci_word_##op)

#define boci_init(p, v) BOCI_PICK(p, init)(p, v)
#define boci_load_relaxed(p) BOCI_PICK_CONST(p, load_relaxed)(p)
#define boci_load_acquire(p) BOCI_PICK_CONST(p, load_acquire)(p)
#define boci_store_relaxed(p, v) BOCI_PICK(p, store_relaxed)(p, v)
#define boci_store_release(p, v) BOCI_PICK(p, store_release)(p, v)

#define boci_swap_relaxed(p, v) BOCI_PICK(p, swap_relaxed)(p, v)
#define boci_swap_acquire(p, v) BOCI_PICK(p, swap_acquire)(p, v)
#define boci_swap_release(p, v) BOCI_PICK(p, swap_release)(p, v)
#define boci_swap_acq_rel(p, v) BOCI_PICK(p, swap_acq_rel)(p, v)

#define boci_add_relaxed(p, v) BOCI_PICK_NUMBER(p, add_relaxed)(p, v)
#define boci_add_acquire(p, v) BOCI_PICK_NUMBER(p, add_acquire)(p, v)
#define boci_add_release(p, v) BOCI_PICK_NUMBER(p, add_release)(p, v)
#define boci_add_acq_rel(p, v) BOCI_PICK_NUMBER(p, add_acq_rel)(p, v)
#define boci_sub_relaxed(p, v) BOCI_PICK_NUMBER(p, sub_relaxed)(p, v)
#define boci_sub_acquire(p, v) BOCI_PICK_NUMBER(p, sub_acquire)(p, v)
#define boci_sub_release(p, v) BOCI_PICK_NUMBER(p, sub_release)(p, v)
#define boci_sub_acq_rel(p, v) BOCI_PICK_NUMBER(p, sub_acq_rel)(p, v)
#define boci_or_relaxed(p, v) BOCI_PICK_NUMBER(p, or_relaxed)(p, v)
#define boci_or_acquire(p, v) BOCI_PICK_NUMBER(p, or_acquire)(p, v)
#define boci_or_release(p, v) BOCI_PICK_NUMBER(p, or_release)(p, v)
#define boci_or_acq_rel(p, v) BOCI_PICK_NUMBER(p, or_acq_rel)(p, v)
#define boci_and_relaxed(p, v) BOCI_PICK_NUMBER(p, and_relaxed)(p, v)
#define boci_and_acquire(p, v) BOCI_PICK_NUMBER(p, and_acquire)(p, v)
#define boci_and_release(p, v) BOCI_PICK_NUMBER(p, and_release)(p, v)
#define boci_and_acq_rel(p, v) BOCI_PICK_NUMBER(p, and_acq_rel)(p, v)

#define boci_cas_strong_relaxed(p, e, v) BOCI_PICK(p, cas_strong_relaxed)(p, e, v)
#define boci_cas_strong_acquire(p, e, v) BOCI_PICK(p, cas_strong_acquire)(p, e, v)
#define boci_cas_strong_release(p, e, v) BOCI_PICK(p, cas_strong_release)(p, e, v)
#define boci_cas_strong_acq_rel(p, e, v) BOCI_PICK(p, cas_strong_acq_rel)(p, e, v)
#define boci_cas_weak_relaxed(p, e, v) BOCI_PICK(p, cas_weak_relaxed)(p, e, v)
#define boci_cas_weak_acquire(p, e, v) BOCI_PICK(p, cas_weak_acquire)(p, e, v)
#define boci_cas_weak_release(p, e, v) BOCI_PICK(p, cas_weak_release)(p, e, v)
#define boci_cas_weak_acq_rel(p, e, v) BOCI_PICK(p, cas_weak_acq_rel)(p, e, v)

#endif
