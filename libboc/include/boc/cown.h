/* Cowns: concurrently owned data.
 *
 * A cown is a reference-counted piece of data that only behaviors use (see behavior.h).
 * It belongs to no runtime: behaviors of any runtime may use it, and it lives as long
 * as it has a reference. Scheduled behaviors keep their cowns alive by themselves.
 */
#ifndef BOC_COWN_H
#define BOC_COWN_H

#include <boc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A cown. Opaque. */
typedef struct boc_cown boc_cown;

/** A kind of cown, and the hooks of its embedder. Each hook may be NULL; none may
 * schedule, block, or keep `payload`. The type must outlive its cowns. */
typedef struct boc_cown_type {
  /** Its name in traces and messages. */
  const char *name;
  /** The size of the payload in bytes. */
  size_t payload_size;
  /** Called on the thread that is about to run a behavior with this cown, once for each
   * behavior. */
  void (*acquire)(boc_cown *cown, void *payload);
  /** Called on that thread after the body. */
  void (*release)(boc_cown *cown, void *payload);
  /** Called on the thread that dropped the last reference; the library then frees the
   * payload. A drop hook that drops another cown runs that cown's hook within itself
   * or, beyond some depth, leaves it for after the outermost hook: a chain of cowns
   * may have any length. */
  void (*drop)(boc_cown *cown, void *payload);
  /** NULL: pools that all runtimes share. */
  const boc_allocator *allocator;
} boc_cown_type;

/** A new cown with one reference, held by the caller, and a payload of zero bytes.
 * Any thread. Refusals: BOC_NO_MEMORY. */
BOC_API boc_status boc_cown_new(const boc_cown_type *type, boc_cown **out_cown);

/** The payload, aligned for any object. Its address never changes. Only behaviors that
 * hold the cown may use what it points to (and its maker, before the first
 * schedule). */
BOC_API void *boc_cown_payload(boc_cown *cown);

/** The type that the cown was made with. */
BOC_API const boc_cown_type *boc_cown_type_of(const boc_cown *cown);

/** Adds a reference and returns `cown`. The caller must have one already. Any thread,
 * never blocks. */
BOC_API boc_cown *boc_cown_hold(boc_cown *cown);

/** Drops a reference of the caller's. The last one runs the type's drop hook. Any
 * thread, never blocks. */
BOC_API void boc_cown_drop(boc_cown *cown);

/** As boc_cown_hold, for a caller that has no reference but knows that the cown's drop
 * hook has not returned (say, because the hook takes a lock that the caller has). NULL
 * if the last reference has been dropped already. Any thread, never blocks. */
BOC_API boc_cown *boc_cown_try_hold(boc_cown *cown);

/** The cown that a payload belongs to. */
BOC_API boc_cown *boc_cown_of_payload(void *payload);

/** How many references there are: those of holders, one for the queue if a behavior has
 * the cown or waits for it, and one for each reader that has it. The number may have
 * changed when this returns, unless the caller knows where all of them are: then it
 * can find out that only the cown's own payload keeps it alive. Any thread. */
BOC_API uint32_t boc_cown_references(const boc_cown *cown);

/** Whether a behavior holds the cown or waits for it at the moment of the call: a hint
 * for diagnostics, which may be wrong when this returns. */
BOC_API bool boc_cown_busy(const boc_cown *cown);

#ifdef __cplusplus
}
#endif

#endif
