/* Shapes: classes whose instances consist of their attributes alone, and the layouts of
 * these attributes, under numbers that all interpreters of the process share.
 *
 * A *shape* is a reference to a class, as bocpy._ship gives it (a module and a
 * qualified name, or a token), and a sequence of attribute names; it belongs to the
 * process, is never changed and never freed. The codec writes its number and the
 * attributes' values. A *class* is one interpreter's record of a type: whether its
 * instances are plain, and the shapes met. A *resolved* shape is one interpreter's
 * record of a number: the type, and the interned names.
 *
 * An instance is plain if pickle would do the same: object's own reduction, a dict and
 * perhaps weak references as its only storage, no attribute hooks, and a type that
 * bocpy._ship has a reference for. Decided once per type.
 *
 * Threads: a class and a resolved shape belong to an interpreter; see codec.h's mutex.
 */
#ifndef BOCPY_SHAPES_H
#define BOCPY_SHAPES_H

#include "codec.h"

#include <stdbool.h>
#include <stdint.h>

#define BOCPY_ATTRIBUTES_MAX 64u /* the most attributes of a shape that names them */
#define BOCPY_CLASS_SHAPES                                                             \
  8u /* a class with more shapes writes the names with each instance */
#define BOCPY_SHAPES_MAX 65536u /* the most shapes of a process */
/* attribute count of a shape that does not name its attributes */
#define BOCPY_ANY UINT32_MAX
/* attribute count of a shape whose instances are made by a call */
#define BOCPY_WHOLE (UINT32_MAX - 1)

/* How instances of a type are encoded. The numbers are those of
 * _codec/class_encodings.py. */
typedef enum bocpy_class_encoding {
  BOCPY_ENCODING_PICKLED,  /* by pickle */
  BOCPY_ENCODING_PLAIN,    /* the __dict__ */
  BOCPY_ENCODING_SLOTTED,  /* the slots */
  BOCPY_ENCODING_NAMED,    /* the fields of a named tuple */
  BOCPY_ENCODING_REDUCED,  /* arguments for a call of the type, perhaps items */
  BOCPY_ENCODING_ARRAY,    /* array.array: the type code and the bytes */
  BOCPY_ENCODING_EXCEPTION /* the arguments, the __dict__ and the cause */
} bocpy_class_encoding;

typedef struct bocpy_shape {
  uint32_t id;
  uint32_t count;        /* of attributes, BOCPY_ANY or BOCPY_WHOLE */
  const char *reference; /* "module:qualname", or a token without a colon */
  const char *names[];   /* UTF-8, as the reference */
} bocpy_shape;

/* The shape with that content; makes it if there is none. NULL with MemoryError, or
 * with OverflowError at the limit. */
const bocpy_shape *bocpy_shape_intern(const char *reference, uint32_t count,
                                      const char *const *names);
const bocpy_shape *bocpy_shape_at(uint32_t id);

/* The number of attributes that the shape names. */
static inline uint32_t bocpy_shape_named(uint32_t count) {
  return count >= BOCPY_WHOLE ? 0 : count;
}

/* Makes the process's table usable. By the first interpreter, before any other. */
int bocpy_shapes_init(void);

/* Where one interpreter finds the type of a shape. A token always stands for the same
 * type; a module, and what a name in it refers to, can be replaced. */
typedef struct bocpy_place {
  const bocpy_shape *shape;
  PyObject *module_name, *module; /* held; NULL if the reference is a token */
  PyObject *name; /* held; NULL if the type is not directly in the module */
} bocpy_place;

/* Fills in the place of `shape`; imports its module if necessary (as pickle would, with
 * its exceptions). -1 with an exception. */
int bocpy_place_init(bocpy_place *place, const bocpy_shape *shape);
/* A new reference to the object that is found there, or NULL with an exception. */
PyObject *bocpy_place_type(const bocpy_place *place, bocpy_codec_state *state);
/* Whether the place still has that type: 1, 0, or -1 with an exception. */
int bocpy_place_has(const bocpy_place *place, PyTypeObject *type);
int bocpy_place_traverse(const bocpy_place *place, visitproc visit, void *arg);
void bocpy_place_fini(bocpy_place *place);

