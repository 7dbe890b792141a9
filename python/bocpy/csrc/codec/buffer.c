/* Buffer: see buffer.h. */
#include "buffer.h"

#include "extension.h"
#include "immutable.h"
#include "state.h"

void (*bocpy_buffer_give_up)(boc_cown *core) = boc_cown_drop;

static void buffer_free_one(bocpy_buffer *buffer) {
  for (uint32_t i = 0; i < buffer->cown_count; i++)
    bocpy_buffer_give_up(buffer->cowns[i]);
  if (buffer->cowns)
    PyMem_RawFree(buffer->cowns);
  if (buffer->natives)
    bocpy_natives_drop(buffer->natives, buffer->native_count);
  if (buffer->immutables) {
    bocpy_immutables_drop(buffer->immutables, buffer->immutable_count);
    PyMem_RawFree(buffer->immutables);
  }
  PyMem_RawFree(buffer);
}

/* Freeing a buffer may drop the last reference to a cown, whose own buffer is freed
 * then, and so on. A loop frees them, since a chain of cowns can be longer than a stack
 * is deep. */
static void buffer_free_nested(bocpy_buffer *buffer) {
  if (bocpy_self.freeing) {
    buffer->below = bocpy_self.freed;
    bocpy_self.freed = buffer;
    return;
  }
  bocpy_self.freeing = true;
  while (buffer) {
    buffer_free_one(buffer);
    buffer = bocpy_self.freed;
    if (buffer)
      bocpy_self.freed = buffer->below;
  }
  bocpy_self.freeing = false;
}

void bocpy_buffer_free(bocpy_buffer *buffer) {
  if (buffer && buffer->cown_count)
    buffer_free_nested(buffer);
  else if (buffer)
    buffer_free_one(buffer);
}

size_t bocpy_buffer_size(const bocpy_buffer *buffer) {
  return sizeof *buffer + buffer->size + buffer->cown_count * sizeof *buffer->cowns +
         bocpy_immutables_size(buffer->immutables, buffer->immutable_count);
}

static bocpy_buffer *buffer_resize(bocpy_buffer *buffer, size_t capacity) {
  return PyMem_RawRealloc(buffer, sizeof *buffer + capacity);
}

int bocpy_writer_grow(bocpy_writer *writer, size_t more) {
  if (writer->fixed)
    return -1;
  size_t needed = writer->size + more;
  size_t capacity = needed > 2 * writer->capacity ? needed : 2 * writer->capacity;
  bocpy_buffer *buffer = needed < more || capacity > PY_SSIZE_T_MAX - sizeof *buffer
                             ? NULL
                             : buffer_resize(writer->buffer, capacity);
  if (!buffer) {
    PyErr_NoMemory();
    return -1;
  }
  if (!writer->buffer)
    memcpy(buffer->bytes, writer->bytes, writer->size);
  writer->buffer = buffer;
  writer->bytes = buffer->bytes;
  writer->capacity = capacity;
  return 0;
}

bocpy_buffer *bocpy_writer_finish(bocpy_writer *writer) {
  bocpy_buffer *buffer = writer->buffer;
  if (!buffer || writer->capacity - writer->size > writer->capacity / 8) {
    buffer = buffer_resize(buffer, writer->size);
    if (!buffer) {
      PyErr_NoMemory();
      return NULL;
    }
    if (!writer->buffer)
      memcpy(buffer->bytes, writer->bytes, writer->size);
  }
  writer->buffer = NULL;
  buffer->size = writer->size;
  buffer->cowns = NULL;
  buffer->cown_count = buffer->native_count = 0;
  buffer->natives = NULL;
  buffer->immutables = NULL;
  buffer->immutable_count = 0;
  buffer->needs_classes = false;
  return buffer;
}

void bocpy_writer_fini(bocpy_writer *writer) {
  PyMem_RawFree(writer->buffer);
  writer->buffer = NULL;
}
