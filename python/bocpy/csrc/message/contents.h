/* Contents: what a queued message carries, as one pointer.
 *
 *   the pointer       the contents
 *   lowest bit set    an int of 31 bits, in the other bits
 *   else              a bocpy_value of malloc
 *
 * An int needs no memory, which one thread would allocate and another one free.
 *
 * Threads: attached, but for the drop.
 */
#ifndef BOCPY_CONTENTS_H
#define BOCPY_CONTENTS_H

#include "value.h"

/* A copy of `object`, or with backend `threads` the object itself. NULL with an
 * exception: the object is as it was. */
void *bocpy_contents_pack(PyObject *object);

/* The object; the contents are gone. NULL with an exception. */
PyObject *bocpy_contents_unpack(void *contents);

/* Undoes bocpy_contents_pack: natives move back into `object`. */
void bocpy_contents_take_back(void *contents, PyObject *object);

/* Any thread. */
void bocpy_contents_drop(void *contents);

#endif
