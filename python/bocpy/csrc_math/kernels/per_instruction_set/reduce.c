/* Reductions: sums, products of vectors, extremes.
 *
 * A sum has LANES partial sums: number i is added to lane i mod LANES, whatever the
 * width of the vectors is. The lanes are added pairwise, and groups of LEAF numbers in
 * a binary tree (pairwise summation: Higham, "The accuracy of floating point
 * summation", SIAM J. Sci. Comput. 14, 1993). So every instruction set gives the same
 * bits, and the error grows with the logarithm of the count. */
#include "../kernels.h"
#include "simd.h"

#define LANES 32
#define VECTORS (LANES / MX_WIDTH)
#define LEAF 1024

/* Folds the lanes in half until one is left: lane i takes lane i + 16, then lane
 * i + 8, and so on; first whole vectors, then the numbers of the last one. */
#define FOLD_VECTORS(half, vector)                                                     \
  MX_UNROLL for (int u = 0; u < (half); u++) {                                         \
    mx_v a = v[u], b = v[u + (half)];                                                  \
    v[u] = vector;                                                                     \
  }
#define FOLD_NUMBERS(half, scalar)                                                     \
  MX_UNROLL for (int i = 0; i < (half); i++) {                                         \
    double a = lanes[i], b = lanes[i + (half)];                                        \
    lanes[i] = scalar;                                                                 \
  }
/* There are so many vectors of two numbers that GCC (aarch64) and clang (SSE2) would
 * add in memory all the time, if this were not a function of its own. */
#if MX_WIDTH == 2
#define FOLD_OF(name, vector, scalar)                                                  \
  static __attribute__((noinline)) double name(const mx_v *v) {                        \
    double lanes[LANES];                                                               \
    memcpy(lanes, v, sizeof lanes);                                                    \
    FOLD_NUMBERS(LANES / 2, scalar)                                                    \
    FOLD_NUMBERS(LANES / 4, scalar)                                                    \
    FOLD_NUMBERS(LANES / 8, scalar)                                                    \
    FOLD_NUMBERS(LANES / 16, scalar)                                                   \
    FOLD_NUMBERS(LANES / 32, scalar)                                                   \
    return lanes[0];                                                                   \
  }
#else
#define FOLD_OF(name, vector, scalar)                                                  \
  MX_INLINE double name(mx_v *v) {                                                     \
    double lanes[MX_WIDTH];                                                            \
    FOLD_VECTORS(VECTORS / 2, vector)                                                  \
    FOLD_VECTORS(VECTORS / 4, vector)                                                  \
    FOLD_VECTORS(VECTORS / 8, vector)                                                  \
    FOLD_VECTORS(VECTORS / 16, vector)                                                 \
    FOLD_VECTORS(VECTORS / 32, vector)                                                 \
    mx_store(lanes, v[0]);                                                             \
    FOLD_NUMBERS(MX_WIDTH / 2, scalar)                                                 \
    FOLD_NUMBERS(MX_WIDTH / 4, scalar)                                                 \
    FOLD_NUMBERS(MX_WIDTH / 8, scalar)                                                 \
    return lanes[0];                                                                   \
  }
#endif

FOLD_OF(fold_sum, a + b, a + b)
FOLD_OF(fold_least, mx_less_of(b, a), b < a ? b : a)
FOLD_OF(fold_greatest, mx_greater_of(b, a), b > a ? b : a)

/* ---- sums ------------------------------------------------------------------------ */

#define LEAF_OF(name, parameters, vector, scalar)                                      \
  static double name parameters {                                                      \
    double rest = 0.0, total = 0.0;                                                    \
    size_t i = 0;                                                                      \
    if (count >= LANES) {                                                              \
      mx_v sums[VECTORS];                                                              \
      MX_UNROLL for (int u = 0; u < VECTORS; u++) sums[u] = mx_set(0.0);               \
      for (; i + LANES <= count; i += LANES)                                           \
        MX_UNROLL for (int u = 0; u < VECTORS; u++) {                                  \
          size_t at = i + (size_t)u * MX_WIDTH;                                        \
          sums[u] += vector;                                                           \
        }                                                                              \
      total = fold_sum(sums);                                                          \
    }                                                                                  \
    for (size_t left = count % LANES; left; left--, i++)                               \
      rest += scalar;                                                                  \
    return total + rest;                                                               \
  }

