/* Decode: a walk over a buffer that makes the objects in it. It trusts the buffer,
 * which this process has made.
 *
 * Threads: user code runs where a part is hashed, and where a class is met for the
 * first time. It can see objects that are not finished, as it can while pickle loads.
 * So an object to which others can refer has no NULL items at any time.
 */
#include "definition_log.h"
#include "extension.h"
#include "immutable.h"
#include "memoryview.h"
#include "stdlib_types.h"

#define NO_SLOT UINT32_MAX /* in the memo: nothing refers to the object */

/* ---- the memo -------------------------------------------------------------------- */

static int memo_take_slot(bocpy_decoder *decoder, uint32_t *out_slot) {
  if (decoder->memo_count == decoder->memo_capacity) {
    uint32_t capacity = decoder->memo_capacity ? 4 * decoder->memo_capacity : 16;
    PyObject **memo = PyMem_RawRealloc(decoder->memo, capacity * sizeof(PyObject *));
    if (!memo) {
      PyErr_NoMemory();
      return -1;
    }
    decoder->memo = memo;
    decoder->memo_capacity = capacity;
  }
  decoder->memo[decoder->memo_count] = NULL;
  *out_slot = decoder->memo_count++;
  return 0;
}

static void memo_fill_slot(bocpy_decoder *decoder, uint32_t slot, PyObject *object) {
  if (slot != NO_SLOT)
    decoder->memo[slot] = Py_XNewRef(object);
}

/* ---- scalars --------------------------------------------------------------------- */

static PyObject *make_int(bocpy_decoder *decoder, enum bocpy_tag tag) {
  int8_t narrow;
  int32_t middle;
  int64_t wide;
  switch (tag) {
  case TAG_INT8:
    bocpy_take(decoder, &narrow, sizeof narrow);
    return PyLong_FromLong(narrow);
  case TAG_INT32:
    bocpy_take(decoder, &middle, sizeof middle);
    return PyLong_FromLong(middle);
  default:
    bocpy_take(decoder, &wide, sizeof wide);
    return PyLong_FromLongLong(wide);
  }
}

static PyObject *make_big_int(bocpy_decoder *decoder) {
  size_t size = bocpy_take_size(decoder);
  const unsigned char *digits = decoder->at;
  decoder->at += size;
#if BOCPY_HAVE_NATIVE_BYTES
  return PyLong_FromNativeBytes(digits, size, BOCPY_NATIVE_BYTES);
#else
  return PyLong_FromString((const char *)digits, NULL, 16);
#endif
}

static PyObject *make_text(bocpy_decoder *decoder, enum bocpy_tag tag) {
  Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
  size_t width = tag == TAG_UCS4 ? 4 : tag == TAG_UCS2 ? 2 : 1;
  static const Py_UCS4 largest[] = {0x7f, 0xff, 0xffff, 0x10ffff};
  const unsigned char *data = decoder->at;
  decoder->at += (size_t)size * width;
  if (size == 1 && width == 1)
    return PyUnicode_FromKindAndData(PyUnicode_1BYTE_KIND, data, 1);
  PyObject *text = PyUnicode_New(size, largest[tag - TAG_ASCII]);
  if (text && size)
    memcpy(PyUnicode_DATA(text), data, (size_t)size * width);
  return text;
}

static PyObject *make_float(bocpy_decoder *decoder) {
  double number;
  bocpy_take(decoder, &number, sizeof number);
  return PyFloat_FromDouble(number);
}

static PyObject *make_complex(bocpy_decoder *decoder) {
  double parts[2];
  bocpy_take(decoder, parts, sizeof parts);
  return PyComplex_FromDoubles(parts[0], parts[1]);
}

static PyObject *make_bytes(bocpy_decoder *decoder, enum bocpy_tag tag) {
  Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
  const char *data = (const char *)decoder->at;
  decoder->at += size;
  return tag == TAG_BYTES ? PyBytes_FromStringAndSize(data, size)
                          : PyByteArray_FromStringAndSize(data, size);
}

