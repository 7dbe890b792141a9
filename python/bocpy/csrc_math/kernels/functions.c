/* Functions: exp, log, sin, cos, tanh and their like. */
#include "kernels.h"
#include "simd.h"

#define FROM_LIBM(name, function)                                                      \
  static void name(const double *in, double *out, size_t count) {                      \
    for (size_t i = 0; i < count; i++)                                                 \
      out[i] = function(in[i]);                                                        \
  }

FROM_LIBM(log1p_of, log1p)
FROM_LIBM(expm1_of, expm1)
FROM_LIBM(exp_of, exp)
FROM_LIBM(log_of, log)
FROM_LIBM(sin_of, sin)
FROM_LIBM(cos_of, cos)
FROM_LIBM(tanh_of, tanh)

void MX_NAME(mx_functions)(mx_kernels *table) {
  table->unary[MX_COS] = cos_of;
  table->unary[MX_SIN] = sin_of;
  table->unary[MX_EXP] = exp_of;
  table->unary[MX_LOG] = log_of;
  table->unary[MX_TANH] = tanh_of;
  table->unary[MX_LOG1P] = log1p_of;
  table->unary[MX_EXPM1] = expm1_of;
}
