/* Product: the matrix product, in tiles of registers.
 *
 * Every element is the sum of its products over ascending k, from 0.0, with product and
 * sum rounded separately. With MX_FUSED both are rounded once, which is faster on
 * processors whose adders are also their multipliers. Instruction sets differ in the
 * order in which they compute elements, never in the order of the sum within an
 * element.
 *
 * Small products read both matrices where they are. Larger ones copy a panel of `b` and
 * a block of `a` so that the innermost loop reads both in order.
 *
 * Source: Goto and van de Geijn, "Anatomy of high-performance matrix multiplication",
 * ACM TOMS 34, 2008. */
#include "../kernels.h"
#include "simd.h"

/* TILE_ROWS x (TILE_VECTORS * MX_WIDTH) numbers of the result stay in registers. */
#if MX_WIDTH == 8
#define TILE_ROWS 8
#define TILE_VECTORS 3
#elif MX_WIDTH == 4 && defined(MX_FUSED)
#define TILE_ROWS 4
#define TILE_VECTORS 3
#elif MX_WIDTH == 4
#define TILE_ROWS 6
#define TILE_VECTORS 2
#elif defined(__aarch64__)
#define TILE_ROWS 6
#define TILE_VECTORS 4
#else
#define TILE_ROWS 4
#define TILE_VECTORS 2
#endif
#define TILE_COLUMNS (TILE_VECTORS * MX_WIDTH)
#define DEPTH 256                   /* of a panel: it stays in the first cache */
#define BLOCK_ROWS (TILE_ROWS * 16) /* of `a`, copied: it stays in the second */
#define PANEL_COLUMNS (3072 / TILE_COLUMNS * TILE_COLUMNS)
#define SMALL ((size_t)64 * 64 * 64)
#define LINE 8 /* numbers of a cache line, in which strips begin */

#ifdef MX_FUSED
#define ADD_PRODUCT(sum, a, b) (sum) = mx_fma((a), (b), (sum))
#else
#define ADD_PRODUCT(sum, a, b) (sum) += (a) * (b)
#endif

/* ---- operands that are not copied ------------------------------------------------ */

/* R rows of the result, V vectors wide. */
#define TILE_AT(R, V)                                                                  \
  MX_INLINE void tile_##R##_##V(size_t inner, const double *a, const double *b,        \
                                size_t columns, double *out) {                         \
    mx_v sums[R][V], row[V];                                                           \
    MX_UNROLL for (int i = 0; i < R; i++) MX_UNROLL for (int j = 0; j < V; j++)        \
        sums[i][j] = mx_set(0.0);                                                      \
    for (size_t k = 0; k < inner; k++) {                                               \
      MX_UNROLL for (int j = 0; j < V; j++) row[j] =                                   \
          mx_load(b + k * columns + (size_t)j * MX_WIDTH);                             \
      MX_UNROLL for (int i = 0; i < R; i++) {                                          \
        mx_v x = mx_set(a[(size_t)i * inner + k]);                                     \
        MX_UNROLL for (int j = 0; j < V; j++) ADD_PRODUCT(sums[i][j], x, row[j]);      \
      }                                                                                \
    }                                                                                  \
    MX_UNROLL for (int i = 0; i < R; i++) MX_UNROLL for (int j = 0; j < V; j++)        \
        mx_store(out + (size_t)i * columns + (size_t)j * MX_WIDTH, sums[i][j]);        \
  }

TILE_AT(4, 2)
TILE_AT(1, 2)
TILE_AT(4, 1)
TILE_AT(1, 1)

/* R rows of the last columns, fewer than a vector has. */
#define EDGE_AT(R)                                                                     \
  MX_INLINE void edge_##R(size_t inner, const double *a, const double *b,              \
                          size_t columns, double *out, size_t width) {                 \
    mx_v sums[R];                                                                      \
    MX_UNROLL for (int i = 0; i < R; i++) sums[i] = mx_set(0.0);                       \
    for (size_t k = 0; k < inner; k++) {                                               \
      mx_v row = mx_load_part(b + k * columns, width);                                 \
      MX_UNROLL for (int i = 0; i < R; i++)                                            \
          ADD_PRODUCT(sums[i], mx_set(a[(size_t)i * inner + k]), row);                 \
    }                                                                                  \
    MX_UNROLL for (int i = 0; i < R; i++)                                              \
        mx_store_part(out + (size_t)i * columns, sums[i], width);                      \
  }