/* ---- containers ------------------------------------------------------------------ */

static PyObject *make_tuple(bocpy_decoder *decoder) {
  Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
  PyObject *tuple = PyTuple_New(size);
  for (Py_ssize_t i = 0; tuple && i < size; i++) {
    PyObject *item = bocpy_decode_value(decoder);
    if (item)
      PyTuple_SET_ITEM(tuple, i, item);
    else
      Py_CLEAR(tuple);
  }
  return tuple;
}

/* A list to which nothing can refer before it is finished. */
static PyObject *make_private_list(bocpy_decoder *decoder, Py_ssize_t size) {
  PyObject *list = PyList_New(size);
  for (Py_ssize_t i = 0; list && i < size; i++) {
    PyObject *item = bocpy_decode_value(decoder);
    if (item)
      PyList_SET_ITEM(list, i, item);
    else
      Py_CLEAR(list);
  }
  return list;
}

static PyObject *make_list(bocpy_decoder *decoder, uint32_t slot) {
  Py_ssize_t size = (Py_ssize_t)bocpy_take_size(decoder);
  if (slot == NO_SLOT)
    return make_private_list(decoder, size);
  PyObject *list = PyList_New(0);
  memo_fill_slot(decoder, slot, list);
  for (Py_ssize_t i = 0; list && i < size; i++) {
    PyObject *item = bocpy_decode_value(decoder);
    if (!item || PyList_Append(list, item) < 0)
      Py_CLEAR(list);
    Py_XDECREF(item);
  }
  return list;
}

/* Takes the name of an attribute, and its value. */
static int take_name(bocpy_decoder *decoder, PyObject *dict) {
  PyObject *name = bocpy_decode_value(decoder);
  if (name && PyUnicode_CheckExact(name))
    PyUnicode_InternInPlace(&name);
  PyObject *value = name ? bocpy_decode_value(decoder) : NULL;
  int status = value ? PyDict_SetItem(dict, name, value) : -1;
  Py_XDECREF(name);
  Py_XDECREF(value);
  return status;
}

static int put_in(PyObject *container, PyObject *key, PyObject *value) {
  return value ? PyDict_SetItem(container, key, value) : PySet_Add(container, key);
}

/* Whether a `__hash__` written in Python may miss attributes of the key. */
static bool is_unfinished(const bocpy_decoder *decoder, PyObject *key) {
  if (!PyType_HasFeature(Py_TYPE(key), Py_TPFLAGS_HEAPTYPE))
    return false;
  for (const bocpy_unfinished *one = decoder->unfinished; one; one = one->outer)
    if (one->instance == key)
      return true;
  return false;
}

/* Puts off what needs the hash of the key; with a `value`, the container is a dict. */
static int put_later(bocpy_decoder *decoder, PyObject *container, PyObject *key,
                     PyObject *value) {
  if (!decoder->later && !(decoder->later = PyList_New(0)))
    return -1;
  PyObject *step = PyTuple_Pack(value ? 3 : 2, container, key, value);
  int status = step ? PyList_Append(decoder->later, step) : -1;
  Py_XDECREF(step);
  return status;
}

/* Puts a key, of a dict with its value, into its container. While instances are being
 * filled, a hash may need an attribute that comes later: then the key waits until all
 * have theirs, as does what follows it in a dict, whose order stays. */
static int put_or_wait(bocpy_decoder *decoder, PyObject *container, PyObject *key,
                       PyObject *value, bool *waits) {
  if (!*waits && !(decoder->unfinished && is_unfinished(decoder, key))) {
    if (put_in(container, key, value) == 0)
      return 0;
    if (!decoder->unfinished || !PyErr_ExceptionMatches(PyExc_AttributeError))
      return -1;
    PyErr_Clear();
  }
  *waits = value != NULL;
  return put_later(decoder, container, key, value);
}

