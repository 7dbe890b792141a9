/* Tracemalloc guard: see tracemalloc_guard.h. */
#include "tracemalloc_guard.h"

#include <string.h>

#include "state.h"

#if BOCPY_HAVE_HANGING_TRACEMALLOC

static atomic_bool traced_before;
static _Atomic(void *) untraced_malloc;

static void *malloc_now(void) {
  PyMemAllocatorEx now;
  PyMem_GetAllocator(PYMEM_DOMAIN_RAW, &now);
  void *function;
  memcpy(&function, &now.malloc, sizeof function);
  return function;
}

int bocpy_tracemalloc_ask(void) {
  bocpy_state *here = bocpy_state_get();
  PyObject *answer =
      here ? bocpy_python_call(&here->python, BOCPY_PY_TRACEMALLOC_IS_TRACING, NULL)
           : NULL;
  int traces = answer ? PyObject_IsTrue(answer) : -1;
  Py_XDECREF(answer);
  if (traces < 0)
    return -1;
  atomic_store(&traced_before, traces);
  atomic_store(&untraced_malloc, malloc_now());
  return 0;
}

bool bocpy_tracemalloc_traces(void) {
  return atomic_load(&traced_before) || malloc_now() != atomic_load(&untraced_malloc);
}

#else

int bocpy_tracemalloc_ask(void) { return 0; }

bool bocpy_tracemalloc_traces(void) { return false; }

#endif
