/* Handle attributes: what programs set on a Cown besides its value.
 *
 * Few cowns have any, and a word for a dict costs each handle 16 bytes, since CPython's
 * allocator rounds up. So the dicts are in a map of the interpreter's state. Instances
 * of a subclass have a dict as other objects do, unless its __slots__ are empty. On
 * free-threaded builds, where the map would need a lock, each handle has the word.
 *
 * A dict belongs to its handle: the garbage collector visits it there.
 *
 * Threads: attached.
 */
#ifndef BOCPY_HANDLE_ATTRIBUTES_H
#define BOCPY_HANDLE_ATTRIBUTES_H

#include "handle.h"

/* As PyObject_GenericGetAttr and PyObject_GenericSetAttr. */
PyObject *bocpy_attributes_get(PyObject *self, PyObject *name);
int bocpy_attributes_set(PyObject *self, PyObject *name, PyObject *value);

/* The attribute __dict__. */
PyObject *bocpy_attributes_get_dict(PyObject *self, void *unused);
int bocpy_attributes_set_dict(PyObject *self, PyObject *dict, void *unused);

/* Gives up the attributes of a handle. */
void bocpy_attributes_drop(bocpy_cown *self);

/* The end of the interpreter: gives up those of all handles. */
void bocpy_attributes_clear(bocpy_state *state);

#endif