EDGE_AT(4)
EDGE_AT(1)

static void small_product(size_t rows, size_t columns, size_t inner, const double *a,
                          const double *b, double *out) {
  size_t j = 0;
  for (; j + 2 * MX_WIDTH <= columns; j += 2 * MX_WIDTH) {
    size_t i = 0;
    for (; i + 4 <= rows; i += 4)
      tile_4_2(inner, a + i * inner, b + j, columns, out + i * columns + j);
    for (; i < rows; i++)
      tile_1_2(inner, a + i * inner, b + j, columns, out + i * columns + j);
  }
  for (; j + MX_WIDTH <= columns; j += MX_WIDTH) {
    size_t i = 0;
    for (; i + 4 <= rows; i += 4)
      tile_4_1(inner, a + i * inner, b + j, columns, out + i * columns + j);
    for (; i < rows; i++)
      tile_1_1(inner, a + i * inner, b + j, columns, out + i * columns + j);
  }
  if (j < columns) {
    size_t i = 0, width = columns - j;
    for (; i + 4 <= rows; i += 4)
      edge_4(inner, a + i * inner, b + j, columns, out + i * columns + j, width);
    for (; i < rows; i++)
      edge_1(inner, a + i * inner, b + j, columns, out + i * columns + j, width);
  }
}

/* ---- operands that are copied ---------------------------------------------------- */

/* A tile of the result from a strip of `a` (depth x TILE_ROWS) and one of `b` (depth x
 * TILE_COLUMNS), added to what is there unless it is the first. */
MX_INLINE void tile_of_strips(size_t depth, const double *a, const double *b,
                              double *out, size_t stride, bool first) {
  mx_v sums[TILE_ROWS][TILE_VECTORS], row[TILE_VECTORS];
  MX_UNROLL for (int i = 0; i < TILE_ROWS;
                 i++) MX_UNROLL for (int j = 0; j < TILE_VECTORS; j++) sums[i][j] =
      first ? mx_set(0.0) : mx_load(out + (size_t)i * stride + (size_t)j * MX_WIDTH);
  for (size_t k = 0; k < depth; k++) {
    MX_UNROLL for (int j = 0; j < TILE_VECTORS; j++) row[j] =
        mx_load(b + (size_t)j * MX_WIDTH);
    MX_UNROLL for (int i = 0; i < TILE_ROWS; i++) {
      mx_v x = mx_set(a[i]);
      MX_UNROLL for (int j = 0; j < TILE_VECTORS; j++)
          ADD_PRODUCT(sums[i][j], x, row[j]);
    }
    a += TILE_ROWS;
    b += TILE_COLUMNS;
  }
  MX_UNROLL for (int i = 0; i < TILE_ROWS; i++)
      MX_UNROLL for (int j = 0; j < TILE_VECTORS; j++)
          mx_store(out + (size_t)i * stride + (size_t)j * MX_WIDTH, sums[i][j]);
}

/* A tile at the edge: computed in a buffer, whose valid part is then copied into the
 * result. */
static void tile_at_edge(size_t depth, const double *a, const double *b, double *out,
                         size_t stride, bool first, size_t rows, size_t columns) {
  double tile[TILE_ROWS * TILE_COLUMNS] = {0};
  for (size_t i = 0; i < rows && !first; i++)
    memcpy(tile + i * TILE_COLUMNS, out + i * stride, columns * sizeof(double));
  tile_of_strips(depth, a, b, tile, TILE_COLUMNS, first);
  for (size_t i = 0; i < rows; i++)
    memcpy(out + i * stride, tile + i * TILE_COLUMNS, columns * sizeof(double));
}

/* `b`'s panel as strips of TILE_COLUMNS columns, the last filled up with zeros. Row by
 * row, as `b` lies in memory. */
static void copy_panel(const double *b, size_t stride, size_t depth, size_t columns,
                       double *panel) {
  size_t whole = columns / TILE_COLUMNS, width = columns % TILE_COLUMNS;
  for (size_t k = 0; k < depth; k++) {
    const double *from = b + k * stride;
    double *to = panel + k * TILE_COLUMNS;
    for (size_t j = 0; j < whole; j++) {
      MX_UNROLL for (int v = 0; v < TILE_VECTORS; v++)
          mx_store(to + v * MX_WIDTH, mx_load(from + v * MX_WIDTH));
      from += TILE_COLUMNS;
      to += TILE_COLUMNS * depth;
    }
    if (width) {
      memcpy(to, from, width * sizeof(double));
      memset(to + width, 0, (TILE_COLUMNS - width) * sizeof(double));
    }
  }
}

