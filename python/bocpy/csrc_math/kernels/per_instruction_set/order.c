/* Order: the index of the least or greatest number, and the k least or greatest
 * numbers.
 *
 * Each block is searched for its extreme value only; the index is looked for in the
 * block with the best value only. The k greatest numbers are few, so that one
 * comparison with the least of them dismisses nearly all vectors. */
#include "../kernels.h"
#include "simd.h"

#define BLOCK 1024
#define GROUP 8 /* vectors that one step compares */
#define STRIDE (GROUP * MX_WIDTH)

#define ARG_OF(name, pick, op)                                                         \
  /* The best of a block, or `best` if none beats it. NaNs beat nothing. */            \
  static double name##_block(const double *in, size_t count, double best) {            \
    mx_v bests[GROUP];                                                                 \
    double lanes[MX_WIDTH];                                                            \
    size_t i = 0;                                                                      \
    if (count >= STRIDE) {                                                             \
      MX_UNROLL for (int u = 0; u < GROUP; u++) bests[u] = mx_set(best);               \
      for (; i + STRIDE <= count; i += STRIDE)                                         \
        MX_UNROLL for (int u = 0; u < GROUP; u++) bests[u] =                           \
            pick(mx_load(in + i + (size_t)u * MX_WIDTH), bests[u]);                    \
      MX_UNROLL for (int u = 1; u < GROUP; u++) bests[0] = pick(bests[u], bests[0]);   \
      mx_store(lanes, bests[0]);                                                       \
      for (int lane = 0; lane < MX_WIDTH; lane++)                                      \
        best = lanes[lane] op best ? lanes[lane] : best;                               \
    }                                                                                  \
    for (; i < count; i++)                                                             \
      best = in[i] op best ? in[i] : best;                                             \
    return best;                                                                       \
  }                                                                                    \
  static size_t name(const double *in, size_t count) {                                 \
    double best = in[0];                                                               \
    size_t begin = 0;                                                                  \
    if (best != best)                                                                  \
      return 0;                                                                        \
    for (size_t at = 0; at < count; at += BLOCK) {                                     \
      size_t length = count - at < BLOCK ? count - at : BLOCK;                         \
      double found = name##_block(in + at, length, best);                              \
      if (found op best) {                                                             \
        best = found;                                                                  \
        begin = at;                                                                    \
      }                                                                                \
    }                                                                                  \
    return begin + first_equal(in + begin, count - begin, best);                       \
  }

/* The caller knows that it is there. */
static size_t first_equal(const double *in, size_t count, double wanted) {
  mx_v all = mx_set(wanted);
  size_t i = 0;
  while (i + MX_WIDTH <= count && !mx_any(MX_EQUAL_MASK(mx_load(in + i), all)))
    i += MX_WIDTH;
  while (in[i] != wanted)
    i++;
  return i;
}

ARG_OF(argmin, mx_less_of, <)
ARG_OF(argmax, mx_greater_of, >)

/* Whether a number of the group beats `limit`: by two chains of operations, which the
 * processor overlaps. NaNs beat nothing. */
#define BEATS(name, pick, mask)                                                        \
  MX_INLINE int name(const double *in, double limit) {                                 \
    mx_v all = mx_set(limit), even = all, odd = all;                                   \
    MX_UNROLL for (int u = 0; u < GROUP; u += 2) {                                     \
      even = pick(mx_load(in + u * MX_WIDTH), even);                                   \
      odd = pick(mx_load(in + (u + 1) * MX_WIDTH), odd);                               \
    }                                                                                  \
    return mx_any(mask(pick(even, odd), all));                                         \
  }

BEATS(any_greater, mx_greater_of, MX_GREATER_MASK)
BEATS(any_less, mx_less_of, MX_LESS_MASK)

/* The first k numbers are inserted as they come. Then a group of vectors is looked at,
 * each vector of a group that has a number to insert, and its numbers. */
#define TOP_OF(name, op, any_beats, mask)                                              \
  MX_INLINE void name##_insert(double x, size_t index, size_t at, double *values,      \
                               size_t *indices) {                                      \
    for (; at && x op values[at - 1]; at--) {                                          \
      values[at] = values[at - 1];                                                     \
      indices[at] = indices[at - 1];                                                   \
    }                                                                                  \
    values[at] = x;                                                                    \
    indices[at] = index;                                                               \
  }                                                                                    \
  MX_INLINE void name##_look(const double *in, size_t begin, size_t end, size_t last,  \
                             double *values, size_t *indices) {                        \
    for (size_t i = begin; i < end; i++)                                               \
      if (in[i] op values[last])                                                       \
        name##_insert(in[i], i, last, values, indices);                                \
  }                                                                                    \
  static size_t name(const double *in, size_t count, size_t k, double *values,         \
                     size_t *indices) {                                                \
    size_t have = 0, i = 0;                                                            \
    for (; i < count && have < k; i++)                                                 \
      if (in[i] == in[i])                                                              \
        name##_insert(in[i], i, have++, values, indices);                              \
    for (; i + STRIDE <= count; i += STRIDE) {                                         \
      if (!any_beats(in + i, values[k - 1]))                                           \
        continue;                                                                      \
      for (size_t at = i; at < i + STRIDE; at += MX_WIDTH)                             \
        if (mx_any(mask(mx_load(in + at), mx_set(values[k - 1]))))                     \
          name##_look(in, at, at + MX_WIDTH, k - 1, values, indices);                  \
    }                                                                                  \
    if (i < count)                                                                     \
      name##_look(in, i, count, k - 1, values, indices);                               \
    return have;                                                                       \
  }

TOP_OF(top, >, any_greater, MX_GREATER_MASK)
TOP_OF(bottom, <, any_less, MX_LESS_MASK)

void MX_NAME(mx_order)(mx_kernels *table) {
  table->argmin = argmin;
  table->argmax = argmax;
  table->top = top;
  table->bottom = bottom;
}
