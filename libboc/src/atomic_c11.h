/* The atomics backend for compilers with <stdatomic.h>. Included by atomic.h only. */
#include <stdatomic.h>

typedef struct boci_atomic_u32 {
  _Atomic(uint32_t) value;
} boci_atomic_u32;
typedef struct boci_atomic_word {
  _Atomic(uintptr_t) value;
} boci_atomic_word;
typedef struct boci_atomic_ptr {
  _Atomic(void *) value;
} boci_atomic_ptr;

#define BOCI_DEFINE_ACCESS(name, type)                                                 \
  static inline void boci_##name##_init(boci_atomic_##name *p, type v) {               \
    atomic_init(&p->value, v);                                                         \
  }                                                                                    \
  static inline type boci_##name##_load_relaxed(const boci_atomic_##name *p) {         \
    boci_perturb();                                                                    \
    return atomic_load_explicit(&p->value, memory_order_relaxed);                      \
  }                                                                                    \
  static inline type boci_##name##_load_acquire(const boci_atomic_##name *p) {         \
    boci_perturb();                                                                    \
    return atomic_load_explicit(&p->value, memory_order_acquire);                      \
  }                                                                                    \
  static inline void boci_##name##_store_relaxed(boci_atomic_##name *p, type v) {      \
    boci_perturb();                                                                    \
    atomic_store_explicit(&p->value, v, memory_order_relaxed);                         \
  }                                                                                    \
  static inline void boci_##name##_store_release(boci_atomic_##name *p, type v) {      \
    boci_perturb();                                                                    \
    atomic_store_explicit(&p->value, v, memory_order_release);                         \
  }

#define BOCI_DEFINE_SWAP(name, type, order, failure)                                   \
  static inline type boci_##name##_swap_##order(boci_atomic_##name *p, type v) {       \
    boci_perturb();                                                                    \
    return atomic_exchange_explicit(&p->value, v, memory_order_##order);               \
  }                                                                                    \
  static inline bool boci_##name##_cas_strong_##order(boci_atomic_##name *p, type *e,  \
                                                      type v) {                        \
    boci_perturb();                                                                    \
    return atomic_compare_exchange_strong_explicit(                                    \
        &p->value, e, v, memory_order_##order, memory_order_##failure);                \
  }                                                                                    \
  static inline bool boci_##name##_cas_weak_##order(boci_atomic_##name *p, type *e,    \
                                                    type v) {                          \
    boci_perturb();                                                                    \
    if (boci_perturb_fails()) {                                                        \
      *e = atomic_load_explicit(&p->value, memory_order_##failure);                    \
      return false;                                                                    \
    }                                                                                  \
    return atomic_compare_exchange_weak_explicit(                                      \
        &p->value, e, v, memory_order_##order, memory_order_##failure);                \
  }

#define BOCI_DEFINE_FETCH(name, type, order, op, function)                             \
  static inline type boci_##name##_##op##_##order(boci_atomic_##name *p, type v) {     \
    boci_perturb();                                                                    \
    return function(&p->value, v, memory_order_##order);                               \
  }
#define BOCI_DEFINE_NUMBER(name, type, order, failure)                                 \
  BOCI_DEFINE_FETCH(name, type, order, add, atomic_fetch_add_explicit)                 \
  BOCI_DEFINE_FETCH(name, type, order, sub, atomic_fetch_sub_explicit)                 \
  BOCI_DEFINE_FETCH(name, type, order, or, atomic_fetch_or_explicit)                   \
  BOCI_DEFINE_FETCH(name, type, order, and, atomic_fetch_and_explicit)

BOCI_DEFINE_ACCESS(u32, uint32_t)
BOCI_DEFINE_ACCESS(word, uintptr_t)
BOCI_DEFINE_ACCESS(ptr, void *)
BOCI_EACH_ORDER(BOCI_DEFINE_SWAP, u32, uint32_t)
BOCI_EACH_ORDER(BOCI_DEFINE_SWAP, word, uintptr_t)
BOCI_EACH_ORDER(BOCI_DEFINE_SWAP, ptr, void *)
BOCI_EACH_ORDER(BOCI_DEFINE_NUMBER, u32, uint32_t)
BOCI_EACH_ORDER(BOCI_DEFINE_NUMBER, word, uintptr_t)

#undef BOCI_DEFINE_ACCESS
#undef BOCI_DEFINE_SWAP
#undef BOCI_DEFINE_FETCH
#undef BOCI_DEFINE_NUMBER

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
static inline void boci_fence_acquire(void) {
  boci_perturb();
  atomic_thread_fence(memory_order_acquire);
}
static inline void boci_fence_release(void) {
  boci_perturb();
  atomic_thread_fence(memory_order_release);
}
/* On x86 Clang's fence is `mfence`, which also holds up all loads behind it. Any locked
 * instruction orders memory as well, and takes half the time: GCC uses one. */
static inline void boci_fence_seq_cst(void) {
  boci_perturb();
#if defined(__clang__) && defined(__x86_64__)
  /* NOLINTNEXTLINE(portability-no-assembler): no intrinsic has it */
  __asm__ __volatile__("lock orl $0, -8(%%rsp)" ::: "memory", "cc");
#else
  atomic_thread_fence(memory_order_seq_cst);
#endif
}
static inline void boci_fence_compiler(void) {
  boci_perturb();
  atomic_signal_fence(memory_order_seq_cst);
}
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

static inline void boci_pause(void) {
  boci_perturb_pause();
#if defined(BOCI_PERTURBED)
#elif defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  /* `yield` is nothing on most cores; `isb` takes about as long as x86's pause. */
  __asm__ __volatile__("isb" ::: "memory");
#elif defined(__arm__) && __ARM_ARCH >= 7
  __asm__ __volatile__("yield" ::: "memory");
#else
  __asm__ __volatile__("" ::: "memory");
#endif
}
