/* Module bocpy._math: Matrix and MatrixView.
 *
 *   base/     compilers and versions, numbers, arguments, memory      knows no matrix
 *   kernels/  loops over numbers, for each instruction set            knows no Python
 *   matrix/   the type, and a file for each kind of operation
 *   view/     windows on rows and columns
 *
 * It includes only bocpy's public header, as any other extension that registers a type
 * does. The module's state belongs to one interpreter; each has its own. */
#include "base/state.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "matrix/iterate.h"
#include "matrix/methods.h"
#include "matrix/random.h"
#include "matrix/ship.h"
#include "view/view.h"

/* One thread of one interpreter chooses. Another interpreter's thread that imports the
 * module at the same time, with a GIL of its own, waits for it. */
static int choose_kernels(void) {
  const char *name = getenv("BOCPY_MATH_KERNELS"), *fused = getenv("BOCPY_MATH_FUSED");
  static atomic_int chosen; /* 1: being chosen; 2: chosen */
  int before = 0;
  while (!atomic_compare_exchange_strong(&chosen, &before, 1)) {
    if (before == 2)
      return 0;
    before = 0;
  }
  const char *problem = mx_kernels_choose(name, fused && strcmp(fused, "1") == 0);
  atomic_store(&chosen, problem ? 0 : 2);
  if (!problem)
    return 0;
  PyErr_Format(PyExc_ImportError, "BOCPY_MATH_KERNELS=%s: %s; it has: %s", name,
               problem, mx_kernels_available());
  return -1;
}

static int make_types(PyObject *module, mx_state *state) {
  state->matrix = mx_matrix_make_type(module);
  state->view = state->matrix ? mx_view_make_type(module) : NULL;
  state->indexer = state->view ? mx_indexer_make_type(module) : NULL;
  state->iterator = state->indexer ? mx_iterator_make_type(module) : NULL;
  return state->iterator && PyModule_AddType(module, state->matrix) == 0 &&
                 PyModule_AddType(module, state->view) == 0
             ? 0
             : -1;
}

static int exec_module(PyObject *module) {
  mx_state *state = PyModule_GetState(module);
  if (choose_kernels() < 0)
    return -1;
  if (make_types(module, state) < 0 || mx_random_init(state) < 0 ||
      PyModule_AddStringConstant(module, "kernels", mx_kernel.name) < 0 ||
      PyModule_AddStringConstant(module, "blas", mx_kernel.blas) < 0 ||
      PyModule_AddStringConstant(module, "available_kernels", mx_kernels_available()) <
          0)
    return -1;
  state->unpickle = PyObject_GetAttrString(module, "_matrix_unpickle");
  return state->unpickle ? mx_ship_register(state->matrix) : -1;
}

static int traverse_module(PyObject *module, visitproc visit, void *arg) {
  mx_state *state = PyModule_GetState(module);
  Py_VISIT(state->matrix);
  Py_VISIT(state->view);
  Py_VISIT(state->indexer);
  Py_VISIT(state->iterator);
  Py_VISIT(state->unpickle);
  return 0;
}

static int clear_module(PyObject *module) {
  mx_state *state = PyModule_GetState(module);
  Py_CLEAR(state->matrix);
  Py_CLEAR(state->view);
  Py_CLEAR(state->indexer);
  Py_CLEAR(state->iterator);
  Py_CLEAR(state->unpickle);
  return 0;
}

static PyMethodDef functions[] = {
    {"_matrix_unpickle", mx_matrix_unpickle, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, exec_module},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "bocpy._math",
    .m_doc = "Matrix and MatrixView, with kernels for the processor at hand.",
    .m_size = sizeof(mx_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse_module,
    .m_clear = clear_module,
};

PyMODINIT_FUNC PyInit__math(void) { return PyModuleDef_Init(&definition); }
