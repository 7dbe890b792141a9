/* Memory view: see memoryview.h. */
#include "memoryview.h"

#define BASE_SHARE                                                                     \
  4 /* a view of less than this part of its base is sent without the rest */

/* ---- encode ---------------------------------------------------------------------- */

/* 1 if memoryviews of the base are encoded, 0 if not, -1 with an exception. */
static int base_is_known(bocpy_encoder *encoder, PyObject *base) {
  if (!base || PyBytes_CheckExact(base) || PyByteArray_CheckExact(base))
    return base != NULL;
  bocpy_class *known = bocpy_class_of(encoder->state, Py_TYPE(base));
  return known ? known->encoding == BOCPY_ENCODING_ARRAY : -1;
}

/* Whether memoryview.cast makes a view like this one from bytes. */
static bool view_is_castable(const Py_buffer *view) {
  const char *format = view->format + (view->format[0] == '@');
  if (view->ndim < 1 || !strchr("bBchHiIlLnNqQfd?", format[0]) || format[1] ||
      !PyBuffer_IsContiguous(view, 'C'))
    return false;
  for (int i = 0; view->ndim > 1 && i < view->ndim; i++)
    if (view->shape[i] == 0)
      return false;
  return true;
}

static int put_view_head(bocpy_encoder *encoder, const Py_buffer *view, size_t offset) {
  bocpy_writer *writer = &encoder->writer;
  if (bocpy_reserve(writer, 4 + BOCPY_SIZE_MAX * (size_t)(view->ndim + 2)) < 0)
    return BOCPY_FAILED;
  bocpy_put_byte(writer, TAG_VIEW);
  bocpy_put_byte(writer, view->readonly != 0);
  bocpy_put_byte(writer, (unsigned char)view->format[view->format[0] == '@']);
  bocpy_put_byte(writer, (unsigned)view->ndim);
  for (int i = 0; i < view->ndim; i++)
    bocpy_put_size(writer, (size_t)view->shape[i]);
  bocpy_put_size(writer, offset);
  bocpy_put_size(writer, (size_t)view->len);
  return BOCPY_DONE;
}

static int put_part(bocpy_encoder *encoder, const Py_buffer *view) {
  PyObject *part = PyBytes_FromStringAndSize(view->buf, view->len);
  int status = part ? put_view_head(encoder, view, 0) : BOCPY_FAILED;
  if (status == BOCPY_DONE)
    status = bocpy_encode_value(encoder, part);
  Py_XDECREF(part);
  return status;
}

static int put_of_base(bocpy_encoder *encoder, const Py_buffer *view, PyObject *base) {
  Py_buffer whole;
  if (PyObject_GetBuffer(base, &whole, PyBUF_SIMPLE) < 0)
    return BOCPY_FAILED;
  size_t offset = view->len ? (size_t)((char *)view->buf - (char *)whole.buf) : 0;
  bool little = PyBytes_CheckExact(base) && view->len < whole.len / BASE_SHARE;
  PyBuffer_Release(&whole);
  if (little)
    return put_part(encoder, view);
  int status = put_view_head(encoder, view, offset);
  return status == BOCPY_DONE ? bocpy_encode_value(encoder, base) : status;
}

int bocpy_put_view(bocpy_encoder *encoder, PyObject *value) {
  Py_buffer view;
  if (PyObject_GetBuffer(value, &view, PyBUF_FULL_RO) < 0)
    return BOCPY_FAILED;
  PyObject *base = PyMemoryView_GET_BASE(value);
  int known = base_is_known(encoder, base);
  int status = known < 0 ? BOCPY_FAILED : BOCPY_UNKNOWN;
  if (known > 0 && view_is_castable(&view))
    status = put_of_base(encoder, &view, base);
  PyBuffer_Release(&view);
  return status;
}

/* ---- decode ---------------------------------------------------------------------- */

typedef struct view_head {
  bool readonly;
  char format;
  int ndim;
  PyObject *shape; /* held: a list */
  Py_ssize_t offset, size;
} view_head;

static int take_view_head(bocpy_decoder *decoder, view_head *out_head) {
  out_head->readonly = *decoder->at++;
  out_head->format = (char)*decoder->at++;
  out_head->ndim = *decoder->at++;
  out_head->shape = PyList_New(out_head->ndim);
  for (int i = 0; out_head->shape && i < out_head->ndim; i++) {
    PyObject *length = PyLong_FromSize_t(bocpy_take_size(decoder));
    if (length)
      PyList_SET_ITEM(out_head->shape, i, length);
    else
      Py_CLEAR(out_head->shape);
  }
  if (!out_head->shape)
    return -1;
  out_head->offset = (Py_ssize_t)bocpy_take_size(decoder);
  out_head->size = (Py_ssize_t)bocpy_take_size(decoder);
  return 0;
}

/* Steals `view`, which may be NULL; the following functions do, too. */
static PyObject *view_cast(PyObject *view, const view_head *head) {
  char format[] = {head->format, 0};
  PyObject *cast = view;
  if (view && head->ndim > 1)
    cast = PyObject_CallMethod(view, "cast", "sO", format, head->shape);
  else if (view && head->format != 'B')
    cast = PyObject_CallMethod(view, "cast", "s", format);
  if (cast != view)
    Py_DECREF(view);
  return cast;
}

static PyObject *view_slice(PyObject *view, const view_head *head) {
  PyObject *part =
      view ? PySequence_GetSlice(view, head->offset, head->offset + head->size) : NULL;
  Py_XDECREF(view);
  return part;
}

static PyObject *view_protect(PyObject *view, const view_head *head) {
  if (!view || !head->readonly || PyMemoryView_GET_BUFFER(view)->readonly)
    return view;
  PyObject *protected = PyObject_CallMethod(view, "toreadonly", NULL);
  Py_DECREF(view);
  return protected;
}

PyObject *bocpy_make_view(bocpy_decoder *decoder) {
  view_head head;
  if (take_view_head(decoder, &head) < 0)
    return NULL;
  PyObject *base = bocpy_decode_value(decoder);
  PyObject *view = base ? PyMemoryView_FromObject(base) : NULL;
  Py_XDECREF(base);
  if (view && strcmp(PyMemoryView_GET_BUFFER(view)->format, "B") != 0) {
    PyObject *bytes = PyObject_CallMethod(view, "cast", "s", "B");
    Py_DECREF(view);
    view = bytes;
  }
  view = view_protect(view_cast(view_slice(view, &head), &head), &head);
  Py_DECREF(head.shape);
  return view;
}
