/* Encode: a walk over a value that writes its parts.
 *
 * The memo has the objects that the walk may meet again (on builds with one reference
 * count: those with more than one reference). An object that can be made empty and
 * filled later gets its number before its parts, so that cycles through it end there.
 * Others (tuples, frozensets, slices) get it after their parts: if those led back to
 * the object, the copy that they made is used.
 *
 * Threads: no user code runs during the walk except where a type is met for the first
 * time and, before 3.12, in finalizers. On free-threaded builds other threads run. So
 * the walk holds every object while it visits the parts, and reads containers anew for
 * each part; on free-threaded builds it copies them first.
 */
#include "extension.h"
#include "immutable.h"
#include "memoryview.h"
#include "stdlib_types.h"

#define BIG_SCALAR 64 /* longer strs and bytes go into the memo, to save space */

static int raise_changed(PyObject *value) {
  PyErr_Format(PyExc_RuntimeError, "a '%s' was changed while it was being shipped",
               Py_TYPE(value)->tp_name);
  return BOCPY_FAILED;
}

/* ---- what is remembered ---------------------------------------------------------- */

int bocpy_put_number(bocpy_encoder *encoder, enum bocpy_tag tag, uint32_t number) {
  if (bocpy_reserve(&encoder->writer, 1 + sizeof number) < 0)
    return BOCPY_FAILED;
  bocpy_put_byte(&encoder->writer, tag);
  bocpy_put(&encoder->writer, &number, sizeof number);
  return BOCPY_DONE;
}

typedef int (*put_parts)(bocpy_encoder *encoder, PyObject *value);

static int put_held(bocpy_encoder *encoder, PyObject *value, put_parts parts) {
  Py_INCREF(value);
  int status = parts(encoder, value);
  Py_DECREF(value);
  return status;
}

static int encode_memo(bocpy_encoder *encoder, PyObject *value, put_parts parts) {
  uint32_t number;
  if (bocpy_object_is_sole(value))
    return put_held(encoder, value, parts);
  if (bocpy_memo_find(&encoder->memo, value, &number))
    return bocpy_put_number(encoder, TAG_REF, number);
  if (bocpy_memo_add(&encoder->memo, value) < 0 ||
      bocpy_reserve(&encoder->writer, 1) < 0)
    return BOCPY_FAILED;
  bocpy_put_byte(&encoder->writer, TAG_MEMO);
  return put_held(encoder, value, parts);
}

static int encode_memo_after(bocpy_encoder *encoder, PyObject *value, put_parts parts) {
  bocpy_writer *writer = &encoder->writer;
  uint32_t number;
  if (bocpy_object_is_sole(value))
    return put_held(encoder, value, parts);
  if (bocpy_memo_find(&encoder->memo, value, &number))
    return bocpy_put_number(encoder, TAG_REF, number);
  if (bocpy_reserve(writer, 1) < 0)
    return BOCPY_FAILED;
  size_t mark = writer->size;
  bocpy_put_byte(writer, TAG_MEMO_AFTER);
  int status = put_held(encoder, value, parts);
  if (status != BOCPY_DONE)
    return status;
  if (!bocpy_memo_find(&encoder->memo, value, &number))
    return bocpy_memo_add(&encoder->memo, value);
  if (bocpy_reserve(writer, sizeof number) < 0)
    return BOCPY_FAILED;
  writer->bytes[mark] = TAG_SUPERSEDED;
  bocpy_put(writer, &number, sizeof number);
  return BOCPY_DONE;
}

/* ---- containers ------------------------------------------------------------------ */

static int put_scalar(bocpy_encoder *encoder, PyObject *value) {
  return bocpy_encode_scalar(&encoder->writer, value);
}

static int put_items(bocpy_encoder *encoder, PyObject *sequence, enum bocpy_tag tag) {
  Py_ssize_t size = PySequence_Fast_GET_SIZE(sequence);
  if (bocpy_put_head(&encoder->writer, tag, (size_t)size, 0) < 0)
    return BOCPY_FAILED;
  for (Py_ssize_t i = 0; i < size; i++) {
    if (PySequence_Fast_GET_SIZE(sequence) != size)
      return raise_changed(sequence);
    int status = bocpy_encode_value(encoder, PySequence_Fast_GET_ITEM(sequence, i));
    if (status != BOCPY_DONE)
      return status;
  }
  return BOCPY_DONE;
}

