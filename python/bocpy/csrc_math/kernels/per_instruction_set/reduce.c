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

/* Lanes folded in half until one is left. */
static double fold_lanes(double *lanes) {
  for (int width = LANES / 2; width; width /= 2)
    for (int i = 0; i < width; i++)
      lanes[i] += lanes[i + width];
  return lanes[0];
}

/* ---- sums ------------------------------------------------------------------------ */

#define LEAF_OF(name, parameters, vector, scalar)                                      \
  static double name parameters {                                                      \
    double lanes[LANES], rest = 0.0, total = 0.0;                                      \
    size_t i = 0;                                                                      \
    if (count >= LANES) {                                                              \
      mx_v sums[VECTORS];                                                              \
      MX_UNROLL for (int u = 0; u < VECTORS; u++) sums[u] = mx_set(0.0);               \
      for (; i + LANES <= count; i += LANES)                                           \
        MX_UNROLL for (int u = 0; u < VECTORS; u++) {                                  \
          size_t at = i + (size_t)u * MX_WIDTH;                                        \
          sums[u] += vector;                                                           \
        }                                                                              \
      MX_UNROLL for (int u = 0; u < VECTORS; u++)                                      \
          mx_store(lanes + u * MX_WIDTH, sums[u]);                                     \
      total = fold_lanes(lanes);                                                       \
    }                                                                                  \
    for (; i < count; i++)                                                             \
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

/* Of equal numbers (0.0 and -0.0) the one in the lower lane stays. */
#define EXTREME(name, vector_pick, op, worst)                                          \
  static double name(const double *in, size_t count) {                                 \
    double lanes[LANES], best = worst;                                                 \
    size_t i = 0;                                                                      \
    if (count >= LANES) {                                                              \
      mx_v bests[VECTORS];                                                             \
      mx_i nans = MX_NAN_MASK(mx_load(in));                                            \
      MX_UNROLL for (int u = 0; u < VECTORS; u++) bests[u] = mx_set(worst);            \
      for (; i + LANES <= count; i += LANES)                                           \
        MX_UNROLL for (int u = 0; u < VECTORS; u++) {                                  \
          mx_v x = mx_load(in + i + (size_t)u * MX_WIDTH);                             \
          bests[u] = vector_pick(x, bests[u]);                                         \
          nans |= MX_NAN_MASK(x);                                                      \
        }                                                                              \
      if (mx_any(nans))                                                                \
        return NAN;                                                                    \
      MX_UNROLL for (int u = 0; u < VECTORS; u++)                                      \
          mx_store(lanes + u * MX_WIDTH, bests[u]);                                    \
      for (int lane = 0; lane < LANES; lane++)                                         \
        best = lanes[lane] op best ? lanes[lane] : best;                               \
    }                                                                                  \
    for (; i < count; i++) {                                                           \
      double x = in[i];                                                                \
      if (x != x)                                                                      \
        return NAN;                                                                    \
      best = x op best ? x : best;                                                     \
    }                                                                                  \
    return best;                                                                       \
  }

EXTREME(least, mx_less_of, <, INFINITY)
EXTREME(greatest, mx_greater_of, >, -INFINITY)

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
