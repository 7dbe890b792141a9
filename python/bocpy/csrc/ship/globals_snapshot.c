/* Globals snapshot: see globals_snapshot.h. */
#include "globals_snapshot.h"

#include "code.h"

/* The items of a bocpy._snapshotted_globals.Names. */
enum {
  NAMES_KEPT,
  NAMES_OTHERS,
  NAMES_STORED,
  NAMES_THROUGH,
  NAMES_CODE,
  NAMES_OVERLAY
};

#define OVERLAY_ORIGIN "__bocpy_origin__"
/* The values that the stored names had when the body started. */
#define OVERLAY_BEFORE "__bocpy_before__"

/* Names of a module's globals that its functions need besides their own. */
static const char *const overlay_module_names[] = {
    "__builtins__", "__name__", "__file__", "__package__", "__spec__", "__loader__"};

/* Stands for a name that was not bound: no value is the tuple of names itself. */
static bool overlay_is_unbound(PyObject *snapshot, PyObject *value) {
  return value == PyTuple_GET_ITEM(snapshot, 0);
}

static PyObject *snapshot_names(PyObject *snapshot, int which) {
  return PyTuple_GET_ITEM(PyTuple_GET_ITEM(snapshot, 0), which);
}

/* Looks a name up in the globals of a function, or in the module that they are an
 * overlay of: an overlay lacks the names that its body reads from the module. A new
 * reference in *out_value, or NULL if the name is not bound. -1 with an exception. */
static int globals_look_up(PyObject *globals, PyObject *name, PyObject **out_value) {
  int found = PyDict_GetItemRef(globals, name, out_value);
  PyObject *origin = found ? globals : bocpy_globals_snapshot_origin(globals);
  return origin == globals ? found : PyDict_GetItemRef(origin, name, out_value);
}

static int snapshot_put(PyObject *snapshot, Py_ssize_t at, PyObject *names,
                        PyObject *globals) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
    PyObject *value;
    if (globals_look_up(globals, PyTuple_GET_ITEM(names, i), &value) < 0)
      return -1;
    PyTuple_SET_ITEM(snapshot, at + i,
                     value ? value : Py_NewRef(PyTuple_GET_ITEM(snapshot, 0)));
  }
  return 0;
}

PyObject *bocpy_globals_snapshot_take(PyObject *names, PyObject *globals) {
  PyObject *kept = PyTuple_GET_ITEM(names, NAMES_KEPT);
  PyObject *through = PyTuple_GET_ITEM(names, NAMES_THROUGH);
  Py_ssize_t first = 1 + PyTuple_GET_SIZE(kept);
  PyObject *snapshot = PyTuple_New(first + PyTuple_GET_SIZE(through));
  if (!snapshot)
    return NULL;
  PyTuple_SET_ITEM(snapshot, 0, Py_NewRef(names));
  if (snapshot_put(snapshot, 1, kept, globals) == 0 &&
      snapshot_put(snapshot, first, through, globals) == 0)
    return snapshot;
  Py_DECREF(snapshot);
  return NULL;
}

bool bocpy_globals_snapshot_is_needed(PyObject *snapshot) {
  return PyTuple_GET_SIZE(snapshot_names(snapshot, NAMES_KEPT)) > 0;
}

PyObject *bocpy_globals_snapshot_code(PyObject *snapshot) {
  return snapshot_names(snapshot, NAMES_CODE);
}

static bool overlay_is_rebound(PyObject *snapshot, PyObject *seen, PyObject *name,
                               PyObject *globals) {
  PyObject *now;
  if (overlay_is_unbound(snapshot, seen) || PyDict_GetItemRef(globals, name, &now) <= 0)
    return false;
  Py_DECREF(now);
  return now != seen;
}

/* A new reference to the module's registry of warnings that were shown. */
static PyObject *overlay_warned_places(PyObject *globals) {
  PyObject *told = PyDict_GetItemString(globals, "__warningregistry__");
  if (told)
    return Py_NewRef(told);
  told = PyDict_New();
  if (told && PyDict_SetItemString(globals, "__warningregistry__", told) < 0)
    Py_CLEAR(told);
  return told;
}

/* Warns with `text`, which is stolen, of what happened to the global `name`. */
static void overlay_warn(PyObject *text, PyObject *globals, PyObject *name,
                         const bocpy_code *code) {
  const char *utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
  PyObject *told = overlay_warned_places(globals);
  if (!utf8 || !told ||
      PyErr_WarnExplicit(PyExc_RuntimeWarning, utf8, code->file, code->line, NULL,
                         told) < 0)
    PyErr_WriteUnraisable(name);
  Py_XDECREF(told);
  Py_XDECREF(text);
}

void bocpy_globals_snapshot_warn(PyObject *snapshot, PyObject *globals,
                                 const bocpy_code *code) {
  PyObject *through = snapshot_names(snapshot, NAMES_THROUGH);
  Py_ssize_t first = 1 + PyTuple_GET_SIZE(snapshot_names(snapshot, NAMES_KEPT));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(through); i++) {
    PyObject *name = PyTuple_GET_ITEM(through, i);
    PyObject *seen = PyTuple_GET_ITEM(snapshot, first + i);
    if (!overlay_is_rebound(snapshot, seen, name, globals))
      continue;
    overlay_warn(PyUnicode_FromFormat(
                     "global %R was bound anew while behavior '%s' was pending, and "
                     "the behavior, or a function that it calls, reads the new value. "
                     "Pass the value on (%U=%U), or put it into a cown or a notice",
                     name, code->qualname, name, name),
                 globals, name, code);
    return;
  }
}

PyObject *bocpy_globals_snapshot_origin(PyObject *globals) {
  PyObject *origin = PyDict_GetItemString(globals, OVERLAY_ORIGIN);
  return origin ? origin : globals;
}

