/* Mailbox: see mailbox.h.
 *
 * libboc's own receive parks its thread, which then handles no signals. So a receive
 * here calls libboc without waiting, and waits on a waiter (waiting.h) that a watch on
 * the mailbox signals.
 */
#include "mailbox.h"
#include "contents.h"
#include "distributed_hook.h"
#include "worker.h"

#include <math.h>

#include "pump.h"
#include "runtime.h"
#include "waiting.h"

#include <boc/message.h>

/* Checks before a receive sleeps, if this thread's last receive slept for long. */
#define RECEIVE_SPINS 64

/* ns for which a receive checks the queue itself, if this thread's waits are short;
 * then the sender need not notify it. After that the receive goes on as a registered
 * waiter. */
#define RECEIVE_SPIN_NS 30000

/* ns that a body waits before another worker takes its place. */
#define BLOCK_DELAY_NS 50000

static boc_mailbox *mailbox;
static int receive_spins; /* 0 where the sender cannot run meanwhile */

/* ---- the mailbox ----------------------------------------------------------------- */

static void message_drop(void *ctx, void *payload) {
  (void)ctx;
  bocpy_contents_drop(payload);
}

static int mailbox_make(void) {
  boc_mailbox_options options = BOC_MAILBOX_OPTIONS_INIT;
  options.tags = BOCPY_TAGS_MAX;
  options.drop = message_drop;
  if (boc_mailbox_new(&options, &mailbox) == BOC_OK)
    return 0;
  PyErr_NoMemory();
  return -1;
}

int bocpy_mailbox_init(void) {
  if (mailbox)
    return 0;
  receive_spins = boc_core_count() > 1 ? RECEIVE_SPINS : 0;
  return mailbox_make();
}

/* The parent's mailbox may be locked by a thread that the child does not have: the
 * child makes a new one and leaks the old. */
int bocpy_mailbox_forget(void) { return mailbox_make(); }

/* ---- tags ------------------------------------------------------------------------ */

/* Tags of one call; `owner` keeps their strings alive. */
typedef struct tag_list {
  PyObject *owner; /* a tuple of str; or a str, the only tag */
  size_t count;
  boc_tag *tags;
  boc_tag one;
} tag_list;

static void tag_list_fini(tag_list *list) {
  Py_XDECREF(list->owner);
  if (list->tags != &list->one)
    PyMem_Free(list->tags);
}

static int tag_parse(PyObject *text, boc_tag *out_tag) {
  Py_ssize_t size;
  const char *bytes = PyUnicode_AsUTF8AndSize(text, &size);
  if (!bytes)
    return -1;
  *out_tag = (boc_tag){bytes, (size_t)size};
  return 0;
}

static PyObject *tags_tuple(PyObject *given, const char *what) {
  PyObject *tuple = PyBytes_Check(given) ? NULL : PySequence_Tuple(given);
  if (tuple || (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_TypeError)))
    return tuple;
  if (!Py_TYPE(given)->tp_iter && !PySequence_Check(given))
    PyErr_Clear();
  if (!PyErr_Occurred())
    PyErr_Format(PyExc_TypeError, "%s: tags must be a str or several, not '%s'", what,
                 Py_TYPE(given)->tp_name);
  return NULL;
}

static int tags_parse_each(tag_list *list, const char *what) {
  for (size_t i = 0; i < list->count; i++) {
    PyObject *text = PyTuple_GET_ITEM(list->owner, (Py_ssize_t)i);
    if (!PyUnicode_Check(text)) {
      PyErr_Format(PyExc_TypeError, "%s: tag %zu must be a str, not '%s'", what, i,
                   Py_TYPE(text)->tp_name);
      return -1;
    }
    if (tag_parse(text, &list->tags[i]) < 0)
      return -1;
  }
  return 0;
}

/* Parses one tag or an iterable of them. The caller ends the list with tag_list_fini,
 * even after -1. */
static int tags_parse(tag_list *list, PyObject *given, const char *what) {
  *list = (tag_list){.tags = &list->one};
  if (PyUnicode_Check(given)) {
    list->owner = Py_NewRef(given);
    list->count = 1;
    return tag_parse(given, &list->one);
  }
  list->owner = tags_tuple(given, what);
  if (!list->owner)
    return -1;
  list->count = (size_t)PyTuple_GET_SIZE(list->owner);
  if (list->count > 1)
    list->tags = PyMem_Malloc(list->count * sizeof(*list->tags));
  if (list->tags)
    return tags_parse_each(list, what);
  list->tags = &list->one;
  PyErr_NoMemory();
  return -1;
}