static int put_tuple(bocpy_encoder *encoder, PyObject *tuple) {
  return put_items(encoder, tuple, TAG_TUPLE);
}

static int put_list(bocpy_encoder *encoder, PyObject *list) {
  if (!BOCPY_FREE_THREADED)
    return put_items(encoder, list, TAG_LIST);
  PyObject *items = PyList_AsTuple(list);
  int status = items ? put_items(encoder, items, TAG_LIST) : BOCPY_FAILED;
  Py_XDECREF(items);
  return status;
}

/* A key of a dict: a str that many dicts share is written once. */
static int put_key(bocpy_encoder *encoder, PyObject *key) {
  if (!PyUnicode_CheckExact(key) || bocpy_object_is_sole(key))
    return bocpy_encode_value(encoder, key);
  unsigned slot = (unsigned)(bocpy_hash_address(key) & (BOCPY_KEY_SLOTS - 1));
  uint32_t bit = UINT32_C(1) << slot;
  bool used = encoder->keys_used & bit;
  bool hit = used && encoder->keys[slot] == key;
  if (bocpy_reserve(&encoder->writer, 2) < 0)
    return BOCPY_FAILED;
  bocpy_put_byte(&encoder->writer, hit ? TAG_KEY : TAG_NEW_KEY);
  bocpy_put_byte(&encoder->writer, slot);
  if (hit)
    return BOCPY_DONE;
  if (used)
    Py_DECREF(encoder->keys[slot]);
  encoder->keys[slot] = Py_NewRef(key);
  encoder->keys_used |= bit;
  return put_scalar(encoder, key);
}

/* A pair. Holds the value if the key has parts, since the walk over these could free
 * it. */
static int put_pair(bocpy_encoder *encoder, PyObject *key, PyObject *value) {
  bool simple = PyUnicode_CheckExact(key) || PyLong_CheckExact(key);
  if (!simple)
    Py_INCREF(value);
  int status = put_key(encoder, key);
  if (status == BOCPY_DONE)
    status = bocpy_encode_value(encoder, value);
  if (!simple)
    Py_DECREF(value);
  return status;
}

static int put_pairs(bocpy_encoder *encoder, PyObject *dict) {
  Py_ssize_t size = PyDict_GET_SIZE(dict), count = 0, at = 0;
  PyObject *key, *value;
  if (bocpy_put_head(&encoder->writer, TAG_DICT, (size_t)size, 0) < 0)
    return BOCPY_FAILED;
  while (PyDict_Next(dict, &at, &key, &value)) {
    int status = put_pair(encoder, key, value);
    if (status != BOCPY_DONE)
      return status;
    if (++count > size)
      break;
  }
  return count == size ? BOCPY_DONE : raise_changed(dict);
}

static int put_dict(bocpy_encoder *encoder, PyObject *dict) {
  if (!BOCPY_FREE_THREADED)
    return put_pairs(encoder, dict);
  PyObject *copy = PyDict_Copy(dict);
  int status = copy ? put_pairs(encoder, copy) : BOCPY_FAILED;
  Py_XDECREF(copy);
  return status;
}

static int put_elements(bocpy_encoder *encoder, PyObject *set, enum bocpy_tag tag) {
  if (bocpy_put_head(&encoder->writer, tag, (size_t)PySet_GET_SIZE(set), 0) < 0)
    return BOCPY_FAILED;
  PyObject *iterator = PyObject_GetIter(set), *element;
  int status = iterator ? BOCPY_DONE : BOCPY_FAILED;
  while (status == BOCPY_DONE && (element = PyIter_Next(iterator))) {
    status = bocpy_encode_value(encoder, element);
    Py_DECREF(element);
  }
  Py_XDECREF(iterator);
  return status == BOCPY_DONE && PyErr_Occurred() ? BOCPY_FAILED : status;
}

static int put_frozenset(bocpy_encoder *encoder, PyObject *set) {
  return put_elements(encoder, set, TAG_FROZENSET);
}

static int put_set(bocpy_encoder *encoder, PyObject *set) {
  if (!BOCPY_FREE_THREADED)
    return put_elements(encoder, set, TAG_SET);
  PyObject *copy = PyFrozenSet_New(set);
  int status = copy ? put_elements(encoder, copy, TAG_SET) : BOCPY_FAILED;
  Py_XDECREF(copy);
  return status;
}

