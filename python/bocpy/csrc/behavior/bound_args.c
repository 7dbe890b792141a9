/* Bound arguments: see bound_args.h. */
#include "bound_args.h"

/* The parts of the captures; all borrowed or NULL. */
typedef struct parts {
  PyObject *extra;    /* tuple */
  PyObject *captures; /* tuple */
  PyObject *defaults; /* tuple; the last `tail` of them are used */
  PyObject *keywords; /* dict */
  PyObject *closure;  /* tuple of cells */
  Py_ssize_t tail;
} parts;

static Py_ssize_t tuple_size_or_0(PyObject *tuple) {
  return tuple ? PyTuple_GET_SIZE(tuple) : 0;
}

/* ---- do the arguments fit? ------------------------------------------------------- */

static int bound_refuse_count(const bocpy_code *code, uint32_t items, Py_ssize_t given,
                              Py_ssize_t needed) {
  const char *advice = given > needed ? "give it more parameters, or *args"
                                      : "give the others defaults (x=x)";
  Py_ssize_t captures = given - (Py_ssize_t)items;
  if (captures)
    PyErr_Format(PyExc_TypeError,
                 "behavior '%s' takes %zd positional argument%s, but there %s %u "
                 "cown%s and %zd capture%s: %s",
                 code->qualname, needed, needed == 1 ? "" : "s",
                 items == 1 ? "is" : "are", items, items == 1 ? "" : "s", captures,
                 captures == 1 ? "" : "s", advice);
  else
    PyErr_Format(
        PyExc_TypeError,
        "behavior '%s' takes %zd positional argument%s, but there %s %u cown%s: %s",
        code->qualname, needed, needed == 1 ? "" : "s", items == 1 ? "is" : "are",
        items, items == 1 ? "" : "s", advice);
  return -1;
}

static int bound_check_keywords(const bocpy_code *code, PyObject *keywords) {
  Py_ssize_t given = keywords ? PyDict_GET_SIZE(keywords) : 0;
  if (given >= code->keyword_only)
    return 0;
  PyErr_Format(PyExc_TypeError,
               "behavior '%s' has keyword-only parameters without defaults: nothing is "
               "passed for them, so give them defaults (x=x)",
               code->qualname);
  return -1;
}

static int bound_check_counts(const bocpy_code *code, uint32_t items, parts *p) {
  Py_ssize_t given =
      tuple_size_or_0(p->extra) + (Py_ssize_t)items + tuple_size_or_0(p->captures);
  Py_ssize_t missing = code->positional - given;
  if (missing < 0)
    return code->varargs ? 0 : bound_refuse_count(code, items, given, code->positional);
  if (missing > tuple_size_or_0(p->defaults))
    return bound_refuse_count(code, items, given,
                              code->positional - tuple_size_or_0(p->defaults));
  p->tail = missing;
  return 0;
}

/* ---- putting the captures together ----------------------------------------------- */

static Py_ssize_t captures_put_all(PyObject *into, Py_ssize_t at, PyObject *from,
                                   Py_ssize_t first) {
  for (Py_ssize_t i = first; i < tuple_size_or_0(from); i++)
    PyTuple_SET_ITEM(into, at++, Py_NewRef(PyTuple_GET_ITEM(from, i)));
  return at;
}

/* -1 with an exception. */
static Py_ssize_t captures_put_keywords(PyObject *into, Py_ssize_t at,
                                        PyObject *keywords) {
  Py_ssize_t count = PyDict_GET_SIZE(keywords), position = 0, i = 0;
  PyObject *names = PyTuple_New(count), *name, *value;
  if (!names)
    return -1;
  PyTuple_SET_ITEM(into, at, names);
  while (i < count && PyDict_Next(keywords, &position, &name, &value)) {
    PyTuple_SET_ITEM(names, i++, Py_NewRef(name));
    PyTuple_SET_ITEM(into, at + i, Py_NewRef(value));
  }
  return at + 1 + count;
}

