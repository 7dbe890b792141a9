/* Buffer: see buffer.h. */
#include "buffer.h"

#include "extension.h"
#include "state.h"

static void free_one(bocpy_flat *flat) {
  for (uint32_t i = 0; i < flat->cown_count; i++)
    boc_cown_drop(flat->cowns[i]);
  if (flat->cowns)
    PyMem_RawFree(flat->cowns);
  if (flat->natives)
    bocpy_natives_drop(flat->natives, flat->native_count);
  PyMem_RawFree(flat);
}

/* With the cowns in it their flats may go, and so on: one after the other, since a stack
 * is not as deep as a chain of cowns may be long. */
static void free_all(bocpy_flat *flat) {
  if (bocpy_self.freeing) {
    flat->below = bocpy_self.freed;
    bocpy_self.freed = flat;
    return;
  }
  bocpy_self.freeing = true;
  while (flat) {
    free_one(flat);
    flat = bocpy_self.freed;
    if (flat)
      bocpy_self.freed = flat->below;
  }
  bocpy_self.freeing = false;
}

void bocpy_flat_free(bocpy_flat *flat) {
  if (flat && flat->cown_count)
    free_all(flat);
  else if (flat)
    free_one(flat);
}

size_t bocpy_flat_size(const bocpy_flat *flat) {
  return sizeof *flat + flat->size + flat->cown_count * sizeof *flat->cowns;
}

static bocpy_flat *resize(bocpy_flat *flat, size_t capacity) {
  return PyMem_RawRealloc(flat, sizeof *flat + capacity);
}

int bocpy_writer_grow(bocpy_writer *writer, size_t more) {
  if (writer->fixed)
    return -1;
  size_t needed = writer->size + more;
  size_t capacity = needed > 2 * writer->capacity ? needed : 2 * writer->capacity;
  bocpy_flat *flat = needed < more || capacity > PY_SSIZE_T_MAX - sizeof *flat
                         ? NULL
                         : resize(writer->flat, capacity);
  if (!flat) {
    PyErr_NoMemory();
    return -1;
  }
  if (!writer->flat)
    memcpy(flat->bytes, writer->bytes, writer->size);
  writer->flat = flat;
  writer->bytes = flat->bytes;
  writer->capacity = capacity;
  return 0;
}

bocpy_flat *bocpy_writer_finish(bocpy_writer *writer) {
  bocpy_flat *flat = writer->flat;
  if (!flat || writer->capacity - writer->size > writer->capacity / 8) {
    flat = resize(flat, writer->size);
    if (!flat) {
      PyErr_NoMemory();
      return NULL;
    }
    if (!writer->flat)
      memcpy(flat->bytes, writer->bytes, writer->size);
  }
  writer->flat = NULL;
  flat->size = writer->size;
  flat->cowns = NULL;
  flat->cown_count = flat->native_count = 0;
  flat->natives = NULL;
  flat->needs_classes = false;
  return flat;
}

void bocpy_writer_fini(bocpy_writer *writer) {
  PyMem_RawFree(writer->flat);
  writer->flat = NULL;
}