static int put_bytearray(bocpy_encoder *encoder, PyObject *bytes) {
  int status;
  Py_BEGIN_CRITICAL_SECTION(bytes);
  size_t size = (size_t)PyByteArray_GET_SIZE(bytes);
  status = bocpy_put_head(&encoder->writer, TAG_BYTEARRAY, size, size);
  if (status == 0)
    bocpy_put(&encoder->writer, PyByteArray_AS_STRING(bytes), size);
  Py_END_CRITICAL_SECTION();
  return status;
}

static int put_three(bocpy_encoder *encoder, enum bocpy_tag tag,
                     PyObject *const *parts) {
  if (bocpy_reserve(&encoder->writer, 1) < 0)
    return BOCPY_FAILED;
  bocpy_put_byte(&encoder->writer, tag);
  int status = BOCPY_DONE;
  for (int i = 0; i < 3 && status == BOCPY_DONE; i++)
    status = bocpy_encode_value(encoder, parts[i]);
  return status;
}

static int put_slice(bocpy_encoder *encoder, PyObject *value) {
  PySliceObject *slice = (PySliceObject *)value;
  PyObject *parts[] = {slice->start, slice->stop, slice->step};
  return put_three(encoder, TAG_SLICE, parts);
}

static int put_range(bocpy_encoder *encoder, PyObject *range) {
  static const char *const names[] = {"start", "stop", "step"};
  PyObject *parts[3] = {NULL};
  int status = BOCPY_DONE;
  for (int i = 0; i < 3 && status == BOCPY_DONE; i++)
    if (!(parts[i] = PyObject_GetAttrString(range, names[i])))
      status = BOCPY_FAILED;
  if (status == BOCPY_DONE)
    status = put_three(encoder, TAG_RANGE, parts);
  for (int i = 0; i < 3; i++)
    Py_XDECREF(parts[i]);
  return status;
}

/* ---- cowns and instances --------------------------------------------------------- */

int bocpy_encoder_refer(bocpy_encoder *encoder, boc_cown *core, uint32_t *out_index) {
  if (encoder->cown_count == encoder->cown_capacity) {
    uint32_t capacity = encoder->cown_capacity ? 2 * encoder->cown_capacity : 4;
    boc_cown **cowns = PyMem_RawRealloc(encoder->cowns, capacity * sizeof(boc_cown *));
    if (!cowns) {
      PyErr_NoMemory();
      return -1;
    }
    encoder->cowns = cowns;
    encoder->cown_capacity = capacity;
  }
  *out_index = encoder->cown_count;
  encoder->cowns[encoder->cown_count++] = boc_cown_hold(core);
  return 0;
}

static int put_cown(bocpy_encoder *encoder, PyObject *cown) {
  uint32_t index;
  if (bocpy_encoder_refer(encoder, bocpy_cown_core(cown), &index) < 0)
    return BOCPY_FAILED;
  return bocpy_put_number(encoder, TAG_COWN, index);
}

/* The values of `dict`, which has the keys of `layout`. */
static int put_attributes(bocpy_encoder *encoder, PyObject *dict,
                          const bocpy_layout *layout) {
  Py_ssize_t at = 0;
  PyObject *name, *value;
  for (uint32_t i = 0; i < layout->shape->count; i++) {
    if (!PyDict_Next(dict, &at, &name, &value) || name != layout->names[i])
      return raise_changed(dict);
    int status = bocpy_encode_value(encoder, value);
    if (status != BOCPY_DONE)
      return status;
  }
  return BOCPY_DONE;
}

static int put_state(bocpy_encoder *encoder, bocpy_class *known, PyObject *value,
                     PyObject *dict) {
  /* Pickle keeps the identity of an object without attributes. */
  if (!PyDict_GET_SIZE(dict) && bocpy_instance_may_be_shared(value))
    return BOCPY_UNKNOWN;
  const bocpy_layout *layout = bocpy_class_layout(encoder->state, known, dict);
  const bocpy_shape *shape = layout ? layout->shape : known->place.shape;
  if (bocpy_put_number(encoder, TAG_INSTANCE, shape->id) < 0)
    return BOCPY_FAILED;
  return layout ? put_attributes(encoder, dict, layout) : put_pairs(encoder, dict);
}

