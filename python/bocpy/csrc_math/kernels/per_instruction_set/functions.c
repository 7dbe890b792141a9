/* Functions: exp, log, sin, cos and tanh, computed in vectors and within 1 ulp, where
 * the processor has fused multiply-add. Elsewhere, and for log1p and expm1, libm's
 * functions.
 *
 * An argument is reduced to a small interval, where a polynomial stands for the
 * function (Muller, "Elementary Functions", 2016; Cody and Waite, "Software Manual for
 * the Elementary Functions", 1980). The coefficients are minimax fits by Remez's
 * algorithm, made for this file; the error that they leave is noted beside them. */
#include "../kernels.h"
#include "simd.h"

#define FROM_LIBM(name, function)                                                      \
  static void name(const double *in, double *out, size_t count) {                      \
    for (size_t i = 0; i < count; i++)                                                 \
      out[i] = function(in[i]);                                                        \
  }

FROM_LIBM(log1p_of, log1p)
FROM_LIBM(expm1_of, expm1)

#if MX_HAS_FMA

/* Adding it rounds to an integer, which then stands in the lowest bits. */
#define ROUNDER 0x1.8p52
#define LN2_HIGH 0x1.62e42fefa39efp-1
#define LN2_LOW 0x1.abc9e3b39803fp-56

MX_INLINE mx_v polynomial(mx_v x, const double *c, int degree) {
  mx_v sum = mx_set(c[degree]);
  MX_UNROLL for (int i = degree - 1; i >= 0; i--) sum = mx_fma(sum, x, mx_set(c[i]));
  return sum;
}

MX_INLINE mx_v absolute(mx_v x) { return (mx_v)((mx_i)x & INT64_MAX); }
MX_INLINE mx_v with_sign_of(mx_v size, mx_v x) {
  return (mx_v)((mx_i)size | ((mx_i)x & INT64_MIN));
}

/* ---- exp ------------------------------------------------------------------------- */

/* (exp(r) - 1 - r) / r^2 for |r| <= ln(2) / 2; 2^-60 of exp. */
static const double exp_c[] = {
    0x1.0000000000000p-1,  0x1.5555555555556p-3,  0x1.5555555555555p-5,
    0x1.11111111109a2p-7,  0x1.6c16c16c167d8p-10, 0x1.a01a01a7d176dp-13,
    0x1.a01a01a482a5bp-16, 0x1.71de0d7a972efp-19, 0x1.27e4e1d6ed7e8p-22,
    0x1.af3924be99a57p-26, 0x1.1f6725cc8f975p-29};

/* x = k ln(2) + r + low; the k, as a number. */
MX_INLINE mx_v reduce_by_ln2(mx_v x, mx_v *out_r, mx_v *out_low) {
  mx_v k = mx_fma(x, mx_set(0x1.71547652b82fep0), mx_set(ROUNDER)) - mx_set(ROUNDER);
  mx_v first = mx_fma(k, mx_set(-LN2_HIGH), x);
  *out_r = mx_fma(k, mx_set(-LN2_LOW), first);
  *out_low = mx_fma(k, mx_set(-LN2_LOW), first - *out_r);
  return k;
}

/* The polynomial without its first term, over r. In halves, so that the processor can
 * overlap them. */
MX_INLINE mx_v exp_tail(mx_v r, mx_v square) {
  mx_v first = mx_fma(mx_fma(r, mx_set(exp_c[4]), mx_set(exp_c[3])), square,
                      mx_fma(r, mx_set(exp_c[2]), mx_set(exp_c[1])));
  mx_v last = mx_fma(mx_fma(r, mx_set(exp_c[10]), mx_set(exp_c[9])), square,
                     mx_fma(r, mx_set(exp_c[8]), mx_set(exp_c[7])));
  last = mx_fma(last, square, mx_fma(r, mx_set(exp_c[6]), mx_set(exp_c[5])));
  return mx_fma(last, square * square, first);
}

