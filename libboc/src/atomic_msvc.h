/* The atomics backend for Microsoft's compiler. Included by atomic.h only.
 *
 * x86 and x64: an interlocked operation is a full barrier, a plain load is an acquire
 *   and a plain store a release, so that only the compiler has to be kept in order.
 * ARM64: interlocked operations come in four orders: `_nf` (relaxed), `_acq`, `_rel`,
 *   and without suffix acquire and release. Loads and stores are ordered by barriers.
 * A failed cas costs what a successful one does, and is at least as strong as promised.
 */
#include <intrin.h>

typedef struct boci_atomic_u32 {
  volatile uint32_t value;
} boci_atomic_u32;
typedef struct boci_atomic_word {
  volatile uintptr_t value;
} boci_atomic_word;
typedef struct boci_atomic_ptr {
  void *volatile value;
} boci_atomic_ptr;

#define BOCI_JOIN(a, b) BOCI_JOIN_EXPANDED(a, b)
#define BOCI_JOIN_EXPANDED(a, b) a##b

/* The intrinsic `function` in an order. */
#if defined(_M_ARM64)
#define BOCI_relaxed(function) BOCI_JOIN(function, _nf)
#define BOCI_acquire(function) BOCI_JOIN(function, _acq)
#define BOCI_release(function) BOCI_JOIN(function, _rel)
#define BOCI_acq_rel(function) function
#define BOCI_BARRIER_AFTER_LOAD() __dmb(_ARM64_BARRIER_ISHLD)
#define BOCI_BARRIER_BEFORE_STORE() __dmb(_ARM64_BARRIER_ISH)
#define BOCI_BARRIER_FULL() __dmb(_ARM64_BARRIER_ISH)
#elif defined(_M_X64) || defined(_M_IX86)
#define BOCI_relaxed(function) function
#define BOCI_acquire(function) function
#define BOCI_release(function) function
#define BOCI_acq_rel(function) function
#define BOCI_BARRIER_AFTER_LOAD() _ReadWriteBarrier()
#define BOCI_BARRIER_BEFORE_STORE() _ReadWriteBarrier()
#define BOCI_BARRIER_FULL() _mm_mfence()
#else
#error "no atomics for this processor"
#endif

/* Per type: the integer that the intrinsics take, and what their names end in. */
typedef long boci_raw_u32;
#define BOCI_TAIL_u32
#if defined(_WIN64)
typedef __int64 boci_raw_word;
typedef __int64 boci_raw_ptr;
#define BOCI_TAIL_word 64
#define BOCI_TAIL_ptr 64
#define BOCI_WIDTH_OF_WORD 64
#else
typedef long boci_raw_word;
typedef long boci_raw_ptr;
#define BOCI_TAIL_word
#define BOCI_TAIL_ptr
#define BOCI_WIDTH_OF_WORD 32
#endif

#define BOCI_DEFINE_ACCESS(name, type, width)                                          \
  static inline void boci_##name##_init(boci_atomic_##name *p, type v) {               \
    p->value = v;                                                                      \
  }                                                                                    \
  static inline type boci_##name##_load_relaxed(const boci_atomic_##name *p) {         \
    boci_perturb();                                                                    \
    return (type)BOCI_JOIN(__iso_volatile_load, width)(                                \
        (const volatile BOCI_JOIN(__int, width) *)&p->value);                          \
  }                                                                                    \
  static inline type boci_##name##_load_acquire(const boci_atomic_##name *p) {         \
    type v = boci_##name##_load_relaxed(p);                                            \
    BOCI_BARRIER_AFTER_LOAD();                                                         \
    return v;                                                                          \
  }                                                                                    \
  static inline void boci_##name##_store_relaxed(boci_atomic_##name *p, type v) {      \
    boci_perturb();                                                                    \
    BOCI_JOIN(__iso_volatile_store, width)                                             \
    ((volatile BOCI_JOIN(__int, width) *)&p->value, (BOCI_JOIN(__int, width))v);       \
  }                                                                                    \
  static inline void boci_##name##_store_release(boci_atomic_##name *p, type v) {      \
    BOCI_BARRIER_BEFORE_STORE();                                                       \
    boci_##name##_store_relaxed(p, v);                                                 \
  }

