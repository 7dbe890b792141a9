/* Cowns: concurrently owned data.
 *
 * A cown is a reference-counted piece of data that only behaviors touch (see
 * behavior.h). It belongs to no runtime: behaviors of any runtime may use it, and it
 * lives as long as it has a reference. Scheduled behaviors keep their cowns
 * alive by themselves.
 */
#ifndef BOC_COWN_H
#define BOC_COWN_H

#include <boc/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct boc_cown boc_cown;

/* What a kind of cown is, and what its embedder wants to hear of. Each hook may be
 * NULL; none may schedule, block, or keep `payload`. The type must outlive its cowns.
 *
 * - `acquire`: on the thread that is about to run a behavior with this cown, once a
 *   behavior.
 * - `release`: on that thread, after the body.
 * - `drop`: on the thread that gave up the last reference; the payload is freed after.
 *   A drop hook that drops another cown runs that one's hook within itself, or, beyond
 *   some depth, has it run after the outermost hook: a chain of cowns may have any
 *   length.
 */
typedef struct boc_cown_type {
  const char *name;
  size_t payload_size;
  void (*acquire)(boc_cown *cown, void *payload);
  void (*release)(boc_cown *cown, void *payload);
  void (*drop)(boc_cown *cown, void *payload);
  const boc_allocator *allocator; /* NULL: pools that all runtimes share */
} boc_cown_type;

/* A new cown with one reference, held by the caller, and a payload of zero bytes.
 * Any thread. Refusals: BOC_NO_MEMORY. */
BOC_API boc_status boc_cown_new(const boc_cown_type *type, boc_cown **out_cown);

/* The payload, aligned for any object. Its address never changes. Touching what it
 * points to is for behaviors that hold the cown (and for its maker, before the first
 * schedule). */
BOC_API void *boc_cown_payload(boc_cown *cown);

/* The type that the cown was made with. */
BOC_API const boc_cown_type *boc_cown_type_of(const boc_cown *cown);

/* One reference more, one less. The caller of either has one. Any thread, never blocks;
 * the last `drop` runs the type's drop hook. */
BOC_API boc_cown *boc_cown_hold(boc_cown *cown);
BOC_API void boc_cown_drop(boc_cown *cown);

/* As hold, for a caller that has no reference but knows that the cown's drop hook has
 * not returned (say, because the hook takes a lock that the caller has). NULL if the
 * last reference has been given up already. Any thread, never blocks. */
BOC_API boc_cown *boc_cown_try_hold(boc_cown *cown);

/* Whether a behavior holds the cown or waits for it at the moment of the call: a hint
 * for diagnostics, old news as soon as it returns, unless the caller knows better. */
BOC_API bool boc_cown_busy(const boc_cown *cown);

#ifdef __cplusplus
}
#endif

#endif
