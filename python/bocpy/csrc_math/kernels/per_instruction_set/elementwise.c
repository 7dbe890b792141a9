/* Elementwise kernels: plain loops, which compilers turn into vectors.
 *
 * The loops have no branch and no call, because compilers cannot vectorize those.
 * Products and sums are rounded separately, since the build forbids contraction. */
#include <float.h>

#include "../kernels.h"
#include "simd.h"

/* ---- two numbers ----------------------------------------------------------------- */

#define BINARY(name, expression)                                                       \
  static void name(const double *a, size_t step_a, const double *b, size_t step_b,     \
                   double *out, size_t count) {                                        \
    if (step_a && step_b) {                                                            \
      MX_INDEPENDENT for (size_t i = 0; i < count; i++) {                              \
        double x = a[i], y = b[i];                                                     \
        out[i] = expression;                                                           \
      }                                                                                \
    } else if (step_a) {                                                               \
      double y = *b;                                                                   \
      MX_INDEPENDENT for (size_t i = 0; i < count; i++) {                              \
        double x = a[i];                                                               \
        out[i] = expression;                                                           \
      }                                                                                \
    } else {                                                                           \
      double x = *a;                                                                   \
      MX_INDEPENDENT for (size_t i = 0; i < count; i++) {                              \
        double y = b[step_b ? i : 0];                                                  \
        out[i] = expression;                                                           \
      }                                                                                \
    }                                                                                  \
  }

BINARY(add, x + y)
BINARY(subtract, x - y)
BINARY(multiply, x *y)
BINARY(divide, x / y)
BINARY(less, x < y ? 1.0 : 0.0)
BINARY(less_equal, x <= y ? 1.0 : 0.0)
BINARY(greater, x > y ? 1.0 : 0.0)
BINARY(greater_equal, x >= y ? 1.0 : 0.0)
BINARY(equal, x == y ? 1.0 : 0.0)
BINARY(not_equal, x != y ? 1.0 : 0.0)
BINARY(minimum, x != x ? x : (x < y ? x : y))
BINARY(maximum, x != x ? x : (x > y ? x : y))

/* Calls libm's pow, except for the powers that programs use most. */
static void power_pairs(const double *a, size_t step_a, const double *b, size_t step_b,
                        double *out, size_t count) {
  if (step_a && !step_b && *b == 2.0) {
    multiply(a, 1, a, 1, out, count);
    return;
  }
  for (size_t i = 0; i < count; i++)
    out[i] = pow(a[step_a * i], b[step_b * i]);
}

/* ---- one number ------------------------------------------------------------------ */

#define UNARY(name, expression)                                                        \
  static void name(const double *in, double *out, size_t count) {                      \
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) {                                \
      double x = in[i];                                                                \
      out[i] = expression;                                                             \
    }                                                                                  \
  }

#if defined(__SSE4_1__) || !defined(__SSE2__)
UNARY(ceil_of, ceil(x))
UNARY(floor_of, floor(x))
UNARY(round_of, rint(x))
#else
/* Rounds on processors without an instruction for it: adding 2^52 rounds to an integer,
 * half to even; larger numbers are integers already. */
static inline double round_nearest(double x) {
  double size = fabs(x), rounded = (size + 0x1p52) - 0x1p52;
  return size < 0x1p52 ? copysign(rounded, x) : x;
}
static inline double round_down(double x) {
  double n = round_nearest(x);
  return copysign(n - (n > x ? 1.0 : 0.0), x);
}
static inline double round_up(double x) {
  double n = round_nearest(x);
  return copysign(n + (n < x ? 1.0 : 0.0), x);
}
UNARY(ceil_of, round_up(x))
UNARY(floor_of, round_down(x))
UNARY(round_of, round_nearest(x))
#endif
UNARY(negate, -x)
UNARY(abs_of, fabs(x))
UNARY(sqrt_of, sqrt(x))
UNARY(reciprocal, 1.0 / x)
UNARY(sign, (x > 0.0 ? 1.0 : 0.0) - (x < 0.0 ? 1.0 : 0.0))
UNARY(is_nan, x != x ? 1.0 : 0.0)
UNARY(is_infinite, fabs(x) > DBL_MAX ? 1.0 : 0.0)
UNARY(is_finite, fabs(x) <= DBL_MAX ? 1.0 : 0.0)

/* ---- three numbers --------------------------------------------------------------- */

static void fma_of(const double *a, const double *b, size_t step_b, const double *c,
                   size_t step_c, double *out, size_t count) {
  double x = *b, y = *c;
  if (step_b && step_c) {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) out[i] = fma(a[i], b[i], c[i]);
  } else if (step_b) {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) out[i] = fma(a[i], b[i], y);
  } else if (step_c) {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) out[i] = fma(a[i], x, c[i]);
  } else {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) out[i] = fma(a[i], x, y);
  }
}

static void scaled_add(const double *a, const double *s, size_t step_s, const double *x,
                       double *out, size_t count) {
  double scale = *s;
  if (step_s) {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) out[i] = a[i] + s[i] * x[i];
  } else {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) out[i] = a[i] + scale * x[i];
  }
}

/* A comparison with a NaN is false: a bound that is a NaN bounds nothing, and a number
 * that is a NaN stays. */
static void clip_numbers(const double *in, double low, double high, double *out,
                         size_t count) {
  MX_INDEPENDENT for (size_t i = 0; i < count; i++) {
    double x = in[i];
    x = x < low ? low : x;
    out[i] = x > high ? high : x;
  }
}

static void select_of(const double *mask, const double *a, size_t step_a,
                      const double *b, size_t step_b, double *out, size_t count) {
  double x = *a, y = *b;
  if (step_a && step_b) {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) {
      double p = a[i], q = b[i];
      out[i] = mask[i] != 0.0 ? p : q;
    }
  } else if (step_a) {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) {
      double p = a[i];
      out[i] = mask[i] != 0.0 ? p : y;
    }
  } else {
    MX_INDEPENDENT for (size_t i = 0; i < count; i++) {
      double q = b[step_b ? i : 0];
      out[i] = mask[i] != 0.0 ? x : q;
    }
  }
  (void)y;
}

void MX_NAME(mx_elementwise)(mx_kernels *table) {
  static const mx_binary_kernel binary[MX_BINARIES] = {
      add,           subtract, multiply,  divide,  less,    less_equal, greater,
      greater_equal, equal,    not_equal, minimum, maximum, power_pairs};
  static const mx_unary_kernel unary[] = {ceil_of, floor_of,    round_of,   negate,
                                          abs_of,  sqrt_of,     reciprocal, sign,
                                          is_nan,  is_infinite, is_finite};
  memcpy(table->binary, binary, sizeof binary);
  memcpy(table->unary, unary, sizeof unary);
  table->fma = fma_of;
  table->scaled_add = scaled_add;
  table->clip = clip_numbers;
  table->select = select_of;
}