#define BOCI_INTRINSIC(order, function, name)                                          \
  BOCI_##order(BOCI_JOIN(function, BOCI_TAIL_##name))

#define BOCI_DEFINE_SWAP(name, type, order, failure)                                   \
  static inline type boci_##name##_swap_##order(boci_atomic_##name *p, type v) {       \
    boci_perturb();                                                                    \
    return (type)BOCI_INTRINSIC(order, _InterlockedExchange, name)(                    \
        (volatile boci_raw_##name *)&p->value, (boci_raw_##name)v);                    \
  }                                                                                    \
  static inline bool boci_##name##_cas_strong_##order(boci_atomic_##name *p, type *e,  \
                                                      type v) {                        \
    boci_perturb();                                                                    \
    type old = (type)BOCI_INTRINSIC(order, _InterlockedCompareExchange,                \
                                    name)((volatile boci_raw_##name *)&p->value,       \
                                          (boci_raw_##name)v, (boci_raw_##name) * e);  \
    bool done = old == *e;                                                             \
    *e = old;                                                                          \
    return done;                                                                       \
  }                                                                                    \
  static inline bool boci_##name##_cas_weak_##order(boci_atomic_##name *p, type *e,    \
                                                    type v) {                          \
    return boci_##name##_cas_strong_##order(p, e, v);                                  \
  }

#define BOCI_DEFINE_FETCH(name, type, order, op, function, operand)                    \
  static inline type boci_##name##_##op##_##order(boci_atomic_##name *p, type v) {     \
    boci_perturb();                                                                    \
    return (type)BOCI_INTRINSIC(order, function, name)(                                \
        (volatile boci_raw_##name *)&p->value, (boci_raw_##name)(operand));            \
  }
#define BOCI_DEFINE_NUMBER(name, type, order, failure)                                 \
  BOCI_DEFINE_FETCH(name, type, order, add, _InterlockedExchangeAdd, v)                \
  BOCI_DEFINE_FETCH(name, type, order, sub, _InterlockedExchangeAdd, 0 - v)            \
  BOCI_DEFINE_FETCH(name, type, order, or, _InterlockedOr, v)                          \
  BOCI_DEFINE_FETCH(name, type, order, and, _InterlockedAnd, v)

BOCI_DEFINE_ACCESS(u32, uint32_t, 32)
BOCI_DEFINE_ACCESS(word, uintptr_t, BOCI_WIDTH_OF_WORD)
BOCI_DEFINE_ACCESS(ptr, void *, BOCI_WIDTH_OF_WORD)
BOCI_EACH_ORDER(BOCI_DEFINE_SWAP, u32, uint32_t)
BOCI_EACH_ORDER(BOCI_DEFINE_SWAP, word, uintptr_t)
BOCI_EACH_ORDER(BOCI_DEFINE_SWAP, ptr, void *)
BOCI_EACH_ORDER(BOCI_DEFINE_NUMBER, u32, uint32_t)
BOCI_EACH_ORDER(BOCI_DEFINE_NUMBER, word, uintptr_t)

static inline void boci_fence_acquire(void) {
  boci_perturb();
  BOCI_BARRIER_AFTER_LOAD();
}
static inline void boci_fence_release(void) {
  boci_perturb();
  BOCI_BARRIER_BEFORE_STORE();
}
static inline void boci_fence_seq_cst(void) {
  boci_perturb();
  BOCI_BARRIER_FULL();
}
static inline void boci_fence_compiler(void) {
  boci_perturb();
  _ReadWriteBarrier();
}

static inline void boci_pause(void) {
  boci_perturb_pause();
#if defined(BOCI_PERTURBED)
#elif defined(_M_ARM64)
  __isb(_ARM64_BARRIER_SY);
#else
  _mm_pause();
#endif
}

#undef BOCI_DEFINE_ACCESS
#undef BOCI_DEFINE_SWAP
#undef BOCI_DEFINE_FETCH
#undef BOCI_DEFINE_NUMBER
#undef BOCI_INTRINSIC
