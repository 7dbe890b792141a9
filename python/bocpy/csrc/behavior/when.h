/* When: scheduling a Python function over cowns.
 *
 * `when(*cowns)` is a C function that returns a decorator, an object of a C type;
 * calling that schedules. What a behavior is to do travels in its environment, a
 * bocpy_call.
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
 * A million behaviors may wait at once, so what few of them need has no room in all.
 * Behind the call lie its parts, one after the other:
 *
 *   by reference   bocpy_local; if handed, a handle for each cown
 *   else           nothing; or the captures: encoded bytes, or one bocpy_buffer *
 *   if grouped     one int32_t for each item: -1, or the number of cowns in the group
 */
typedef struct bocpy_call {
  const bocpy_code *code;
  uint32_t items;      /* arguments made of cowns */
  uint32_t cowns;      /* of all items; the result is the cown after them */
  uint32_t positional; /* captures that go after the cowns */
  uint16_t extra;      /* and before them */
  uint16_t keywords;   /* captures passed by name: a tuple of names, then values */
  uint16_t cells;      /* contents of the function's closure, each in a tuple: () if
                        empty */
  uint8_t carried;     /* what the captures are: enum below */
  uint8_t size;        /* of the encoded bytes */
  bool local : 1;      /* goes by reference */
  bool handed : 1;     /* and has its handles with it */
  bool grouped : 1;    /* there is a shape */
  bool reads : 1;      /* some cowns are for reading */
  bool counted : 1;    /* `code` is to be dropped */
  bool globals : 1;    /* the last capture is a snapshot of globals (overlay.h) */
  bool timed : 1;      /* timer.h knows of it */
} bocpy_call;

/* Of a call that goes by reference. */
typedef struct bocpy_local {
  PyObject *objects;  /* the captures, or NULL */
  PyObject *context;  /* the variables that the body sees; NULL: none */
  PyObject *function; /* what is called; NULL: what all calls share (code.h) */
  PyObject *handles[];
} bocpy_local;

enum {
  BOCPY_CARRY_NOTHING,
  BOCPY_CARRY_INLINE,
  BOCPY_CARRY_BUFFER,
  BOCPY_CARRY_OBJECTS
};

enum { BOCPY_WHEN_ARGS_FEW = 8 };

/* What a behavior is over: the arguments of `when`, flattened. */
typedef struct bocpy_when_args {
  const char *what; /* an argument of the call, for errors: "when() argument" */
  uint32_t items, cowns;
  int32_t *shape;     /* NULL: every item is one cown */
  PyObject **handles; /* Cowns, owned */
  bool *modes;        /* a cown each: whether it is for reading */
  bool reads;         /* some are */
  bool pinned;        /* some cowns are pinned: the main thread runs it */
  bool special; /* some handles are more than handles: body and caller share them */
  bocpy_due due;
  /* where all these are if they fit */
  PyObject *few[BOCPY_WHEN_ARGS_FEW];
  int32_t few_items[BOCPY_WHEN_ARGS_FEW];
  bool few_modes[BOCPY_WHEN_ARGS_FEW];
} bocpy_when_args;

/* Fills `when_args` from `count` arguments, of which errors speak as `what`. -1 with
 * TypeError naming the position. */
int bocpy_when_args_init(bocpy_when_args *when_args, bocpy_state *state,
                         const char *what, PyObject *const *args, Py_ssize_t count);

/* A tuple of one object for each item, from `at`; a list of them for a group. NULL with
 * an exception. */
PyObject *bocpy_when_args_in_shape(const bocpy_when_args *when_args,
                                   PyObject *(*at)(void *ctx, uint32_t i), void *ctx);
void bocpy_when_args_fini(bocpy_when_args *when_args);

/* _set_propagating(): has bocpy._context asked for variables at each scheduling. */
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

/* How many bytes lie between the call and its shape. */
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

/* The cown of what read() returns (borrowed), or NULL: `object` is something else. */
PyObject *bocpy_reading_cown(bocpy_state *state, PyObject *object);

#endif