/* exp(r) - 1 - r, plus `low`. Adding the first term last leaves its rounding alone. */
MX_INLINE mx_v exp_rest(mx_v r, mx_v low) {
  mx_v square = r * r;
  return mx_fma(square, mx_fma(r, exp_tail(r, square), mx_set(exp_c[0])), low);
}

/* The same, plus the rounding error of the square: for a sum in which r and the 1
 * nearly cancel. */
MX_INLINE mx_v exp_rest_of_whole_square(mx_v r, mx_v low) {
  mx_v square = r * r, square_low = mx_fma(r, r, -square);
  mx_v below = mx_fma(r * square, exp_tail(r, square),
                      mx_fma(square_low, mx_set(exp_c[0]), low));
  return mx_fma(square, mx_set(exp_c[0]), below);
}

/* 2^k for an integer k of -1022 to 1023. */
MX_INLINE mx_v power_of_two(mx_v k) {
#if MX_WIDTH == 8
  return (mx_v)_mm512_scalef_pd((__m512d)mx_set(1.0), (__m512d)k);
#else
  return (mx_v)(((mx_i)(k + mx_set(ROUNDER)) + 1023) << 52);
#endif
}

/* x times 2^k, in two steps, since the result may be subnormal. */
MX_INLINE mx_v scale(mx_v x, mx_v k) {
#if MX_WIDTH == 8
  return (mx_v)_mm512_scalef_pd((__m512d)x, (__m512d)k);
#else
  mx_v half = mx_fma(k, mx_set(0.5), mx_set(ROUNDER)) - mx_set(ROUNDER);
  return x * power_of_two(half) * power_of_two(k - half);
#endif
}

MX_INLINE mx_v exp_v(mx_v x) {
  mx_v r, low, bounded = mx_less_of(mx_greater_of(x, mx_set(-746.0)), mx_set(710.0));
  mx_v k = reduce_by_ln2(bounded, &r, &low);
  mx_v result = scale(mx_set(1.0) + (r + exp_rest(r, low)), k);
  return mx_select(MX_NAN_MASK(x), x, result);
}

/* ---- log ------------------------------------------------------------------------- */

/* log of the arguments that the formula does not cover: 0, negative numbers, infinity,
 * NaN. */
MX_INLINE mx_v log_of_odd(mx_v x, mx_v result) {
  result = mx_select(MX_EQUAL_MASK(x, mx_set(0.0)), mx_set(-INFINITY), result);
  result = mx_select(MX_LESS_MASK(x, mx_set(0.0)), mx_set(NAN), result);
  mx_i odd = MX_NAN_MASK(x) | MX_EQUAL_MASK(x, mx_set(INFINITY));
  return mx_select(odd, x, result);
}

#if MX_WIDTH == 8

/* (log(1 + r) - r) / r^2 for |r| < 0.0479; 2^-55, times r of the logarithm. */
static const double log_c[] = {-0x1.0000000000000p-1, 0x1.5555555555556p-2,
                               -0x1.fffffffffe01bp-3, 0x1.9999999997c28p-3,
                               -0x1.555555707aa57p-3, 0x1.2492493da15e9p-3,
                               -0x1.fffefd4f35fdep-4, 0x1.c71b82f9abc5fp-4,
                               -0x1.9b906d7a60ae3p-4, 0x1.762d418a34448p-4};

/* -log(n / 16) for n of 11 to 21, at n modulo 16, as a sum of two. The first, like
 * that of ln(2), is a multiple of 2^-42: the sum with an exponent's is exact. */
static const double log_high[16] = {0.0,
                                    -0x1.f0a30c0118000p-5,
                                    -0x1.e27076e2b0000p-4,
                                    -0x1.5ff3070a7a000p-3,
                                    -0x1.c8ff7c79aa000p-3,
                                    -0x1.1675cababa000p-2,
                                    0.0,
                                    0.0,
                                    0.0,
                                    0.0,
                                    0.0,
                                    0x1.7fafa3bd81000p-2,
                                    0x1.269621134e000p-2,
                                    0x1.a93ed3c8ae000p-3,
                                    0x1.1178e8227e000p-3,
                                    0x1.08598b59e4000p-4};
