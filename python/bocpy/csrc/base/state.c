/* State: see state.h.
 *
 * An interpreter's dict refers to its state. A thread looks it up there once, and then
 * remembers it. Removing a state starts a new epoch, in which every thread looks
 * again. */
#include "state.h"

#define STATE_KEY "bocpy._core.state"

BOCPY_THREAD_LOCAL bocpy_thread bocpy_self;

atomic_bool bocpy_threads_backend;
atomic_size_t bocpy_forks;

static atomic_ulong main_thread; /* its ident; 0 before it is known */

static atomic_size_t state_epoch = 1;

int bocpy_state_enter(bocpy_state *state, PyObject *module) {
  state->module = module;
  state->interp = PyInterpreterState_Get();
  state->is_main = state->interp == PyInterpreterState_Main();
  PyObject *dict = PyInterpreterState_GetDict(state->interp);
  if (!dict) {
    PyErr_SetString(PyExc_RuntimeError, "bocpy: the interpreter has no state dict");
    return -1;
  }
  PyObject *capsule = PyCapsule_New(state, STATE_KEY, NULL);
  if (!capsule)
    return -1;
  int status = PyDict_SetItemString(dict, STATE_KEY, capsule);
  Py_DECREF(capsule);
  state->registry = Py_NewRef(dict);
  atomic_fetch_add(&state_epoch, 1);
  return status;
}

/* An interpreter may destroy the module after its dict. PyInterpreterState_GetDict
 * would then make another dict, which nobody frees, and CPython frees no memory of an
 * interpreter that leaves one object. */
void bocpy_state_leave(bocpy_state *state) {
  atomic_fetch_add(&state_epoch, 1);
  PyObject *capsule = NULL;
  if (state->registry &&
      PyDict_GetItemStringRef(state->registry, STATE_KEY, &capsule) > 0) {
    if (PyCapsule_GetPointer(capsule, STATE_KEY) == state)
      PyDict_DelItemString(state->registry, STATE_KEY);
    Py_DECREF(capsule);
  }
  PyErr_Clear();
  Py_CLEAR(state->registry);
}

static bocpy_state *state_find(PyInterpreterState *interp) {
  PyObject *dict = PyInterpreterState_GetDict(interp);
  PyObject *capsule = NULL;
  if (!dict) { /* CPython makes it when it is first asked for */
    PyErr_NoMemory();
    return NULL;
  }
  if (PyDict_GetItemStringRef(dict, STATE_KEY, &capsule) <= 0) {
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_RuntimeError,
                      "bocpy is not imported in this interpreter: import it first");
    return NULL;
  }
  bocpy_state *state = PyCapsule_GetPointer(capsule, STATE_KEY);
  Py_DECREF(capsule);
  return state;
}

bocpy_state *bocpy_state_peek(void) {
  const bocpy_thread *self = &bocpy_self;
  size_t now = atomic_load_explicit(&state_epoch, memory_order_acquire);
  return self->epoch == now && self->interp == PyInterpreterState_Get() ? self->state
                                                                        : NULL;
}

bocpy_state *bocpy_state_of_cown(const PyTypeObject *type) {
  const bocpy_thread *self = &bocpy_self;
  size_t now = atomic_load_explicit(&state_epoch, memory_order_acquire);
  return self->cown_type == type && self->epoch == now ? self->state : NULL;
}

static void state_remember(bocpy_state *state, size_t now) {
  bocpy_self.interp = state->interp;
  bocpy_self.state = state;
  bocpy_self.cown_type = state->cown_type;
  bocpy_self.epoch = now;
}

void bocpy_state_remember(bocpy_state *state) {
  size_t now = atomic_load_explicit(&state_epoch, memory_order_acquire);
  if (bocpy_self.epoch != now || bocpy_self.state != state)
    state_remember(state, now);
}

bocpy_state *bocpy_state_get(void) {
  bocpy_state *state = bocpy_state_peek();
  if (state)
    return state;
  size_t now = atomic_load_explicit(&state_epoch, memory_order_acquire);
  state = state_find(PyInterpreterState_Get());
  if (state)
    state_remember(state, now);
  return state;
}

bocpy_codec_state *bocpy_codec_state_get(void) {
  bocpy_state *state = bocpy_state_get();
  return state ? &state->codec : NULL;
}

/* ---- the process ----------------------------------------------------------------- */

/* The ident of the main thread, or 0 with an exception. */
static unsigned long main_thread_ask(void) {
  bocpy_state *state = bocpy_state_get();
  PyObject *thread =
      state ? bocpy_python_call(&state->python, BOCPY_PY_THREADING_MAIN_THREAD, NULL)
            : NULL;
  PyObject *ident = thread ? PyObject_GetAttrString(thread, "ident") : NULL;
  unsigned long number = ident ? PyLong_AsUnsignedLong(ident) : 0;
  Py_XDECREF(ident);
  Py_XDECREF(thread);
  return PyErr_Occurred() ? 0 : number;
}

int bocpy_main_thread_find(void) {
  if (atomic_load(&main_thread))
    return 0;
  unsigned long ident = main_thread_ask();
  if (!ident)
    return -1;
  atomic_store(&main_thread, ident);
  return 0;
}

bool bocpy_main_thread_is_here(void) {
  return atomic_load(&main_thread) == PyThread_get_thread_ident();
}

void bocpy_main_thread_forget(void) {
  if (atomic_load(&main_thread))
    atomic_store(&main_thread, PyThread_get_thread_ident());
}

int bocpy_require_main(const char *what) {
  if (PyInterpreterState_Get() == PyInterpreterState_Main())
    return 0;
  PyErr_Format(PyExc_RuntimeError, "%s is for the main interpreter only", what);
  return -1;
}

int bocpy_raise_importing(const char *what) {
  PyErr_Format(PyExc_RuntimeError,
               "%s while a worker imports a module: every worker would have its own. "
               "Import the module in the main program before it schedules; then all "
               "have the same",
               what);
  return -1;
}

PyObject *bocpy_importing(PyObject *module, PyObject *change) {
  (void)module;
  long by = PyLong_AsLong(change);
  if (by == -1 && PyErr_Occurred())
    return NULL;
  bocpy_self.importing += (unsigned)by;
  return PyLong_FromUnsignedLong(bocpy_self.importing);
}

PyObject *bocpy_in_body(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return PyBool_FromLong(bocpy_self.bodies != 0);
}

int bocpy_watch_thread_end(void) {
  if (bocpy_self.end_is_watched)
    return 0;
  bocpy_state *state = bocpy_state_get();
  PyObject *name =
      state ? bocpy_python_call(&state->python, BOCPY_PY_THREAD_ENDS_WATCH, NULL)
            : NULL;
  const char *text = name ? PyUnicode_AsUTF8(name) : NULL;
  if (!text && name && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
    PyErr_Clear();
    text = "?";
  }
  if (text) {
    snprintf(bocpy_self.name, sizeof bocpy_self.name, "%s", text);
    bocpy_self.end_is_watched = true;
  }
  Py_XDECREF(name);
  return text ? 0 : -1;
}
