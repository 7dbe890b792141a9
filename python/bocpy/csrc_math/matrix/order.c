/* Order: argmin, argmax, topk, sort, argsort. */
#include "methods.h"

#include <math.h>
#include <string.h>

#include "radix_sort.h"
#include "reduction_axis.h"

/* ---- argmin, argmax -------------------------------------------------------------- */

static double arg_of(bool least, mx_lines *lines, size_t i) {
  size_t count;
  const double *numbers = mx_lines_at(lines, i, &count);
  if (!count)
    return -1.0;
  size_t at = (least ? mx_kernel.argmin : mx_kernel.argmax)(numbers, count);
  return (double)(lines->places ? lines->places[at] : at);
}

/* Goes through whole rows: keeps the best number of each column so far, and its row. */
static void arg_columns(bool least, const mx_block *block, double *best, double *out) {
  size_t columns = block->columns;
  memcpy(best, block->data, columns * sizeof(double));
  for (size_t j = 0; j < columns; j++)
    out[j] = 0.0;
  for (size_t row = 1; row < block->rows; row++) {
    const double *numbers = block->data + row * columns;
    double at = (double)row;
    for (size_t j = 0; j < columns; j++) {
      double x = numbers[j];
      bool better = least ? x < best[j] : x > best[j];
      best[j] = better ? x : best[j];
      out[j] = better ? at : out[j];
    }
  }
}

static int find_args(bool least, mx_lines *lines, double *out) {
  const mx_block *block = lines->block;
  bool together = lines->axis == MX_DOWN && !lines->mask && block->columns > 1;
  double *best = together ? mx_numbers_new(block->columns) : NULL;
  if (together && !best)
    return -1;
  MX_BEGIN_WORK(mx_block_size(block))
  if (together)
    arg_columns(least, block, best, out);
  for (size_t i = 0; !together && i < lines->count; i++)
    out[i] = arg_of(least, lines, i);
  MX_END_WORK()
  mx_numbers_free(best);
  return 0;
}

static PyObject *list_of_ints(const double *numbers, size_t count) {
  PyObject *list = PyList_New((Py_ssize_t)count);
  for (size_t i = 0; list && i < count; i++) {
    PyObject *number = PyLong_FromDouble(numbers[i]);
    if (!number)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, (Py_ssize_t)i, number);
  }
  return list;
}

static PyObject *args_of(bool least, bool as_matrix, PyTypeObject *type,
                         mx_lines *lines) {
  size_t rows, columns;
  mx_lines_shape(lines, 1, &rows, &columns);
  mx_block *block = mx_block_new(rows, columns);
  if (!block)
    return NULL;
  PyObject *result = NULL;
  if (find_args(least, lines, block->data) == 0) {
    if (lines->axis == MX_ALL)
      result = PyLong_FromDouble(block->data[0]);
    else if (as_matrix)
      return mx_matrix_wrap(type, block);
    else
      result = list_of_ints(block->data, lines->count);
  }
  mx_block_drop(block);
  return result;
}

static PyObject *arg_method(bool least, const mx_signature *signature, PyObject *self,
                            PyObject *const *args, Py_ssize_t count, PyObject *names) {
  PyObject *found[3], *result = NULL;
  bool as_matrix = false;
  mx_axis axis;
  mx_lines lines;
  if (mx_arguments(signature, args, count, names, found) < 0 ||
      mx_axis_of(found[0], &axis) < 0 || mx_truth(found[2], &as_matrix) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self), *mask = NULL;
  if (block && mx_mask_pin(found[1], block, &mask) == 0 &&
      mx_lines_open(&lines, block, mask, axis, true) == 0) {
    result = args_of(least, as_matrix, Py_TYPE(self), &lines);
    mx_lines_close(&lines);
  }
  mx_block_drop(mask);
  mx_block_drop(block);
  return result;
}

PyObject *mx_matrix_argmin(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  MX_SIGNATURE("argmin", 0, 0, 3, "axis", "where", "as_matrix");
  return arg_method(true, &signature_, self, args, count, names);
}

PyObject *mx_matrix_argmax(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  MX_SIGNATURE("argmax", 0, 0, 3, "axis", "where", "as_matrix");
  return arg_method(false, &signature_, self, args, count, names);
}

/* ---- topk ------------------------------------------------------------------------ */

#define FEW 128 /* from this k on all numbers are sorted: insertion would be slower */

typedef struct top {
  size_t k;
  bool largest;
  double *values;
  size_t *places;
  mx_sort_room room; /* if k is at least FEW */
} top;

