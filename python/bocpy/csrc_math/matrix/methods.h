/* Methods: what Matrix can do, as functions of its type. Each stands in the file of its
 * noun, with its documentation; the table is methods.c. */
#ifndef MX_METHODS_H
#define MX_METHODS_H

#include "matrix.h"

extern PyMethodDef mx_matrix_methods[];
extern const char mx_matrix_doc[];

#define MX_METHOD(name)                                                                \
  PyObject *mx_matrix_##name(PyObject *self, PyObject *const *args, Py_ssize_t count,  \
                             PyObject *names);                                         \
  extern const char mx_matrix_##name##_doc[];
/* Methods without arguments, or with one. */
#define MX_SIMPLE(name)                                                                \
  PyObject *mx_matrix_##name(PyObject *self, PyObject *argument);                      \
  extern const char mx_matrix_##name##_doc[];

MX_SIMPLE(zeros)
MX_SIMPLE(ones)
MX_METHOD(full)
MX_METHOD(eye)
MX_METHOD(vector)
MX_METHOD(concat)
MX_METHOD(frombuffer)
MX_SIMPLE(from_view)
MX_SIMPLE(seed)
MX_METHOD(uniform)
MX_METHOD(normal)
MX_METHOD(where)
MX_METHOD(allclose)
MX_METHOD(add)
MX_METHOD(subtract)
MX_METHOD(multiply)
MX_METHOD(divide)
MX_METHOD(pow)
MX_METHOD(less)
MX_METHOD(less_equal)
MX_METHOD(greater)
MX_METHOD(greater_equal)
MX_METHOD(equal)
MX_METHOD(not_equal)
MX_METHOD(fma)
MX_METHOD(scaled_add)
MX_METHOD(ceil)
MX_METHOD(floor)
MX_METHOD(round)
MX_METHOD(negate)
MX_METHOD(abs)
MX_METHOD(sqrt)
MX_METHOD(reciprocal)
MX_METHOD(sign)
MX_METHOD(isnan)
MX_METHOD(isinf)
MX_METHOD(isfinite)
MX_METHOD(cos)
MX_METHOD(sin)
MX_METHOD(exp)
MX_METHOD(log)
MX_METHOD(tanh)
MX_METHOD(log1p)
MX_METHOD(expm1)
MX_METHOD(clip)
MX_METHOD(bin)
MX_METHOD(digitize)
MX_METHOD(sum)
MX_METHOD(mean)
MX_METHOD(magnitude)
MX_METHOD(magnitude_squared)
MX_METHOD(min)
MX_METHOD(max)
MX_METHOD(var)
MX_METHOD(std)
MX_METHOD(argmin)
MX_METHOD(argmax)
MX_METHOD(topk)
MX_METHOD(cumsum)
MX_METHOD(sort)
MX_METHOD(argsort)
MX_SIMPLE(trace)
MX_METHOD(vecdot)
MX_METHOD(cross)
MX_METHOD(normalize)
MX_METHOD(perpendicular)
MX_METHOD(angle)
MX_METHOD(transpose)
MX_SIMPLE(copy)
MX_METHOD(reshape)
MX_SIMPLE(flatten)
MX_SIMPLE(diag)
MX_METHOD(repeat_interleave)
MX_METHOD(take)
MX_METHOD(put)
MX_METHOD(take_along_axis)
MX_METHOD(put_along_axis)
MX_SIMPLE(values)
MX_METHOD(row_views)
MX_METHOD(column_views)
MX_SIMPLE(solve)
MX_SIMPLE(inv)
MX_SIMPLE(det)
MX_METHOD(dlpack)
MX_SIMPLE(dlpack_device)
MX_SIMPLE(format)
MX_SIMPLE(reduce)
MX_SIMPLE(unpickle)
#undef MX_METHOD
#undef MX_SIMPLE

PyObject *mx_matrix_new(PyTypeObject *type, PyObject *args, PyObject *keywords);
PyObject *mx_matrix_repr(PyObject *self);
PyObject *mx_matrix_str(PyObject *self);
PyObject *mx_view_repr(PyObject *self);
PyObject *mx_matrix_iter(PyObject *self);
PyObject *mx_matrix_compare(PyObject *self, PyObject *other, int op);
PyObject *mx_matrix_get(PyObject *self, PyObject *key);
int mx_matrix_assign(PyObject *self, PyObject *key, PyObject *value);
PyObject *mx_matrix_iadd(PyObject *self, PyObject *other);
PyObject *mx_matrix_isubtract(PyObject *self, PyObject *other);
PyObject *mx_matrix_imultiply(PyObject *self, PyObject *other);
PyObject *mx_matrix_idivide(PyObject *self, PyObject *other);
PyObject *mx_matrix_negative(PyObject *self);
PyObject *mx_matrix_positive(PyObject *self);
PyObject *mx_matrix_absolute(PyObject *self);
PyObject *mx_matrix_float(PyObject *self); /* of a view as well */
int mx_matrix_get_buffer(PyObject *self, Py_buffer *view, int flags);
void mx_matrix_release_buffer(PyObject *self, Py_buffer *view);

/* Helpers that several methods share. */
PyObject *mx_matrix_transposed(PyObject *self);
PyObject *mx_matrix_row(PyObject *self, const mx_block *block, size_t row);
double mx_magnitude(const double *numbers, size_t count);

#endif
