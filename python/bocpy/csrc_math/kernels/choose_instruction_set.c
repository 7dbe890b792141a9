/* Choose: which set of kernels this process uses.
 *
 * The build says which sets there are (MX_BUILT_AVX2, MX_BUILT_AVX512); the processor
 * and the operating system say which of them can run. */
#include "kernels.h"

#include <string.h>

mx_kernels mx_kernel;

typedef struct kernel_set {
  const char *name;
  bool (*runs)(void);
  void (*fill)(mx_kernels *table, bool fused);
} kernel_set;

static bool always_runs(void) { return true; }

#define FILL(set)                                                                      \
  static void fill_##set(mx_kernels *table, bool fused) {                              \
    mx_elementwise_##set(table);                                                       \
    mx_functions_##set(table);                                                         \
    mx_reduce_##set(table);                                                            \
    mx_order_##set(table);                                                             \
    (fused ? mx_fused_##set : mx_product_##set)(table);                                \
  }

FILL(plain)

#ifdef MX_BUILT_AVX2
FILL(avx2)
static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#ifdef MX_BUILT_AVX512
static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw");
}
/* AMD's cores have separate multipliers and adders, 256 bits wide: there the product is
 * fastest with AVX2, unless it uses fused multiply-add. */
static void fill_avx512(mx_kernels *table, bool fused) {
  mx_elementwise_avx512(table);
  mx_functions_avx512(table);
  mx_reduce_avx512(table);
  mx_order_avx512(table);
  if (fused)
    mx_fused_avx512(table);
  else if (__builtin_cpu_is("amd"))
    mx_product_avx2(table);
  else
    mx_product_avx512(table);
}
#endif

/* The slowest first. */
static const kernel_set sets[] = {
#if defined(__aarch64__)
    {"neon", always_runs, fill_plain},
#elif defined(__x86_64__) && defined(__GNUC__)
    {"sse2", always_runs, fill_plain},
#else
    {"plain", always_runs, fill_plain},
#endif
#ifdef MX_BUILT_AVX2
    {"avx2", has_avx2, fill_avx2},
#endif
#ifdef MX_BUILT_AVX512
    {"avx512", has_avx512, fill_avx512},
#endif
};
#define SET_COUNT (sizeof sets / sizeof *sets)

static void look_at_processor(void) {
#ifdef MX_BUILT_AVX2
  __builtin_cpu_init();
#endif
}

const char *mx_kernels_available(void) {
  static const char *const lists[] = {
#if defined(__aarch64__)
      "neon",
#elif defined(__x86_64__) && defined(__GNUC__)
      "sse2",
      "sse2 avx2",
      "sse2 avx2 avx512",
#else
      "plain",
#endif
  };
  look_at_processor();
  size_t last = 0;
  for (size_t i = 1; i < SET_COUNT && sets[i].runs(); i++)
    last = i;
  return lists[last];
}

static const kernel_set *find_set(const char *name) {
  const kernel_set *found = NULL;
  bool fastest = !name || !*name || strcmp(name, "fastest") == 0;
  for (size_t i = 0; i < SET_COUNT; i++)
    if (sets[i].runs() && (fastest || strcmp(name, sets[i].name) == 0))
      found = &sets[i];
  return found;
}

const char *mx_kernels_choose(const char *name, bool fused) {
  look_at_processor();
  const kernel_set *set = find_set(name);
  if (!set)
    return "this processor, or this build, has no such kernels";
  mx_kernels table = {.name = set->name, .blas = ""};
  set->fill(&table, fused);
#ifdef MX_BLAS
  if (!name || !*name)
    mx_blas(&table);
#endif
  mx_kernel = table;
  return NULL;
}
