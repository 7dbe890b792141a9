/* Structure: see structure.h. */
#include "structure.h"

#include "address_map.h"

#include <limits.h>

/* How to walk over an object. The first ones are what `judge` answers. */
enum {
  OTHER,    /* not at all: it may change in a way that a walk does not see */
  LEAF,     /* not into it */
  INSTANCE, /* its attributes, and the contents of its slots */
  FUNCTION, /* its code, defaults, attributes and closure */
  ITEMS,    /* what iterating yields */
  DEFAULTS, /* a defaultdict */
  DICT,
  LIST,
  TUPLE,
  SET,
  CELL,
  METHOD,
  CLASS, /* the items of its dict */
  AGAIN, /* not into it: the walk has met it before */
};

/* An object that a walk has met. */
typedef struct met_object {
  const void *object; /* NULL: an empty slot or cell */
  uint32_t kind;
  uint32_t count; /* of the parts, for a container */
} met_object;

#define STRUCTURE_DEPTH 100
#define STRUCTURE_LIMIT (1 << 16) /* objects */

/* Returns 1 to go on, 0 to end the walk, -1 with an exception. */
typedef int (*visitor)(void *walk, PyObject *part);

/* ---- the parts of an object ------------------------------------------------------ */

static int parts_of_dict(PyObject *dict, visitor visit, void *walk) {
  Py_ssize_t at = 0;
  PyObject *key, *value;
  int status = 1;
  while (status > 0 && PyDict_Next(dict, &at, &key, &value)) {
    status = visit(walk, key);
    if (status > 0)
      status = visit(walk, value);
  }
  return status;
}

static int parts_by_iterating(PyObject *object, visitor visit, void *walk) {
  PyObject *iterator = PyObject_GetIter(object), *item;
  int status = iterator ? 1 : -1;
  while (status > 0 && (item = PyIter_Next(iterator)) != NULL) {
    status = visit(walk, item);
    Py_DECREF(item);
  }
  Py_XDECREF(iterator);
  return status > 0 && PyErr_Occurred() ? -1 : status;
}

static int parts_of_attribute(PyObject *object, const char *name, visitor visit,
                              void *walk) {
  PyObject *value = PyObject_GetAttrString(object, name);
  if (!value)
    return -1;
  int status = visit(walk, value);
  Py_DECREF(value);
  return status;
}

/* The slots that `type` adds to those of its base. */
static int parts_in_slots(PyObject *object, PyTypeObject *type, visitor visit,
                          void *walk) {
  int status = 1;
  for (PyMemberDef *slot = type->tp_members; slot && slot->name && status > 0; slot++)
    status = visit(walk, *(PyObject **)((char *)object + slot->offset));
  return status;
}

static int parts_of_instance(PyObject *object, visitor visit, void *walk) {
  int status = visit(walk, (PyObject *)Py_TYPE(object));
  if (status > 0 && Py_TYPE(object)->tp_dictoffset) {
    PyObject *attributes = PyObject_GenericGetDict(object, NULL);
    if (!attributes)
      return -1;
    status = visit(walk, attributes);
    Py_DECREF(attributes);
  }
  for (PyTypeObject *type = Py_TYPE(object); status > 0 && type != &PyBaseObject_Type;
       type = type->tp_base)
    status = parts_in_slots(object, type, visit, walk);
  return status;
}

static int parts_of_function(PyFunctionObject *function, visitor visit, void *walk) {
  PyObject *parts[] = {function->func_code, function->func_defaults,
                       function->func_kwdefaults, function->func_dict,
                       function->func_closure};
  int status = 1;
  for (size_t i = 0; i < sizeof parts / sizeof *parts && status > 0; i++)
    status = visit(walk, parts[i]);
  return status;
}

static int parts_of_array(PyObject **parts, Py_ssize_t count, visitor visit,
                          void *walk) {
  int status = 1;
  for (Py_ssize_t i = 0; i < count && status > 0; i++)
    status = visit(walk, parts[i]);
  return status;
}

