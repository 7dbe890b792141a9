/* Flat: see flat.h. */
#include "flat.h"

#include "hooks.h"

void bocpy_flat_free(bocpy_flat *flat) {
  if (!flat)
    return;
  for (uint32_t i = 0; i < flat->cown_count; i++)
    boc_cown_drop(flat->cowns[i]);
  if (flat->cowns)
    PyMem_RawFree(flat->cowns);
  if (flat->natives)
    bocpy_natives_drop(flat->natives, flat->native_count);
  PyMem_RawFree(flat);
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
