/* Reference cycles: cowns whose encoded value refers to the cown itself.
 *
 * With backend `interpreters` no garbage collector sees such a value. Whenever a handle
 * of such a cown, or another buffer that refers to it, is freed, its reference goes to
 * a behavior over the cown. That behavior, which holds the cown alone, checks whether
 * only the cown's own value keeps it alive; if so, it frees the value, and thereby the
 * cown.
 *
 * Threads: any.
 */
#ifndef BOCPY_REFERENCE_CYCLES_H
#define BOCPY_REFERENCE_CYCLES_H

#include "value.h"

/* From now on buffers, too, give up their cowns by bocpy_reference_cycles_give_up. Call
 * it once, before there are workers. */
void bocpy_reference_cycles_init(void);

/* Gives up the reference of a handle or a buffer. */
void bocpy_reference_cycles_give_up(boc_cown *core);

#endif
