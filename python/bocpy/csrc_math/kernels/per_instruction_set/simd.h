/* SIMD: vectors of MX_WIDTH doubles in the compiler's own vector types.
 *
 * The build compiles each kernel once per set: with MX_SET its suffix (plain, avx2,
 * avx512). `plain` is what every processor of the architecture has: SSE2 on x86-64,
 * NEON on AArch64. Compilers without vector types (MSVC) get vectors of one number, and
 * so does MX_WITHOUT_VECTORS, for tests.
 */
#ifndef MX_SIMD_H
#define MX_SIMD_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define MX_PASTE2(a, b) a##_##b
#define MX_PASTE(a, b) MX_PASTE2(a, b)
#define MX_NAME(name) MX_PASTE(name, MX_SET)

#if (defined(__x86_64__) || defined(__SSE2__)) && defined(__GNUC__)
#include <immintrin.h>
#elif defined(__aarch64__) && defined(__GNUC__)
#include <arm_neon.h>
#endif

/* Tells the compiler that no two iterations of the loop below depend on each other:
 * `out` is `in`, or they do not overlap. */
#if defined(__clang__)
#define MX_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define MX_INDEPENDENT _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#define MX_INDEPENDENT __pragma(loop(ivdep))
#else
#define MX_INDEPENDENT
#endif

/* Loads a cache line that the caller will write soon. */
#if defined(__GNUC__)
#define MX_PREFETCH(address) __builtin_prefetch((address), 1)
#else
#define MX_PREFETCH(address) (void)(address)
#endif

#if defined(__GNUC__) && !defined(MX_WITHOUT_VECTORS)
#define MX_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define MX_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MX_UNROLL _Pragma("GCC unroll 32")
#endif
#if defined(__AVX512F__)
#define MX_WIDTH 8
#elif defined(__AVX2__)
#define MX_WIDTH 4
#else
#define MX_WIDTH 2
#endif
#define MX_BYTES (8 * MX_WIDTH)
typedef double mx_v __attribute__((vector_size(MX_BYTES)));
typedef int64_t mx_i __attribute__((vector_size(MX_BYTES)));
typedef uint64_t mx_u __attribute__((vector_size(MX_BYTES)));
typedef double mx_loose __attribute__((vector_size(MX_BYTES), aligned(8), may_alias));

MX_INLINE mx_v mx_load(const double *from) { return *(const mx_loose *)from; }
MX_INLINE void mx_store(double *to, mx_v v) { *(mx_loose *)to = v; }
MX_INLINE mx_v mx_set(double x) { return x - (mx_v){0}; }
/* Masks are all ones or all zeros in each number. */
MX_INLINE mx_v mx_select(mx_i mask, mx_v a, mx_v b) {
  return (mx_v)((mask & (mx_i)a) | (~mask & (mx_i)b));
}
MX_INLINE int mx_any(mx_i mask) {
#if MX_WIDTH == 8
  return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#elif MX_WIDTH == 4
  return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
  return (mask[0] | mask[1]) != 0;
#endif
}
/* a < b ? a : b, and the same for greater. */
MX_INLINE mx_v mx_less_of(mx_v a, mx_v b) {
#if MX_WIDTH == 8
  return (mx_v)_mm512_min_pd((__m512d)a, (__m512d)b);
#elif MX_WIDTH == 4
  return (mx_v)_mm256_min_pd((__m256d)a, (__m256d)b);
#elif defined(__SSE2__)
  return (mx_v)_mm_min_pd((__m128d)a, (__m128d)b);
#else
  return mx_select(a < b, a, b);
#endif
}
MX_INLINE mx_v mx_greater_of(mx_v a, mx_v b) {
#if MX_WIDTH == 8
  return (mx_v)_mm512_max_pd((__m512d)a, (__m512d)b);
#elif MX_WIDTH == 4
  return (mx_v)_mm256_max_pd((__m256d)a, (__m256d)b);
#elif defined(__SSE2__)
  return (mx_v)_mm_max_pd((__m128d)a, (__m128d)b);
#else
  return mx_select(a > b, a, b);
#endif
}
/* Where one of both is a NaN, or both are. */
MX_INLINE mx_i mx_unordered(mx_v a, mx_v b) {
#if MX_WIDTH == 8
  return (mx_i)_mm512_movm_epi64(
      _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_UNORD_Q));
#elif MX_WIDTH == 4
  return (mx_i)_mm256_cmp_pd((__m256d)a, (__m256d)b, _CMP_UNORD_Q);
#elif defined(__SSE2__)
  return (mx_i)_mm_cmpunord_pd((__m128d)a, (__m128d)b);
#else
  return (mx_i)(a != a) | (mx_i)(b != b);
