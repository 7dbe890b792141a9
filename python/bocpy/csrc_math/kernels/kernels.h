/* Kernels: the loops over numbers of Matrix.
 *
 *   per_instruction_set/  compiled once for each instruction set, from one source:
 *     elementwise.c         one number in, one out        auto-vectorized C
 *     functions.c           exp, log, sin, cos, tanh      vectors; libm without FMA
 *     reduce.c              sums, products of vectors, extremes
 *     order.c               the index of the least, the k greatest
 *     product.c             the matrix product
 *     simd.h                vectors of one instruction set
 *   choose_instruction_set.c  picks the set once, when the module is imported
 *   blas.c                    the product by a BLAS, in builds with -Dblas=NAME
 *
 * Every kernel but those of functions.c and the fused product gives the same bits with
 * every instruction set. Kernels do not call Python: any thread may run them, without
 * the GIL. */
#ifndef MX_KERNELS_H
#define MX_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mx_binary {
  MX_ADD,
  MX_SUBTRACT,
  MX_MULTIPLY,
  MX_DIVIDE,
  MX_LESS, /* comparisons give 1.0 or 0.0 */
  MX_LESS_EQUAL,
  MX_GREATER,
  MX_GREATER_EQUAL,
  MX_EQUAL,
  MX_NOT_EQUAL,
  MX_MINIMUM, /* the result is a NaN if one of the numbers is */
  MX_MAXIMUM,
  MX_POWER,
  MX_BINARIES
} mx_binary;

typedef enum mx_unary {
  MX_CEIL,
  MX_FLOOR,
  MX_ROUND, /* half to even */
  MX_NEGATE,
  MX_ABS,
  MX_SQRT,
  MX_RECIPROCAL,
  MX_SIGN,  /* 0 for a NaN */
  MX_ISNAN, /* these three give 1.0 or 0.0 */
  MX_ISINF,
  MX_ISFINITE,
  MX_COS,
  MX_SIN,
  MX_EXP,
  MX_LOG,
  MX_TANH,
  MX_LOG1P,
  MX_EXPM1,
  MX_UNARIES
} mx_unary;

/* `a` and `b` advance by their steps, 0 or 1. `out` may be `a` or `b`. */
typedef void (*mx_binary_kernel)(const double *a, size_t step_a, const double *b,
                                 size_t step_b, double *out, size_t count);
typedef void (*mx_unary_kernel)(const double *in, double *out, size_t count);

typedef struct mx_kernels {
  const char *name; /* of the instruction set */
  const char *blas; /* the BLAS that takes large products; "" if none */
  mx_binary_kernel binary[MX_BINARIES];
  mx_unary_kernel unary[MX_UNARIES];
  /* a * b + c, rounded once */
  void (*fma)(const double *a, const double *b, size_t step_b, const double *c,
              size_t step_c, double *out, size_t count);
  /* a + s * x, rounded twice */
  void (*scaled_add)(const double *a, const double *s, size_t step_s, const double *x,
                     double *out, size_t count);
  /* `low` or `high` may be a NaN: no bound */
  void (*clip)(const double *in, double low, double high, double *out, size_t count);
  void (*select)(const double *mask, const double *a, size_t step_a, const double *b,
                 size_t step_b, double *out, size_t count);

  double (*sum)(const double *in, size_t count);
  double (*dot)(const double *a, const double *b, size_t count);
  /* of (x - center) squared */
  double (*spread)(const double *in, double center, size_t count);
  double (*least)(const double *in, size_t count); /* NaN if there is one */
  double (*greatest)(const double *in, size_t count);
  double (*greatest_abs)(const double *in, size_t count); /* NaNs are left out */

  /* The index of the first of the least numbers; the index of a NaN only if the first
   * number is a NaN. */
  size_t (*argmin)(const double *in, size_t count);
  size_t (*argmax)(const double *in, size_t count);
  /* Writes the k greatest (least) numbers in order, without NaNs; of equal numbers the
   * first comes first. Returns how many there are. */
  size_t (*top)(const double *in, size_t count, size_t k, double *values,
                size_t *indices);
  size_t (*bottom)(const double *in, size_t count, size_t k, double *values,
                   size_t *indices);

  /* out = a (rows x inner) times b (inner x columns); each element is the sum over
   * ascending inner, from 0.0. `scratch` has what `product_scratch` says, aligned. */
  void (*product)(size_t rows, size_t columns, size_t inner, const double *a,
                  const double *b, double *out, double *scratch);
  size_t (*product_scratch)(size_t rows, size_t columns, size_t inner);
} mx_kernels;

/* The set that this process uses; constant once the module has been imported. */
extern mx_kernels mx_kernel;

/* Chooses: BOCPY_MATH_KERNELS names one of the sets that the processor has, or is
 * "fastest"; BOCPY_MATH_FUSED=1 lets products use fused multiply-add. A build with a
 * BLAS uses it for products unless a set is named. Returns NULL, or a text that says
 * what is wrong. */
const char *mx_kernels_choose(const char *name, bool fused);

/* The sets of this build that this processor can run, separated by spaces. */
const char *mx_kernels_available(void);

/* Each file adds its kernels to a table; there is one such function for each
 * instruction set. */
#define MX_DECLARE_KERNELS(suffix)                                                     \
  void mx_elementwise_##suffix(mx_kernels *table);                                     \
  void mx_functions_##suffix(mx_kernels *table);                                       \
  void mx_reduce_##suffix(mx_kernels *table);                                          \
  void mx_order_##suffix(mx_kernels *table);                                           \
  void mx_product_##suffix(mx_kernels *table);                                         \
  void mx_fused_##suffix(mx_kernels *table);

/* Gives large products to the BLAS of the build. */
void mx_blas(mx_kernels *table);

MX_DECLARE_KERNELS(plain)
MX_DECLARE_KERNELS(avx2)
MX_DECLARE_KERNELS(avx512)

#endif