static size_t top_of_sorted(top *t, const double *numbers, size_t count) {
  size_t have = 0;
  const mx_sort_item *items = mx_sort_items(&t->room, numbers, count, t->largest);
  for (; have < count && have < t->k; have++) {
    t->values[have] = numbers[items[have].place];
    t->places[have] = items[have].place;
  }
  return have;
}

static size_t top_of_few(top *t, const double *numbers, size_t count) {
  size_t have = (t->largest ? mx_kernel.top : mx_kernel.bottom)(numbers, count, t->k,
                                                                t->values, t->places);
  for (size_t i = 0; i < count && have < t->k; i++)
    if (numbers[i] != numbers[i]) { /* NaNs come last */
      t->values[have] = numbers[i];
      t->places[have++] = i;
    }
  return have;
}

/* Writes into a line of the results: a row, or a column where columns are reduced. */
static void top_of_line(top *t, mx_lines *lines, size_t i, double *values,
                        double *places) {
  size_t count, stride = lines->axis == MX_DOWN ? lines->count : 1;
  size_t first = lines->axis == MX_DOWN ? i : i * t->k;
  const double *numbers = mx_lines_at(lines, i, &count);
  size_t have = !count          ? 0
                : t->room.items ? top_of_sorted(t, numbers, count)
                                : top_of_few(t, numbers, count);
  for (size_t j = 0; j < t->k; j++) {
    size_t place = j < have ? t->places[j] : 0;
    values[first + j * stride] = j < have ? t->values[j] : NAN;
    places[first + j * stride] =
        j < have ? (double)(lines->places ? lines->places[place] : place) : -1.0;
  }
}

static void top_free(top *t) {
  mx_numbers_free(t->values);
  PyMem_RawFree(t->places);
  mx_sort_close(&t->room);
}

static int top_prepare(top *t, size_t length) {
  t->values = mx_numbers_new(t->k);
  if (!t->values)
    return -1;
  t->places = PyMem_RawMalloc(t->k * sizeof *t->places);
  if (!t->places)
    PyErr_NoMemory();
  else if (t->k < FEW || mx_sort_open(&t->room, length) == 0)
    return 0;
  top_free(t);
  return -1;
}

/* Lists of ints: one list, or one for each line. */
static PyObject *places_as_lists(const mx_lines *lines, size_t k,
                                 const double *places) {
  if (lines->axis == MX_ALL)
    return list_of_ints(places, k);
  double *line = mx_numbers_new(k);
  PyObject *all = line ? PyList_New((Py_ssize_t)lines->count) : NULL;
  for (size_t i = 0; all && i < lines->count; i++) {
    for (size_t j = 0; j < k; j++)
      line[j] =
          lines->axis == MX_DOWN ? places[j * lines->count + i] : places[i * k + j];
    PyObject *list = list_of_ints(line, k);
    if (!list)
      Py_CLEAR(all);
    else
      PyList_SET_ITEM(all, (Py_ssize_t)i, list);
  }
  mx_numbers_free(line);
  return all;
}

static PyObject *top_results(PyTypeObject *type, const mx_lines *lines, const top *t,
                             mx_block *values, mx_block *places, bool as_matrix) {
  PyObject *second = NULL, *first = mx_matrix_wrap(type, values);
  if (as_matrix) {
    second = mx_matrix_wrap(type, places);
  } else {
    second = first ? places_as_lists(lines, t->k, places->data) : NULL;
    mx_block_drop(places);
  }
  if (first && second)
    return Py_BuildValue("NN", first, second);
  Py_XDECREF(first);
  Py_XDECREF(second);
  return NULL;
}

static PyObject *topk_lines(PyTypeObject *type, mx_lines *lines, top *t,
                            bool as_matrix) {
  size_t rows, columns;
  mx_lines_shape(lines, t->k, &rows, &columns);
  if (top_prepare(t, lines->length) < 0)
    return NULL;
  mx_block *values = mx_block_new(rows, columns);
  mx_block *places = values ? mx_block_new(rows, columns) : NULL;
  if (!places) {
    mx_block_drop(values);
    top_free(t);
    return NULL;
  }
  MX_BEGIN_WORK(mx_block_size(lines->block))
  for (size_t i = 0; i < lines->count; i++)
    top_of_line(t, lines, i, values->data, places->data);
  MX_END_WORK()
  top_free(t);
  return top_results(type, lines, t, values, places, as_matrix);
}

