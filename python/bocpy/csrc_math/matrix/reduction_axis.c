/* Reduction axis: see reduction_axis.h. */
#include "reduction_axis.h"

int mx_lines_open(mx_lines *lines, const mx_block *block, const mx_block *mask,
                  mx_axis axis, bool places) {
  *lines = (mx_lines){.block = block, .mask = mask, .axis = axis};
  lines->count = axis == MX_ALL ? 1 : axis == MX_DOWN ? block->columns : block->rows;
  lines->length = mx_block_size(block) / lines->count;
  bool gathers = mask || (axis == MX_DOWN && block->columns > 1);
  if (gathers) {
    lines->room = mx_numbers_new(lines->length);
    if (!lines->room)
      return -1;
  }
  if (mask && places) {
    lines->places = PyMem_RawMalloc(lines->length * sizeof *lines->places);
    if (!lines->places) {
      mx_lines_close(lines);
      PyErr_NoMemory();
      return -1;
    }
  }
  return 0;
}

void mx_lines_close(mx_lines *lines) {
  mx_numbers_free(lines->room);
  PyMem_RawFree(lines->places);
  lines->room = NULL;
  lines->places = NULL;
}

const double *mx_lines_at(mx_lines *lines, size_t i, size_t *out_count) {
  const mx_block *block = lines->block;
  size_t stride = lines->axis == MX_DOWN ? block->columns : 1, count = 0;
  size_t first = lines->axis == MX_DOWN ? i : i * lines->length;
  const double *from = block->data + first;
  *out_count = lines->length;
  if (!lines->room)
    return from;
  if (!lines->mask) {
    for (size_t j = 0; j < lines->length; j++)
      lines->room[j] = from[j * stride];
    return lines->room;
  }
  const double *mask = lines->mask->data + first;
  for (size_t j = 0; j < lines->length; j++) {
    lines->room[count] = from[j * stride];
    if (lines->places)
      lines->places[count] = j;
    count += mask[j * stride] != 0.0;
  }
  *out_count = count;
  return lines->room;
}