MX_INLINE mx_v square(mx_v x) { return x * x; }

LEAF_OF(leaf_sum, (const double *in, size_t count), mx_load(in + at), in[i])
LEAF_OF(leaf_dot, (const double *a, const double *b, size_t count),
        mx_load(a + at) * mx_load(b + at), a[i] * b[i])
LEAF_OF(leaf_spread, (const double *in, double center, size_t count),
        square(mx_load(in + at) - mx_set(center)), (in[i] - center) * (in[i] - center))

/* The tree as a stack: a full group is added to the one before it as often as its
 * number has trailing ones. */
#define TREE_OF(name, parameters, full, last)                                          \
  static double name parameters {                                                      \
    double stack[64], total;                                                           \
    size_t leaves = 0, at = 0;                                                         \
    int depth = 0;                                                                     \
    for (; at + LEAF <= count; at += LEAF) {                                           \
      double leaf = full;                                                              \
      for (size_t joined = leaves++; joined & 1; joined >>= 1)                         \
        leaf = stack[--depth] + leaf;                                                  \
      stack[depth++] = leaf;                                                           \
    }                                                                                  \
    if (at == count && depth)                                                          \
      total = stack[--depth];                                                          \
    else                                                                               \
      total = last;                                                                    \
    while (depth)                                                                      \
      total = stack[--depth] + total;                                                  \
    return total;                                                                      \
  }

TREE_OF(sum, (const double *in, size_t count), leaf_sum(in + at, LEAF),
        leaf_sum(in + at, count - at))
TREE_OF(dot, (const double *a, const double *b, size_t count),
        leaf_dot(a + at, b + at, LEAF), leaf_dot(a + at, b + at, count - at))
TREE_OF(spread, (const double *in, double center, size_t count),
        leaf_spread(in + at, center, LEAF), leaf_spread(in + at, center, count - at))

/* ---- extremes -------------------------------------------------------------------- */

/* How many vectors one comparison looks for NaNs in. With two of them SSE2 has too few
 * registers. */
#if MX_WIDTH == 2
#define PAIR 1
#else
#define PAIR 2
#endif

/* Of equal numbers (0.0 and -0.0) the same one stays with every instruction set. */
#define EXTREME(name, vector_pick, fold, op, worst)                                    \
  static double name(const double *in, size_t count) {                                 \
    double best = worst;                                                               \
    size_t i = 0;                                                                      \
    if (count >= LANES) {                                                              \
      mx_v bests[VECTORS];                                                             \
      mx_i nans = MX_NAN_MASK(mx_load(in));                                            \
      MX_UNROLL for (int u = 0; u < VECTORS; u++) bests[u] = mx_set(worst);            \
      for (; i + LANES <= count; i += LANES)                                           \
        MX_UNROLL for (int u = 0, v = PAIR - 1; u < VECTORS; u += PAIR, v += PAIR) {   \
          mx_v x = mx_load(in + i + (size_t)u * MX_WIDTH);                             \
          mx_v y = mx_load(in + i + (size_t)v * MX_WIDTH);                             \
          bests[u] = vector_pick(x, bests[u]);                                         \
          if (PAIR == 2)                                                               \
            bests[v] = vector_pick(y, bests[v]);                                       \
          nans |= mx_unordered(x, y);                                                  \
        }                                                                              \
      if (mx_any(nans))                                                                \
        return NAN;                                                                    \
      best = fold(bests);                                                              \
    }                                                                                  \
    for (; i < count; i++) {                                                           \
      double x = in[i];                                                                \
      if (x != x)                                                                      \
        return NAN;                                                                    \
      best = x op best ? x : best;                                                     \
    }                                                                                  \
    return best;                                                                       \
  }

EXTREME(least, mx_less_of, fold_least, <, INFINITY)
EXTREME(greatest, mx_greater_of, fold_greatest, >, -INFINITY)

static double greatest_abs(const double *in, size_t count) {
  double best = 0.0;
  for (size_t i = 0; i < count; i++)
    best = fabs(in[i]) > best ? fabs(in[i]) : best;
  return best;
}

void MX_NAME(mx_reduce)(mx_kernels *table) {
  table->sum = sum;
  table->dot = dot;
  table->spread = spread;
  table->least = least;
  table->greatest = greatest;
  table->greatest_abs = greatest_abs;
}