static int check_k(Py_ssize_t k, const mx_lines *lines) {
  if (k < 1)
    PyErr_Format(PyExc_ValueError, "k must be a positive integer, not %zd", k);
  else if ((size_t)k > lines->length)
    PyErr_Format(PyExc_ValueError,
                 "k (%zd) cannot exceed the length of the reduced axis (%zu)", k,
                 lines->length);
  else
    return 0;
  return -1;
}

PyObject *mx_matrix_topk(PyObject *self, PyObject *const *args, Py_ssize_t count,
                         PyObject *names) {
  PyObject *found[5], *result = NULL;
  bool as_matrix = false;
  top t = {.largest = true};
  Py_ssize_t k;
  mx_axis axis;
  mx_lines lines;
  MX_SIGNATURE("topk", 1, 0, 5, "k", "axis", "largest", "where", "as_matrix");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      mx_integer(found[0], &k) < 0 || mx_axis_of(found[1], &axis) < 0 ||
      mx_truth(found[2], &t.largest) < 0 || mx_truth(found[4], &as_matrix) < 0)
    return NULL;
  mx_block *block = mx_matrix_pin(self), *mask = NULL;
  if (block && mx_mask_pin(found[3], block, &mask) == 0 &&
      mx_lines_open(&lines, block, mask, axis, true) == 0) {
    t.k = (size_t)k;
    if (check_k(k, &lines) == 0)
      result = topk_lines(Py_TYPE(self), &lines, &t, as_matrix);
    mx_lines_close(&lines);
  }
  mx_block_drop(mask);
  mx_block_drop(block);
  return result;
}

/* ---- sort, argsort --------------------------------------------------------------- */

/* `line` has room for one line, because `out` may be the memory of the numbers. */
static void sort_line(mx_lines *lines, size_t i, bool places, mx_sort_room *room,
                      double *line, double *out) {
  size_t count, stride = lines->axis == MX_DOWN ? lines->count : 1;
  double *to = out + (lines->axis == MX_DOWN ? i : i * lines->length);
  const double *numbers = mx_lines_at(lines, i, &count);
  if (!places && mx_sort_numbers(room, numbers, count, to, stride))
    return;
  memcpy(line, numbers, count * sizeof *line);
  const mx_sort_item *items = mx_sort_items(room, line, count, false);
  for (size_t j = 0; j < count; j++)
    to[j * stride] = places ? (double)items[j].place : line[items[j].place];
}

static PyObject *sort_lines(PyObject *self, mx_lines *lines, bool places, PyObject *out,
                            mx_sort_room *room, double *line) {
  const mx_block *block = lines->block;
  mx_result result;
  bool flat = lines->axis == MX_ALL;
  if (mx_result_open(&result, Py_TYPE(self), out, flat ? 1 : block->rows,
                     flat ? lines->length : block->columns) < 0)
    return NULL;
  MX_BEGIN_WORK(mx_block_size(block))
  for (size_t i = 0; i < lines->count; i++)
    sort_line(lines, i, places, room, line, result.block->data);
  MX_END_WORK()
  return mx_result_close(&result, false);
}

static PyObject *sorted_lines(PyObject *self, mx_lines *lines, bool places,
                              PyObject *out) {
  PyObject *result = NULL;
  mx_sort_room room;
  if (mx_sort_open(&room, lines->length) < 0)
    return NULL;
  double *line = mx_numbers_new(lines->length);
  if (line)
    result = sort_lines(self, lines, places, out, &room, line);
  mx_numbers_free(line);
  mx_sort_close(&room);
  return result;
}

static PyObject *sort_matrix(PyObject *self, mx_axis axis, bool places, PyObject *out) {
  mx_lines lines;
  PyObject *result = NULL;
  mx_block *block = mx_matrix_pin(self);
  if (block && mx_lines_open(&lines, block, NULL, axis, false) == 0) {
    result = sorted_lines(self, &lines, places, out);
    mx_lines_close(&lines);
  }
  mx_block_drop(block);
  return result;
}

/* The last axis if none is given, as elsewhere; None flattens. */
static int sort_axis(PyObject *object, mx_axis *out_axis) {
  *out_axis = MX_ALONG;
  return object ? mx_axis_of(object, out_axis) : 0;
}

PyObject *mx_matrix_sort(PyObject *self, PyObject *const *args, Py_ssize_t count,
                         PyObject *names) {
  PyObject *found[3], *target;
  mx_axis axis;
  MX_SIGNATURE("sort", 0, 0, 1, "axis", "in_place", "out");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      sort_axis(found[0], &axis) < 0 ||
      mx_target(self, found[1], found[2], &target) < 0)
    return NULL;
  return sort_matrix(self, axis, false, target);
}

