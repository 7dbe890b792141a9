/* Notices: see notices.h. */
#include "notices.h"

#include "codec.h"
#include "distributed_hook.h"
#include "notice_cache.h"
#include "runtime.h"

#include <boc/noticeboard.h>

static boc_noticeboard *board;

/* ---- the board ------------------------------------------------------------------- */

static void notice_drop(void *ctx, void *payload) {
  (void)ctx;
  bocpy_notice_free(payload);
}

static int notices_make_board(void) {
  boc_noticeboard_options options = BOC_NOTICEBOARD_OPTIONS_INIT;
  options.drop = notice_drop;
  if (boc_noticeboard_new(&options, &board) == BOC_OK)
    return 0;
  PyErr_NoMemory();
  return -1;
}

int bocpy_notices_init(void) { return board ? 0 : notices_make_board(); }

/* The parent's board may be locked by a thread that the child does not have: the child
 * makes a new one and leaks the old. */
int bocpy_notices_forget(void) {
  bocpy_self.view = NULL;
  return notices_make_board();
}

static int notice_parse_key(PyObject *text, const char *what, boc_notice_key *out_key) {
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "%s: a notice's key must be a str, not '%s'", what,
                 Py_TYPE(text)->tp_name);
    return -1;
  }
  Py_ssize_t size;
  const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (!bytes)
    return -1;
  *out_key = (boc_notice_key){bytes, (size_t)size};
  if (memchr(bytes, 0, (size_t)size)) {
    PyErr_Format(PyExc_ValueError, "%s: a notice's key must have no NUL in it: %R",
                 what, text);
    return -1;
  }
  if (size <= (Py_ssize_t)BOC_NOTICE_KEY_MAX)
    return 0;
  PyErr_Format(PyExc_ValueError,
               "%s: a notice's key has at most %u bytes of UTF-8, not %zd", what,
               BOC_NOTICE_KEY_MAX, size);
  return -1;
}

/* 0; or -1 with the exception for a refusal. */
static int notices_check(boc_status status, const char *what) {
  if (status == BOC_OK)
    return 0;
  if (status == BOC_FULL)
    PyErr_Format(PyExc_RuntimeError,
                 "%s: the noticeboard is full, it has %u keys: notice_delete() one",
                 what, BOC_NOTICES_MAX);
  else
    bocpy_status_raise(status, what);
  return -1;
}

static int notices_require_running(const char *what) {
  int running = bocpy_runtime_resume();
  if (running != 0)
    return running > 0 ? 0 : -1;
  PyErr_Format(PyExc_RuntimeError,
               "%s: the runtime is not running: start() it before, or use "
               "notice_seed()",
               what);
  return -1;
}

/* ---- reading --------------------------------------------------------------------- */

/* A reader's view: a snapshot of the board, and the notices of it that were decoded. */
struct bocpy_view {
  const boc_notices *notices;
  PyObject *decoded; /* by key, without order */
  PyObject *mapping; /* of all notices, made when it is first asked for */
};

static void view_free(bocpy_view *view) {
  boc_notices_drop(view->notices);
  Py_XDECREF(view->decoded);
  Py_XDECREF(view->mapping);
  PyMem_Free(view);
}

static bocpy_view *view_new(void) {
  bocpy_view *view = PyMem_Calloc(1, sizeof(*view));
  PyObject *decoded = view ? PyDict_New() : NULL;
  if (!decoded) {
    PyMem_Free(view);
    PyErr_NoMemory();
    return NULL;
  }
  view->decoded = decoded;
  view->notices = boc_noticeboard_read(board);
  return view;
}

/* The body's view, or a new one. `view_close` gives it back. */
static bocpy_view *view_open(void) {
  if (!bocpy_self.bodies || bocpy_self.away)
    return view_new();
  if (!bocpy_self.view)
    bocpy_self.view = view_new();
  return bocpy_self.view;
}

static void view_close(bocpy_view *view) {
  if (view && view != bocpy_self.view)
    view_free(view);
}

