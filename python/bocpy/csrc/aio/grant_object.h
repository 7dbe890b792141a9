/* Grant object: a grant as event loops know it (bocpy._loops). */
#ifndef BOCPY_GRANT_OBJECT_H
#define BOCPY_GRANT_OBJECT_H

#include "grant.h"

extern PyType_Spec bocpy_grant_spec;

#endif
