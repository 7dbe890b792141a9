/* Memory through an optional boc_allocator; NULL means malloc and free. */
#ifndef BOCI_ALLOC_H
#define BOCI_ALLOC_H

#include <boc/base.h>

#include <stdlib.h>

static inline void *boci_allocate(const boc_allocator *allocator, size_t size) {
  return allocator ? allocator->allocate(allocator->ctx, size) : malloc(size);
}

static inline void boci_release(const boc_allocator *allocator, void *memory,
                                size_t size) {
  if (allocator)
    allocator->release(allocator->ctx, memory, size);
  else
    free(memory);
}

#endif
