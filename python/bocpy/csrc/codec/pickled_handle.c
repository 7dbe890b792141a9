/* Pickled handles: see pickled_handle.h.
 *
 * `handle_map` has the live cowns with a serial number. Serial numbers are never used
 * twice; addresses are.
 *
 * Threads: `handle_map_lock` guards the map. A cown's drop hook takes it before the
 * cown's memory is freed, so a thread that has the lock and finds a cown in the map may
 * try to hold the cown.
 */
#include "pickled_handle.h"

#include "handle.h"
#include "sync.h"

static bocpy_lock handle_map_lock;
static bocpy_address_map handle_map; /* under `handle_map_lock`: core to serial */
static uint64_t handle_last_serial;
/* with the process's id, tells this process from others */
static uint64_t handle_process_nonce;
static atomic_size_t handle_count;

int bocpy_pickled_handle_init(void) {
  if (handle_map_lock)
    return 0;
  handle_process_nonce = (boc_now() << 20) ^ (uint64_t)(uintptr_t)&handle_process_nonce;
  return bocpy_lock_init(&handle_map_lock);
}

/* The serial of `core`, or 0 if there is no memory for one. */
static uint64_t handle_serial_locked(boc_cown *core) {
  const bocpy_address_entry *entry = bocpy_address_map_find(&handle_map, core);
  if (entry)
    return entry->word;
  if (!bocpy_address_map_put(&handle_map, core, handle_last_serial + 1))
    return 0;
  /* relaxed (owner): the lock's */
  atomic_store_explicit(&handle_count, handle_map.count, memory_order_relaxed);
  return ++handle_last_serial;
}

void bocpy_codec_forget_cown(boc_cown *core) {
  /* relaxed (owner): a thread that has made a pickled_handle of this cown held the cown
   * then, and its drop came before the last one, so the count is seen; other cowns do
   * not matter. */
  if (atomic_load_explicit(&handle_count, memory_order_relaxed) == 0)
    return;
  bocpy_lock_take(&handle_map_lock);
  bocpy_address_map_remove(&handle_map, core);
  atomic_store_explicit(&handle_count, handle_map.count, memory_order_relaxed);
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

/* 1 if this process made the pickled_handle, 0 if not, -1 with an exception. */
static int handle_is_ours(PyObject *id, uint64_t of) {
  PyObject *own = process_id();
  int same = own ? PyObject_RichCompareBool(own, id, Py_EQ) : -1;
  Py_XDECREF(own);
  return same > 0 ? of == handle_process_nonce : same;
}

static boc_cown *handle_find_live(uint64_t address, uint64_t serial) {
  boc_cown *core = NULL;
  bocpy_lock_take(&handle_map_lock);
  /* The address is only a key to look up; a cown is used only if it is found. */
  const bocpy_address_entry *entry =
      bocpy_address_map_find(&handle_map, (const void *)(uintptr_t)address);
  if (entry && entry->word == serial)
    core = boc_cown_try_hold((boc_cown *)(uintptr_t)address);
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
