/* Arithmetic: the operators, which Matrix and MatrixView share. */
#ifndef MX_ARITHMETIC_H
#define MX_ARITHMETIC_H

#include "operand.h"

/* The type of results: that of the operand which is a Matrix or a MatrixView. */
PyTypeObject *mx_matrix_type_of(PyObject *left, PyObject *right);

PyObject *mx_number_add(PyObject *left, PyObject *right);
PyObject *mx_number_subtract(PyObject *left, PyObject *right);
PyObject *mx_number_multiply(PyObject *left, PyObject *right);
PyObject *mx_number_divide(PyObject *left, PyObject *right);
PyObject *mx_number_power(PyObject *left, PyObject *right, PyObject *modulus);
PyObject *mx_number_product(PyObject *left, PyObject *right);

#endif