/* An empty cell (a name that is not bound yet) becomes an empty tuple. */
static Py_ssize_t captures_put_cells(PyObject *into, Py_ssize_t at, PyObject *closure) {
  for (Py_ssize_t i = 0; i < tuple_size_or_0(closure); i++) {
    PyObject *content = PyCell_Get(PyTuple_GET_ITEM(closure, i));
    PyObject *box = PyTuple_New(content ? 1 : 0);
    if (!box) {
      Py_XDECREF(content);
      return -1;
    }
    if (content)
      PyTuple_SET_ITEM(box, 0, content);
    PyTuple_SET_ITEM(into, at++, box);
  }
  return at;
}

/* bocpy_call has 16 bits for each. */
static int bound_check_widths(const bocpy_bound_args *bound) {
  if ((bound->extra | bound->keywords | bound->cells) <= UINT16_MAX)
    return 0;
  PyErr_Format(PyExc_ValueError,
               "behavior '%s': arguments of a partial(), keyword-only parameters and "
               "variables of enclosing functions may be 65535 each, at most: put them "
               "into a list",
               bound->entry->code->qualname);
  return -1;
}

static int bound_collect_captures(bocpy_bound_args *bound, const parts *p) {
  Py_ssize_t keywords = p->keywords ? PyDict_GET_SIZE(p->keywords) : 0;
  bound->extra = (uint32_t)tuple_size_or_0(p->extra);
  bound->positional = (uint32_t)(tuple_size_or_0(p->captures) + p->tail);
  bound->keywords = (uint32_t)keywords;
  bound->cells = (uint32_t)tuple_size_or_0(p->closure);
  Py_ssize_t count = (Py_ssize_t)bound->extra + bound->positional + bound->cells +
                     (keywords ? keywords + 1 : 0);
  if (!count)
    return 0;
  if (bound_check_widths(bound) < 0)
    return -1;
  if (count == p->tail && p->tail == tuple_size_or_0(p->defaults)) {
    bound->captures = Py_NewRef(p->defaults);
    return 0;
  }
  PyObject *tuple = PyTuple_New(count);
  Py_ssize_t at = 0;
  if (!tuple)
    return -1;
  at = captures_put_all(tuple, at, p->extra, 0);
  at = captures_put_all(tuple, at, p->captures, 0);
  at = captures_put_all(tuple, at, p->defaults, tuple_size_or_0(p->defaults) - p->tail);
  if (keywords)
    at = captures_put_keywords(tuple, at, p->keywords);
  if (at >= 0)
    at = captures_put_cells(tuple, at, p->closure);
  if (at < 0)
    Py_CLEAR(tuple);
  bound->captures = tuple;
  return tuple ? 0 : -1;
}

/* ---- functions and other callables ----------------------------------------------- */

static int bound_find_code(bocpy_bound_args *bound, bocpy_state *state,
                           PyObject *function) {
  bound->function = Py_NewRef(function);
  bound->code = Py_NewRef(PyFunction_GET_CODE(function));
  bound->entry = bocpy_code_of(state, function);
  return bound->entry ? 0 : -1;
}

static int bind_function(bocpy_bound_args *bound, bocpy_state *state,
                         PyObject *function, uint32_t items, parts *p) {
  if (bound_find_code(bound, state, function) < 0)
    return -1;
  const bocpy_code *code = bound->entry->code;
  p->defaults = PyFunction_GET_DEFAULTS(function);
  p->closure = PyFunction_GET_CLOSURE(function);
  /* Fast path: nothing is captured, and the cowns are the parameters. */
  if (!p->defaults && !p->closure && !p->captures && !p->extra && !p->keywords &&
      !code->keyword_only && code->positional == (Py_ssize_t)items)
    return 0;
  if (code->keyword_only && !p->keywords)
    p->keywords = PyFunction_GET_KW_DEFAULTS(function);
  if (bound_check_keywords(code, p->keywords) < 0 ||
      bound_check_counts(code, items, p) < 0)
    return -1;
  return bound_collect_captures(bound, p);
}

/* Keywords may fill any parameter: bocpy._arguments computes what to pass by
 * keyword. */
static PyObject *bound_complete_keywords(bocpy_state *state, PyObject *function,
                                         Py_ssize_t given, PyObject *keywords) {
  return bocpy_python_call(&state->python, BOCPY_PY_ARGUMENTS_COMPLETE, "(OnO)",
                           function, given, keywords);
}

