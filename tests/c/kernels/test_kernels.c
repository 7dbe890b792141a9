/* The kernels of matrices, of the instruction set that BOCPY_MATH_KERNELS names: all
 * sets of all processors give the same bits, which are summed up in one number. Fused
 * products are those of fma(), and functions are within an ulp of long double's. A
 * processor that lacks the set skips the test. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define EXPECTED UINT64_C(0x85e44b5d70bb58e4)
#define ROOM 400000
#define FEW 5
#define SKIPPED 77 /* as Meson has it */

static double a[ROOM], b[ROOM], out[ROOM];
static uint64_t digest = UINT64_C(1469598103934665603); /* FNV-1a */
static uint64_t counter = 1;

static void put(double number) {
  uint64_t bits = 1; /* of all NaNs */
  if (number == number)
    memcpy(&bits, &number, sizeof bits);
  for (int byte = 0; byte < 8; byte++) {
    digest ^= (bits >> (8 * byte)) & 255;
    digest *= UINT64_C(1099511628211);
  }
}

static void put_all(size_t count) {
  for (size_t i = 0; i < count; i++)
    put(out[i]);
}

/* SplitMix64, from -10 to 10. */
static double chance(void) {
  uint64_t z = counter += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  z ^= z >> 31;
  return (double)(z >> 11) * 0x1p-53 * 20 - 10;
}

static void fill(size_t count, bool special) {
  for (size_t i = 0; i < count; i++) {
    a[i] = chance();
    b[i] = chance();
    if (special && i % 5 == 1)
      a[i] = i % 3 == 0 ? NAN : i % 2 ? -0.0 : INFINITY;
  }
}

static void put_top(size_t (*kernel)(const double *, size_t, size_t, double *,
                                     size_t *),
                    const double *in, size_t count) {
  double values[FEW];
  size_t places[FEW];
  size_t have = kernel(in, count, count < FEW ? count : FEW, values, places);
  for (size_t i = 0; i < have; i++) {
    put(values[i]);
    put((double)places[i]);
  }
}

static void elementwise(size_t count) {
  for (int op = 0; op < MX_POWER; op++)
    for (int steps = 0; steps < 3; steps++) {
      mx_kernel.binary[op](a, steps != 1, b, steps != 2, out, count);
      put_all(count);
    }
  for (int op = 0; op < MX_COS; op++) {
    mx_kernel.unary[op](a, out, count);
    put_all(count);
  }
}

static void reductions(size_t count) {
  put(mx_kernel.sum(b, count));
  put(mx_kernel.dot(a, b, count));
  put(mx_kernel.spread(b, 0.5, count));
  put(mx_kernel.least(a, count));
  put(mx_kernel.greatest(a, count));
  put(mx_kernel.greatest_abs(b, count));
  put((double)mx_kernel.argmin(a, count));
  put((double)mx_kernel.argmax(b, count));
  put_top(mx_kernel.top, a, count);
  put_top(mx_kernel.bottom, b, count);
}

static void of_three(size_t count) {
  mx_kernel.fma(a, b, 1, b, 0, out, count);
  put_all(count);
  mx_kernel.scaled_add(a, b, 1, b, out, count);
  put_all(count);
  mx_kernel.clip(a, -1, 2, out, count);
  put_all(count);
  mx_kernel.select(b, a, 1, b, 0, out, count);
  put_all(count);
}

static void multiply(size_t rows, size_t inner, size_t columns) {
  size_t room = mx_kernel.product_scratch(rows, columns, inner) + 1;
  double *scratch = malloc(room * sizeof *scratch);
  if (!scratch)
    abort();
  mx_kernel.product(rows, columns, inner, a, b, out, scratch);
  free(scratch);
}

static const size_t shapes[][3] = {{2, 3, 2},       {5, 8, 9},    {16, 16, 16},
                                   {17, 33, 9},     {64, 64, 64}, {65, 66, 67},
                                   {100, 257, 130}, {97, 600, 33}};

static void products(void) {
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    size_t rows = shapes[i][0], inner = shapes[i][1], columns = shapes[i][2];
    for (size_t k = 0; k < rows * inner; k++)
      a[k] = chance();
    for (size_t k = 0; k < inner * columns; k++)
      b[k] = chance();
    multiply(rows, inner, columns);
    put_all(rows * columns);
  }
}

/* ---- fused products -------------------------------------------------------------- */

/* The kernels that plain C makes do not fuse, whatever the processor could. */
static bool has_fma(void) {
#ifdef MX_WITHOUT_VECTORS
  return false;
#else
  return strcmp(mx_kernel.name, "sse2") != 0 && strcmp(mx_kernel.name, "plain") != 0;
#endif
}

static double fused_element(size_t row, size_t column, size_t inner, size_t columns) {
  double total = 0.0;
  for (size_t k = 0; k < inner; k++) {
    double x = a[row * inner + k], y = b[k * columns + column];
    volatile double rounded = x * y; /* apart, where there is no fma */
    total = has_fma() ? fma(x, y, total) : total + rounded;
  }
  return total;
}