/* `a`'s block as strips of TILE_ROWS rows, column by column. */
static void copy_block(const double *a, size_t stride, size_t rows, size_t depth,
                       double *to) {
  for (size_t i = 0; i < rows; i += TILE_ROWS, to += TILE_ROWS * depth) {
    const double *from = a + i * stride;
    size_t k = 0;
#ifdef MX_TRANSPOSES
    for (; i + TILE_ROWS <= rows && k + TILE_ROWS <= depth; k += TILE_ROWS)
      mx_transpose(from + k, stride, to + k * TILE_ROWS);
#endif
    for (size_t r = 0; r < TILE_ROWS; r++)
      for (size_t c = k; c < depth; c++)
        to[c * TILE_ROWS + r] = i + r < rows ? from[r * stride + c] : 0.0;
  }
}

/* Loads the next tile of the result into the first cache meanwhile. */
static void prefetch_tile(const double *tile, size_t stride) {
  for (size_t i = 0; i < TILE_ROWS; i++)
    for (size_t j = 0; j < TILE_COLUMNS; j += LINE)
      MX_PREFETCH(tile + i * stride + j);
}

static void block_of_strips(size_t rows, size_t columns, size_t depth, const double *a,
                            const double *b, double *out, size_t stride, bool first) {
  for (size_t j = 0; j < columns; j += TILE_COLUMNS) {
    size_t width = columns - j < TILE_COLUMNS ? columns - j : TILE_COLUMNS;
    for (size_t i = 0; i < rows; i += TILE_ROWS) {
      size_t height = rows - i < TILE_ROWS ? rows - i : TILE_ROWS;
      const double *strip_a = a + i * depth, *strip_b = b + j * depth;
      double *to = out + i * stride + j;
      if (width == TILE_COLUMNS && rows - i >= 2 * TILE_ROWS)
        prefetch_tile(to + TILE_ROWS * stride, stride);
      if (width < TILE_COLUMNS || height < TILE_ROWS)
        tile_at_edge(depth, strip_a, strip_b, to, stride, first, height, width);
      else if (first)
        tile_of_strips(depth, strip_a, strip_b, to, stride, true);
      else
        tile_of_strips(depth, strip_a, strip_b, to, stride, false);
    }
  }
}

static size_t smaller_size(size_t a, size_t b) { return a < b ? a : b; }

static bool is_small(size_t rows, size_t columns, size_t inner) {
  return columns <= 128 && rows * inner <= SMALL / (columns ? columns : 1);
}

static size_t panel_columns(size_t columns) {
  size_t whole = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  return smaller_size(whole, PANEL_COLUMNS);
}

static size_t tiled_scratch(size_t rows, size_t columns, size_t inner) {
  if (is_small(rows, columns, inner))
    return 0;
  return smaller_size(inner, DEPTH) * (panel_columns(columns) + BLOCK_ROWS) + LINE;
}

static void tiled_product(size_t rows, size_t columns, size_t inner, const double *a,
                          const double *b, double *out, double *room) {
  if (is_small(rows, columns, inner)) {
    small_product(rows, columns, inner, a, b, out);
    return;
  }
  size_t wide = panel_columns(columns);
  room = (double *)(((uintptr_t)room + LINE * 8 - 1) & ~(uintptr_t)(LINE * 8 - 1));
  double *panel = room, *block = room + wide * smaller_size(inner, DEPTH);
  for (size_t j = 0; j < columns; j += wide) {
    size_t width = smaller_size(columns - j, wide);
    for (size_t k = 0; k < inner; k += DEPTH) {
      size_t depth = smaller_size(inner - k, DEPTH);
      copy_panel(b + k * columns + j, columns, depth, width, panel);
      for (size_t i = 0; i < rows; i += BLOCK_ROWS) {
        size_t height = smaller_size(rows - i, BLOCK_ROWS);
        copy_block(a + i * inner + k, inner, height, depth, block);
        block_of_strips(height, width, depth, block, panel, out + i * columns + j,
                        columns, k == 0);
      }
    }
  }
}

#if defined(MX_FUSED) || defined(MX_UNFUSED)
void MX_NAME(mx_fused)(mx_kernels *table)
#else
void MX_NAME(mx_product)(mx_kernels *table)
#endif
{
  table->product = tiled_product;
  table->product_scratch = tiled_scratch;
}
