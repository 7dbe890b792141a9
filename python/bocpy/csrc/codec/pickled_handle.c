/* Tickets: see pickled_handle.h.
 *
 * The table maps the address of a cown to its serial number, and has the cowns that
 * have been given one and are alive. Serials are never used twice, addresses are.
 *
 * Threads: `handle_map_lock` guards the table. The drop hook takes it before the cown's
 * memory goes, so whoever finds a cown in the table while holding the lock may try to
 * hold the cown.
 */
#include "pickled_handle.h"

#include "handle.h"
#include "memo.h"
#include "sync.h"

typedef struct pickled_handle {
  boc_cown *core; /* NULL: free */
  uint64_t serial;
} pickled_handle;

static bocpy_lock handle_map_lock;
static pickled_handle
    *handle_map; /* open addressing; the capacity is a power of two, or 0 */
static size_t handle_map_capacity;
static uint64_t handle_last_serial;
static uint64_t handle_process_nonce; /* tells this process from others, with its id */
static atomic_size_t handle_count;

int bocpy_pickled_handle_init(void) {
  if (handle_map_lock)
    return 0;
  handle_process_nonce = (boc_now() << 20) ^ (uint64_t)(uintptr_t)&handle_process_nonce;
  return bocpy_lock_init(&handle_map_lock);
}

static size_t handle_find_locked(const boc_cown *core) {
  size_t at = bocpy_hash_address(core) & (handle_map_capacity - 1);
  while (handle_map[at].core && handle_map[at].core != core)
    at = (at + 1) & (handle_map_capacity - 1);
  return at;
}

static bool handle_map_grow_locked(void) {
  size_t old_capacity = handle_map_capacity;
  pickled_handle *old = handle_map, *larger;
  larger = PyMem_RawCalloc(old_capacity ? 2 * old_capacity : 64, sizeof *larger);
  if (!larger)
    return false;
  handle_map = larger;
  handle_map_capacity = old_capacity ? 2 * old_capacity : 64;
  for (size_t i = 0; i < old_capacity; i++)
    if (old[i].core)
      handle_map[handle_find_locked(old[i].core)] = old[i];
  PyMem_RawFree(old);
  return true;
}

/* The serial of `core`, or 0 if there is no memory for one. */
static uint64_t handle_serial_locked(boc_cown *core) {
  size_t used =
      atomic_load_explicit(&handle_count, memory_order_relaxed); /* the lock's */
  if (2 * (used + 1) > handle_map_capacity && !handle_map_grow_locked())
    return 0;
  pickled_handle *entry = &handle_map[handle_find_locked(core)];
  if (!entry->core) {
    *entry = (pickled_handle){core, ++handle_last_serial};
    atomic_store_explicit(&handle_count, used + 1, memory_order_relaxed);
  }
  return entry->serial;
}

/* Takes the entry at `hole` out, and moves up what would not be found behind it. */
static void handle_remove_locked(size_t hole) {
  size_t mask = handle_map_capacity - 1;
  for (size_t at = (hole + 1) & mask; handle_map[at].core; at = (at + 1) & mask) {
    size_t wanted = bocpy_hash_address(handle_map[at].core) & mask;
    if (((at - wanted) & mask) >= ((at - hole) & mask)) {
      handle_map[hole] = handle_map[at];
      hole = at;
    }
  }
  handle_map[hole].core = NULL;
}

void bocpy_codec_forget_cown(boc_cown *core) {
  /* relaxed (owner): whoever gave this cown a pickled_handle held it then, and its drop
   * came before the last one, so that the count is seen; that of others does not
   * matter. */
  if (atomic_load_explicit(&handle_count, memory_order_relaxed) == 0)
    return;
  bocpy_lock_take(&handle_map_lock);
  size_t at = handle_map_capacity ? handle_find_locked(core) : 0;
  if (handle_map_capacity && handle_map[at].core) {
    handle_remove_locked(at);
    atomic_fetch_sub_explicit(&handle_count, 1, memory_order_relaxed);
  }
  bocpy_lock_give(&handle_map_lock);
}

/* The id of this process, which a fork changes. NULL with an exception. */
static PyObject *process_id(void) {
  bocpy_codec_state *state = bocpy_codec_state_get();
  return state ? bocpy_python_call(state->python, BOCPY_PY_OS_GETPID, NULL) : NULL;
}

PyObject *bocpy_pickled_handle_reduce(boc_cown *core, PyObject *find) {
  bocpy_lock_take(&handle_map_lock);
  uint64_t serial = handle_serial_locked(core);
  bocpy_lock_give(&handle_map_lock);
  if (!serial)
    return PyErr_NoMemory();
  PyObject *id = process_id();
  if (!id)
    return NULL;
  return Py_BuildValue("O(NKKK)", find, id, (unsigned long long)handle_process_nonce,
                       (unsigned long long)(uintptr_t)core, (unsigned long long)serial);
}

/* 1 if the pickled_handle is of this process, 0 if not, -1 with an exception. */
static int handle_is_ours(PyObject *id, uint64_t of) {
  PyObject *own = process_id();
  int same = own ? PyObject_RichCompareBool(own, id, Py_EQ) : -1;
  Py_XDECREF(own);
  return same > 0 ? of == handle_process_nonce : same;
}

static boc_cown *handle_find_live(uint64_t address, uint64_t serial) {
  boc_cown *core = NULL;
  bocpy_lock_take(&handle_map_lock);
  if (handle_map_capacity) {
    const pickled_handle *entry =
        &handle_map[handle_find_locked((boc_cown *)(uintptr_t)address)];
    if (entry->core && entry->serial == serial)
      core = boc_cown_try_hold(entry->core);
  }
  bocpy_lock_give(&handle_map_lock);
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
  int ours = handle_is_ours(args[0], numbers[0]);
  if (ours < 0)
    return NULL;
  boc_cown *core = ours ? handle_find_live(numbers[1], numbers[2]) : NULL;
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