void bocpy_notices_leave_slow(void) {
  bocpy_view *view = bocpy_self.view;
  bocpy_self.view = NULL;
  view_free(view);
}

/* A new reference to the value of `notice`. */
static PyObject *view_fetch(bocpy_view *view, PyObject *key, const boc_notice *notice) {
  PyObject *value;
  if (PyDict_GetItemRef(view->decoded, key, &value) != 0)
    return value;
  bocpy_state *state = bocpy_state_get();
  value = state ? bocpy_notice_value(state, key, notice->payload) : NULL;
  if (value && PyDict_SetItem(view->decoded, key, value) < 0)
    Py_CLEAR(value);
  return value;
}

static int view_fetch_into(PyObject *dict, bocpy_view *view, const boc_notice *notice) {
  PyObject *key =
      PyUnicode_FromStringAndSize(notice->key.bytes, (Py_ssize_t)notice->key.size);
  PyObject *value = key ? view_fetch(view, key, notice) : NULL;
  int status = value ? PyDict_SetItem(dict, key, value) : -1;
  Py_XDECREF(key);
  Py_XDECREF(value);
  return status;
}

static PyObject *view_make_mapping(bocpy_view *view) {
  PyObject *dict = PyDict_New();
  size_t count = boc_notices_count(view->notices);
  for (size_t i = 0; dict && i < count; i++)
    if (view_fetch_into(dict, view, boc_notices_at(view->notices, i)) < 0)
      Py_CLEAR(dict);
  PyObject *mapping = dict ? PyDictProxy_New(dict) : NULL;
  Py_XDECREF(dict);
  return mapping;
}

const char bocpy_noticeboard_doc[] =
    "noticeboard()\n"
    "--\n\n"
    "The notices as an immutable mapping of keys to values.\n\n"
    "In a behavior, these are the notices of the moment when it first read the\n"
    "board, until it ends; elsewhere the notices of now. The values are copies.\n\n"
    ">>> from bocpy import notice_seed, noticeboard, wait\n"
    ">>> notice_seed('limit', 10)\n"
    ">>> dict(noticeboard())\n"
    "{'limit': 10}\n"
    ">>> wait()\n"
    ">>> dict(noticeboard())\n"
    "{}";

PyObject *bocpy_noticeboard(PyObject *module, PyObject *unused) {
  if (bocpy_distributed_refuses(module, "noticeboard"))
    return NULL;
  (void)unused;
  bocpy_view *view = view_open();
  if (!view)
    return NULL;
  if (!view->mapping)
    view->mapping = view_make_mapping(view);
  PyObject *mapping = Py_XNewRef(view->mapping);
  view_close(view);
  return mapping;
}

const char bocpy_notice_read_doc[] =
    "notice_read(key, default=None)\n"
    "--\n\n"
    "The value of one notice, or `default`; from the same snapshot as "
    "`noticeboard`.\n\n"
    "Raises TypeError or ValueError for an invalid key.\n\n"
    ">>> from bocpy import notice_read, notice_seed, wait\n"
    ">>> notice_seed('limit', 10)\n"
    ">>> notice_read('limit'), notice_read('rate', 0.5)\n"
    "(10, 0.5)\n"
    ">>> wait()";

PyObject *bocpy_notice_read(PyObject *module, PyObject *args, PyObject *kwargs) {
  if (bocpy_distributed_refuses(module, "notice_read"))
    return NULL;
  static char *names[] = {"key", "default", NULL};
  PyObject *text, *fallback = Py_None, *value = NULL;
  boc_notice_key key;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:notice_read", names, &text,
                                   &fallback) ||
      notice_parse_key(text, "notice_read()", &key) < 0)
    return NULL;
  bocpy_view *view = view_open();
  if (!view)
    return NULL;
  const boc_notice *notice = boc_notices_find(view->notices, key);
  value = notice ? view_fetch(view, text, notice) : Py_NewRef(fallback);
  view_close(view);
  return value;
}

/* ---- writing --------------------------------------------------------------------- */