static int put_rest(bocpy_decoder *decoder) {
  int status = 0;
  for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(decoder->later); i++) {
    PyObject *step = PyList_GET_ITEM(decoder->later, i);
    bool pair = PyTuple_GET_SIZE(step) == 3;
    status = put_in(PyTuple_GET_ITEM(step, 0), PyTuple_GET_ITEM(step, 1),
                    pair ? PyTuple_GET_ITEM(step, 2) : NULL);
  }
  return status;
}

static PyObject *make_dict(bocpy_decoder *decoder, uint32_t slot) {
  size_t size = bocpy_take_size(decoder);
  PyObject *dict = PyDict_New();
  bool waits = false;
  memo_fill_slot(decoder, slot, dict);
  for (size_t i = 0; dict && i < size; i++) {
    PyObject *key = bocpy_decode_value(decoder);
    PyObject *value = key ? bocpy_decode_value(decoder) : NULL;
    if (!value || put_or_wait(decoder, dict, key, value, &waits) < 0)
      Py_CLEAR(dict);
    Py_XDECREF(key);
    Py_XDECREF(value);
  }
  return dict;
}

/* The set is a new one. A frozenset that others can see cannot be added to. */
static PyObject *make_set(bocpy_decoder *decoder, PyObject *set, uint32_t slot) {
  size_t size = bocpy_take_size(decoder);
  bool waits = false, frozen = set && PyFrozenSet_CheckExact(set);
  memo_fill_slot(decoder, slot, set);
  for (size_t i = 0; set && i < size; i++) {
    PyObject *element = bocpy_decode_value(decoder);
    int status = !element ? -1
                 : frozen ? PySet_Add(set, element)
                          : put_or_wait(decoder, set, element, NULL, &waits);
    if (status < 0)
      Py_CLEAR(set);
    Py_XDECREF(element);
  }
  return set;
}

static PyObject *make_of_three(bocpy_decoder *decoder, enum bocpy_tag tag) {
  PyObject *parts[3] = {NULL}, *object = NULL;
  int count = 0;
  while (count < 3 && (parts[count] = bocpy_decode_value(decoder)))
    count++;
  if (count == 3 && tag == TAG_SLICE)
    object = PySlice_New(parts[0], parts[1], parts[2]);
  else if (count == 3)
    object = PyObject_Vectorcall((PyObject *)&PyRange_Type, parts, 3, NULL);
  for (int i = 0; i < count; i++)
    Py_DECREF(parts[i]);
  return object;
}

static PyObject *take_key(bocpy_decoder *decoder, bool is_new) {
  unsigned slot = *decoder->at++;
  uint32_t bit = UINT32_C(1) << slot;
  if (is_new) {
    PyObject *key = bocpy_decode_value(decoder);
    if (!key)
      return NULL;
    if (decoder->keys_used & bit)
      Py_DECREF(decoder->keys[slot]);
    decoder->keys[slot] = key;
    decoder->keys_used |= bit;
  }
  return Py_NewRef(decoder->keys[slot]);
}

/* ---- instances and cowns --------------------------------------------------------- */

/* Sets attribute `i`, and steals `value`, which may be NULL with an exception. */
static int attribute_set(PyObject *instance, const bocpy_resolved_shape *resolved,
                         uint32_t i, PyObject *value) {
  if (!value)
    return -1;
  PyObject **place = NULL;
  if (!resolved->type->tp_dictoffset)
    place = bocpy_slot_at(
        instance, bocpy_slot_offsets(resolved->names, resolved->shape->count)[i]);
  if (place) {
    Py_XSETREF(*place, value);
    return 0;
  }
  int status = PyObject_GenericSetAttr(instance, resolved->names[i], value);
  Py_DECREF(value);
  return status;
}

static int take_attributes(bocpy_decoder *decoder, PyObject *instance,
                           const bocpy_resolved_shape *resolved) {
  for (uint32_t i = 0; i < resolved->shape->count; i++) {
    if (*decoder->at == TAG_UNSET) {
      decoder->at++;
      continue;
    }
    if (attribute_set(instance, resolved, i, bocpy_decode_value(decoder)) < 0)
      return -1;
  }
  return 0;
}

