/* Arguments: see arguments.h. */
#include "arguments.h"

static int too_many(const mx_signature *signature, Py_ssize_t count) {
  PyErr_Format(PyExc_TypeError,
               "%s() takes at most %d positional argument%s, %zd given",
               signature->function, signature->positional,
               signature->positional == 1 ? "" : "s", count);
  return -1;
}

static int place_named(const mx_signature *signature, PyObject *name, PyObject *value,
                       PyObject **out) {
  for (int i = signature->positional_only; signature->names[i]; i++) {
    if (PyUnicode_CompareWithASCIIString(name, signature->names[i]) != 0)
      continue;
    if (out[i]) {
      PyErr_Format(PyExc_TypeError, "%s() has two values for argument '%U'",
                   signature->function, name);
      return -1;
    }
    out[i] = value;
    return 0;
  }
  PyErr_Format(PyExc_TypeError, "%s() has no keyword argument '%U'",
               signature->function, name);
  return -1;
}

static int check_required(const mx_signature *signature, PyObject **out) {
  for (int i = 0; i < signature->required; i++)
    if (!out[i]) {
      PyErr_Format(PyExc_TypeError, "%s() needs argument '%s' (position %d)",
                   signature->function, signature->names[i], i + 1);
      return -1;
    }
  return 0;
}

static int place_positional(const mx_signature *signature, PyObject *const *args,
                            Py_ssize_t count, PyObject **out) {
  if (count > signature->positional)
    return too_many(signature, count);
  for (int i = 0; signature->names[i]; i++)
    out[i] = i < count ? args[i] : NULL;
  return 0;
}

int mx_arguments(const mx_signature *signature, PyObject *const *args, Py_ssize_t count,
                 PyObject *names, PyObject **out) {
  if (place_positional(signature, args, count, out) < 0)
    return -1;
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++)
    if (place_named(signature, PyTuple_GET_ITEM(names, i), args[count + i], out) < 0)
      return -1;
  return check_required(signature, out);
}

int mx_arguments_of_tuple(const mx_signature *signature, PyObject *args,
                          PyObject *keywords, PyObject **out) {
  PyObject *name, *value;
  Py_ssize_t at = 0;
  PyObject *const *items = ((PyTupleObject *)args)->ob_item;
  if (place_positional(signature, items, PyTuple_GET_SIZE(args), out) < 0)
    return -1;
  while (keywords && PyDict_Next(keywords, &at, &name, &value))
    if (place_named(signature, name, value, out) < 0)
      return -1;
  return check_required(signature, out);
}