/* Raises the exception for a status other than BOC_OK. */
static void mailbox_raise(boc_status status, const char *what) {
  if (status == BOC_FULL)
    PyErr_SetString(PyExc_RuntimeError, "Message queue is full");
  else if (status == BOC_NOT_FOUND)
    PyErr_Format(PyExc_KeyError,
                 "%s: tag capacity exceeded: there are %d already; use fewer, or "
                 "replace them all with set_tags()",
                 what, BOCPY_TAGS_MAX);
  else
    bocpy_status_raise(status, what);
}

/* ---- arguments ------------------------------------------------------------------- */

/* The place of an argument that is given by name; -1 with TypeError. */
static int argument_index(const char *what, const char *const *keywords,
                          PyObject *name) {
  for (int i = 0; keywords[i]; i++)
    if (PyUnicode_CompareWithASCIIString(name, keywords[i]) == 0)
      return i;
  PyErr_Format(PyExc_TypeError, "%s got an unexpected keyword argument %R", what, name);
  return -1;
}

/* Sorts arguments by their places, borrowed; those that are missing stay as they
 * were. */
static int arguments_sort(const char *what, const char *const *keywords,
                          PyObject **given, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *names) {
  Py_ssize_t most = 0;
  while (keywords[most])
    most++;
  if (nargs > most) {
    PyErr_Format(PyExc_TypeError, "%s takes at most %zd arguments (%zd given)", what,
                 most, nargs);
    return -1;
  }
  for (Py_ssize_t i = 0; i < nargs; i++)
    given[i] = args[i];
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++) {
    int at = argument_index(what, keywords, PyTuple_GET_ITEM(names, i));
    if (at < 0)
      return -1;
    if (at < nargs) {
      PyErr_Format(PyExc_TypeError, "%s got several values for '%s'", what,
                   keywords[at]);
      return -1;
    }
    given[at] = args[nargs + i];
  }
  return 0;
}

/* ---- sending --------------------------------------------------------------------- */

const char bocpy_send_doc[] =
    "send(tag, contents)\n"
    "--\n\n"
    "Puts `contents` into the queue of `tag`, a str. Never blocks.\n\n"
    "Messages of one sender to one tag arrive in order. With backend 'interpreters'\n"
    "the receiver gets a copy of the same type; with 'threads' the object itself,\n"
    "which the sender should not use any more. A tag exists from its first use, and\n"
    "there may be 16 (`set_tags` replaces them).\n\n"
    "Raises TypeError if the tag is not a str or the contents cannot be shipped,\n"
    "RuntimeError if 16384 messages of the tag wait already, KeyError for a 17th\n"
    "tag.\n\n"
    ">>> from bocpy import receive, send\n"
    ">>> send('greeting', ['hello', 'world'])\n"
    ">>> receive('greeting')\n"
    "('greeting', ['hello', 'world'])";

static PyObject *send_message(PyObject *text, PyObject *contents) {
  boc_tag tag;
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "send(): tag must be a str, not '%s'",
                 Py_TYPE(text)->tp_name);
    return NULL;
  }
  if (tag_parse(text, &tag) < 0)
    return NULL;
  void *message = bocpy_contents_pack(contents);
  if (!message)
    return NULL;
  boc_status status = boc_mailbox_send(mailbox, tag, message);
  if (status == BOC_OK)
    Py_RETURN_NONE;
  bocpy_contents_take_back(message, contents);
  mailbox_raise(status, "send()");
  return NULL;
}

PyObject *bocpy_send(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                     PyObject *names) {
  if (bocpy_distributed_refuses(module, "send"))
    return NULL;
  static const char *const keywords[] = {"tag", "contents", NULL};
  PyObject *given[2] = {NULL, NULL};
  Py_ssize_t count = nargs + (names ? PyTuple_GET_SIZE(names) : 0);
  if (nargs <= 2 && arguments_sort("send()", keywords, given, args, nargs, names) < 0)
    return NULL;
  if (nargs <= 2 && given[0] && given[1])
    return send_message(given[0], given[1]);
  PyErr_Format(PyExc_TypeError, "send() takes a tag and contents (%zd given)", count);
  return NULL;
}

/* ---- receiving ------------------------------------------------------------------- */

