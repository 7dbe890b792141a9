/* Value: what a cown holds, and how it gets from one interpreter to another.
 *
 *   kind      the content is                       who may take it
 *   NONE      None                                 any thread
 *   INLINE    a small immutable, encoded           any thread
 *   ENCODED   a buffer (codec.h)                   any thread
 *   BOXED     an object of a worker's interpreter  that interpreter; encoded for others
 *   OBJECT    an object of the main interpreter    that interpreter; encoded for others
 *
 * NONE, INLINE and ENCODED are neutral. A value stays BOXED where it was last used
 * until another interpreter needs it. In the main interpreter it stays an OBJECT only
 * if that has it twice in a row: workers that need it then have to wait for the main
 * interpreter's GIL. With backend `threads` every value is an OBJECT, and nothing is
 * ever encoded.
 *
 * Threads: functions are for the thread that holds the cown, attached to an
 *   interpreter, unless they say otherwise.
 * Invariants:
 *   1. A box is in the list of its slot; the list belongs to the thread that holds the
 *      GIL of the slot's interpreter.
 *   2. `box->value` changes under `deferred_lock` (value.c) once another thread may
 *      drop the cown.
 *   3. A value with a failure is neutral or an OBJECT.
 * Ordering:
 *   [R1] `rare` is published; [A1] other readers look for it.
 */
#ifndef BOCPY_VALUE_H
#define BOCPY_VALUE_H

#include "buffer.h"
#include "codec.h"
#include "worker_slot.h"

#define BOCPY_INLINE_CAPACITY 16
#define BOCPY_CIRCULAR 0x80000000u /* in `weight` */

typedef enum bocpy_kind {
  BOCPY_NONE,
  BOCPY_INLINE,
  BOCPY_ENCODED,
  BOCPY_BOXED,
  BOCPY_OBJECT
} bocpy_kind;

typedef struct bocpy_failure bocpy_failure;

/* What few values have. It is made when it is needed first, and stays until the value
 * ends. */
typedef struct bocpy_rare {
  /* of readers, until the next write (reader_copies.h) */
  _Atomic(bocpy_reader_copy *) copies;
  bocpy_failure *failure; /* not read by anybody yet (failure.h) */
} bocpy_rare;

struct bocpy_value {
  _Atomic(const bocpy_thread *) holder; /* who may look: a body's thread, or NULL */
  atomic_uchar kind;
  unsigned char size : 6;    /* of `bytes`, if INLINE */
  unsigned char failed : 1;  /* the content is an exception that a body raised */
  unsigned char at_home : 1; /* the main interpreter had it last, and no other since */
  bool pinned; /* an OBJECT that stays on the main thread (pinned.h); never changes, and
                  read by all: in no byte with what the holder writes */
  atomic_bool
      wanted; /* hint: readers elsewhere would like a buffer (reader_copies.h) */
  atomic_uint weight; /* of the last buffer: what moving it costs; the highest bit: it
                         refers to the value's own cown */
  _Atomic(bocpy_rare *) rare; /* NULL until it is needed */
  union {
    unsigned char bytes[BOCPY_INLINE_CAPACITY];
    bocpy_buffer *buffer;
    PyObject *object;
    struct {
      bocpy_box *box;
      bocpy_worker_slot *slot; /* the box's: may be compared when the box may be gone */
    };
  };
  /* hint: last over the cown, for errors (in_flight.h) */
  _Atomic(const bocpy_code *) scheduled;
};

static inline bocpy_kind bocpy_value_kind(const bocpy_value *value) {
  /* relaxed (owner): the holder is the only writer, but for a worker that stops */
  return (bocpy_kind)atomic_load_explicit(&value->kind, memory_order_relaxed);
}

static inline void bocpy_value_set_kind(bocpy_value *value, bocpy_kind kind) {
  atomic_store_explicit(&value->kind, (unsigned char)kind, memory_order_relaxed);
}

/* Whether the calling thread holds the cown of `value`. Any thread. */
static inline bool bocpy_value_held(const bocpy_value *value) {
  /* relaxed (owner): only the thread itself can have written its own address */
  return atomic_load_explicit(&value->holder, memory_order_relaxed) == &bocpy_self;
}

static inline void bocpy_value_hold(bocpy_value *value, const bocpy_thread *holder) {
  atomic_store_explicit(&value->holder, holder, memory_order_relaxed);
}

/* NULL if the value has none. Any thread. */
static inline bocpy_rare *bocpy_value_rare(const bocpy_value *value) {
  return atomic_load_explicit(&value->rare, memory_order_acquire); /* [A1] */
}

/* The same, made if need be: NULL without memory. For any number of readers at once. */
bocpy_rare *bocpy_value_need_rare(bocpy_value *value);

/* The record of an exception that nobody has read yet, or NULL. */
static inline bocpy_failure *bocpy_value_failure(const bocpy_value *value) {
  const bocpy_rare *rare = bocpy_value_rare(value);
  return rare ? rare->failure : NULL;
}

/* Whether readers have left copies. By whoever holds the cown for writing, or ends
 * it. */
static inline bool bocpy_value_has_copies(const bocpy_value *value) {
  const bocpy_rare *rare = bocpy_value_rare(value);
  return rare && atomic_load_explicit(&rare->copies, memory_order_relaxed); /* owner */
}

/* Gives up the copies that readers have kept. By whoever holds the cown for writing, or
 * ends it. */
void bocpy_value_drop_copies(bocpy_value *value);