static int parts_of(PyObject *object, uint32_t kind, visitor visit, void *walk) {
  int status = 1;
  switch (kind) {
  case LIST:
  case TUPLE:
    return parts_of_array(PySequence_Fast_ITEMS(object),
                          PySequence_Fast_GET_SIZE(object), visit, walk);
  case DICT:
    return parts_of_dict(object, visit, walk);
  case CLASS:
    return parts_of_dict(((PyTypeObject *)object)->tp_dict, visit, walk);
  case SET:
    return parts_by_iterating(object, visit, walk);
  case ITEMS:
    status = visit(walk, (PyObject *)Py_TYPE(object));
    return status > 0 ? parts_by_iterating(object, visit, walk) : status;
  case DEFAULTS:
    status = visit(walk, (PyObject *)Py_TYPE(object));
    if (status > 0)
      status = parts_of_attribute(object, "default_factory", visit, walk);
    return status > 0 ? parts_of_dict(object, visit, walk) : status;
  case INSTANCE:
    return parts_of_instance(object, visit, walk);
  case FUNCTION:
    return parts_of_function((PyFunctionObject *)object, visit, walk);
  case CELL:
    return visit(walk, PyCell_GET(object));
  case METHOD:
    status = visit(walk, PyMethod_GET_FUNCTION(object));
    return status > 0 ? visit(walk, PyMethod_GET_SELF(object)) : status;
  default:
    return 1;
  }
}

/* The number of parts of a container; 0 for other objects. */
static uint32_t count_of(PyObject *object, uint32_t kind) {
  switch (kind) {
  case LIST:
  case TUPLE:
    return (uint32_t)Py_SIZE(object);
  case DICT:
  case DEFAULTS:
    return (uint32_t)PyDict_GET_SIZE(object);
  case CLASS:
    return (uint32_t)PyDict_GET_SIZE(((PyTypeObject *)object)->tp_dict);
  case SET:
    return (uint32_t)PySet_GET_SIZE(object);
  default:
    return 0;
  }
}

/* ---- the first walk -------------------------------------------------------------- */

typedef struct recording {
  PyObject *judge, *leaves;
  PyObject *deep; /* the attributes of the class that is walked over; or NULL */
  int depth;
  int leaves_from; /* the depth from which on all objects are leaves */
  bocpy_address_map seen;
  met_object *met;
  size_t count, capacity;
} recording;

static int recording_put(recording *walk, const void *object, uint32_t kind,
                         uint32_t count) {
  if (walk->count == STRUCTURE_LIMIT)
    return 0;
  if (walk->count == walk->capacity) {
    size_t capacity = walk->capacity ? 2 * walk->capacity : 32;
    met_object *grown = PyMem_RawRealloc(walk->met, capacity * sizeof *grown);
    if (!grown) {
      PyErr_NoMemory();
      return -1;
    }
    walk->met = grown;
    walk->capacity = capacity;
  }
  walk->met[walk->count++] = (met_object){object, kind, count};
  return 1;
}

static int recording_put_leaf(recording *walk, PyObject *object) {
  if (object && PyList_Append(walk->leaves, object) < 0)
    return -1;
  return recording_put(walk, object, LEAF, 0);
}

/* Whether the instances of a class of Python code consist of attributes and slots. */
static bool type_is_plain(PyTypeObject *type) {
  for (; type != &PyBaseObject_Type; type = type->tp_base) {
    PyTypeObject *base = type->tp_base;
    if (!base || !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE))
      return false;
    Py_ssize_t words = Py_SIZE(type);
    words += type->tp_dictoffset > 0 && base->tp_dictoffset == 0;
    words += type->tp_weaklistoffset > 0 && base->tp_weaklistoffset == 0;
    Py_ssize_t added = type->tp_basicsize - base->tp_basicsize;
    if (type->tp_itemsize || added != words * (Py_ssize_t)sizeof(PyObject *))
      return false;
    for (PyMemberDef *slot = type->tp_members; slot && slot->name; slot++)
      if (slot->type != Py_T_OBJECT_EX)
        return false;
  }
  return true;
}