const char bocpy_receive_doc[] =
    "receive(tags, timeout=-1, after=None)\n"
    "--\n\n"
    "Waits for a message of one of `tags`, a str or several; returns (tag, "
    "contents).\n\n"
    "It is the oldest message of its tag; if several tags have one, they take turns.\n"
    "After `timeout` seconds it returns the result of `after()`, or (TIMEOUT, None).\n"
    "A negative timeout or None waits forever, 0 does not wait. In a behavior,\n"
    "another worker runs other behaviors meanwhile. Signal handlers run, and may end\n"
    "the wait by raising.\n\n"
    "Raises TypeError for tags that are not str, RuntimeError if there are no tags\n"
    "or if `set_tags` has removed one meanwhile, ValueError for NaN, KeyError for a\n"
    "17th tag.\n\n"
    ">>> from bocpy import receive, send\n"
    ">>> send('low', 1)\n"
    ">>> receive(['high', 'low'])\n"
    "('low', 1)\n"
    ">>> receive('low', timeout=0)\n"
    "('__timeout__', None)\n"
    ">>> receive('low', 0, lambda: 'nothing')\n"
    "'nothing'";

/* One receive: what it asks for and what it has found. */
typedef struct receipt {
  const tag_list *list;
  size_t index;
  void *message;
} receipt;

static boc_status receive_try(receipt *r) {
  return boc_mailbox_receive(mailbox, r->list->tags, r->list->count, 0, NULL, &r->index,
                             &r->message);
}

/* Reading the clock separates the checks, so that the sender gets the queue's cache
 * lines. */
static boc_status receive_spin_adaptively(receipt *r) {
  uint64_t end = boc_now() + RECEIVE_SPIN_NS;
  boc_status status;
  do
    status = receive_try(r);
  while (status == BOC_TIMEOUT && boc_now() < end);
  return status;
}

/* Checks for a while before it sleeps, since sleeping and waking up cost system
 * calls. */
static boc_status receive_spin(receipt *r) {
  boc_status status = receive_try(r);
  if (status != BOC_TIMEOUT)
    return status;
  Py_BEGIN_ALLOW_THREADS
  if (receive_spins && bocpy_self.waits_shortly)
    status = receive_spin_adaptively(r);
  for (int left = receive_spins; left > 0 && status == BOC_TIMEOUT; left--)
    status = receive_try(r);
  Py_END_ALLOW_THREADS
  return status;
}

static void waiter_signal_ctx(void *waiter) { bocpy_waiter_signal(waiter); }

/* Waits as a blocked worker: a compensating worker runs meanwhile, and other workers
 * may fetch this one's values. */
static int receive_wait_blocked(bocpy_worker_slot *slot, bocpy_waiter *waiter,
                                int64_t timeout) {
  bocpy_worker_block_begin(slot);
  atomic_store_explicit(&slot->parked, true, memory_order_relaxed); /* hint */
  int status = bocpy_waiter_wait(waiter, timeout);
  atomic_store_explicit(&slot->parked, false, memory_order_relaxed); /* hint */
  boc_worker_block_end();
  return status;
}

/* In a body, a compensating worker starts only after BLOCK_DELAY_NS. The main thread
 * pumps while it waits, since the sender may be a pinned behavior. */
static int receive_wait(bocpy_waiter *waiter, int64_t timeout) {
  bocpy_worker_slot *slot = bocpy_self.bodies ? bocpy_worker_slot_here() : NULL;
  if (!slot)
    return bocpy_pump_wait(waiter, timeout);
  if (timeout >= 0 && timeout <= BLOCK_DELAY_NS)
    return bocpy_waiter_wait(waiter, timeout);
  uint64_t begun = boc_now();
  bocpy_waiter_spin(waiter, NULL, BLOCK_DELAY_NS);
  uint64_t passed = boc_now() - begun;
  int status = bocpy_waiter_wait(
      waiter, passed < BLOCK_DELAY_NS ? BLOCK_DELAY_NS - (int64_t)passed : 0);
  if (status != 1)
    return status;
  return receive_wait_blocked(slot, waiter,
                              timeout < 0 ? timeout : timeout - BLOCK_DELAY_NS);
}

/* Sleeps until a message may have come: 0; 1 after `timeout` ns; -1 with an exception.
 */
