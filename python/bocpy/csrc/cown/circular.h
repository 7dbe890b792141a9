/* Circular: cowns whose encoded value refers to the cown itself.
 *
 * With backend `interpreters` such a value is no object that a garbage collector sees.
 * Whenever a handle of such a cown goes, or another buffer that has it, the reference
 * is given to a behavior over the cown, which finds out, with the cown to itself,
 * whether the cown is kept alive by its own value alone; then the value goes, and with
 * it the cown.
 *
 * Threads: any.
 */
#ifndef BOCPY_CIRCULAR_H
#define BOCPY_CIRCULAR_H

#include "value.h"

/* From now on buffers too give up their cowns by bocpy_circular_give_up. Once, before
 * there are workers. */
void bocpy_circular_init(void);

/* Gives up a reference of a handle or a buffer. */
void bocpy_circular_give_up(boc_cown *core);

#endif
