/* When each: one function over many cowns, by one call.
 *
 * All arguments are checked before anything is scheduled. Steps that do not depend on
 * the cown are done once: finding the code, binding and encoding the captures.
 */
#include "schedule.h"

#include "distributed_hook.h"
#include "runtime.h"
#include "scope.h"

/* The common parts of all calls of one kind, local or not. */
typedef struct each_pattern {
  bool ready;
  bocpy_bound_args bound;
  bocpy_prepared_call call;
} each_pattern;

typedef struct each {
  bocpy_state *state;
  PyObject *body;
  PyObject *captures;  /* a tuple */
  bocpy_when_args all; /* each item is the cowns of one behavior */
  each_pattern patterns[2];
} each;

/* ---- one of them ----------------------------------------------------------------- */

/* The arguments of behavior `item`, whose cowns begin at `first`. Borrowed from `all`:
 * the caller must not end them. */
static void each_at(each *self, uint32_t item, uint32_t first, bocpy_when_args *one) {
  bocpy_when_args *all = &self->all;
  int32_t size = all->shape ? all->shape[item] : -1;
  one->what = all->what;
  one->items = 1;
  one->cowns = size < 0 ? 1 : (uint32_t)size;
  one->shape = size < 0 ? NULL : &all->shape[item];
  one->handles = all->handles + first;
  one->modes = all->modes + first;
  one->reads = one->pinned = one->special = false;
  one->due.kind = BOCPY_DUE_NOW;
  for (uint32_t i = 0; i < one->cowns; i++) {
    bocpy_cown *cown = (bocpy_cown *)one->handles[i];
    one->reads = one->reads || one->modes[i];
    one->pinned = one->pinned || (all->pinned && bocpy_cown_value(cown)->pinned);
    one->special = one->special ||
                   (all->special && !bocpy_cown_is_plain(self->state, one->handles[i]));
  }
}

static int each_refuse_cycles(each *self) {
  bocpy_when_args one;
  uint32_t first = 0;
  for (uint32_t i = 0; self->all.shape && i < self->all.items; i++) {
    each_at(self, i, first, &one);
    if (bocpy_call_refuse_cycle(&one) < 0)
      return -1;
    first += one.cowns;
  }
  return 0;
}

/* ---- all of them ----------------------------------------------------------------- */

static int pattern_prepare(each *self, each_pattern *pattern,
                           const bocpy_when_args *one) {
  if (bocpy_bound_args_init(&pattern->bound, self->state, self->body, 1,
                            self->captures) < 0)
    return -1;
  if (bocpy_call_prepare(&pattern->call, self->state, &pattern->bound, one) < 0) {
    bocpy_bound_args_fini(&pattern->bound);
    return -1;
  }
  pattern->ready = true;
  return 0;
}

/* Refuses the function or its captures before anything is scheduled. */
static int each_prepare(each *self) {
  bocpy_when_args one;
  uint32_t first = 0;
  for (uint32_t i = 0; i < self->all.items; i++) {
    each_at(self, i, first, &one);
    each_pattern *pattern = &self->patterns[bocpy_call_is_local(&one)];
    if (!pattern->ready && pattern_prepare(self, pattern, &one) < 0)
      return -1;
    if (!self->all.pinned)
      break; /* the others are of the same kind */
    first += one.cowns;
  }
  return 0;
}

static void each_end_patterns(each *self) {
  for (int i = 0; i < 2; i++) {
    each_pattern *pattern = &self->patterns[i];
    if (!pattern->ready)
      continue;
    bocpy_prepared_call_clear(&pattern->call);
    bocpy_bound_args_fini(&pattern->bound);
  }
}

/* Whether each item is one cown, and none is special. */
static bool each_is_plain(const each *self) {
  const bocpy_when_args *all = &self->all;
  return !all->shape && !all->reads && !all->pinned && !all->special;
}

/* The arguments of the next behavior. */
static void each_next(each *self, uint32_t item, uint32_t *first,
                      bocpy_when_args *one) {
  if (item > 0 && each_is_plain(self)) {
    one->handles++;
    one->modes++;
    return;
  }
  each_at(self, item, *first, one);
  *first += one->cowns;
}

static PyObject *each_launch_one(each *self, boc_runtime *runtime, boc_scope *scope,
                                 const bocpy_when_args *one) {
  each_pattern *pattern = &self->patterns[bocpy_call_is_local(one)];
  bocpy_prepared_call call;
  static const bocpy_inline_captures none;
  if (pattern->call.call.carried == BOCPY_CARRY_NOTHING && !scope &&
      bocpy_call_goes_plainly(one))
    return bocpy_call_launch_plainly(self->state, runtime, pattern->call.call.code,
                                     &none, one);
  if (bocpy_call_copy(&call, &pattern->call, &pattern->bound, one) < 0)
    return NULL;
  return bocpy_call_launch(self->state, runtime, &call, &pattern->bound, one, scope);
}