static int receive_sleep_once(receipt *r, bocpy_waiter *waiter, int64_t timeout) {
  boc_mailbox_waiter entry = {.notify = waiter_signal_ctx, .ctx = waiter};
  boc_status status =
      boc_mailbox_add_waiter(mailbox, r->list->tags, r->list->count, &entry);
  if (status != BOC_OK) {
    mailbox_raise(status, "receive()");
    return -1;
  }
  int waited = receive_wait(waiter, timeout);
  PyObject *pending = waited < 0 ? PyErr_GetRaisedException() : NULL;
  status = boc_mailbox_remove_waiter(mailbox, &entry);
  if (waited < 0)
    PyErr_SetRaisedException(pending);
  else if (status == BOC_NOT_FOUND)
    PyErr_SetString(PyExc_RuntimeError,
                    "receive(): set_tags() took away a tag that it waited for");
  return waited < 0 || status == BOC_NOT_FOUND ? -1 : waited;
}

/* BOC_OK with a message, or BOC_TIMEOUT; others with an exception set. */
static boc_status receive_sleep_until(receipt *r, int64_t timeout) {
  uint64_t begun = boc_now();
  int64_t left = timeout;
  bocpy_waiter *waiter = bocpy_waiter_new();
  boc_status status = waiter ? BOC_TIMEOUT : BOC_NO_MEMORY;
  while (status == BOC_TIMEOUT && left != 0) {
    int waited = receive_sleep_once(r, waiter, left);
    status = waited < 0 ? BOC_CANCELLED : receive_try(r);
    if (timeout < 0)
      continue;
    uint64_t passed = boc_now() - begun;
    left = passed < (uint64_t)timeout ? timeout - (int64_t)passed : 0;
  }
  if (waiter)
    bocpy_waiter_free(waiter);
  bocpy_waiter_note(begun, status == BOC_OK);
  return status;
}

static boc_status receive_message(receipt *r, int64_t timeout) {
  boc_status status = timeout ? receive_spin(r) : receive_try(r);
  if (status == BOC_TIMEOUT && timeout)
    status = receive_sleep_until(r, timeout);
  else if (status == BOC_TIMEOUT && PyErr_CheckSignals() < 0)
    return BOC_CANCELLED;
  if (status != BOC_OK && status != BOC_TIMEOUT && !PyErr_Occurred())
    mailbox_raise(status, "receive()");
  return status;
}

static PyObject *message_open(receipt *r) {
  PyObject *contents = bocpy_contents_unpack(r->message);
  if (!contents)
    return NULL;
  PyObject *tag = r->list->owner;
  if (!PyUnicode_Check(tag))
    tag = PyTuple_GET_ITEM(tag, (Py_ssize_t)r->index);
  PyObject *pair = PyTuple_Pack(2, tag, contents);
  Py_DECREF(contents);
  return pair;
}

static PyObject *receive_expired(PyObject *after) {
  if (after != Py_None)
    return PyObject_CallNoArgs(after);
  /* Interned, so that it is the object bocpy.TIMEOUT: programs test with `is`, too. */
  PyObject *tag = PyUnicode_InternFromString("__timeout__");
  return tag ? Py_BuildValue("(NO)", tag, Py_None) : NULL;
}

static PyObject *receive_tags(PyObject *given, int64_t timeout, PyObject *after) {
  tag_list list;
  PyObject *answer = NULL;
  int status = tags_parse(&list, given, "receive()");
  if (status == 0 && list.count == 0) {
    PyErr_SetString(PyExc_RuntimeError, "receive(): no tags: name one at least");
  } else if (status == 0) {
    receipt r = {.list = &list};
    boc_status got = receive_message(&r, timeout);
    if (got == BOC_OK)
      answer = message_open(&r);
    else if (got == BOC_TIMEOUT)
      answer = receive_expired(after);
  }
  tag_list_fini(&list);
  return answer;
}

/* A negative number means forever here. */
static int receive_parse_timeout(PyObject *seconds, int64_t *out_timeout) {
  if (bocpy_parse_timeout(seconds, "receive()", out_timeout) < 0)
    return -1;
  if (seconds == Py_None || *out_timeout != 0)
    return 0;
  double number = PyFloat_AsDouble(seconds);
  if (number == -1.0 && PyErr_Occurred()) {
    if (!PyErr_ExceptionMatches(PyExc_OverflowError))
      return -1;
    PyErr_Clear(); /* a negative int that no double holds */
  }
  if (number < 0)
    *out_timeout = BOC_FOREVER;
  else if (number > 0)
    *out_timeout = 1;
  return 0;
}

