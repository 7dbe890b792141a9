/* Buffer: matrices as buffers for others (numpy.asarray, memoryview), and others'
 * buffers as matrices.
 *
 * An exported buffer pins the block: until the buffer is released the block does not
 * move to another interpreter, and a copy moves instead. Numbers of other objects are
 * copied, since their memory cannot move between interpreters. */
#include "buffer.h"

#include <string.h>

#include "methods.h"

/* ---- out ------------------------------------------------------------------------- */

typedef struct export {
  mx_block *block;
  Py_ssize_t shape[2], strides[2];
} export;

static int refuse_export(PyObject *object) {
  if (PyErr_Occurred())
    PyErr_Clear();
  PyErr_Format(PyExc_BufferError,
               "this %.200s has no buffer: The current interpreter does not own this "
               "matrix",
               Py_TYPE(object)->tp_name);
  return -1;
}

int mx_matrix_get_buffer(PyObject *self, Py_buffer *view, int flags) {
  view->obj = NULL;
  if ((flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS) {
    PyErr_SetString(PyExc_BufferError, "the rows of a matrix are contiguous, not its "
                                       "columns");
    return -1;
  }
  export *made = PyMem_RawMalloc(sizeof *made);
  if (!made) {
    PyErr_NoMemory();
    return -1;
  }
  made->block = mx_matrix_pin(self);
  if (!made->block) {
    PyMem_RawFree(made);
    return refuse_export(self);
  }
  mx_block *block = made->block;
  mx_count_up(&block->exports);
  made->shape[0] = (Py_ssize_t)block->rows;
  made->shape[1] = (Py_ssize_t)block->columns;
  made->strides[0] = (Py_ssize_t)(block->columns * sizeof(double));
  made->strides[1] = sizeof(double);
  bool shaped = (flags & PyBUF_ND) == PyBUF_ND;
  bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
  *view = (Py_buffer){
      .buf = block->data,
      .obj = Py_NewRef(self),
      .len = (Py_ssize_t)(mx_block_size(block) * sizeof(double)),
      .itemsize = sizeof(double),
      .ndim = shaped ? 2 : 1,
      .format = flags & PyBUF_FORMAT ? "d" : NULL,
      .shape = shaped ? made->shape : NULL,
      .strides = strided ? made->strides : NULL,
      .internal = made,
  };
  return 0;
}

void mx_matrix_release_buffer(PyObject *self, Py_buffer *view) {
  (void)self;
  export *made = view->internal;
  mx_count_down(&made->block->exports);
  mx_block_drop(made->block);
  PyMem_RawFree(made);
}

/* ---- in -------------------------------------------------------------------------- */

/* A function that reads one number of a format; NULL for a format that has none. */
typedef double (*reader)(const char *from);

#define READER(name, type)                                                             \
  static double name(const char *from) {                                               \
    type value;                                                                        \
    memcpy(&value, from, sizeof value);                                                \
    return (double)value;                                                              \
  }

READER(read_double, double)
READER(read_float, float)
READER(read_int8, int8_t)
READER(read_uint8, uint8_t)
READER(read_int16, int16_t)
READER(read_uint16, uint16_t)
READER(read_int32, int32_t)
READER(read_uint32, uint32_t)
READER(read_int64, int64_t)
READER(read_uint64, uint64_t)

static reader reader_of_integer(bool is_signed, Py_ssize_t size) {
  switch (size) {
  case 1:
    return is_signed ? read_int8 : read_uint8;
  case 2:
    return is_signed ? read_int16 : read_uint16;
  case 4:
    return is_signed ? read_int32 : read_uint32;
  case 8:
    return is_signed ? read_int64 : read_uint64;
  default:
    return NULL;
  }
}

static bool is_native(char order) {
  const uint16_t one = 1;
  bool little = *(const char *)&one == 1;
  return order == '@' || order == '=' || order == (little ? '<' : '>');
}

static reader reader_of(const Py_buffer *view) {
  const char *format = view->format ? view->format : "B";
  if (strchr("@=<>!", *format) && *format) {
    if (!is_native(*format) && view->itemsize > 1)
      return NULL;
    format++;
  }
  if (!*format || format[1])
    return NULL;
  if (*format == 'd' && view->itemsize == sizeof(double))
    return read_double;
  if (*format == 'f' && view->itemsize == sizeof(float))
    return read_float;
  if (strchr("bhilqn", *format))
    return reader_of_integer(true, view->itemsize);
  if (strchr("BHILQN?", *format))
    return reader_of_integer(false, view->itemsize);
  return NULL;
}

static void read_strided(const Py_buffer *view, reader read, double *out) {
  Py_ssize_t rows = view->ndim == 2 ? view->shape[0] : 1;
  Py_ssize_t columns = view->ndim ? view->shape[view->ndim - 1] : 1;
  Py_ssize_t next_row = view->ndim == 2 ? view->strides[0] : 0;
  Py_ssize_t next = view->ndim ? view->strides[view->ndim - 1] : 0;
  for (Py_ssize_t i = 0; i < rows; i++) {
    const char *from = (const char *)view->buf + i * next_row;
    if (read == read_double && next == sizeof(double)) {
      memcpy(out, from, (size_t)columns * sizeof(double));
      out += columns;
      continue;
    }
    if (read == read_float)
      for (Py_ssize_t j = 0; j < columns; j++)
        *out++ = read_float(from + j * next);
    else
      for (Py_ssize_t j = 0; j < columns; j++)
        *out++ = read(from + j * next);
  }
}

static int open_buffer(PyObject *object, Py_buffer *view, reader *out_read) {
  if (PyObject_GetBuffer(object, view, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0)
    return -1;
  *out_read = reader_of(view);
  if (view->ndim <= 2 && *out_read)
    return 0;
  if (view->ndim > 2)
    PyErr_Format(PyExc_ValueError,
                 "a matrix has two dimensions, this %.200s has %d: reshape it",
                 Py_TYPE(object)->tp_name, view->ndim);
  else
    PyErr_Format(PyExc_TypeError,
                 "a buffer of format '%s' has no real numbers of this machine's byte "
                 "order",
                 view->format ? view->format : "B");
  PyBuffer_Release(view);
  return -1;
}

static Py_ssize_t count_of(const Py_buffer *view) {
  return view->itemsize ? view->len / view->itemsize : 0;
}

static void read_into(mx_block *block, const Py_buffer *view, reader read) {
  MX_BEGIN_WORK(mx_block_size(block))
  read_strided(view, read, block->data);
  MX_END_WORK()
}

int mx_buffer_fill(mx_block *block, PyObject *object) {
  Py_buffer view;
  reader read;
  if (open_buffer(object, &view, &read) < 0)
    return -1;
  int status = 0;
  if ((size_t)count_of(&view) != mx_block_size(block) ||
      (view.ndim == 2 && ((size_t)view.shape[0] != block->rows ||
                          (size_t)view.shape[1] != block->columns))) {
    PyErr_Format(PyExc_ValueError,
                 "a buffer of %zd numbers and this shape does not fill a matrix of "
                 "%zux%zu",
                 count_of(&view), block->rows, block->columns);
    status = -1;
  } else {
    read_into(block, &view, read);
  }
  PyBuffer_Release(&view);
  return status;
}

mx_block *mx_buffer_block(PyObject *object) {
  Py_buffer view;
  reader read;
  if (open_buffer(object, &view, &read) < 0)
    return NULL;
  mx_block *block = NULL;
  if (view.ndim == 0) {
    PyErr_Format(PyExc_TypeError,
                 "a matrix is made of rows and columns, or of a buffer of one or two "
                 "dimensions, not of a single %.200s",
                 Py_TYPE(object)->tp_name);
  } else if (count_of(&view) < 1) {
    PyErr_SetString(PyExc_ValueError, "a matrix has one element at least, this buffer "
                                      "has none");
  } else {
    size_t rows = view.ndim == 2 ? (size_t)view.shape[0] : 1;
    block = mx_block_new(rows, (size_t)count_of(&view) / rows);
  }
  if (block)
    read_into(block, &view, read);
  PyBuffer_Release(&view);
  return block;
}