/* A new reference to what is in slot `i`; NULL in *out_part if nothing is. */
static int slot_read(PyObject *value, const bocpy_layout *layout, uint32_t i,
                     PyObject **out_part) {
  Py_ssize_t offset = bocpy_slot_offsets(layout->names, layout->shape->count)[i];
  PyObject **place = bocpy_slot_at(value, offset);
  if (!place)
    return PyObject_GetOptionalAttr(value, layout->names[i], out_part);
  *out_part = Py_XNewRef(*place);
  return 0;
}

/* The values of the slots that `layout` names. */
static int put_slots(bocpy_encoder *encoder, PyObject *value,
                     const bocpy_layout *layout) {
  int status = bocpy_put_number(encoder, TAG_INSTANCE, layout->shape->id);
  for (uint32_t i = 0; i < layout->shape->count && status == BOCPY_DONE; i++) {
    PyObject *part;
    if (slot_read(value, layout, i, &part) < 0 ||
        bocpy_reserve(&encoder->writer, 1) < 0)
      return BOCPY_FAILED;
    if (part)
      status = bocpy_encode_value(encoder, part);
    else
      bocpy_put_byte(&encoder->writer, TAG_UNSET);
    Py_XDECREF(part);
  }
  return status;
}

/* BOCPY_DONE if the receiver can find the class. */
static int require_class(bocpy_encoder *encoder, bocpy_class *known) {
  if (encoder->last_class == known)
    return BOCPY_DONE;
  int current = bocpy_place_has(&known->place, known->type);
  if (current <= 0)
    return current < 0 ? BOCPY_FAILED : BOCPY_UNKNOWN;
  encoder->last_class = known;
  encoder->needs_classes = true;
  return BOCPY_DONE;
}

static int put_instance(bocpy_encoder *encoder, PyObject *value) {
  bocpy_class *known = bocpy_class_of(encoder->state, Py_TYPE(value));
  if (!known)
    return BOCPY_FAILED;
  if (known->encoding == BOCPY_ENCODING_SLOTTED)
    return put_slots(encoder, value, known->layouts[0]);
  PyObject *dict = PyObject_GenericGetDict(value, NULL);
  if (dict && BOCPY_FREE_THREADED)
    Py_SETREF(dict, PyDict_Copy(dict));
  int status = dict ? put_state(encoder, known, value, dict) : BOCPY_FAILED;
  Py_XDECREF(dict);
  return status;
}

static int put_hooked(bocpy_encoder *encoder, PyObject *value) {
  const bocpy_hooked *hooked = bocpy_hooked_of(encoder->state, Py_TYPE(value));
  return bocpy_encode_hooked(encoder, value, hooked);
}

static int encode_by_class(bocpy_encoder *encoder, PyObject *value) {
  bocpy_class *known = bocpy_class_of(encoder->state, Py_TYPE(value));
  if (!known || known->encoding == BOCPY_ENCODING_PICKLED)
    return known ? BOCPY_UNKNOWN : BOCPY_FAILED;
  int status = require_class(encoder, known);
  if (status != BOCPY_DONE)
    return status;
  switch (known->encoding) {
  case BOCPY_ENCODING_NAMED:
    return encode_memo_after(encoder, value, bocpy_put_named);
  case BOCPY_ENCODING_REDUCED:
    return encode_memo_after(encoder, value, bocpy_put_reduced);
  case BOCPY_ENCODING_ARRAY:
    return encode_memo(encoder, value, bocpy_put_array);
  case BOCPY_ENCODING_EXCEPTION:
    return encode_memo(encoder, value, bocpy_put_exception);
  default:
    return encode_memo(encoder, value, put_instance);
  }
}

/* If no extension has registered a type here, bocpy_hooked_of answers at once. */
static int encode_instance(bocpy_encoder *encoder, PyObject *value) {
  const bocpy_hooked *hooked = bocpy_hooked_of(encoder->state, Py_TYPE(value));
  if (!hooked)
    return encode_by_class(encoder, value);
  return hooked->hooks.encode ? encode_memo_after(encoder, value, put_hooked)
                              : encode_memo(encoder, value, put_hooked);
}

