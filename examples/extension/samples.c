/* samples: a module of C types whose values move between bocpy's workers.
 *
 *   Samples  many numbers in native memory, which changes hands without a copy
 *   Span     two numbers, which stand for it wherever it goes
 *   Cursor   an iterator over Samples; it is not registered, so it cannot move
 *
 * Threads: an object is for whoever has its cown, so there are no locks.
 */
#include <bocpy/bocpy.h>

#include <stdlib.h>
#include <string.h>

/* ---- Samples --------------------------------------------------------------------- */

/* The part that moves: malloc's memory belongs to no interpreter. */
typedef struct block {
  size_t count, capacity;
  double *numbers;
} block;

typedef struct {
  PyObject_HEAD block *block; /* NULL: it has moved elsewhere */
  Py_ssize_t exports;
} samples_object;

static int block_reserve(block *b, size_t capacity) {
  if (capacity <= b->capacity)
    return 0;
  double *numbers = realloc(b->numbers, capacity * sizeof(double));
  if (!numbers)
    return -1;
  b->numbers = numbers;
  b->capacity = capacity;
  return 0;
}

static void block_free(void *native) {
  block *b = native;
  free(b->numbers);
  free(b);
}

static void *block_copy(void *native) {
  const block *from = native;
  block *b = calloc(1, sizeof *b);
  if (!b || block_reserve(b, from->count + 1) < 0) {
    free(b);
    return NULL;
  }
  if (from->count)
    memcpy(b->numbers, from->numbers, from->count * sizeof(double));
  b->count = from->count;
  return b;
}

/* The numbers; NULL with an exception if they have moved elsewhere. */
static block *block_of(PyObject *self) {
  block *b = ((samples_object *)self)->block;
  if (!b)
    PyErr_SetString(PyExc_ValueError, "these samples have moved elsewhere");
  return b;
}

static int is_exported(PyObject *self) { return ((samples_object *)self)->exports > 0; }

static PyObject *samples_append(PyObject *self, PyObject *number) {
  block *b = block_of(self);
  double value = b ? PyFloat_AsDouble(number) : 0;
  if (!b || (value == -1.0 && PyErr_Occurred()))
    return NULL;
  if (is_exported(self)) {
    PyErr_SetString(PyExc_BufferError, "somebody looks at these samples' memory");
    return NULL;
  }
  if (b->count == b->capacity && block_reserve(b, 2 * b->count + 8) < 0)
    return PyErr_NoMemory();
  b->numbers[b->count++] = value;
  Py_RETURN_NONE;
}

static int append_all(PyObject *self, PyObject *numbers) {
  PyObject *iterator = PyObject_GetIter(numbers), *number;
  while (iterator && (number = PyIter_Next(iterator))) {
    PyObject *done = samples_append(self, number);
    Py_DECREF(number);
    if (!done)
      break;
    Py_DECREF(done);
  }
  Py_XDECREF(iterator);
  return PyErr_Occurred() ? -1 : 0;
}

static PyObject *samples_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  PyObject *numbers = NULL;
  static char *names[] = {"numbers", NULL};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:Samples", names, &numbers))
    return NULL;
  PyObject *self = type->tp_alloc(type, 0);
  if (!self)
    return NULL;
  block *b = calloc(1, sizeof *b);
  ((samples_object *)self)->block = b;
  if (!b)
    PyErr_NoMemory();
  if (b && (!numbers || append_all(self, numbers) == 0))
    return self;
  Py_DECREF(self);
  return NULL;
}

static void samples_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  if (((samples_object *)self)->block)
    block_free(((samples_object *)self)->block);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *samples_total(PyObject *self, PyObject *unused) {
  (void)unused;
  const block *b = block_of(self);
  double total = 0;
  for (size_t i = 0; b && i < b->count; i++)
    total += b->numbers[i];
  return b ? PyFloat_FromDouble(total) : NULL;
}

static PyObject *samples_address(PyObject *self, void *unused) {
  (void)unused;
  const block *b = block_of(self);
  return b ? PyLong_FromVoidPtr(b->numbers) : NULL;
}

static Py_ssize_t samples_length(PyObject *self) {
  const block *b = block_of(self);
  return b ? (Py_ssize_t)b->count : -1;
}

static PyObject *samples_item(PyObject *self, Py_ssize_t index) {
  const block *b = block_of(self);
  if (b && (index < 0 || (size_t)index >= b->count))
    PyErr_SetString(PyExc_IndexError, "no such sample");
  return PyErr_Occurred() ? NULL : PyFloat_FromDouble(b->numbers[index]);
}

static int samples_get_buffer(PyObject *self, Py_buffer *view, int flags) {
  const block *b = block_of(self);
  Py_ssize_t size = b ? (Py_ssize_t)(b->count * sizeof(double)) : 0;
  if (!b || PyBuffer_FillInfo(view, self, b->numbers, size, 0, flags) < 0)
    return -1;
  ((samples_object *)self)->exports++;
  return 0;
}

static void samples_release_buffer(PyObject *self, Py_buffer *view) {
  (void)view;
  ((samples_object *)self)->exports--;
}

static PyObject *samples_iter(PyObject *self);