static const double log_low[16] = {0.0,
                                   0x1.d599e83368e91p-45,
                                   0x1.a342c2af0003cp-45,
                                   0x1.8586f183bebf2p-44,
                                   0x1.7794f689f8434p-45,
                                   -0x1.8380e731f55c4p-44,
                                   0.0,
                                   0.0,
                                   0.0,
                                   0.0,
                                   0.0,
                                   0x1.46fb79bf6d4cbp-44,
                                   -0x1.1b61f10522625p-44,
                                   -0x1.8724350562169p-45,
                                   0x1.1ef78ce2d07f2p-45,
                                   -0x1.7e5dd7009902cp-46};

/* One of 16 numbers, by the lowest four bits of each. */
MX_INLINE mx_v entry(const double *table, mx_i bits) {
  return (mx_v)_mm512_permutex2var_pd(_mm512_loadu_pd(table), (__m512i)bits,
                                      _mm512_loadu_pd(table + 8));
}

/* x = 2^k m, and m n / 16 = 1 + r for the n nearest to 16 / m: r is exact, and log(x)
 * is k ln(2) - log(n / 16) + log(1 + r), without a division (Tang, "Table-driven
 * implementation of the logarithm function", 1990). */
MX_INLINE mx_v log_v(mx_v x) {
  mx_v m =
      (mx_v)_mm512_getmant_pd((__m512d)x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
  mx_v k = (mx_v)_mm512_getexp_pd((__m512d)x) -
           (mx_v)(MX_LESS_MASK(m, mx_set(1.0)) & (mx_i)mx_set(-1.0));
  mx_v biased =
      mx_fma((mx_v)_mm512_rcp14_pd((__m512d)m), mx_set(16.0), mx_set(ROUNDER));
  mx_v n = biased - mx_set(ROUNDER), r = mx_fma(m * mx_set(0.0625), n, mx_set(-1.0));
  mx_v high = mx_fma(k, mx_set(0x1.62e42fefa3800p-1), entry(log_high, (mx_i)biased));
  mx_v low = mx_fma(k, mx_set(0x1.ef35793c76730p-45), entry(log_low, (mx_i)biased));
  mx_v sum = high + r, rest = low + ((high - sum) + r);
  mx_v square = r * r, fourth = square * square;
  mx_v first = mx_fma(mx_fma(r, mx_set(log_c[3]), mx_set(log_c[2])), square,
                      mx_fma(r, mx_set(log_c[1]), mx_set(log_c[0])));
  mx_v second = mx_fma(mx_fma(r, mx_set(log_c[7]), mx_set(log_c[6])), square,
                       mx_fma(r, mx_set(log_c[5]), mx_set(log_c[4])));
  mx_v third = mx_fma(r, mx_set(log_c[9]), mx_set(log_c[8]));
  mx_v p = mx_fma(mx_fma(third, fourth, second), fourth, first);
  mx_v result = sum + mx_fma(square, p, rest);
  /* zeros, negative numbers, infinities, NaNs */
  return _mm512_fpclass_pd_mask((__m512d)x, 0xdf) ? log_of_odd(x, result) : result;
}

#else

/* (2 atanh(s) / s - 2) / s^2 of z = s^2, for s = f / (2 + f), 1 + f within the square
 * roots of 1/2 and 2; 2^-58. */
static const double log_c[] = {0x1.5555555555593p-1, 0x1.999999997fb2dp-2,
                               0x1.2492494217d16p-2, 0x1.c71c51e7d6fcbp-3,
                               0x1.7466463275675p-3, 0x1.39a0f473b887bp-3,
                               0x1.2f0d9409b31d3p-3};

#define SQRT_HALF UINT64_C(0x3fe6a09e667f3bcd)
#define ONE UINT64_C(0x3ff0000000000000)
#define MANTISSA UINT64_C(0x000fffffffffffff)

MX_INLINE mx_v log_v(mx_v x) {
  mx_i tiny = MX_LESS_MASK(x, mx_set(0x1p-1022));
  mx_u bits = (mx_u)mx_select(tiny, x * mx_set(0x1p54), x) + (ONE - SQRT_HALF);
  mx_v exponent = (mx_v)((bits >> 52) | UINT64_C(0x4330000000000000)) -
                  mx_set(0x1p52 + 1023.0) - mx_select(tiny, mx_set(54.0), mx_set(0.0));
  mx_v f = (mx_v)((bits & MANTISSA) + SQRT_HALF) - mx_set(1.0);
  mx_v s = f / (mx_set(2.0) + f), z = s * s, half = mx_set(0.5) * f * f;
  mx_v rest = half + z * polynomial(z, log_c, 6);
  mx_v low = mx_fma(s, rest, exponent * mx_set(LN2_LOW));
  mx_v result = mx_fma(exponent, mx_set(LN2_HIGH), f - (half - low));
  return log_of_odd(x, result);
}
#endif

/* ---- sin, cos -------------------------------------------------------------------- */

/* (sin(r) / r - 1) / z and (cos(r) - 1 + z / 2) / z^2 of z = r^2, for |r| <= pi / 4;
 * 2^-58 and 2^-64. */
static const double sin_c[] = {-0x1.5555555555549p-3,  0x1.111111110f87ap-7,
                               -0x1.a01a019c11987p-13, 0x1.71de3577b64eap-19,
                               -0x1.ae5e663a92bf9p-26, 0x1.5d93010a602e0p-33};
static const double cos_c[] = {0x1.555555555554cp-5,  -0x1.6c16c16c1517ep-10,
                               0x1.a01a019cb1c08p-16, -0x1.27e4f809f26e7p-22,
                               0x1.1ee9ebea50ea9p-29, -0x1.8fae9d06809d3p-37};

#define LARGEST 65536.0 /* beyond, libm reduces */

/* The sine of x, or with `turn` 1 the cosine: x = k pi / 2 + r + low, where pi / 2 is a
 * sum of three numbers, and the first product is exact. */
MX_INLINE mx_v sine_v(mx_v x, int64_t turn) {
  mx_v biased = mx_fma(x, mx_set(0x1.45f306dc9c883p-1), mx_set(ROUNDER));
  mx_i quadrant = (mx_i)biased + turn;
  mx_v k = mx_set(ROUNDER) - biased; /* its negative */
  mx_v first = mx_fma(k, mx_set(0x1.921fb54442d18p+0), x);
  mx_v r = mx_fma(k, mx_set(0x1.1a62633145c07p-54), first);
  mx_v low = mx_fma(k, mx_set(0x1.1a62633145c07p-54), first - r);
  low = mx_fma(k, mx_set(-0x1.f1976b7ed8fbcp-110), low);
  mx_v z = r * r, half = mx_set(0.5) * z, rest = mx_set(1.0) - half;
  mx_v sine = r + mx_fma(r * z, polynomial(z, sin_c, 5), mx_fma(-half, low, low));
  mx_v cosine = rest + (((mx_set(1.0) - rest) - half) +
                        mx_fma(z * z, polynomial(z, cos_c, 5), -(r * low)));
  mx_v result = mx_select((mx_i)((quadrant & 1) == 0), sine, cosine);
  return (mx_v)((mx_i)result ^ ((quadrant & 2) << 62));
}

MX_INLINE mx_v sin_v(mx_v x) {
  return mx_select(MX_EQUAL_MASK(x, mx_set(0.0)), x, sine_v(x, 0));
}
MX_INLINE mx_v cos_v(mx_v x) { return sine_v(x, 1); }

/* ---- tanh ------------------------------------------------------------------------ */

/* 1 / d for a normal d, off by 2^-26 at most. */
MX_INLINE mx_v rough_inverse(mx_v d) {
#if MX_WIDTH == 8
  mx_v y = (mx_v)_mm512_rcp14_pd((__m512d)d);
  return mx_fma(y, mx_fma(-d, y, mx_set(1.0)), y);
#else
  return mx_set(1.0) / d;
#endif
}

/* e / (e + 2) of e = exp(2 |x|) - 1, where both are sums of two numbers. A rough
 * quotient is corrected by its remainder, which squares its error. */
MX_INLINE mx_v tanh_v(mx_v x) {
  mx_v r, low, two = mx_set(2.0);
  mx_v size = mx_less_of(mx_set(22.0), absolute(x)); /* a NaN stays */
  mx_v k = reduce_by_ln2(size + size, &r, &low);
  mx_v power = power_of_two(k), one_less = power - mx_set(1.0);
  mx_v rest = exp_rest_of_whole_square(r, low);
  mx_v sum = r + rest, sum_low = (r - sum) + rest;
  mx_v e = mx_fma(power, sum, one_less);
  mx_v e_low = mx_fma(power, sum_low, mx_fma(power, sum, one_less - e));
  mx_v d = e + two;
  mx_v larger = mx_greater_of(e, two), smaller = mx_less_of(e, two);
  mx_v d_low = (smaller - (d - larger)) + e_low;
  mx_v inverse = rough_inverse(d), rough = e * inverse;
  mx_v left = mx_fma(-rough, d, e) + mx_fma(-rough, d_low, e_low);
  return with_sign_of(mx_fma(left, inverse, rough), x);
}

/* ---- loops ----------------------------------------------------------------------- */

#define VECTORS_OF(name, vector)                                                       \
  static void name(const double *in, double *out, size_t count) {                      \
    size_t i = 0;                                                                      \
    for (; i + MX_WIDTH <= count; i += MX_WIDTH)                                       \
      mx_store(out + i, vector(mx_load(in + i)));                                      \
    if (i < count)                                                                     \
      mx_store_part(out + i, vector(mx_load_part(in + i, count - i)), count - i);      \
  }

/* If one argument is large or a NaN, libm computes all of them. */
#define BOUNDED_VECTORS_OF(name, vector, function)                                     \
  static void name(const double *in, double *out, size_t count) {                      \
    for (size_t i = 0; i < count; i += MX_WIDTH) {                                     \
      size_t part = count - i < MX_WIDTH ? count - i : MX_WIDTH;                       \
      mx_v x = part < MX_WIDTH ? mx_load_part(in + i, part) : mx_load(in + i);         \
      if (mx_any(~MX_LESS_MASK(absolute(x), mx_set(LARGEST))))                         \
        for (size_t j = i; j < i + part; j++)                                          \
          out[j] = function(in[j]);                                                    \
      else if (part < MX_WIDTH)                                                        \
        mx_store_part(out + i, vector(x), part);                                       \
      else                                                                             \
        mx_store(out + i, vector(x));                                                  \
    }                                                                                  \
  }

VECTORS_OF(exp_of, exp_v)
VECTORS_OF(log_of, log_v)
VECTORS_OF(tanh_of, tanh_v)
BOUNDED_VECTORS_OF(sin_of, sin_v, sin)
BOUNDED_VECTORS_OF(cos_of, cos_v, cos)

#else
FROM_LIBM(exp_of, exp)
FROM_LIBM(log_of, log)
FROM_LIBM(sin_of, sin)
FROM_LIBM(cos_of, cos)
FROM_LIBM(tanh_of, tanh)
#endif

void MX_NAME(mx_functions)(mx_kernels *table) {
  table->unary[MX_COS] = cos_of;
  table->unary[MX_SIN] = sin_of;
  table->unary[MX_EXP] = exp_of;
  table->unary[MX_LOG] = log_of;
  table->unary[MX_TANH] = tanh_of;
  table->unary[MX_LOG1P] = log1p_of;
  table->unary[MX_EXPM1] = expm1_of;
}