/* ---- the walk -------------------------------------------------------------------- */

static int put_shared(bocpy_encoder *encoder, PyObject *value) {
  return bocpy_encode_container(encoder, value, encoder->shared);
}

/* A tuple or frozenset that is encoded once for all buffers that refer to it.
 * BOCPY_UNKNOWN, with nothing written: it is none. */
static int encode_shared(bocpy_encoder *encoder, PyObject *value) {
  if (encoder->apart || !bocpy_is_large_container(value))
    return BOCPY_UNKNOWN;
  bocpy_encoding *encoding;
  int status = bocpy_encoding_of(encoder, value, &encoding);
  if (status != BOCPY_DONE)
    return status;
  encoder->shared = encoding;
  status = encode_memo(encoder, value, put_shared);
  bocpy_encoding_drop(encoding);
  return status;
}

static int encode_parts(bocpy_encoder *encoder, PyObject *value) {
  PyTypeObject *type = Py_TYPE(value);
  if (type == &PyTuple_Type || type == &PyFrozenSet_Type) {
    int status = encode_shared(encoder, value);
    if (status != BOCPY_UNKNOWN)
      return status;
  }
  if (type == &PyDict_Type)
    return encode_memo(encoder, value, put_dict);
  if (type == &PyList_Type)
    return encode_memo(encoder, value, put_list);
  if (type == &PyTuple_Type)
    return PyTuple_GET_SIZE(value) ? encode_memo_after(encoder, value, put_tuple)
                                   : put_tuple(encoder, value);
  if (type == &PySet_Type)
    return encode_memo(encoder, value, put_set);
  if (type == &PyFrozenSet_Type)
    return encode_memo_after(encoder, value, put_frozenset);
  if (type == &PyByteArray_Type)
    return encode_memo(encoder, value, put_bytearray);
  if (type == &PySlice_Type)
    return encode_memo_after(encoder, value, put_slice);
  if (type == &PyRange_Type)
    return encode_memo_after(encoder, value, put_range);
  if (bocpy_cown_core(value))
    return encode_memo(encoder, value, put_cown);
  if (type == &PyMemoryView_Type)
    return encode_memo_after(encoder, value, bocpy_put_view);
  return encode_instance(encoder, value);
}

static int put_immutable(bocpy_encoder *encoder, PyObject *value) {
  return bocpy_encode_immutable(encoder, value);
}

static inline bool is_big_scalar(PyObject *value) {
  if (PyLong_CheckExact(value))
    return false;
  if (PyUnicode_CheckExact(value))
    return PyUnicode_GET_LENGTH(value) >= BIG_SCALAR;
  return PyBytes_CheckExact(value) && PyBytes_GET_SIZE(value) >= BIG_SCALAR;
}

int bocpy_encode_value(bocpy_encoder *encoder, PyObject *value) {
  if (is_big_scalar(value)) {
    if (!encoder->apart && bocpy_is_large_immutable(value))
      return encode_memo(encoder, value, put_immutable);
    if (encoder->depth)
      return encode_memo(encoder, value, put_scalar);
  }
  int status = bocpy_encode_scalar(&encoder->writer, value);
  if (status != BOCPY_UNKNOWN || encoder->depth == BOCPY_DEPTH_MAX)
    return status;
  encoder->depth++;
  status = encode_parts(encoder, value);
  encoder->depth--;
  return status;
}

/* ---- the call -------------------------------------------------------------------- */

void bocpy_encoder_forget_cowns(bocpy_encoder *encoder) {
  while (encoder->cown_count)
    boc_cown_drop(encoder->cowns[--encoder->cown_count]);
}

void bocpy_encoder_forget_immutables(bocpy_encoder *encoder) {
  bocpy_immutables_drop(encoder->immutables, encoder->immutable_count);
  encoder->immutable_count = 0;
}

/* Sets field by field: most of an encoder need not be cleared, and small values must be
 * fast. */