/* What `judge` answers. -1 with an exception. */
static int recording_judge(recording *walk, PyObject *object) {
  PyObject *answer = PyObject_CallOneArg(walk->judge, object);
  long kind = answer ? PyLong_AsLong(answer) : -1;
  Py_XDECREF(answer);
  if (kind == INSTANCE && !type_is_plain(Py_TYPE(object)))
    return OTHER;
  return kind < 0 ? -1 : (int)kind;
}

static int recording_kind(recording *walk, PyObject *object) {
  if (object == Py_None || PyBool_Check(object) || PyLong_CheckExact(object) ||
      PyUnicode_CheckExact(object) || PyFloat_CheckExact(object) ||
      PyBytes_CheckExact(object) || PyCode_Check(object))
    return LEAF;
  if (PyList_CheckExact(object))
    return LIST;
  if (PyTuple_CheckExact(object))
    return TUPLE;
  if (PyDict_CheckExact(object))
    return DICT;
  if (PySet_CheckExact(object) || PyFrozenSet_CheckExact(object))
    return SET;
  if (PyCell_Check(object))
    return CELL;
  if (PyMethod_Check(object))
    return METHOD;
  if (PyType_Check(object))
    return LEAF;
  return recording_judge(walk, object);
}

static int recording_visit(void *data, PyObject *object);

/* Visits the items of a class's dict, and goes into the values of the names in
 * `deep`. */
static int recording_visit_class(recording *walk, PyObject *dict) {
  Py_ssize_t at = 0;
  PyObject *name, *value;
  int status = 1;
  while (status > 0 && PyDict_Next(dict, &at, &name, &value)) {
    int deep = PySet_Contains(walk->deep, name);
    status = deep < 0 ? -1 : recording_put_leaf(walk, name);
    if (status > 0)
      status = deep ? recording_visit(walk, value) : recording_put_leaf(walk, value);
  }
  return status;
}

/* Visits the parts. `judge` runs Python code, during which other threads may change
 * what is visited: the walk is over copies of what has no lock. */
static int recording_visit_parts(recording *walk, PyObject *object, uint32_t kind) {
  PyObject *copy = kind == LIST    ? PyList_AsTuple(object)
                   : kind == DICT  ? PyDict_Copy(object)
                   : kind == CLASS ? PyDict_Copy(((PyTypeObject *)object)->tp_dict)
                                   : Py_NewRef(object);
  if (!copy)
    return -1;
  int status = kind == CLASS ? recording_visit_class(walk, copy)
                             : parts_of(copy, kind, recording_visit, walk);
  Py_DECREF(copy);
  return status;
}

static int recording_enter(recording *walk, PyObject *object, uint32_t kind) {
  if (bocpy_address_map_find(&walk->seen, object))
    return recording_put(walk, object, AGAIN, 0);
  if (!bocpy_address_map_put(&walk->seen, object, 1)) {
    PyErr_NoMemory();
    return -1;
  }
  if (walk->depth == STRUCTURE_DEPTH)
    return 0;
  int status = recording_put(walk, object, kind, count_of(object, kind));
  if (kind == INSTANCE && walk->depth == 0)
    walk->leaves_from++; /* the dict of its attributes is none of the parts */
  walk->depth++;
  if (status > 0)
    status = recording_visit_parts(walk, object, kind);
  walk->depth--;
  return status;
}

static int recording_visit(void *data, PyObject *object) {
  recording *walk = data;
  if (!object || walk->depth >= walk->leaves_from)
    return recording_put_leaf(walk, object);
  int kind = recording_kind(walk, object);
  if (kind == LEAF)
    return recording_put_leaf(walk, object);
  if (kind <= 0)
    return kind;
  Py_INCREF(object);
  int status = recording_enter(walk, object, (uint32_t)kind);
  Py_DECREF(object);
  return status;
}

/* The value itself, a class or a function of which the parts are wanted included. */
static int recording_visit_value(recording *walk, PyObject *value) {
  if (PyFunction_Check(value))
    return recording_enter(walk, value, FUNCTION);
  if (!PyType_Check(value))
    return recording_visit(walk, value);
  bool has_dict = ((PyTypeObject *)value)->tp_dict != NULL;
  return has_dict ? recording_enter(walk, value, CLASS) : 0;
}