/* NULL with an exception. */
static bocpy_notice *notice_encode(PyObject *value) {
  bocpy_buffer *buffer;
  if (bocpy_encode(value, "value", &buffer) < 0)
    return NULL;
  bocpy_notice *notice = bocpy_notice_new(buffer);
  if (!notice)
    bocpy_buffer_free(buffer);
  return notice;
}

static int notice_write(PyObject *text, PyObject *value, const char *what) {
  boc_notice_key key;
  if (notice_parse_key(text, what, &key) < 0)
    return -1;
  bocpy_notice *notice = notice_encode(value);
  if (!notice)
    return -1;
  if (notices_check(boc_noticeboard_write(board, key, notice), what) == 0)
    return 0;
  bocpy_notice_free(notice);
  return -1;
}

const char bocpy_notice_write_doc[] =
    "notice_write(key, value)\n"
    "--\n\n"
    "Puts a copy of `value` on the board under `key`.\n\n"
    "A key is a str of at most 63 bytes of UTF-8 without NUL; there may be 64 keys.\n"
    "`wait` clears the board. Raises TypeError or ValueError for an invalid key,\n"
    "TypeError if the value cannot be shipped, RuntimeError if the board is full or\n"
    "the runtime is not running.\n\n"
    ">>> from bocpy import Cown, notice_write, noticeboard, wait, when\n"
    ">>> @when(Cown(3))\n"
    "... def _(c):\n"
    "...     notice_write('best', c.value)\n"
    ">>> wait(noticeboard=True)\n"
    "{'best': 3}";

PyObject *bocpy_notice_write(PyObject *module, PyObject *args, PyObject *kwargs) {
  if (bocpy_distributed_refuses(module, "notice_write"))
    return NULL;
  static char *names[] = {"key", "value", NULL};
  PyObject *key, *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:notice_write", names, &key,
                                   &value) ||
      notices_require_running("notice_write()") < 0 ||
      notice_write(key, value, "notice_write()") < 0)
    return NULL;
  Py_RETURN_NONE;
}

const char bocpy_notice_seed_doc[] =
    "notice_seed(key, value)\n"
    "--\n\n"
    "As `notice_write`, for use before the first behavior: starts the runtime.\n\n"
    "Raises RuntimeError outside of the main interpreter.\n\n"
    ">>> from bocpy import notice_read, notice_seed, wait, when\n"
    ">>> notice_seed('limit', 10)\n"
    ">>> @when()\n"
    "... def limit():\n"
    "...     return notice_read('limit')\n"
    ">>> wait()\n"
    ">>> limit.unwrap()\n"
    "10";

PyObject *bocpy_notice_seed(PyObject *module, PyObject *args, PyObject *kwargs) {
  if (bocpy_distributed_refuses(module, "notice_seed"))
    return NULL;
  static char *names[] = {"key", "value", NULL};
  PyObject *key, *value;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:notice_seed", names, &key,
                                   &value) ||
      bocpy_require_main("notice_seed()") < 0 || !bocpy_runtime_enter(true))
    return NULL;
  int status = notice_write(key, value, "notice_seed()");
  bocpy_runtime_leave();
  return status < 0 ? NULL : Py_NewRef(Py_None);
}

const char bocpy_notice_delete_doc[] =
    "notice_delete(key, /)\n"
    "--\n\n"
    "Deletes a notice; does nothing if there is none.\n\n"
    "Raises TypeError or ValueError for an invalid key, RuntimeError if the runtime\n"
    "is not running.\n\n"
    ">>> from bocpy import notice_delete, notice_seed, noticeboard, wait\n"
    ">>> notice_seed('limit', 10)\n"
    ">>> notice_delete('limit')\n"
    ">>> dict(noticeboard())\n"
    "{}\n"
    ">>> wait()";

PyObject *bocpy_notice_delete(PyObject *module, PyObject *text) {
  if (bocpy_distributed_refuses(module, "notice_delete"))
    return NULL;
  boc_notice_key key;
  if (notices_require_running("notice_delete()") < 0 ||
      notice_parse_key(text, "notice_delete()", &key) < 0)
    return NULL;
  boc_status status = boc_noticeboard_delete(board, key);
  if (status != BOC_NOT_FOUND && notices_check(status, "notice_delete()") < 0)
    return NULL;
  Py_RETURN_NONE;
}