static inline void bocpy_value_hold_to_write(bocpy_value *value) {
  if (bocpy_value_has_copies(value)) {
    bocpy_value_drop_copies(value);
    value->at_home = false;
  }
  bocpy_value_hold(value, &bocpy_self);
}

/* Fast path: whether the content is an int of 32 bits, as most counters are. */
static inline bool bocpy_value_is_int(const bocpy_value *value) {
  return bocpy_value_kind(value) == BOCPY_INLINE && bocpy_inline_is_int(value->bytes);
}

/* Such a content, as a new object; NULL with MemoryError. */
static inline PyObject *bocpy_value_get_int(const bocpy_value *value) {
  return PyLong_FromLong(bocpy_take_inline_int(value->bytes));
}

/* Whether the content can be replaced without freeing anything. */
static inline bool bocpy_value_is_plain(const bocpy_value *value) {
  return bocpy_value_kind(value) < BOCPY_ENCODED && !value->failed &&
         !bocpy_value_failure(value);
}

/* Replaces a plain content by an int of 32 bits. Returns false, with nothing changed,
 * for other contents and objects. */
static inline bool bocpy_value_set_int(bocpy_value *value, PyObject *object) {
  long long number;
  if (!PyLong_CheckExact(object) || !bocpy_value_is_plain(value) ||
      !bocpy_int_is_compact(object, &number) || (int32_t)number != number)
    return false;
  value->size = (unsigned char)bocpy_put_inline_int(value->bytes, (int32_t)number);
  bocpy_value_set_kind(value, BOCPY_INLINE);
  return true;
}

/* A new reference to the content, decoded or encoded first if need be; what was
 * decoded stays an object of this interpreter. NULL with an exception: the value holds
 * it too. */
PyObject *bocpy_value_get(bocpy_value *value);

/* Makes `object` the content. -1 with an exception (the path of what cannot be shipped,
 * beginning with `root`): the value is as it was. Clears `failed`. */
int bocpy_value_set(bocpy_value *value, PyObject *object, const char *root);

/* As bocpy_value_set, but the value gets a copy that is encoded at once, and so checked
 * completely. For threads that are no workers. */
int bocpy_value_set_copy(bocpy_value *value, PyObject *object, const char *root);

/* After bocpy_value_set_copy, if the value is not used after all: moves natives back
 * into their objects (codec.h). */
void bocpy_value_restore(bocpy_value *value, PyObject *origin);

/* Takes the content out: a new reference to it, and None stays behind. */
PyObject *bocpy_value_take(bocpy_value *value);

/* Makes it None. The content is dropped in the interpreter where it lives. */
void bocpy_value_clear(bocpy_value *value);

/* The object that is the content, if it lives in the interpreter that this thread is
 * attached to: borrowed, else NULL. For the garbage collector, which no behavior over
 * the cown can disturb. */
PyObject *bocpy_value_object_here(const bocpy_value *value);

/* The end of such a content, which is garbage. */
void bocpy_value_collect(bocpy_value *value);

/* Makes it None without giving anything up: another one has the content now. */
void bocpy_value_forget(bocpy_value *value);

/* Whether the content is a buffer that refers to the value's own cown: a hint, unless
 * the caller holds the cown. Any thread. */
bool bocpy_value_is_circular(const bocpy_value *value);

/* How often. By who holds the cown. */
uint32_t bocpy_value_count_own(const bocpy_value *value);

/* Notes what bocpy_value_is_circular tells, of a new buffer. */
void bocpy_value_note_buffer(bocpy_value *value, const bocpy_buffer *buffer);

/* Makes `exception` the content, `failed`. Steals the reference. Cannot fail. */
void bocpy_value_fail(bocpy_value *value, PyObject *exception);

/* Says whether the content counts as an exception that a body raised. */
int bocpy_value_set_failed(bocpy_value *value, bool failed);

/* Makes an object of the interpreter that this thread is attached to neutral. If it
 * turns out that it cannot be shipped, the exception takes its place and is reported.
 */
void bocpy_value_encode(bocpy_value *value);

/* The end of a hold by a thread of the main interpreter: encodes an OBJECT, unless no
 * other interpreter has had it since the last such hold. Pinned values stay. */
void bocpy_value_leave(bocpy_value *value);

/* The interpreter that the content lives in, or NULL if it is neutral. */
PyInterpreterState *bocpy_value_home(const bocpy_value *value);

/* Makes the content neutral from outside its interpreter: leaves this thread's, enters
 * that, and comes back. Waits for the other's GIL. */
void bocpy_value_borrow(bocpy_value *value);

/* The end of a value whose cown has no references left, and which has no failure that
 * is unread (cown_core.h sees to that). Any thread. */
void bocpy_value_drop(bocpy_value *value);

/* The end of a value whose content another one has now. */
void bocpy_value_end(bocpy_value *value);

/* ---- for reader_copies.c --------------------------------------------------------- */

/* Calls `what(value)` attached to the interpreter `home`, another one than this
 * thread's. Waits for its GIL. */
void bocpy_value_visit(bocpy_value *value, PyInterpreterState *home,
                       void (*what)(bocpy_value *value));

/* Encodes an object of this interpreter and leaves it whole. If it cannot be encoded: a
 * buffer of the exception, with `*failed` set, or NULL. */
bocpy_buffer *bocpy_value_encode_lent(PyObject *object, bool *failed);

/* ---- of workers ------------------------------------------------------------------ */

/* The end of a worker: makes all values that live in its slot neutral. Attached; nobody
 * holds any of the cowns. */
void bocpy_worker_slot_encode(bocpy_worker_slot *slot);

#endif