static int overlay_copy(PyObject *overlay, PyObject *name, PyObject *from) {
  PyObject *value;
  if (globals_look_up(from, name, &value) < 0)
    return -1;
  int status = value ? PyDict_SetItem(overlay, name, value) : 0;
  Py_XDECREF(value);
  return status;
}

static int overlay_copy_all(PyObject *overlay, PyObject *names, PyObject *from) {
  int status = 0;
  for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(names); i++)
    status = overlay_copy(overlay, PyTuple_GET_ITEM(names, i), from);
  return status;
}

static int overlay_copy_module_names(PyObject *overlay, PyObject *from) {
  size_t count = sizeof overlay_module_names / sizeof *overlay_module_names;
  int status = 0;
  for (size_t i = 0; status == 0 && i < count; i++) {
    PyObject *name = PyUnicode_InternFromString(overlay_module_names[i]);
    status = name ? overlay_copy(overlay, name, from) : -1;
    Py_XDECREF(name);
  }
  return status;
}

/* Copies the names that the body assigns, and remembers the values that they have. */
static int overlay_copy_stored(PyObject *overlay, PyObject *snapshot,
                               PyObject *origin) {
  PyObject *stored = snapshot_names(snapshot, NAMES_STORED);
  PyObject *before = PyTuple_New(PyTuple_GET_SIZE(stored));
  if (!before)
    return -1;
  int status = overlay_copy_all(overlay, stored, origin);
  for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(stored); i++) {
    PyObject *value;
    if (PyDict_GetItemRef(overlay, PyTuple_GET_ITEM(stored, i), &value) < 0)
      status = -1;
    else
      PyTuple_SET_ITEM(before, i,
                       value ? value : Py_NewRef(PyTuple_GET_ITEM(snapshot, 0)));
  }
  if (status == 0)
    status = PyDict_SetItemString(overlay, OVERLAY_BEFORE, before);
  Py_DECREF(before);
  return status;
}

static int overlay_fill(PyObject *overlay, PyObject *snapshot, PyObject *globals) {
  PyObject *taken = snapshot_names(snapshot, NAMES_KEPT);
  PyObject *read = snapshot_names(snapshot, NAMES_OTHERS);
  PyObject *origin = bocpy_globals_snapshot_origin(globals);
  if (read != Py_None && (overlay_copy_module_names(overlay, globals) < 0 ||
                          overlay_copy_all(overlay, read, globals) < 0))
    return -1;
  if (PyTuple_GET_SIZE(snapshot_names(snapshot, NAMES_STORED)) > 0 &&
      overlay_copy_stored(overlay, snapshot, origin) < 0)
    return -1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(taken); i++) {
    PyObject *value = PyTuple_GET_ITEM(snapshot, i + 1);
    PyObject *name = PyTuple_GET_ITEM(taken, i);
    if (overlay_is_unbound(snapshot, value) ? overlay_copy(overlay, name, origin) < 0
                                            : PyDict_SetItem(overlay, name, value) < 0)
      return -1;
  }
  return PyDict_SetItemString(overlay, OVERLAY_ORIGIN, origin);
}

PyObject *bocpy_globals_snapshot_dict(PyObject *snapshot, PyObject *globals) {
  bool whole = snapshot_names(snapshot, NAMES_OTHERS) == Py_None;
  PyObject *overlay =
      whole ? PyDict_Copy(globals)
            : PyObject_CallNoArgs(snapshot_names(snapshot, NAMES_OVERLAY));
  if (overlay && overlay_fill(overlay, snapshot, globals) < 0)
    Py_CLEAR(overlay);
  return overlay;
}

/* Binds or deletes a name of the module, as the body has done. */
static int overlay_publish(PyObject *origin, PyObject *name, PyObject *value) {
  PyObject *gone = NULL;
  int status =
      value ? PyDict_SetItem(origin, name, value) : PyDict_Pop(origin, name, &gone);
  Py_XDECREF(gone);
  return status < 0 ? -1 : 0;
}

/* Copies a name to the module if it has another object than `before`, that of the start
 * of the body, or if the body has deleted it. NULL stands for no object. */
static int overlay_write_back(PyObject *overlay, PyObject *name, PyObject *before,
                              PyObject *origin, const bocpy_code *code) {
  PyObject *value, *there = NULL;
  if (PyDict_GetItemRef(overlay, name, &value) < 0)
    return -1;
  int status = value == before ? 0 : PyDict_GetItemRef(origin, name, &there);
  if (value != before && status >= 0) {
    if (there != before)
      overlay_warn(
          PyUnicode_FromFormat(
              "global %R was bound anew while behavior '%s' ran, which assigns "
              "it, too: the global has the value of the behavior, and the "
              "other one is lost. Keep it in a cown",
              name, code->qualname),
          origin, name, code);
    status = overlay_publish(origin, name, value);
  }
  Py_XDECREF(there);
  Py_XDECREF(value);
  return status < 0 ? -1 : 0;
}

int bocpy_globals_snapshot_write_back(PyObject *overlay, PyObject *snapshot,
                                      const bocpy_code *code) {
  PyObject *stored = snapshot_names(snapshot, NAMES_STORED);
  PyObject *before = PyDict_GetItemString(overlay, OVERLAY_BEFORE);
  PyObject *origin = bocpy_globals_snapshot_origin(overlay);
  for (Py_ssize_t i = 0; before && i < PyTuple_GET_SIZE(stored); i++) {
    PyObject *value = PyTuple_GET_ITEM(before, i);
    if (overlay_write_back(overlay, PyTuple_GET_ITEM(stored, i),
                           overlay_is_unbound(snapshot, value) ? NULL : value, origin,
                           code) < 0)
      return -1;
  }
  return 0;
}