PyObject *bocpy_receive(PyObject *module, PyObject *const *args, Py_ssize_t nargs,
                        PyObject *names) {
  if (bocpy_distributed_refuses(module, "receive"))
    return NULL;
  static const char *const keywords[] = {"tags", "timeout", "after", NULL};
  PyObject *given[3] = {NULL, NULL, Py_None};
  int64_t timeout = BOC_FOREVER;
  if (arguments_sort("receive()", keywords, given, args, nargs, names) < 0)
    return NULL;
  if (!given[0]) {
    PyErr_SetString(PyExc_TypeError,
                    "receive() missing required argument 'tags' (pos 1)");
    return NULL;
  }
  if (given[1] && receive_parse_timeout(given[1], &timeout) < 0)
    return NULL;
  if (given[2] != Py_None && !PyCallable_Check(given[2])) {
    PyErr_Format(PyExc_TypeError, "receive(): after must be callable or None, not '%s'",
                 Py_TYPE(given[2])->tp_name);
    return NULL;
  }
  return receive_tags(given[0], timeout, given[2]);
}

int bocpy_mailbox_add_waiter(PyObject *tags, boc_mailbox_waiter *waiter) {
  tag_list list;
  int status = tags_parse(&list, tags, "receive()");
  if (status == 0) {
    boc_status done = boc_mailbox_add_waiter(mailbox, list.tags, list.count, waiter);
    if (done != BOC_OK) {
      mailbox_raise(done, "receive()");
      status = -1;
    }
  }
  tag_list_fini(&list);
  return status;
}

boc_status bocpy_mailbox_remove_waiter(boc_mailbox_waiter *waiter) {
  return boc_mailbox_remove_waiter(mailbox, waiter);
}

/* ---- all of a tag ---------------------------------------------------------------- */

const char bocpy_drain_doc[] =
    "drain(tags, /)\n"
    "--\n\n"
    "Discards the queued messages of `tags`, a str or several.\n\n"
    "Receivers that wait for one of them go on waiting. Raises TypeError for a tag\n"
    "that is not a str.\n\n"
    ">>> from bocpy import drain, receive, send\n"
    ">>> send('work', 1)\n"
    ">>> drain('work')\n"
    ">>> receive('work', timeout=0)\n"
    "('__timeout__', None)";

PyObject *bocpy_drain(PyObject *module, PyObject *tags) {
  tag_list list;
  (void)module;
  int status = tags_parse(&list, tags, "drain()");
  if (status == 0)
    boc_mailbox_drain(mailbox, list.tags, list.count);
  tag_list_fini(&list);
  return status < 0 ? NULL : Py_NewRef(Py_None);
}

const char bocpy_set_tags_doc[] =
    "set_tags(tags, /)\n"
    "--\n\n"
    "Replaces all tags by `tags`, 16 at most, and discards all messages.\n\n"
    "A `receive` that waits for a removed tag raises RuntimeError. Tags that are not\n"
    "among `tags` can still be used while there is room.\n\n"
    "Raises IndexError for more than 16 tags, ValueError for a tag that is given\n"
    "twice, TypeError for a tag that is not a str, and RuntimeError outside of the\n"
    "main interpreter; then nothing has changed.\n\n"
    ">>> from bocpy import receive, send, set_tags\n"
    ">>> send('old', 1)\n"
    ">>> set_tags(['new'])\n"
    ">>> receive('old', timeout=0)\n"
    "('__timeout__', None)";

static int set_tags_refuse(boc_status status, size_t count) {
  if (status == BOC_FULL)
    PyErr_Format(PyExc_IndexError, "set_tags(): %zu tags, and %d are possible", count,
                 BOCPY_TAGS_MAX);
  else if (status == BOC_BAD_ARGUMENT)
    PyErr_SetString(PyExc_ValueError, "set_tags(): a tag is given twice");
  else
    mailbox_raise(status, "set_tags()");
  return -1;
}

PyObject *bocpy_set_tags(PyObject *module, PyObject *tags) {
  tag_list list;
  (void)module;
  if (bocpy_require_main("set_tags()") < 0)
    return NULL;
  int status = tags_parse(&list, tags, "set_tags()");
  if (status == 0) {
    boc_status done = boc_mailbox_set_tags(mailbox, list.tags, list.count);
    if (done != BOC_OK)
      status = set_tags_refuse(done, list.count);
  }
  tag_list_fini(&list);
  return status < 0 ? NULL : Py_NewRef(Py_None);
}