static int take_dict(bocpy_decoder *decoder, PyObject *instance,
                     const bocpy_resolved_shape *resolved) {
  PyObject *dict = PyObject_GenericGetDict(instance, NULL);
  int status = dict ? 0 : -1;
  if (resolved->shape->count == BOCPY_ANY) {
    decoder->at++; /* TAG_DICT */
    for (size_t left = bocpy_take_size(decoder); left && !status; left--)
      status = take_name(decoder, dict);
  } else {
    for (uint32_t i = 0; i < resolved->shape->count && !status; i++) {
      PyObject *value = bocpy_decode_value(decoder);
      status = value ? PyDict_SetItem(dict, resolved->names[i], value) : -1;
      Py_XDECREF(value);
    }
  }
  Py_XDECREF(dict);
  return status;
}

const bocpy_resolved_shape *bocpy_take_class(bocpy_decoder *decoder) {
  uint32_t id = bocpy_take_number(decoder);
  if (!decoder->last || decoder->last->shape->id != id) {
    const bocpy_resolved_shape *resolved = bocpy_resolve_shape(decoder->state, id);
    if (!resolved)
      return NULL;
    decoder->last = resolved;
  }
  return decoder->last;
}

static PyObject *make_instance(bocpy_decoder *decoder, uint32_t slot) {
  const bocpy_resolved_shape *resolved = bocpy_take_class(decoder);
  if (!resolved)
    return NULL;
  PyObject *instance =
      PyBaseObject_Type.tp_new(resolved->type, decoder->state->no_arguments, NULL);
  memo_fill_slot(decoder, slot, instance);
  if (!instance)
    return NULL;
  bocpy_unfinished unfinished = {instance, decoder->unfinished};
  decoder->unfinished = &unfinished;
  int status = resolved->through_dict ? take_dict(decoder, instance, resolved)
                                      : take_attributes(decoder, instance, resolved);
  decoder->unfinished = unfinished.outer;
  if (status < 0)
    Py_CLEAR(instance);
  return instance;
}

/* ---- exceptions ------------------------------------------------------------------ */

/* The nearest base that the interpreter itself has. */
static PyTypeObject *native_exception(PyTypeObject *type) {
  while (type->tp_flags & Py_TPFLAGS_HEAPTYPE)
    type = type->tp_base;
  return type;
}

/* UnicodeError and the like refuse some arguments that `args` may hold. */
static int exception_set_args(PyObject *error, PyObject *args) {
  if (native_exception(Py_TYPE(error))->tp_init(error, args, NULL) == 0)
    return 0;
  if (!PyErr_ExceptionMatches(PyExc_TypeError))
    return -1;
  PyErr_Clear();
  return PyObject_SetAttrString(error, "args", args);
}

static int exception_set_dict(PyObject *error, PyObject *attributes) {
  if (attributes == Py_None)
    return 0;
  PyObject *dict = PyObject_GenericGetDict(error, NULL);
  int status = dict ? PyDict_Update(dict, attributes) : -1;
  Py_XDECREF(dict);
  return status;
}

static int exception_set_cause(PyObject *error, PyObject *cause) {
  if (cause != Py_None)
    PyException_SetCause(error, Py_NewRef(cause));
  return 0;
}

/* In the order in which they were written. */
static int take_exception_parts(bocpy_decoder *decoder, PyObject *error) {
  static int (*const setters[])(PyObject *error, PyObject *part) = {
      exception_set_args, exception_set_dict, exception_set_cause};
  int status = 0;
  for (size_t i = 0; i < sizeof setters / sizeof *setters && status == 0; i++) {
    PyObject *part = bocpy_decode_value(decoder);
    status = part ? setters[i](error, part) : -1;
    Py_XDECREF(part);
  }
  return status;
}

