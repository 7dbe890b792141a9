/* Codec state: see codec.h. */
#include "extension.h"
#include "immutable.h"
#include "pickled_handle.h"

int bocpy_codec_state_init(bocpy_codec_state *state, bocpy_python_cache *python,
                           PyObject *module) {
  state->python = python;
  if (bocpy_shapes_init() < 0 || bocpy_pickled_handle_init() < 0 ||
      bocpy_hooks_init() < 0)
    return -1;
  state->home = bocpy_home_new();
  if (!state->home)
    return -1;
  state->no_arguments = PyTuple_New(0);
  state->cown_at = PyObject_GetAttrString(module, "_cown_at");
  state->cown_find = PyObject_GetAttrString(module, "_cown_find");
  state->native_at = PyObject_GetAttrString(module, "_native_at");
  state->hooked_from = PyObject_GetAttrString(module, "_hooked_from");
  if (!state->no_arguments || !state->cown_at || !state->cown_find ||
      !state->native_at || !state->hooked_from)
    return -1;
  return bocpy_hooks_publish(module);
}

int bocpy_codec_state_traverse(bocpy_codec_state *state, visitproc visit, void *arg) {
  Py_VISIT(state->cown_at);
  Py_VISIT(state->cown_find);
  Py_VISIT(state->native_at);
  Py_VISIT(state->hooked_from);
  int status = bocpy_classes_traverse(state, visit, arg);
  if (!status)
    status = bocpy_hooked_traverse(state, visit, arg);
  return status ? status : bocpy_resolved_shapes_traverse(state, visit, arg);
}

void bocpy_codec_state_clear(bocpy_codec_state *state) {
  bocpy_classes_clear(state);
  bocpy_resolved_shapes_clear(state);
  bocpy_hooked_clear(state);
  if (state->home)
    bocpy_home_forget_decoded(state->home);
  bocpy_home_drop(state->home);
  state->home = NULL;
  Py_CLEAR(state->no_arguments);
  Py_CLEAR(state->cown_at);
  Py_CLEAR(state->cown_find);
  Py_CLEAR(state->native_at);
  Py_CLEAR(state->hooked_from);
}