static bool fused_products(void) {
  for (size_t n = 0; n < sizeof shapes / sizeof *shapes; n++) {
    size_t rows = shapes[n][0], inner = shapes[n][1], columns = shapes[n][2];
    fill(rows * inner > inner * columns ? rows * inner : inner * columns, false);
    multiply(rows, inner, columns);
    for (size_t at = 0; at < rows * columns; at++) {
      double want = fused_element(at / columns, at % columns, inner, columns);
      if (memcmp(&out[at], &want, sizeof want) != 0) {
        printf("fused %zux%zux%zu, %zu: %a, not %a\n", rows, inner, columns, at,
               out[at], want);
        return false;
      }
    }
  }
  return true;
}

/* ---- functions ------------------------------------------------------------------- */

typedef struct function {
  const char *name;
  mx_unary op;
  long double (*exact)(long double);
  double low, high; /* arguments; those of log are powers of two */
} function;

static const function functions[] = {
    {"exp", MX_EXP, expl, -708, 709},       {"log", MX_LOG, logl, -1074, 1023},
    {"sin", MX_SIN, sinl, -60000, 60000},   {"cos", MX_COS, cosl, -60000, 60000},
    {"tanh", MX_TANH, tanhl, -25, 25},      {"log1p", MX_LOG1P, log1pl, 0, 700},
    {"expm1", MX_EXPM1, expm1l, -700, 700},
};

static double argument(const function *f, size_t i) {
  double x = f->low + (chance() + 10) / 20 * (f->high - f->low);
  double small = chance() / 10;
  if (f->op == MX_LOG)
    return i % 2 ? exp2(x) : 1 + small * pow(10, -(double)(i % 7));
  return i % 2 ? x : (f->low < 0 ? small : fabs(small)) * pow(10, -(double)(i % 16));
}

static double error_in_ulps(long double exact, double got) {
  int exponent = ilogb((double)exact);
  exponent = exponent < DBL_MIN_EXP - 1 ? DBL_MIN_EXP - 1 : exponent;
  return (double)(fabsl(exact - got) / ldexpl(1, exponent - (DBL_MANT_DIG - 1)));
}

/* 1 ulp, as documented; libm's where there is no fma or no vectors for it. Where long
 * double is double, its own ulp comes on top. */
static bool function_is_exact(const function *f) {
  bool libm = !has_fma() || f->op == MX_LOG1P || f->op == MX_EXPM1;
  double limit = (libm ? 2.5 : 1.0) + (LDBL_MANT_DIG == DBL_MANT_DIG ? 1.0 : 0.0);
  for (size_t i = 0; i < 5003; i++)
    a[i] = argument(f, i);
  mx_kernel.unary[f->op](a, out, 5003);
  for (size_t i = 0; i < 5003; i++) {
    long double exact = f->exact(a[i]);
    if (exact != 0 ? error_in_ulps(exact, out[i]) <= limit : out[i] == 0)
      continue;
    printf("%s(%a): %a, not %La\n", f->name, a[i], out[i], exact);
    return false;
  }
  return true;
}

/* Zeros, infinities, NaN and the edges of the range, in each lane. */
static bool function_at_ends(const function *f) {
  static const double ends[] = {0.0,       -0.0,  INFINITY, -INFINITY, NAN, 5e-324,
                                -1e308,    1e308, 710.0,    -746.0,    1.0, -1.0,
                                0x1p-1022, 1e22,  -5e-324,  22.0};
  size_t count = sizeof ends / sizeof *ends;
  for (size_t shift = 0; shift < count; shift++) {
    for (size_t i = 0; i < count; i++)
      a[i] = ends[(i + shift) % count];
    mx_kernel.unary[f->op](a, out, count);
    for (size_t i = 0; i < count; i++) {
      double exact = (double)f->exact(a[i]);
      bool same = isnan(exact) ? isnan(out[i])
                  : isfinite(exact) && exact != 0
                      ? error_in_ulps(exact, out[i]) <= 2.5
                      : exact == out[i] && signbit(exact) == signbit(out[i]);
      if (same)
        continue;
      printf("%s(%a): %a, not %a\n", f->name, a[i], out[i], exact);
      return false;
    }
  }
  return true;
}

static bool runs_here(const char *name) {
  const char *found = strstr(mx_kernels_available(), name);
  size_t length = strlen(name);
  return found && (found[length] == 0 || found[length] == ' ');
}

int main(void) {
  static const size_t sizes[] = {1,  2,  3,  7,   8,    9,    31,  32,
                                 33, 63, 65, 100, 1023, 1025, 3000};
  const char *name = getenv("BOCPY_MATH_KERNELS");
  if (name && !runs_here(name)) {
    printf("this processor runs %s\n", mx_kernels_available());
    return SKIPPED;
  }
  if (mx_kernels_choose(name, false))
    return 1;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    fill(sizes[i], i % 2);
    elementwise(sizes[i]);
    reductions(sizes[i]);
    of_three(sizes[i]);
  }
  products();
  bool good = digest == EXPECTED;
  printf("%s: %016" PRIx64 "\n", mx_kernel.name, digest);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    good = function_is_exact(&functions[i]) && function_at_ends(&functions[i]) && good;
  return mx_kernels_choose(name, true) || !fused_products() || !good;
}
