/* Structure: the objects that a value is made of, to find out fast that none of them
 * has been changed or replaced.
 *
 * A walk over a value meets its containers, instances and functions, and their parts,
 * down to the leaves: objects that cannot change, or whose changes somebody else
 * follows. A structure lists what the walk met, in that order. A later walk that meets
 * the same objects has found the same value: about 2 ns for each of them, where a
 * comparison of pickles takes a microsecond. A walk that meets another one proves
 * nothing (an equal number may have taken the place of a number), and the caller
 * compares the values.
 *
 * Of a structure in Python: a tuple of bytes, the list, and a list of the leaves, which
 * must live as long, so that no other object gets their addresses. It does not keep the
 * rest alive: a container at the address of another one, with the same leaves at the
 * same places, is no change.
 *
 * Threads: attached, with a GIL: no other thread changes the value during a walk.
 */
#ifndef BOCPY_STRUCTURE_H
#define BOCPY_STRUCTURE_H

#include "compat.h"

/* Entry for the module's method table: `(value, judge, deep, shallow)` to a structure,
 * or None if a walk cannot see all that may change. `judge` tells for an object of any
 * other type than those of plain data how to walk over it: one of the numbers of
 * `_ship/structures.py`. `deep` is the set of the attributes to walk into if the value
 * is a class. If `shallow` is true, the parts of the value are leaves. */
PyObject *bocpy_structure_of(PyObject *module, PyObject *args);

/* Entry for the module's method table: the number of the first pair of a sequence of
 * (value, structure) of which the value has another structure now; -1 if none. */
PyObject *bocpy_structure_first_other(PyObject *module, PyObject *pairs);

#endif
