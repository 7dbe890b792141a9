/* DLPack: the memory of a matrix for libraries of arrays that exchange it this way.
 *
 * Source: the layout of DLPack's `dltensor` capsule (dmlc.github.io/dlpack). As with a
 * buffer, the block stays where it is until the tensor's deleter has been called. */
#include "methods.h"

#define CAPSULE "dltensor"
#define CPU 1
#define FLOAT 2

typedef struct dl_tensor {
  void *data;
  int32_t device_type, device_id;
  int32_t ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
} dl_tensor;

typedef struct dl_managed {
  dl_tensor tensor;
  void *context;
  void (*deleter)(struct dl_managed *self);
  /* bocpy's own field, after those of the protocol. */
  mx_block *block;
  int64_t shape[2], strides[2];
} dl_managed;

/* The consumer of the tensor calls this on any thread, with or without a GIL. Attaches
 * to no interpreter: the one of the matrix may be a worker's, or have ended. */
static void managed_delete(dl_managed *self) {
  mx_count_down(&self->block->exports);
  mx_block_drop(self->block);
  PyMem_RawFree(self);
}

/* Frees the tensor of a capsule without a consumer: a consumer renames the capsule. */
static void capsule_delete(PyObject *capsule) {
  dl_managed *managed = PyCapsule_IsValid(capsule, CAPSULE)
                            ? PyCapsule_GetPointer(capsule, CAPSULE)
                            : NULL;
  if (managed)
    managed_delete(managed);
}

static dl_managed *managed_new(mx_block *block) {
  dl_managed *managed = PyMem_RawCalloc(1, sizeof *managed);
  if (!managed) {
    PyErr_NoMemory();
    return NULL;
  }
  mx_block_hold(block);
  mx_count_up(&block->exports);
  managed->block = block;
  managed->shape[0] = (int64_t)block->rows;
  managed->shape[1] = managed->strides[0] = (int64_t)block->columns;
  managed->strides[1] = 1;
  managed->deleter = managed_delete;
  managed->tensor = (dl_tensor){.data = block->data,
                                .device_type = CPU,
                                .ndim = 2,
                                .code = FLOAT,
                                .bits = 64,
                                .lanes = 1,
                                .shape = managed->shape,
                                .strides = managed->strides};
  return managed;
}

static PyObject *export_block(mx_block *block) {
  dl_managed *managed = managed_new(block);
  PyObject *capsule = managed ? PyCapsule_New(managed, CAPSULE, capsule_delete) : NULL;
  if (managed && !capsule)
    managed_delete(managed);
  return capsule;
}

/* Accepts None, or the device that all matrices are on. */
static int check_device(PyObject *device) {
  int type, id;
  if (!device || device == Py_None)
    return 0;
  if (!PyTuple_Check(device) || !PyArg_ParseTuple(device, "ii", &type, &id)) {
    if (!PyErr_Occurred())
      PyErr_SetString(PyExc_TypeError, "dl_device must be a tuple of two ints");
    return -1;
  }
  if (type == CPU && id == 0)
    return 0;
  PyErr_Format(PyExc_BufferError,
               "a matrix is in the memory of the CPU, device (1, 0), not (%d, %d)",
               type, id);
  return -1;
}

PyObject *mx_matrix_dlpack(PyObject *self, PyObject *const *args, Py_ssize_t count,
                           PyObject *names) {
  PyObject *found[4], *capsule = NULL;
  bool copies = false;
  MX_SIGNATURE("__dlpack__", 0, 0, 0, "stream", "max_version", "dl_device", "copy");
  if (mx_arguments(&signature_, args, count, names, found) < 0 ||
      check_device(found[2]) < 0 ||
      (found[3] != Py_None && mx_truth(found[3], &copies) < 0))
    return NULL;
  if (found[0] && found[0] != Py_None) {
    PyErr_SetString(PyExc_BufferError, "stream must be None: a matrix is in the memory "
                                       "of the CPU");
    return NULL;
  }
  mx_block *block = mx_matrix_pin(self);
  mx_block *shown = block && copies ? mx_block_copy(block) : block;
  if (shown)
    capsule = export_block(shown);
  if (shown != block)
    mx_block_drop(shown);
  mx_block_drop(block);
  return capsule;
}

PyObject *mx_matrix_dlpack_device(PyObject *self, PyObject *unused) {
  (void)self;
  (void)unused;
  return Py_BuildValue("ii", CPU, 0);
}

/* ---- documentation --------------------------------------------------------------- */

const char mx_matrix_dlpack_doc[] =
    "__dlpack__($self, *, stream=None, max_version=None, dl_device=None, copy=None)\n"
    "--\n"
    "\n"
    "A DLPack capsule of rows x columns doubles: the matrix's own memory, which\n"
    "numpy.from_dlpack and other libraries read and write; a copy if copy is True.\n"
    "As long as a library has it, the matrix does not move: a copy does.\n"
    "BufferError: a stream, or a device other than the CPU; RuntimeError: the\n"
    "matrix has moved elsewhere.\n"
    "\n"
    "Source: DLPack's protocol for Python (dmlc.github.io/dlpack).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> \"dltensor\" in str(Matrix(2, 2).__dlpack__())\n"
    "True";

const char mx_matrix_dlpack_device_doc[] =
    "__dlpack_device__($self, /)\n"
    "--\n"
    "\n"
    "The DLPack device of every matrix, also of one that has moved: the tuple\n"
    "(1, 0), the CPU. It raises no errors.\n"
    "\n"
    "Source: DLPack's protocol for Python (dmlc.github.io/dlpack).\n"
    "\n"
    ">>> from bocpy import Matrix\n"
    ">>> Matrix(2, 2).__dlpack_device__()\n"
    "(1, 0)";
