/* Tickets: see pickled_handle.h.
 *
 * The table maps the address of a cown to its serial number, and has the cowns that
 * have been given one and are alive. Serials are never used twice, addresses are.
 *
 * Threads: `lock` guards the table. The drop hook takes it before the cown's memory
 * goes, so whoever finds a cown in the table while holding the lock may try to hold the
 * cown.
 */
#include "pickled_handle.h"

#include "memo.h"
#include "sync.h"

typedef struct ticket {
  boc_cown *core; /* NULL: free */
  uint64_t serial;
} ticket;

static bocpy_lock lock;
static ticket *table; /* open addressing; the capacity is a power of two, or 0 */
static size_t capacity;
static uint64_t last_serial;
static uint64_t process; /* tells this process from others, with its id */
static atomic_size_t count;

int bocpy_tickets_init(void) {
  if (lock)
    return 0;
  process = (boc_now() << 20) ^ (uint64_t)(uintptr_t)&process;
  return bocpy_lock_init(&lock);
}

static size_t find_locked(const boc_cown *core) {
  size_t at = bocpy_hash_address(core) & (capacity - 1);
  while (table[at].core && table[at].core != core)
    at = (at + 1) & (capacity - 1);
  return at;
}

static bool grow_locked(void) {
  size_t old_capacity = capacity;
  ticket *old = table, *larger;
  larger = PyMem_RawCalloc(old_capacity ? 2 * old_capacity : 64, sizeof *larger);
  if (!larger)
    return false;
  table = larger;
  capacity = old_capacity ? 2 * old_capacity : 64;
  for (size_t i = 0; i < old_capacity; i++)
    if (old[i].core)
      table[find_locked(old[i].core)] = old[i];
  PyMem_RawFree(old);
  return true;
}

/* The serial of `core`, or 0 if there is no memory for one. */
static uint64_t serial_locked(boc_cown *core) {
  size_t used = atomic_load_explicit(&count, memory_order_relaxed); /* the lock's */
  if (2 * (used + 1) > capacity && !grow_locked())
    return 0;
  ticket *entry = &table[find_locked(core)];
  if (!entry->core) {
    *entry = (ticket){core, ++last_serial};
    atomic_store_explicit(&count, used + 1, memory_order_relaxed);
  }
  return entry->serial;
}

/* Takes the entry at `hole` out, and moves up what would not be found behind it. */
static void remove_locked(size_t hole) {
  size_t mask = capacity - 1;
  for (size_t at = (hole + 1) & mask; table[at].core; at = (at + 1) & mask) {
    size_t wanted = bocpy_hash_address(table[at].core) & mask;
    if (((at - wanted) & mask) >= ((at - hole) & mask)) {
      table[hole] = table[at];
      hole = at;
    }
  }
  table[hole].core = NULL;
}

void bocpy_codec_forget_cown(boc_cown *core) {
  /* relaxed (owner): whoever gave this cown a ticket held it then, and its drop came
   * before the last one, so that the count is seen; that of others does not matter. */
  if (atomic_load_explicit(&count, memory_order_relaxed) == 0)
    return;
  bocpy_lock_take(&lock);
  size_t at = capacity ? find_locked(core) : 0;
  if (capacity && table[at].core) {
    remove_locked(at);
    atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
  }
  bocpy_lock_give(&lock);
}

/* The id of this process, which a fork changes. NULL with an exception. */
static PyObject *process_id(void) {
  PyObject *os = PyImport_ImportModule("os");
  PyObject *id = os ? PyObject_CallMethod(os, "getpid", NULL) : NULL;
  Py_XDECREF(os);
  return id;
}

PyObject *bocpy_ticket_reduce(boc_cown *core, PyObject *find) {
  bocpy_lock_take(&lock);
  uint64_t serial = serial_locked(core);
  bocpy_lock_give(&lock);
  if (!serial)
    return PyErr_NoMemory();
  PyObject *id = process_id();
  if (!id)
    return NULL;
  return Py_BuildValue("O(NKKK)", find, id, (unsigned long long)process,
                       (unsigned long long)(uintptr_t)core, (unsigned long long)serial);
}

/* 1 if the ticket is of this process, 0 if not, -1 with an exception. */
static int is_ours(PyObject *id, uint64_t of) {
  PyObject *own = process_id();
  int same = own ? PyObject_RichCompareBool(own, id, Py_EQ) : -1;
  Py_XDECREF(own);
  return same > 0 ? of == process : same;
}

static boc_cown *find_live(uint64_t address, uint64_t serial) {
  boc_cown *core = NULL;
  bocpy_lock_take(&lock);
  if (capacity) {
    const ticket *entry = &table[find_locked((boc_cown *)(uintptr_t)address)];
    if (entry->core && entry->serial == serial)
      core = boc_cown_try_hold(entry->core);
  }
  bocpy_lock_give(&lock);
  return core;
}

PyObject *bocpy_codec_cown_find(PyObject *module, PyObject *const *args,
                                Py_ssize_t nargs) {
  (void)module;
  uint64_t numbers[3] = {0};
  if (nargs != 4) {
    PyErr_SetString(PyExc_TypeError, "_cown_find() takes 4 arguments");
    return NULL;
  }
  for (int i = 0; i < 3; i++) {
    numbers[i] = PyLong_AsUnsignedLongLong(args[i + 1]);
    if (numbers[i] == UINT64_MAX && PyErr_Occurred())
      return NULL;
  }
  int ours = is_ours(args[0], numbers[0]);
  if (ours < 0)
    return NULL;
  boc_cown *core = ours ? find_live(numbers[1], numbers[2]) : NULL;
  if (!core) {
    PyErr_SetString(PyExc_RuntimeError,
                    ours
                        ? "the cown that was pickled is gone: a pickle does not keep it"
                        : "a cown cannot be unpickled in another process than its own");
    return NULL;
  }
  PyObject *handle = bocpy_cown_wrap(core);
  boc_cown_drop(core);
  return handle;
}
