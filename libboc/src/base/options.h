/* Options: reading an options struct of the public API.
 *
 * Each begins with its size as the caller was compiled. Later versions of the library
 * only add fields at the end, so a caller that was compiled with an older header gets
 * the defaults of the fields that it does not know; one that was compiled with a newer
 * header is refused, since it may want what this library cannot do.
 */
#ifndef BOCI_OPTIONS_H
#define BOCI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Copies `options` (which may be NULL) over `out`, which has `size` bytes and holds the
 * defaults. False: the size that it begins with is not one that this library knows. */
static inline bool boci_options_read(void *out, size_t size, const void *options) {
  size_t given;
  if (!options)
    return true;
  memcpy(&given, options, sizeof given);
  if (given < sizeof given || given > size)
    return false;
  memcpy(out, options, given);
  return true;
}

#endif