static PyObject *make_exception(bocpy_decoder *decoder, uint32_t slot) {
  const bocpy_resolved_shape *resolved = bocpy_take_class(decoder);
  if (!resolved)
    return NULL;
  PyTypeObject *type = resolved->type;
  if (!PyExceptionClass_Check((PyObject *)type)) {
    PyErr_Format(PyExc_TypeError, "%s is no exception any more", type->tp_name);
    return NULL;
  }
  PyObject *error =
      native_exception(type)->tp_new(type, decoder->state->no_arguments, NULL);
  memo_fill_slot(decoder, slot, error);
  if (error && take_exception_parts(decoder, error) < 0)
    Py_CLEAR(error);
  return error;
}

/* ---- the walk -------------------------------------------------------------------- */

static PyObject *decode_tagged(bocpy_decoder *decoder, enum bocpy_tag tag,
                               uint32_t slot);

static PyObject *decode_memo(bocpy_decoder *decoder) {
  uint32_t slot;
  if (memo_take_slot(decoder, &slot) < 0)
    return NULL;
  enum bocpy_tag tag = *decoder->at++;
  PyObject *object = decode_tagged(decoder, tag, slot);
  if (object && !decoder->memo[slot])
    memo_fill_slot(decoder, slot, object);
  return object;
}

static PyObject *decode_memo_after(bocpy_decoder *decoder) {
  uint32_t slot;
  PyObject *object = bocpy_decode_value(decoder);
  if (object && memo_take_slot(decoder, &slot) < 0)
    Py_CLEAR(object);
  if (object)
    memo_fill_slot(decoder, slot, object);
  return object;
}

static PyObject *decode_superseded(bocpy_decoder *decoder) {
  PyObject *copy = bocpy_decode_value(decoder);
  if (!copy)
    return NULL;
  Py_DECREF(copy);
  return Py_NewRef(decoder->memo[bocpy_take_number(decoder)]);
}

static inline PyObject *decode_singleton(enum bocpy_tag tag) {
  PyObject *object = tag == TAG_NONE       ? Py_None
                     : tag == TAG_TRUE     ? Py_True
                     : tag == TAG_FALSE    ? Py_False
                     : tag == TAG_ELLIPSIS ? Py_Ellipsis
                                           : Py_NotImplemented;
  return Py_NewRef(object);
}

/* Decodes an entry of the buffer's arrays, or a value of an extension's type. */
static inline PyObject *decode_of_buffer(bocpy_decoder *decoder, enum bocpy_tag tag) {
  if (tag == TAG_COWN)
    return bocpy_cown_wrap(decoder->buffer->cowns[bocpy_take_number(decoder)]);
  if (tag == TAG_NATIVE)
    return bocpy_decode_native(decoder);
  return tag == TAG_HOOKED ? bocpy_decode_by_value(decoder)
                           : bocpy_decode_immutable(decoder);
}

/* Values that refer to something outside of their own bytes. */
static PyObject *decode_referring(bocpy_decoder *decoder, enum bocpy_tag tag) {
  switch (tag) {
  case TAG_COWN:
  case TAG_NATIVE:
  case TAG_HOOKED:
  case TAG_IMMUTABLE:
    return decode_of_buffer(decoder, tag);
  case TAG_MEMO:
  case TAG_MEMO_AFTER:
    return tag == TAG_MEMO ? decode_memo(decoder) : decode_memo_after(decoder);
  case TAG_SUPERSEDED:
    return decode_superseded(decoder);
  case TAG_REF:
    return Py_NewRef(decoder->memo[bocpy_take_number(decoder)]);
  case TAG_KEY:
  case TAG_NEW_KEY:
    return take_key(decoder, tag == TAG_NEW_KEY);
  case TAG_PICKLE:
    return bocpy_decode_pickle(decoder);
  default: /* TAG_UNSET, which stands only where an attribute is expected */
    Py_UNREACHABLE();
  }
}