PyObject *bocpy_structure_of(PyObject *module, PyObject *args) {
  (void)module;
  PyObject *value, *structure = NULL;
  int shallow;
  recording walk = {0};
  if (!PyArg_ParseTuple(args, "OOO!p", &value, &walk.judge, &PyFrozenSet_Type,
                        &walk.deep, &shallow))
    return NULL;
  walk.leaves_from = shallow ? 1 : INT_MAX - 1;
  walk.leaves = PyList_New(0);
  int status = walk.leaves ? recording_visit_value(&walk, value) : -1;
  if (status > 0)
    structure = Py_BuildValue("(y#O)", (const char *)walk.met,
                              (Py_ssize_t)(walk.count * sizeof *walk.met), walk.leaves);
  else if (status == 0)
    structure = Py_NewRef(Py_None);
  Py_XDECREF(walk.leaves);
  bocpy_address_map_fini(&walk.seen);
  PyMem_RawFree(walk.met);
  return structure;
}

/* ---- later walks ----------------------------------------------------------------- */

typedef struct comparison {
  const met_object *at, *end;
} comparison;

/* Whether an object is still of the kind that it, or one that had its address, had. */
static bool is_of_kind(PyObject *object, uint32_t kind) {
  switch (kind) {
  case LIST:
    return PyList_CheckExact(object);
  case TUPLE:
    return PyTuple_CheckExact(object);
  case DICT:
    return PyDict_CheckExact(object);
  case DEFAULTS:
    return PyDict_Check(object);
  case SET:
    return PyAnySet_CheckExact(object);
  case CELL:
    return PyCell_Check(object);
  case METHOD:
    return PyMethod_Check(object);
  case FUNCTION:
    return PyFunction_Check(object);
  case CLASS:
    return PyType_Check(object) && ((PyTypeObject *)object)->tp_dict;
  default: /* their types are the first of their parts */
    return true;
  }
}

static int comparison_visit(void *data, PyObject *object) {
  comparison *walk = data;
  if (walk->at == walk->end || walk->at->object != object)
    return 0;
  const met_object *known = walk->at++;
  if (known->kind == LEAF || known->kind == AGAIN)
    return 1;
  if (!is_of_kind(object, known->kind) || count_of(object, known->kind) != known->count)
    return 0;
  return parts_of(object, known->kind, comparison_visit, walk);
}

/* Whether a value has that structure. -1 with an exception. */
static int structure_is_of(PyObject *structure, PyObject *value) {
  if (!PyTuple_Check(structure) || PyTuple_GET_SIZE(structure) != 2 ||
      !PyBytes_Check(PyTuple_GET_ITEM(structure, 0))) {
    PyErr_SetString(PyExc_TypeError, "a structure is wanted");
    return -1;
  }
  PyObject *bytes = PyTuple_GET_ITEM(structure, 0);
  const char *first = PyBytes_AS_STRING(bytes), *end = first + PyBytes_GET_SIZE(bytes);
  comparison walk = {(const met_object *)(const void *)first,
                     (const met_object *)(const void *)end};
  int status = comparison_visit(&walk, value);
  return status > 0 ? walk.at == walk.end : status;
}

PyObject *bocpy_structure_first_other(PyObject *module, PyObject *pairs) {
  (void)module;
  if (!PyTuple_Check(pairs))
    return PyErr_Format(PyExc_TypeError, "a tuple of pairs is wanted, not %R",
                        Py_TYPE(pairs));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(pairs); i++) {
    PyObject *value, *structure;
    if (!PyArg_ParseTuple(PyTuple_GET_ITEM(pairs, i), "OO", &value, &structure))
      return NULL;
    int same = structure_is_of(structure, value);
    if (same <= 0)
      return same < 0 ? NULL : PyLong_FromSsize_t(i);
  }
  return PyLong_FromLong(-1);
}