/* Puts the results into `list`. -1 with MemoryError. */
static int each_launch_all(each *self, boc_runtime *runtime, boc_scope *scope,
                           PyObject *list) {
  bocpy_when_args one;
  uint32_t first = 0;
  for (uint32_t i = 0; i < self->all.items; i++) {
    each_next(self, i, &first, &one);
    PyObject *result = each_launch_one(self, runtime, scope, &one);
    if (!result)
      return -1;
    PyList_SET_ITEM(list, i, result);
  }
  return 0;
}

/* All the objects that it makes live on, so that a collection meanwhile finds nothing,
 * and costs a tenth of the call. */
static int each_launch(each *self, boc_runtime *runtime, boc_scope *scope,
                       PyObject *list) {
#ifdef Py_GIL_DISABLED /* other threads collect meanwhile */
  return each_launch_all(self, runtime, scope, list);
#else
  int collects = PyGC_Disable();
  int status = each_launch_all(self, runtime, scope, list);
  if (collects)
    PyGC_Enable();
  return status;
#endif
}

static int each_schedule_at_once(each *self, boc_scope *scope, PyObject *list) {
  boc_runtime *runtime = bocpy_runtime_enter(true);
  if (!runtime)
    return -1;
  bocpy_state_remember(self->state);
  int status = each_prepare(self);
  if (status == 0)
    status = each_launch(self, runtime, scope, list);
  each_end_patterns(self);
  bocpy_runtime_leave();
  bocpy_runtime_settle();
  return status;
}

/* In a limited scope the thread may have to wait before each behavior. */
static int each_schedule_in_turn(each *self, PyObject *list) {
  bocpy_when_args one;
  uint32_t first = 0;
  for (uint32_t i = 0; i < self->all.items; i++) {
    each_at(self, i, first, &one);
    first += one.cowns;
    PyObject *result =
        bocpy_schedule(self->state, self->body, &one, self->captures, NULL);
    if (!result)
      return -1;
    PyList_SET_ITEM(list, i, result);
  }
  return 0;
}

static PyObject *each_schedule(each *self) {
  boc_scope *scope;
  if (bocpy_refuse_importing("scheduling a behavior") < 0 ||
      each_refuse_cycles(self) < 0 || bocpy_scope_here(self->state, NULL, &scope) < 0)
    return NULL;
  PyObject *list = PyList_New(self->all.items);
  if (list &&
      (bocpy_scope_is_limited(scope) ? each_schedule_in_turn(self, list)
                                     : each_schedule_at_once(self, scope, list)) < 0)
    Py_CLEAR(list);
  boc_scope_drop(scope);
  return list;
}

/* ---- the call -------------------------------------------------------------------- */

/* For processes where whencall() is another function, as those of a cluster. */
static PyObject *each_on_cluster(PyObject *module, PyObject *cowns, PyObject *body,
                                 PyObject *captures) {
  Py_ssize_t count = PyTuple_GET_SIZE(cowns);
  PyObject *list = PyList_New(count);
  for (Py_ssize_t i = 0; list && i < count; i++) {
    PyObject *args =
        Py_BuildValue("(O(O)O)", body, PyTuple_GET_ITEM(cowns, i), captures);
    PyObject *result = args ? bocpy_whencall(module, args, NULL) : NULL;
    Py_XDECREF(args);
    if (result)
      PyList_SET_ITEM(list, i, result);
    else
      Py_CLEAR(list);
  }
  return list;
}

static PyObject *each_here(bocpy_state *state, PyObject *cowns, PyObject *body,
                           PyObject *captures) {
  Py_ssize_t count = PyTuple_GET_SIZE(cowns);
  each self = {.state = state, .body = body, .captures = captures};
  if (count == 0)
    return PyList_New(0);
  if (bocpy_when_args_init(&self.all, state, "when_each() cown",
                           PySequence_Fast_ITEMS(cowns), count) < 0)
    return NULL;
  PyObject *list = each_schedule(&self);
  bocpy_when_args_fini(&self.all);
  return list;
}

/* _when_each(cowns, body, captures) */
PyObject *bocpy_when_each(PyObject *module, PyObject *const *args, Py_ssize_t count) {
  bocpy_state *state = bocpy_state_of(module);
  if (count != 3 || !PyTuple_Check(args[2])) {
    PyErr_SetString(PyExc_TypeError,
                    "_when_each() takes cowns, a body, and a tuple of captures");
    return NULL;
  }
  PyObject *cowns = PySequence_Tuple(args[0]);
  if (!cowns)
    return NULL;
  PyObject *list = state->distributed_hook
                       ? each_on_cluster(module, cowns, args[1], args[2])
                       : each_here(state, cowns, args[1], args[2]);
  Py_DECREF(cowns);
  return list;
}