static int bind_with_keywords(bocpy_bound_args *bound, bocpy_state *state,
                              PyObject *function, uint32_t items, parts *p) {
  Py_ssize_t given =
      tuple_size_or_0(p->extra) + (Py_ssize_t)items + tuple_size_or_0(p->captures);
  if (bound_find_code(bound, state, function) < 0)
    return -1;
  PyObject *keywords = bound_complete_keywords(state, function, given, p->keywords);
  if (!keywords)
    return -1;
  p->closure = PyFunction_GET_CLOSURE(function);
  p->keywords = keywords;
  int status = bound_collect_captures(bound, p);
  Py_DECREF(keywords);
  return status;
}

static int bind_callable(bocpy_bound_args *bound, bocpy_state *state,
                         PyObject *callable, uint32_t items, parts *p) {
  Py_ssize_t given = (Py_ssize_t)items + tuple_size_or_0(p->captures);
  PyObject *normal = bocpy_python_call(&state->python, BOCPY_PY_BODY_NORMALIZE, "(On)",
                                       callable, given);
  PyObject *function, *keywords;
  if (!normal || !PyArg_ParseTuple(normal, "O!O!O!", &PyFunction_Type, &function,
                                   &PyTuple_Type, &p->extra, &PyDict_Type, &keywords)) {
    Py_XDECREF(normal);
    return -1;
  }
  int status;
  if (PyDict_GET_SIZE(keywords)) {
    p->keywords = keywords;
    status = bind_with_keywords(bound, state, function, items, p);
  } else {
    status = bind_function(bound, state, function, items, p);
  }
  Py_DECREF(normal);
  return status;
}

int bocpy_bound_args_init(bocpy_bound_args *bound, bocpy_state *state,
                          PyObject *callable, uint32_t items, PyObject *captures) {
  parts p = {.captures = captures};
  *bound = (bocpy_bound_args){0};
  int status = PyFunction_Check(callable)
                   ? bind_function(bound, state, callable, items, &p)
                   : bind_callable(bound, state, callable, items, &p);
  if (status < 0)
    bocpy_bound_args_fini(bound);
  return status;
}

int bocpy_bound_args_add_globals(bocpy_bound_args *bound, PyObject *snapshot) {
  Py_ssize_t count = bound->captures ? PyTuple_GET_SIZE(bound->captures) : 0;
  PyObject *more = PyTuple_New(count + 1);
  if (!more) {
    Py_DECREF(snapshot);
    return -1;
  }
  captures_put_all(more, 0, bound->captures, 0);
  PyTuple_SET_ITEM(more, count, snapshot);
  Py_XSETREF(bound->captures, more);
  bound->globals = true;
  return 0;
}

void bocpy_bound_args_fini(bocpy_bound_args *bound) {
  Py_CLEAR(bound->function);
  Py_CLEAR(bound->code);
  Py_CLEAR(bound->captures);
}

/* ---- names ----------------------------------------------------------------------- */

static PyObject *bound_name_at(PyObject *names, Py_ssize_t i) {
  PyObject *name = names ? PySequence_GetItem(names, i) : NULL;
  Py_XDECREF(names);
  if (!name)
    PyErr_Clear();
  return name;
}

PyObject *bocpy_bound_args_name(const bocpy_bound_args *bound, uint32_t items,
                                Py_ssize_t i) {
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(bound->function);
  if (i < (Py_ssize_t)bound->extra)
    return bound_name_at(PyCode_GetVarnames(code), i);
  i -= bound->extra;
  if (i < (Py_ssize_t)bound->positional) {
    i += (Py_ssize_t)bound->extra + items;
    return i < bound->entry->code->positional
               ? bound_name_at(PyCode_GetVarnames(code), i)
               : NULL;
  }
  i -= bound->positional;
  if (bound->keywords) {
    if (i <= (Py_ssize_t)bound->keywords) {
      Py_ssize_t names = (Py_ssize_t)bound->extra + bound->positional;
      return bound_name_at(Py_NewRef(PyTuple_GET_ITEM(bound->captures, names)), i - 1);
    }
    i -= bound->keywords + 1;
  }
  return bound_name_at(PyCode_GetFreevars(code), i);
}
