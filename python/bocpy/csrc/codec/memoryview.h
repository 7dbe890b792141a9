/* Memory view: memory views of bytes, bytearrays and arrays.
 *
 * A view is written as its base and its position in that. So a view and its base, or
 * two views of one base, share memory at the receiver, too; large bytes are not copied
 * (immutable.h). A small part of large bytes is sent without the rest.
 *
 * Threads: as encoder.h.
 */
#ifndef BOCPY_MEMORYVIEW_H
#define BOCPY_MEMORYVIEW_H

#include "encoder.h"

/* Writes a memoryview. BOCPY_UNKNOWN: its base is of another type, its items do not lie
 * next to each other, or have a format that memoryview.cast does not make. */
int bocpy_put_view(bocpy_encoder *encoder, PyObject *value);

/* The view whose tag has been taken, or NULL with an exception. */
PyObject *bocpy_make_view(bocpy_decoder *decoder);

#endif