static int encoder_init(bocpy_encoder *encoder) {
  encoder->state = bocpy_codec_state_get();
  if (!encoder->state)
    return -1;
  encoder->writer.bytes = encoder->first;
  encoder->writer.size = 0;
  encoder->writer.capacity = sizeof encoder->first;
  encoder->writer.buffer = NULL;
  encoder->writer.fixed = false;
  encoder->depth = 0;
  encoder->needs_classes = false;
  encoder->last_class = NULL;
  encoder->cowns = NULL;
  encoder->cown_count = encoder->cown_capacity = 0;
  encoder->natives = NULL;
  encoder->native_count = encoder->native_capacity = 0;
  encoder->immutables = NULL;
  encoder->immutable_count = encoder->immutable_capacity = 0;
  encoder->lends = encoder->held = encoder->apart = false;
  encoder->keys_used = 0;
  encoder->outer = NULL;
  bocpy_memo_init(&encoder->memo);
  return 0;
}

static void encoder_fini(bocpy_encoder *encoder) {
  if (encoder->memo.count)
    bocpy_memo_fini(&encoder->memo);
  for (unsigned slot = 0; encoder->keys_used; slot++, encoder->keys_used >>= 1)
    if (encoder->keys_used & 1)
      Py_DECREF(encoder->keys[slot]);
  if (encoder->cowns) {
    bocpy_encoder_forget_cowns(encoder);
    PyMem_RawFree(encoder->cowns);
  }
  if (encoder->natives) {
    bocpy_encoder_forget_natives(encoder);
    PyMem_RawFree(encoder->natives);
  }
  if (encoder->immutables) {
    bocpy_encoder_forget_immutables(encoder);
    PyMem_RawFree(encoder->immutables);
  }
  if (encoder->writer.buffer)
    bocpy_writer_fini(&encoder->writer);
}

static int encoder_finish(bocpy_encoder *encoder, bocpy_buffer **out_buffer) {
  bocpy_buffer *buffer = bocpy_writer_finish(&encoder->writer);
  if (!buffer)
    return -1;
  buffer->cowns = encoder->cowns;
  buffer->cown_count = encoder->cown_count;
  buffer->needs_classes = encoder->needs_classes;
  encoder->cowns = NULL;
  encoder->cown_count = 0;
  buffer->immutables = encoder->immutables;
  buffer->immutable_count = encoder->immutable_count;
  encoder->immutables = NULL;
  encoder->immutable_count = 0;
  if (bocpy_encoder_move(encoder, buffer) < 0) {
    bocpy_buffer_free(buffer);
    return -1;
  }
  *out_buffer = buffer;
  return 0;
}

static int encoder_write_all(bocpy_encoder *encoder, PyObject *value,
                             const char *root) {
  int status = bocpy_encode_value(encoder, value);
  if (status != BOCPY_UNKNOWN)
    return status;
  bocpy_encoder_forget_cowns(encoder);
  bocpy_encoder_forget_natives(encoder);
  bocpy_encoder_forget_immutables(encoder);
  encoder->writer.size = 0;
  return bocpy_encode_pickle(encoder, value, root);
}

static int encode_to_buffer(PyObject *value, const char *root, bool lends, bool held,
                            bocpy_buffer **out_buffer) {
  bocpy_encoder encoder;
  if (encoder_init(&encoder) < 0)
    return -1;
  encoder.lends = lends;
  encoder.held = held;
  int status = encoder_write_all(&encoder, value, root);
  if (status == BOCPY_DONE && out_buffer)
    status = encoder_finish(&encoder, out_buffer);
  encoder_fini(&encoder);
  return status;
}

int bocpy_encode(PyObject *value, const char *root, bocpy_buffer **out_buffer) {
  return encode_to_buffer(value, root, false, false, out_buffer);
}

int bocpy_encode_held(PyObject *value, const char *root, bocpy_buffer **out_buffer) {
  return encode_to_buffer(value, root, false, true, out_buffer);
}

int bocpy_encode_lent(PyObject *value, const char *root, bocpy_buffer **out_buffer) {
  return encode_to_buffer(value, root, true, true, out_buffer);
}

int bocpy_encode_apart(PyObject *value, bocpy_buffer **out_buffer) {
  bocpy_encoder encoder;
  if (encoder_init(&encoder) < 0)
    return -1;
  encoder.apart = true;
  int status = encoder_write_all(&encoder, value, "value");
  if (status == BOCPY_DONE)
    status = encoder_finish(&encoder, out_buffer);
  encoder_fini(&encoder);
  return status;
}

int bocpy_encode_tried(PyObject *value, const char *root) {
  return encode_to_buffer(value, root, true, false, NULL);
}
