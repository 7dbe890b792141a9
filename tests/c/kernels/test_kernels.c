/* The kernels of matrices that every processor of an architecture has: on all of them
 * the same bits, which are summed up in one number. Python's tests compare the other
 * sets with these (tests/py/matrix/test_matrix_kernels.py). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define EXPECTED UINT64_C(0x689e3e7228e9496c)
#define ROOM 400000
#define FEW 5

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
      a[i] = i % 2 ? -0.0 : INFINITY;
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
  for (int op = 0; op <= MX_SIGN; op++) {
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
  put((double)mx_kernel.argmin(a, count));
  put((double)mx_kernel.argmax(b, count));
  put_top(mx_kernel.top, a, count);
  put_top(mx_kernel.bottom, b, count);
}

static void of_three(size_t count) {
  mx_kernel.fma(a, b, 1, b, 0, out, count);
  put_all(count);
  mx_kernel.clip(a, -1, 2, out, count);
  put_all(count);
  mx_kernel.select(b, a, 1, b, 0, out, count);
  put_all(count);
}

static bool product(size_t rows, size_t inner, size_t columns) {
  for (size_t i = 0; i < rows * inner; i++)
    a[i] = chance();
  for (size_t i = 0; i < inner * columns; i++)
    b[i] = chance();
  size_t room = mx_kernel.product_scratch(rows, columns, inner) + 1;
  double *scratch = malloc(room * sizeof *scratch);
  if (!scratch)
    return false;
  mx_kernel.product(rows, columns, inner, a, b, out, scratch);
  free(scratch);
  put_all(rows * columns);
  return true;
}

int main(void) {
  static const size_t sizes[] = {1,  2,  3,  7,   8,    9,    31,  32,
                                 33, 63, 65, 100, 1023, 1025, 3000};
  static const size_t shapes[][3] = {{2, 3, 2},       {5, 8, 9},    {16, 16, 16},
                                     {17, 33, 9},     {64, 64, 64}, {65, 66, 67},
                                     {100, 257, 130}, {97, 600, 33}};
  const char *problem = mx_kernels_choose(NULL, false);
  if (problem) {
    puts(problem);
    return 1;
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    fill(sizes[i], i % 2);
    elementwise(sizes[i]);
    reductions(sizes[i]);
    of_three(sizes[i]);
  }
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (!product(shapes[i][0], shapes[i][1], shapes[i][2]))
      return 1;
  printf("%s: %016" PRIx64 "\n", mx_kernel.name, digest);
  return digest != EXPECTED;
}
