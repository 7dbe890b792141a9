/* Shape: numbers in another arrangement. */
#ifndef MX_SHAPE_H
#define MX_SHAPE_H

#include "matrix.h"

/* `to` has rows and columns of `from` exchanged; they do not overlap. */
void mx_transpose(const double *from, size_t rows, size_t columns, double *to);

#endif