static PyObject *decode_tagged(bocpy_decoder *decoder, enum bocpy_tag tag,
                               uint32_t slot) {
  switch (tag) {
  case TAG_NONE:
  case TAG_TRUE:
  case TAG_FALSE:
  case TAG_ELLIPSIS:
  case TAG_NOT_IMPLEMENTED:
    return decode_singleton(tag);
  case TAG_INT8:
  case TAG_INT32:
  case TAG_INT64:
    return make_int(decoder, tag);
  case TAG_INT_BIG:
    return make_big_int(decoder);
  case TAG_FLOAT:
  case TAG_COMPLEX:
    return tag == TAG_FLOAT ? make_float(decoder) : make_complex(decoder);
  case TAG_ASCII:
  case TAG_LATIN:
  case TAG_UCS2:
  case TAG_UCS4:
    return make_text(decoder, tag);
  case TAG_BYTES:
  case TAG_BYTEARRAY:
    return make_bytes(decoder, tag);
  case TAG_LIST:
  case TAG_DICT:
    return tag == TAG_LIST ? make_list(decoder, slot) : make_dict(decoder, slot);
  case TAG_SET:
    return make_set(decoder, PySet_New(NULL), slot);
  case TAG_FROZENSET:
    return make_set(decoder, PyFrozenSet_New(NULL), NO_SLOT);
  case TAG_TUPLE:
    return make_tuple(decoder);
  case TAG_SLICE:
  case TAG_RANGE:
    return make_of_three(decoder, tag);
  case TAG_INSTANCE:
    return make_instance(decoder, slot);
  case TAG_EXCEPTION:
    return make_exception(decoder, slot);
  case TAG_NAMED:
    return bocpy_make_named(decoder);
  case TAG_REDUCED:
    return bocpy_make_reduced(decoder);
  case TAG_ARRAY:
  case TAG_VIEW:
    return tag == TAG_ARRAY ? bocpy_make_array(decoder) : bocpy_make_view(decoder);
  default:
    return decode_referring(decoder, tag);
  }
}

PyObject *bocpy_decode_value(bocpy_decoder *decoder) {
  enum bocpy_tag tag = *decoder->at++;
  return decode_tagged(decoder, tag, NO_SLOT);
}

/* ---- the call -------------------------------------------------------------------- */

static void decoder_forget(bocpy_decoder *decoder) {
  for (uint32_t i = 0; i < decoder->memo_count; i++)
    Py_XDECREF(decoder->memo[i]);
  if (decoder->memo)
    PyMem_RawFree(decoder->memo);
  for (unsigned slot = 0; decoder->keys_used; slot++, decoder->keys_used >>= 1)
    if (decoder->keys_used & 1)
      Py_DECREF(decoder->keys[slot]);
}

static PyObject *decode_buffer(const bocpy_buffer *buffer, bool last_time) {
  bocpy_decoder decoder;
  decoder.at = buffer->bytes;
  decoder.buffer = buffer;
  decoder.state = bocpy_codec_state_get();
  decoder.memo = NULL;
  decoder.memo_count = decoder.memo_capacity = 0;
  decoder.last = NULL;
  decoder.keys_used = 0;
  decoder.last_time = last_time;
  decoder.outer = NULL;
  decoder.unfinished = NULL;
  decoder.later = NULL;
  if (!decoder.state || (buffer->needs_classes && bocpy_ship_catch_up() < 0))
    return NULL;
  PyObject *value = bocpy_decode_value(&decoder);
  if (value && decoder.later && put_rest(&decoder) < 0)
    Py_CLEAR(value);
  Py_XDECREF(decoder.later);
  decoder_forget(&decoder);
  return value;
}

PyObject *bocpy_decode(const bocpy_buffer *buffer) {
  return decode_buffer(buffer, false);
}

PyObject *bocpy_decode_last(bocpy_buffer *buffer) {
  return decode_buffer(buffer, true);
}