PyObject *mx_matrix_argsort(PyObject *self, PyObject *const *args, Py_ssize_t count,
                            PyObject *names) {
  PyObject *found[1];
  mx_axis axis;
  MX_SIGNATURE("argsort", 0, 0, 1, "axis");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      sort_axis(found[0], &axis) < 0)
    return NULL;
  return sort_matrix(self, axis, true, NULL);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_argmin_doc[] =
    "argmin($self, axis=None, where=None, as_matrix=False)\n"
    "--\n"
    "\n"
    "Where the least element is: the first of equal ones, counted row by row. NaNs\n"
    "are left out unless one is the first; -1 if there are no elements.\n"
    "\n"
    "axis=None: an int; 0 or 1: a list with an int for each column or row, or, with\n"
    "as_matrix, a Matrix of them: 1 x columns or rows x 1. Elements where the\n"
    "Matrix `where`, of the same shape, is 0 are left out. ValueError: another\n"
    "axis, or a mask of another shape.\n"
    "\n"
    "Source: the least of each block of 1024 in vectors, then a search of the block\n"
    "that has it.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [2, 1, 3]).argmin()\n"
    "1";

const char mx_matrix_argmax_doc[] =
    "argmax($self, axis=None, where=None, as_matrix=False)\n"
    "--\n"
    "\n"
    "Where the greatest element is: the first of equal ones, counted row by row.\n"
    "NaNs are left out unless one is the first; -1 if there are no elements.\n"
    "\n"
    "axis=None: an int; 0 or 1: a list with an int for each column or row, or, with\n"
    "as_matrix, a Matrix of them: 1 x columns or rows x 1. Elements where the\n"
    "Matrix `where`, of the same shape, is 0 are left out. ValueError: another\n"
    "axis, or a mask of another shape.\n"
    "\n"
    "Source: the greatest of each block of 1024 in vectors, then a search of the\n"
    "block that has it.\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [2, 5, 3]).argmax()\n"
    "1";

const char mx_matrix_topk_doc[] =
    "topk($self, k, axis=None, largest=True, where=None, as_matrix=False)\n"
    "--\n"
    "\n"
    "The k greatest (largest=False: least) elements, sorted, and where they are; of\n"
    "equal ones the first comes first, NaNs come last. axis=None: a 1 x k Matrix\n"
    "and a list; 0: k x columns, 1: rows x k, and a list of lists; with as_matrix a\n"
    "second Matrix in place of lists. A group with too few elements is filled up\n"
    "with NaN and -1. ValueError: k is below 1, or above the length of the axis;\n"
    "another axis; a mask of another shape.\n"
    "\n"
    "Source: insertion into a sorted list of k, of what beats its last (Knuth, The\n"
    "Art of Computer Programming 3, 5.2.1); for a large k, sort().\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 4, [3, 1, 4, 1]).topk(2)\n"
    "(Matrix(1, 2, [4, 3]), [2, 0])";

const char mx_matrix_sort_doc[] =
    "sort($self, axis=1, *, in_place=False, out=None)\n"
    "--\n"
    "\n"
    "Sorted along each row (1) or down each column (0), which keep the shape, or\n"
    "all elements as 1 x size (None). NaNs come last; equal elements stay in order.\n"
    "ValueError: axis is none of None, 0, 1, -1, -2.\n"
    "\n"
    "Source: insertion for few numbers, else radix sort on the bits of the doubles\n"
    "(Knuth, The Art of Computer Programming 3, 5.2.5).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(1, 3, [3, 1, 2]).sort()\n"
    "Matrix(1, 3, [1, 2, 3])";

const char mx_matrix_argsort_doc[] =
    "argsort($self, axis=1)\n"
    "--\n"
    "\n"
    "Where the elements of sort() come from: a Matrix of their indices, of the\n"
    "shape of sort(). take() reads those of one row or column. ValueError: axis is\n"
    "none of None, 0, 1, -1, -2.\n"
    "\n"
    "Source: insertion for few numbers, else radix sort on the bits of the doubles\n"
    "(Knuth, The Art of Computer Programming 3, 5.2.5).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> m = Matrix(1, 3, [3, 1, 2])\n"
    ">>> m.argsort()\n"
    "Matrix(1, 3, [1, 2, 0])\n"
    ">>> m.take(m.argsort(), axis=1)\n"
    "Matrix(1, 3, [1, 2, 3])";
