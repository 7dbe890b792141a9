/* Status: raises libboc's refusals as Python exceptions. Threads: attached. */
#ifndef BOCPY_STATUS_H
#define BOCPY_STATUS_H

#include "compat.h"

#include <boc/base.h>

/* Raises the exception for a status other than BOC_OK, unless one is set already.
 * `what` names the Python call, as in "start()". */
void bocpy_status_raise(boc_status status, const char *what);

#endif
