/* Ship: how a matrix moves between interpreters. */
#ifndef MX_SHIP_H
#define MX_SHIP_H

#include "matrix.h"

/* Registers Matrix with bocpy; -1 with an exception. */
int mx_ship_register(PyTypeObject *matrix);

#endif
