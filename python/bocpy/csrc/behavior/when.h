/* When: scheduling a Python function over cowns.
 *
 * `when(*cowns)` is a C function that returns a decorator, an object of a C type;
 * calling the decorator schedules. The environment of a behavior, a bocpy_call, says
 * what to do.
 */
#ifndef BOCPY_WHEN_H
#define BOCPY_WHEN_H

#include "cown.h"
#include "timer.h"

#include <boc/behavior.h>

#define BOCPY_CALL_INLINE 40

/* A behavior goes *by reference* if it runs in the interpreter that it was scheduled
 * in: with backend `threads`, and if the main interpreter schedules over a pinned cown.
 */

/* The environment of a behavior. The function is called with
 *   extra..., one argument per item, positional..., keywords
 * where an item is a cown, or a list of cowns if it is a group. The captures are one
 * tuple: extra..., positional..., [names and values of keywords], [contents of the
 * cells]
 *
 * A million behaviors may wait at once, so a bocpy_call has no room for what only few
 * of them need. Such parts follow the call, one after the other:
 *
 *   by reference   bocpy_local; if handed, a handle for each cown
 *   else           nothing; or the captures: encoded bytes, or one bocpy_buffer *
 *   if grouped     one int32_t for each item: -1, or the number of cowns in the group
 */
typedef struct bocpy_call {
  const bocpy_code *code;
  uint32_t items;      /* arguments made of cowns */
  uint32_t cowns;      /* of all items; the result is one more cown after them */
  uint32_t positional; /* how many captures go after the cowns */
  uint16_t extra;      /* how many go before them */
  uint16_t keywords;   /* how many are passed by name: a tuple of names, then values */
  uint16_t cells;      /* contents of the function's closure, each in a tuple: () if
                        empty */
  uint8_t carried;     /* the representation of the captures: enum below */
  uint8_t size;        /* of the encoded bytes */
  bool local : 1;      /* goes by reference */
  bool handed : 1;     /* the call includes handles of its cowns */
  bool grouped : 1;    /* the call has a shape */
  bool reads : 1;      /* some cowns are for reading */
  bool counted : 1;    /* `code` has a reference to drop */
  bool globals : 1; /* the last capture is a snapshot of globals (globals_snapshot.h) */
  bool timed : 1;   /* timer.h knows of it */
} bocpy_call;

/* Of a call that goes by reference. */
typedef struct bocpy_local {
  PyObject *objects; /* the captures, or NULL */
  PyObject *context; /* the context variables that the body sees, or NULL */
  /* the object to call; NULL for the function that all calls share (code.h) */
  PyObject *function;
  PyObject *handles[];
} bocpy_local;

enum {
  BOCPY_CARRY_NOTHING,
  BOCPY_CARRY_INLINE,
  BOCPY_CARRY_BUFFER,
  BOCPY_CARRY_OBJECTS
};

enum { BOCPY_WHEN_ARGS_FEW = 8 };

/* The cowns of a behavior: the arguments of `when`, flattened. */
typedef struct bocpy_when_args {
  const char *what; /* the name of an argument, for errors: "when() argument" */
  uint32_t items, cowns;
  int32_t *shape;     /* NULL if every item is one cown */
  PyObject **handles; /* Cowns, owned */
  bool *modes;        /* for each cown, whether it is only read */
  bool reads;         /* some cowns are only read */
  bool pinned;        /* some cowns are pinned, so the main thread runs the behavior */
  bool special; /* some handles have state of their own, which body and caller share */
  bocpy_due due;
  /* the arrays are here if they fit */
  PyObject *few[BOCPY_WHEN_ARGS_FEW];
  int32_t few_items[BOCPY_WHEN_ARGS_FEW];
  bool few_modes[BOCPY_WHEN_ARGS_FEW];
} bocpy_when_args;

/* Fills `when_args` from `count` arguments, which errors call `what`. -1 with a
 * TypeError that names the position. */
int bocpy_when_args_init(bocpy_when_args *when_args, bocpy_state *state,
                         const char *what, PyObject *const *args, Py_ssize_t count);

enum { BOCPY_CALL_NAME_MAX = 16 };

/* The name of the call in `what`, as "when() argument", in `room`. */
const char *bocpy_call_name(const char *what, char room[BOCPY_CALL_NAME_MAX]);

/* -1 with a TypeError that names the call if the object is not callable. */
int bocpy_when_args_check_body(const bocpy_when_args *when_args, PyObject *body);

/* A tuple with one object for each item, from `at` on; a list of them for a group. NULL
 * with an exception. */
PyObject *bocpy_when_args_in_shape(const bocpy_when_args *when_args,
                                   PyObject *(*at)(void *ctx, uint32_t i), void *ctx);
void bocpy_when_args_fini(bocpy_when_args *when_args);

/* _set_propagating(): makes each scheduling ask bocpy._context for variables. */
PyObject *bocpy_set_propagating(PyObject *module, PyObject *unused);

static inline bocpy_local *bocpy_call_local(bocpy_call *call) {
  return (bocpy_local *)(call + 1);
}

static inline unsigned char *bocpy_call_bytes(bocpy_call *call) {
  return (unsigned char *)(call + 1);
}

static inline bocpy_buffer **bocpy_call_buffer(bocpy_call *call) {
  return (bocpy_buffer **)(call + 1);
}

/* The number of bytes between the call and its shape. */
static inline size_t bocpy_call_parts(const bocpy_call *call) {
  if (call->local)
    return sizeof(bocpy_local) + (call->handed ? call->cowns * sizeof(PyObject *) : 0);
  if (call->carried == BOCPY_CARRY_INLINE)
    return (call->size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
  return call->carried == BOCPY_CARRY_BUFFER ? sizeof(bocpy_buffer *) : 0;
}

static inline int32_t *bocpy_call_shape(bocpy_call *call) {
  return (int32_t *)(bocpy_call_bytes(call) + bocpy_call_parts(call));
}

static inline size_t bocpy_call_env_size(const bocpy_call *call) {
  return sizeof(*call) + bocpy_call_parts(call) +
         (call->grouped ? call->items * sizeof(int32_t) : 0);
}

/* Ends a call's environment. */
void bocpy_call_clear(bocpy_call *call);

extern PyType_Spec bocpy_when_spec, bocpy_reading_spec;

/* Entries for the module's method table. */
PyObject *bocpy_when(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *bocpy_after(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *bocpy_at(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *bocpy_when_in(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *bocpy_whencall(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *bocpy_when_each(PyObject *module, PyObject *const *args, Py_ssize_t count);
PyObject *bocpy_read(PyObject *module, PyObject *cown);
extern const char bocpy_when_doc[], bocpy_whencall_doc[], bocpy_read_doc[],
    bocpy_after_doc[];

/* The cown in an object that read() returned (borrowed); NULL for other objects. */
PyObject *bocpy_reading_cown(bocpy_state *state, PyObject *object);

#endif
