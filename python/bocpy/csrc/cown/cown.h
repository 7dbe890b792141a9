/* Cown: the type of handles (handle.h): their life, their value, waiting for them.
 *
 * Threads: attached.
 */
#ifndef BOCPY_COWN_H
#define BOCPY_COWN_H

#include "core.h"

extern PyType_Spec bocpy_cown_spec, bocpy_capsule_spec;

#endif
