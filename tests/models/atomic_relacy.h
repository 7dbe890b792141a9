/* The atomics backend of the models: each atomic object is one of Relacy's, which keeps
 * the history of what was stored and lets a load return any value that its order
 * allows. Included by atomic.h only; the bodies are in relacy.cpp.
 */
typedef struct boci_atomic_u32 {
  void *model;
} boci_atomic_u32;
typedef struct boci_atomic_word {
  void *model;
} boci_atomic_word;
typedef struct boci_atomic_ptr {
  void *model;
} boci_atomic_ptr;

#define BOCI_DECLARE_ACCESS(name, type)                                                \
  void boci_##name##_init(boci_atomic_##name *p, type v);                              \
  type boci_##name##_load_relaxed(const boci_atomic_##name *p);                        \
  type boci_##name##_load_acquire(const boci_atomic_##name *p);                        \
  void boci_##name##_store_relaxed(boci_atomic_##name *p, type v);                     \
  void boci_##name##_store_release(boci_atomic_##name *p, type v);
#define BOCI_DECLARE_SWAP(name, type, order, failure)                                  \
  type boci_##name##_swap_##order(boci_atomic_##name *p, type v);                      \
  bool boci_##name##_cas_strong_##order(boci_atomic_##name *p, type *e, type v);       \
  bool boci_##name##_cas_weak_##order(boci_atomic_##name *p, type *e, type v);
#define BOCI_DECLARE_NUMBER(name, type, order, failure)                                \
  type boci_##name##_add_##order(boci_atomic_##name *p, type v);                       \
  type boci_##name##_sub_##order(boci_atomic_##name *p, type v);                       \
  type boci_##name##_or_##order(boci_atomic_##name *p, type v);                        \
  type boci_##name##_and_##order(boci_atomic_##name *p, type v);

BOCI_DECLARE_ACCESS(u32, uint32_t)
BOCI_DECLARE_ACCESS(word, uintptr_t)
BOCI_DECLARE_ACCESS(ptr, void *)
BOCI_EACH_ORDER(BOCI_DECLARE_SWAP, u32, uint32_t)
BOCI_EACH_ORDER(BOCI_DECLARE_SWAP, word, uintptr_t)
BOCI_EACH_ORDER(BOCI_DECLARE_SWAP, ptr, void *)
BOCI_EACH_ORDER(BOCI_DECLARE_NUMBER, u32, uint32_t)
BOCI_EACH_ORDER(BOCI_DECLARE_NUMBER, word, uintptr_t)

#undef BOCI_DECLARE_ACCESS
#undef BOCI_DECLARE_SWAP
#undef BOCI_DECLARE_NUMBER

void boci_fence_acquire(void);
void boci_fence_release(void);
void boci_fence_seq_cst(void);
void boci_fence_compiler(void);
void boci_pause(void);