PyObject *bocpy_notices_clear(PyObject *module, PyObject *unused) {
  (void)module;
  (void)unused;
  return notices_check(boc_noticeboard_clear(board), "wait()") < 0 ? NULL
                                                                   : Py_NewRef(Py_None);
}

/* ---- read, modify, write --------------------------------------------------------- */

/* One update: `error` is the exception of `function` or of the codec. */
typedef struct update {
  PyObject *function, *fallback, *removed;
  PyObject *error;
} update;

static boc_verdict update_give_up(update *u) {
  u->error = PyErr_GetRaisedException();
  return BOC_NOTICE_KEEP;
}

static boc_verdict update_change(void *ctx, const boc_notice *present,
                                 void **out_payload) {
  update *u = ctx;
  const bocpy_notice *written = present ? present->payload : NULL;
  PyObject *before = written ? bocpy_decode(written->buffer) : Py_NewRef(u->fallback);
  PyObject *after = before ? PyObject_CallOneArg(u->function, before) : NULL;
  Py_XDECREF(before);
  if (!after)
    return update_give_up(u);
  if (after == u->removed) {
    Py_DECREF(after);
    return present ? BOC_NOTICE_DELETE : BOC_NOTICE_KEEP;
  }
  bocpy_notice *notice = notice_encode(after);
  Py_DECREF(after);
  if (!notice)
    return update_give_up(u);
  *out_payload = notice;
  return BOC_NOTICE_WRITE;
}

const char bocpy_notice_update_doc[] =
    "notice_update(key, fn, default=None)\n"
    "--\n\n"
    "Replaces a notice's value by `fn(value)`, as one step.\n\n"
    "`fn` gets `default` if there is no such notice; if it returns REMOVED, the\n"
    "notice is deleted. The calling thread runs it, and runs it again if another\n"
    "change to the notice came in between: so it should have no side effects. Raises\n"
    "its exception, with nothing changed, the errors of `notice_write`, and\n"
    "TypeError if `fn` is not callable.\n\n"
    ">>> from bocpy import notice_update, wait, when\n"
    ">>> for _ in range(3):\n"
    "...     @when()\n"
    "...     def _():\n"
    "...         notice_update('done', lambda n: n + 1, 0)\n"
    ">>> wait(noticeboard=True)\n"
    "{'done': 3}";

static int notice_update(PyObject *module, boc_notice_key key, PyObject *function,
                         PyObject *fallback) {
  bocpy_state *state = bocpy_state_of(module);
  PyObject *removed = bocpy_python_get(&state->python, BOCPY_PY_NOTICES_REMOVED);
  if (!removed)
    return -1;
  update u = {function, fallback, removed, NULL};
  boc_status status = boc_noticeboard_update(board, key, update_change, &u);
  if (u.error) {
    PyErr_SetRaisedException(u.error);
    return -1;
  }
  return status == BOC_NOT_FOUND ? 0 : notices_check(status, "notice_update()");
}

PyObject *bocpy_notice_update(PyObject *module, PyObject *args, PyObject *kwargs) {
  if (bocpy_distributed_refuses(module, "notice_update"))
    return NULL;
  static char *names[] = {"key", "fn", "default", NULL};
  PyObject *text, *function, *fallback = Py_None;
  boc_notice_key key;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:notice_update", names, &text,
                                   &function, &fallback) ||
      notices_require_running("notice_update()") < 0 ||
      notice_parse_key(text, "notice_update()", &key) < 0)
    return NULL;
  if (!PyCallable_Check(function)) {
    PyErr_Format(PyExc_TypeError, "notice_update(): fn must be callable, not '%s'",
                 Py_TYPE(function)->tp_name);
    return NULL;
  }
  return notice_update(module, key, function, fallback) < 0 ? NULL : Py_NewRef(Py_None);
}
