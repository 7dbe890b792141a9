/* Bound arguments: see bound_args.h. */
#include "bound_args.h"

/* The parts that the captures are put together from; all borrowed or NULL. */
typedef struct parts {
  PyObject *extra;    /* tuple */
  PyObject *captures; /* tuple */
  PyObject *defaults; /* tuple; the last `tail` of them are used */
  PyObject *keywords; /* dict */
  PyObject *closure;  /* tuple of cells */
  Py_ssize_t tail;
} parts;

static Py_ssize_t size_of(PyObject *tuple) {
  return tuple ? PyTuple_GET_SIZE(tuple) : 0;
}

/* ---- do the arguments fit?
 * ------------------------------------------------------------ */

static int refuse_count(const bocpy_code *code, uint32_t items, Py_ssize_t given,
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

static int check_keywords(const bocpy_code *code, PyObject *keywords) {
  Py_ssize_t given = keywords ? PyDict_GET_SIZE(keywords) : 0;
  if (given >= code->keyword_only)
    return 0;
  PyErr_Format(PyExc_TypeError,
               "behavior '%s' has keyword-only parameters without defaults: nothing is "
               "passed for them, so give them defaults (x=x)",
               code->qualname);
  return -1;
}

static int check_counts(const bocpy_code *code, uint32_t items, parts *p) {
  Py_ssize_t given = size_of(p->extra) + (Py_ssize_t)items + size_of(p->captures);
  Py_ssize_t missing = code->positional - given;
  if (missing < 0)
    return code->varargs ? 0 : refuse_count(code, items, given, code->positional);
  if (missing > size_of(p->defaults))
    return refuse_count(code, items, given, code->positional - size_of(p->defaults));
  p->tail = missing;
  return 0;
}

/* ---- putting the captures together
 * ------------------------------------------------------ */

static Py_ssize_t put_all(PyObject *into, Py_ssize_t at, PyObject *from,
                          Py_ssize_t first) {
  for (Py_ssize_t i = first; i < size_of(from); i++)
    PyTuple_SET_ITEM(into, at++, Py_NewRef(PyTuple_GET_ITEM(from, i)));
  return at;
}

/* -1 with an exception. */
static Py_ssize_t put_keywords(PyObject *into, Py_ssize_t at, PyObject *keywords) {
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

/* A cell without content (a name that is not bound yet) is an empty tuple. */
static Py_ssize_t put_cells(PyObject *into, Py_ssize_t at, PyObject *closure) {
  for (Py_ssize_t i = 0; i < size_of(closure); i++) {
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

static int put_together(bocpy_draft *draft, const parts *p) {
  Py_ssize_t keywords = p->keywords ? PyDict_GET_SIZE(p->keywords) : 0;
  draft->extra = (uint32_t)size_of(p->extra);
  draft->positional = (uint32_t)(size_of(p->captures) + p->tail);
  draft->keywords = (uint32_t)keywords;
  draft->cells = (uint32_t)size_of(p->closure);
  Py_ssize_t count = (Py_ssize_t)draft->extra + draft->positional + draft->cells +
                     (keywords ? keywords + 1 : 0);
  if (!count)
    return 0;
  if (count == p->tail && p->tail == size_of(p->defaults)) {
    draft->captures = Py_NewRef(p->defaults);
    return 0;
  }
  PyObject *tuple = PyTuple_New(count);
  Py_ssize_t at = 0;
  if (!tuple)
    return -1;
  at = put_all(tuple, at, p->extra, 0);
  at = put_all(tuple, at, p->captures, 0);
  at = put_all(tuple, at, p->defaults, size_of(p->defaults) - p->tail);
  if (keywords)
    at = put_keywords(tuple, at, p->keywords);
  if (at >= 0)
    at = put_cells(tuple, at, p->closure);
  if (at < 0)
    Py_CLEAR(tuple);
  draft->captures = tuple;
  return tuple ? 0 : -1;
}

/* ---- functions and other callables
 * --------------------------------------------------------- */

static int look_up(bocpy_draft *draft, bocpy_state *state, PyObject *function) {
  draft->function = Py_NewRef(function);
  draft->code = Py_NewRef(PyFunction_GET_CODE(function));
  draft->entry = bocpy_code_of(state, function);
  return draft->entry ? 0 : -1;
}

static int draft_function(bocpy_draft *draft, bocpy_state *state, PyObject *function,
                          uint32_t items, parts *p) {
  if (look_up(draft, state, function) < 0)
    return -1;
  const bocpy_code *code = draft->entry->code;
  p->defaults = PyFunction_GET_DEFAULTS(function);
  p->closure = PyFunction_GET_CLOSURE(function);
  if (code->keyword_only && !p->keywords)
    p->keywords = PyFunction_GET_KW_DEFAULTS(function);
  if (check_keywords(code, p->keywords) < 0 || check_counts(code, items, p) < 0)
    return -1;
  return put_together(draft, p);
}

/* Keywords may fill any parameter: bocpy._arguments works out what is left to pass. */
static PyObject *complete(bocpy_state *state, PyObject *function, Py_ssize_t given,
                          PyObject *keywords) {
  PyObject *module = bocpy_state_import(state, &state->arguments, "bocpy._arguments");
  return module
             ? PyObject_CallMethod(module, "complete", "OnO", function, given, keywords)
             : NULL;
}

static int draft_with_keywords(bocpy_draft *draft, bocpy_state *state,
                               PyObject *function, uint32_t items, parts *p) {
  Py_ssize_t given = size_of(p->extra) + (Py_ssize_t)items + size_of(p->captures);
  if (look_up(draft, state, function) < 0)
    return -1;
  PyObject *keywords = complete(state, function, given, p->keywords);
  if (!keywords)
    return -1;
  p->closure = PyFunction_GET_CLOSURE(function);
  p->keywords = keywords;
  int status = put_together(draft, p);
  Py_DECREF(keywords);
  return status;
}

static int draft_callable(bocpy_draft *draft, bocpy_state *state, PyObject *callable,
                          uint32_t items, parts *p) {
  PyObject *bodies = bocpy_state_import(state, &state->bodies, "bocpy._body");
  PyObject *normal =
      bodies ? PyObject_CallMethod(bodies, "normalize", "O", callable) : NULL;
  PyObject *function, *keywords;
  if (!normal || !PyArg_ParseTuple(normal, "O!O!O!", &PyFunction_Type, &function,
                                   &PyTuple_Type, &p->extra, &PyDict_Type, &keywords)) {
    Py_XDECREF(normal);
    return -1;
  }
  int status;
  if (PyDict_GET_SIZE(keywords)) {
    p->keywords = keywords;
    status = draft_with_keywords(draft, state, function, items, p);
  } else {
    status = draft_function(draft, state, function, items, p);
  }
  Py_DECREF(normal);
  return status;
}

int bocpy_draft_init(bocpy_draft *draft, bocpy_state *state, PyObject *callable,
                     uint32_t items, PyObject *captures) {
  parts p = {.captures = captures};
  *draft = (bocpy_draft){0};
  int status = PyFunction_Check(callable)
                   ? draft_function(draft, state, callable, items, &p)
                   : draft_callable(draft, state, callable, items, &p);
  if (status < 0)
    bocpy_draft_fini(draft);
  return status;
}

void bocpy_draft_fini(bocpy_draft *draft) {
  Py_CLEAR(draft->function);
  Py_CLEAR(draft->code);
  Py_CLEAR(draft->captures);
}

/* ---- names
 * ------------------------------------------------------------------------------------
 */

static PyObject *name_at(PyObject *names, Py_ssize_t i) {
  PyObject *name = names ? PySequence_GetItem(names, i) : NULL;
  Py_XDECREF(names);
  if (!name)
    PyErr_Clear();
  return name;
}

PyObject *bocpy_draft_name(const bocpy_draft *draft, uint32_t items, Py_ssize_t i) {
  PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(draft->function);
  if (i < (Py_ssize_t)draft->extra)
    return name_at(PyCode_GetVarnames(code), i);
  i -= draft->extra;
  if (i < (Py_ssize_t)draft->positional) {
    i += (Py_ssize_t)draft->extra + items;
    return i < draft->entry->code->positional ? name_at(PyCode_GetVarnames(code), i)
                                              : NULL;
  }
  i -= draft->positional;
  if (draft->keywords) {
    if (i <= (Py_ssize_t)draft->keywords) {
      Py_ssize_t names = (Py_ssize_t)draft->extra + draft->positional;
      return name_at(Py_NewRef(PyTuple_GET_ITEM(draft->captures, names)), i - 1);
    }
    i -= draft->keywords + 1;
  }
  return name_at(PyCode_GetFreevars(code), i);
}