#endif
}
/* The first `count` numbers, fewer than MX_WIDTH; the others are 0.0. */
MX_INLINE mx_v mx_load_part(const double *from, size_t count) {
#if MX_WIDTH == 8
  return (mx_v)_mm512_maskz_loadu_pd((__mmask8)((1u << count) - 1), from);
#elif MX_WIDTH == 4
  mx_i mask = (mx_i){0, 1, 2, 3} < (int64_t)count;
  return (mx_v)_mm256_maskload_pd(from, (__m256i)mask);
#else
  mx_v v = {count ? *from : 0.0, 0.0};
  return v;
#endif
}
MX_INLINE void mx_store_part(double *to, mx_v v, size_t count) {
#if MX_WIDTH == 8
  _mm512_mask_storeu_pd(to, (__mmask8)((1u << count) - 1), (__m512d)v);
#elif MX_WIDTH == 4
  mx_i mask = (mx_i){0, 1, 2, 3} < (int64_t)count;
  _mm256_maskstore_pd(to, (__m256i)mask, (__m256d)v);
#else
  if (count)
    *to = v[0];
#endif
}
#if MX_WIDTH == 8
/* 8 rows of 8 numbers, `stride` apart; their columns one after another. */
#define MX_TRANSPOSES
MX_INLINE void mx_transpose(const double *from, size_t stride, double *to) {
  __m512d pairs[8], low, high, low2, high2;
  MX_UNROLL for (int i = 0; i < 8; i += 2) {
    __m512d row = _mm512_loadu_pd(from + (size_t)i * stride);
    __m512d next = _mm512_loadu_pd(from + (size_t)(i + 1) * stride);
    pairs[i] = _mm512_unpacklo_pd(row, next);
    pairs[i + 1] = _mm512_unpackhi_pd(row, next);
  }
  MX_UNROLL for (int i = 0; i < 2; i++) {
    low = _mm512_shuffle_f64x2(pairs[i], pairs[i + 2], 0x88);
    high = _mm512_shuffle_f64x2(pairs[i], pairs[i + 2], 0xdd);
    low2 = _mm512_shuffle_f64x2(pairs[i + 4], pairs[i + 6], 0x88);
    high2 = _mm512_shuffle_f64x2(pairs[i + 4], pairs[i + 6], 0xdd);
    _mm512_storeu_pd(to + 8 * i, _mm512_shuffle_f64x2(low, low2, 0x88));
    _mm512_storeu_pd(to + 8 * (i + 2), _mm512_shuffle_f64x2(high, high2, 0x88));
    _mm512_storeu_pd(to + 8 * (i + 4), _mm512_shuffle_f64x2(low, low2, 0xdd));
    _mm512_storeu_pd(to + 8 * (i + 6), _mm512_shuffle_f64x2(high, high2, 0xdd));
  }
}
#endif
#define MX_LESS_MASK(a, b) ((mx_i)((a) < (b)))
#define MX_GREATER_MASK(a, b) ((mx_i)((a) > (b)))
#define MX_EQUAL_MASK(a, b) ((mx_i)((a) == (b)))
#define MX_NAN_MASK(a) ((mx_i)((a) != (a)))

#if defined(__FMA__)
#define MX_HAS_FMA 1
MX_INLINE mx_v mx_fma(mx_v a, mx_v b, mx_v c) {
#if MX_WIDTH == 8
  return (mx_v)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif MX_WIDTH == 4
  return (mx_v)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  return (mx_v)_mm_fmadd_pd((__m128d)a, (__m128d)b, (__m128d)c);
#endif
}
#elif defined(__aarch64__)
#define MX_HAS_FMA 1
MX_INLINE mx_v mx_fma(mx_v a, mx_v b, mx_v c) {
  return (mx_v)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#endif

#else           /* no vector types */
#ifdef MX_FUSED /* nothing to fuse with */
#undef MX_FUSED
#define MX_UNFUSED
#endif
#define MX_INLINE static __inline
#define MX_UNROLL
#define MX_WIDTH 1
typedef double mx_v;
typedef int64_t mx_i;
MX_INLINE mx_v mx_load(const double *from) { return *from; }
MX_INLINE void mx_store(double *to, mx_v v) { *to = v; }
MX_INLINE mx_v mx_set(double x) { return x; }
MX_INLINE mx_v mx_load_part(const double *from, size_t count) {
  return count ? *from : 0.0;
}
MX_INLINE void mx_store_part(double *to, mx_v v, size_t count) {
  if (count)
    *to = v;
}
MX_INLINE int mx_any(mx_i mask) { return mask != 0; }
MX_INLINE mx_v mx_less_of(mx_v a, mx_v b) { return a < b ? a : b; }
MX_INLINE mx_v mx_greater_of(mx_v a, mx_v b) { return a > b ? a : b; }
MX_INLINE mx_i mx_unordered(mx_v a, mx_v b) { return a != a || b != b; }
#define MX_LESS_MASK(a, b) ((mx_i)((a) < (b)))
#define MX_GREATER_MASK(a, b) ((mx_i)((a) > (b)))
#define MX_EQUAL_MASK(a, b) ((mx_i)((a) == (b)))
#define MX_NAN_MASK(a) ((mx_i)((a) != (a)))
#endif

#ifndef MX_HAS_FMA
#define MX_HAS_FMA 0
#endif

#endif