static PyMethodDef samples_methods[] = {
    {"append", samples_append, METH_O, "Adds a number."},
    {"total", samples_total, METH_NOARGS, "The sum of the numbers."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef samples_attributes[] = {
    {"address", samples_address, NULL, "Where the numbers are in memory.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot samples_slots[] = {
    {Py_tp_doc, "Numbers in native memory, which moves without a copy."},
    {Py_tp_new, samples_new},
    {Py_tp_dealloc, samples_dealloc},
    {Py_tp_iter, samples_iter},
    {Py_tp_methods, samples_methods},
    {Py_tp_getset, samples_attributes},
    {Py_sq_length, samples_length},
    {Py_sq_item, samples_item},
    {Py_bf_getbuffer, samples_get_buffer},
    {Py_bf_releasebuffer, samples_release_buffer},
    {0, NULL},
};

static PyType_Spec samples_spec = {
    .name = "samples.Samples",
    .basicsize = sizeof(samples_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = samples_slots,
};

static const bocpy_hooks samples_hooks = {
    .native = offsetof(samples_object, block),
    .copy = block_copy,
    .drop = block_free,
    .busy = is_exported,
};

/* ---- Span ------------------------------------------------------------------------ */

typedef struct {
  PyObject_HEAD double low, high;
} span_object;

static PyObject *span_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  double low, high;
  static char *names[] = {"low", "high", NULL};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "dd:Span", names, &low, &high))
    return NULL;
  PyObject *self = type->tp_alloc(type, 0);
  if (self) {
    ((span_object *)self)->low = low;
    ((span_object *)self)->high = high;
  }
  return self;
}

static void plain_dealloc(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

static PyObject *span_length(PyObject *self, void *unused) {
  (void)unused;
  return PyFloat_FromDouble(((span_object *)self)->high - ((span_object *)self)->low);
}

static PyGetSetDef span_attributes[] = {
    {"length", span_length, NULL, "high - low", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyObject *span_encode(PyObject *self) {
  return Py_BuildValue("dd", ((span_object *)self)->low, ((span_object *)self)->high);
}

static PyObject *span_decode(PyTypeObject *type, PyObject *state) {
  return span_new(type, state, NULL);
}

static PyType_Slot span_slots[] = {
    {Py_tp_doc, "A span of numbers, which travels as two of them."},
    {Py_tp_new, span_new},
    {Py_tp_dealloc, plain_dealloc},
    {Py_tp_getset, span_attributes},
    {0, NULL},
};

static PyType_Spec span_spec = {
    .name = "samples.Span",
    .basicsize = sizeof(span_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = span_slots,
};

static const bocpy_hooks span_hooks = {.encode = span_encode, .decode = span_decode};

/* ---- Cursor ---------------------------------------------------------------------- */

typedef struct {
  PyObject_HEAD PyObject *samples;
  Py_ssize_t next;
} cursor_object;

static void cursor_dealloc(PyObject *self) {
  Py_XDECREF(((cursor_object *)self)->samples);
  plain_dealloc(self);
}

static PyObject *cursor_next(PyObject *self) {
  cursor_object *cursor = (cursor_object *)self;
  const block *b = block_of(cursor->samples);
  if (!b || (size_t)cursor->next >= b->count)
    return NULL;
  return PyFloat_FromDouble(b->numbers[cursor->next++]);
}

static PyType_Slot cursor_slots[] = {
    {Py_tp_doc, "An iterator over samples."},
    {Py_tp_dealloc, cursor_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, cursor_next},
    {0, NULL},
};

static PyType_Spec cursor_spec = {
    .name = "samples.Cursor",
    .basicsize = sizeof(cursor_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = cursor_slots,
};

/* ---- the module ------------------------------------------------------------------ */

typedef struct {
  PyObject *cursor_type;
} module_state;

static PyObject *samples_iter(PyObject *self) {
  const module_state *state = PyType_GetModuleState(Py_TYPE(self));
  PyTypeObject *type = (PyTypeObject *)state->cursor_type;
  PyObject *cursor = type->tp_alloc(type, 0);
  if (cursor)
    ((cursor_object *)cursor)->samples = Py_NewRef(self);
  return cursor;
}

/* Adds a type, and registers how its instances move, if they do. */
static int add_type(PyObject *module, PyType_Spec *spec, const bocpy_hooks *hooks) {
  PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
  int status = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
  if (status == 0 && hooks)
    status = bocpy_register_type((PyTypeObject *)type, hooks);
  Py_XDECREF(type);
  return status;
}

static int exec_module(PyObject *module) {
  module_state *state = PyModule_GetState(module);
  if (add_type(module, &samples_spec, &samples_hooks) < 0 ||
      add_type(module, &span_spec, &span_hooks) < 0)
    return -1;
  state->cursor_type = PyType_FromModuleAndSpec(module, &cursor_spec, NULL);
  return state->cursor_type ? 0 : -1;
}

static int traverse_module(PyObject *module, visitproc visit, void *arg) {
  Py_VISIT(((module_state *)PyModule_GetState(module))->cursor_type);
  return 0;
}

static int clear_module(PyObject *module) {
  Py_CLEAR(((module_state *)PyModule_GetState(module))->cursor_type);
  return 0;
}

/* Workers are interpreters with a GIL of their own, or threads without any. */
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
    .m_name = "samples",
    .m_doc = "C types whose values move between bocpy's workers.",
    .m_size = sizeof(module_state),
    .m_slots = slots,
    .m_traverse = traverse_module,
    .m_clear = clear_module,
};

PyMODINIT_FUNC PyInit_samples(void) { return PyModuleDef_Init(&definition); }