/* The attributes that a shape names, as one interpreter's own str objects. */
typedef struct bocpy_layout {
  const bocpy_shape *shape;
  PyObject *names[]; /* held; compared by address */
  /* Of SLOTTED, the offset of each slot in an instance follows the names. */
} bocpy_layout;

typedef struct bocpy_class {
  PyTypeObject *type; /* alive if `ref` is */
  PyObject *ref;      /* a weak reference */
  bocpy_class_encoding encoding;
  bool pickles;     /* pickle has accepted an instance before */
  bool by_protocol; /* `reduce` takes the protocol of pickle */
  PyObject *reduce; /* held: the method, if REDUCED */
  const struct bocpy_hooked
      *hooked; /* the hooks that its module has registered (extension.h) */
  bocpy_place place;
  uint32_t layout_count;
  /* for SLOTTED, the first is the only one */
  bocpy_layout *layouts[BOCPY_CLASS_SHAPES];
} bocpy_class;

/* This interpreter's record of `type`. NULL with an exception. */
bocpy_class *bocpy_class_of(bocpy_codec_state *state, PyTypeObject *type);
/* Notes that its module has registered hooks for it. 0, or -1 with an exception. Calls
 * no Python code, so that importing an extension module does not import what ships
 * classes. */
int bocpy_class_hook(bocpy_codec_state *state, PyTypeObject *type,
                     const struct bocpy_hooked *hooked);

/* Whether instances are made by a call of the type. */
static inline bool bocpy_class_is_whole(const bocpy_class *known) {
  return known->encoding >= BOCPY_ENCODING_NAMED;
}

/* Whether pickle has accepted an instance before; notes that it has if `seen`. */
bool bocpy_class_pickles(bocpy_codec_state *state, bocpy_class *known, bool seen);

/* The layout of an instance with the attributes `dict`. NULL, without an exception, if
 * it has none: the names are written with the instance. */
const bocpy_layout *bocpy_class_layout(bocpy_codec_state *state, bocpy_class *known,
                                       PyObject *dict);

int bocpy_classes_traverse(bocpy_codec_state *state, visitproc visit, void *arg);
void bocpy_classes_clear(bocpy_codec_state *state);

typedef struct bocpy_resolved_shape {
  const bocpy_shape *shape;
  PyTypeObject *type; /* held */
  bocpy_place place;
  bool through_dict; /* an attribute has the name of a data descriptor */
  struct bocpy_resolved_shape *next;
  PyObject *names[]; /* held, interned; the offsets of slots follow */
} bocpy_resolved_shape;

/* The bytes that `count` names, and the offsets behind them, take. */
static inline size_t bocpy_slots_size(size_t count) {
  return count * (sizeof(PyObject *) + sizeof(Py_ssize_t));
}

/* The offsets behind the names of slots. */
static inline Py_ssize_t *bocpy_slot_offsets(PyObject *const *names, uint32_t count) {
  return (Py_ssize_t *)(uintptr_t)(names + count);
}

/* The offset of a slot in instances of exactly that type; 0 if only attribute access
 * knows it. Never fails. */
Py_ssize_t bocpy_slot_offset(PyTypeObject *type, PyObject *name);

/* Where the object in the slot is; NULL without an offset, and without a GIL, where
 * other threads may write it. */
static inline PyObject **bocpy_slot_at(PyObject *instance, Py_ssize_t offset) {
  return BOCPY_FREE_THREADED || !offset
             ? NULL
             : (PyObject **)(uintptr_t)((char *)instance + offset);
}

/* The shape of that number in this interpreter, or NULL with an exception (as pickle
 * would raise; TypeError for a type that is not bare). Valid while the state lives. */
const bocpy_resolved_shape *bocpy_resolve_shape(bocpy_codec_state *state, uint32_t id);

int bocpy_resolved_shapes_traverse(bocpy_codec_state *state, visitproc visit,
                                   void *arg);
void bocpy_resolved_shapes_clear(bocpy_codec_state *state);

/* Whether object.__new__ makes instances of the type that consist of a dict alone; or
 * of that many slots alone. */
bool bocpy_type_is_bare(PyTypeObject *type);
bool bocpy_type_is_slotted(PyTypeObject *type, uint32_t slots);

/* Whether others may refer to an instance that its container and the encoder's walk
 * hold. One that has a token (_ship/sentinels.py) has a weak reference. */
bool bocpy_instance_may_be_shared(PyObject *value);

#endif
