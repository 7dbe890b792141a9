/* Python calls: see python_calls.h. */
#include "python_calls.h"

#include <stdarg.h>

static const struct {
  const char *module, *attribute;
} python_names[] = {
#define PYTHON_ENTRY(name, module, attribute) {module, attribute},
    BOCPY_PYTHON_MAP(PYTHON_ENTRY)
#undef PYTHON_ENTRY
};

/* A new reference, or NULL; without an exception. */
static PyObject *python_imported(const char *name) {
  PyObject *text = PyUnicode_FromString(name);
  PyObject *module = text ? PyImport_GetModule(text) : NULL;
  Py_XDECREF(text);
  PyErr_Clear(); /* an interpreter that ends has no modules any more */
  return module;
}

/* A new reference, or NULL with an exception. Once the package has been imported, a
 * handler of a signal cannot interrupt the import. */
static PyObject *python_import(const char *name) {
  PyObject *module = python_imported(name);
  PyObject *late = module ? NULL : python_imported("bocpy._late_imports");
  Py_XDECREF(module);
  if (!late)
    return PyImport_ImportModule(name);
  module = PyObject_CallMethod(late, "late_import", "s", name);
  Py_DECREF(late);
  return module;
}

/* As importlib marks it. Clears exceptions. */
static bool python_is_unfinished(PyObject *module) {
  PyObject *spec = PyObject_GetAttrString(module, "__spec__");
  PyObject *marked = spec ? PyObject_GetAttrString(spec, "_initializing") : NULL;
  bool unfinished = marked && PyObject_IsTrue(marked) == 1;
  Py_XDECREF(marked);
  Py_XDECREF(spec);
  PyErr_Clear();
  return unfinished;
}

/* A module that is being imported lacks attributes: the collector has run a finalizer
 * on the thread that imports it. */
static void python_refuse_unfinished(PyObject *module, const char *name) {
  PyObject *error = PyErr_GetRaisedException();
  if (!python_is_unfinished(module)) {
    PyErr_SetRaisedException(error);
    return;
  }
  Py_XDECREF(error);
  PyErr_Format(PyExc_RuntimeError,
               "in a finalizer that interrupts the import of %s, bocpy cannot do this: "
               "call start() before there are objects with such finalizers",
               name);
}

/* A new reference, or NULL with an exception. */
static PyObject *python_find(bocpy_python which) {
  PyObject *module = python_import(python_names[which].module);
  PyObject *found =
      module ? PyObject_GetAttrString(module, python_names[which].attribute) : NULL;
  if (module && !found)
    python_refuse_unfinished(module, python_names[which].module);
  Py_XDECREF(module);
  return found;
}

PyObject *bocpy_python_get(bocpy_python_cache *cache, bocpy_python which) {
  bocpy_once *place = &cache->found[which];
  PyObject *there = atomic_load(place);
  if (there)
    return there;
  PyObject *found = python_find(which);
  if (!found || atomic_compare_exchange_strong(place, &there, found))
    return found;
  Py_DECREF(found);
  return there;
}

PyObject *bocpy_python_call(bocpy_python_cache *cache, bocpy_python which,
                            const char *format, ...) {
  PyObject *function =
      cache ? Py_XNewRef(bocpy_python_get(cache, which)) : python_find(which);
  PyObject *arguments = NULL, *result = NULL;
  if (function && format) {
    va_list values;
    va_start(values, format);
    arguments = Py_VaBuildValue(format, values);
    va_end(values);
  }
  if (function && (arguments || !format))
    result = PyObject_CallObject(function, arguments);
  Py_XDECREF(arguments);
  Py_XDECREF(function);
  return result;
}

int bocpy_python_traverse(bocpy_python_cache *cache, visitproc visit, void *arg) {
  for (int i = 0; i < BOCPY_PYTHON_COUNT; i++)
    Py_VISIT(atomic_load_explicit(&cache->found[i], memory_order_relaxed)); /* owner */
  return 0;
}

void bocpy_python_clear(bocpy_python_cache *cache) {
  for (int i = 0; i < BOCPY_PYTHON_COUNT; i++)
    Py_XDECREF(atomic_exchange(&cache->found[i], NULL));
}
