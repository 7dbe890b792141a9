/* BLAS: the matrix product by the library that the build names (-Dblas=NAME).
 *
 * The library fuses and orders sums as it likes, so its results differ in the last bits
 * from those of product.c. Small products stay with product.c, whose call costs less;
 * so do products with a side that is too long for BLAS's int. */
#include "kernels.h"

#include <cblas.h>
#include <limits.h>

#define SMALL (16 * 16 * 16)

static mx_kernels own; /* written once, before `mx_kernel` has these functions */

static bool blas_takes(size_t rows, size_t columns, size_t inner) {
  return rows <= INT_MAX && columns <= INT_MAX && inner <= INT_MAX &&
         (double)rows * (double)columns * (double)inner > SMALL;
}

static void blas_product(size_t rows, size_t columns, size_t inner, const double *a,
                         const double *b, double *out, double *scratch) {
  if (blas_takes(rows, columns, inner))
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)columns,
                (int)inner, 1.0, a, (int)inner, b, (int)columns, 0.0, out,
                (int)columns);
  else
    own.product(rows, columns, inner, a, b, out, scratch);
}

static size_t product_scratch(size_t rows, size_t columns, size_t inner) {
  return blas_takes(rows, columns, inner) ? 0
                                          : own.product_scratch(rows, columns, inner);
}

void mx_blas(mx_kernels *table) {
  own = *table;
  table->blas = MX_BLAS;
  table->product = blas_product;
  table->product_scratch = product_scratch;
}
