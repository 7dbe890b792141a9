/* Tracing: what each worker did, and when.
 *
 * A runtime that is made with `trace_events` keeps, for each worker and for all outside
 * threads together, a ring of the latest events. Without it, tracing costs one branch
 * an event. Identities are addresses: after a `finished`, a new behavior may have the
 * same one.
 *
 * An event names one cown, the first that the behavior was made with. The others follow
 * its `started` in the same ring: a `cown` event for each of them. */
#ifndef BOC_TRACE_H
#define BOC_TRACE_H

#include <boc/runtime.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The one list of events: X(NAME, kind, text); `kind` is its name in JSON. */
#define BOC_TRACE_MAP(X)                                                               \
  X(SCHEDULED, scheduled, "a behavior was scheduled")                                  \
  X(READY, ready, "it has all its cowns")                                              \
  X(STARTED, started, "its body begins, unless a `cancelled` follows")                 \
  X(FINISHED, finished, "it is over, its cowns handed on")                             \
  X(STOLEN, stolen, "it was taken from another worker's queue")                        \
  X(PARKED, parked, "the worker sleeps")                                               \
  X(WOKEN, woken, "the worker is awake again")                                         \
  X(CANCELLED, cancelled, "its body does not run: its scope was cancelled")            \
  X(COWN, cown, "one more cown of what has just started")

typedef enum boc_trace_kind {
#define BOC_TRACE_ENUM(NAME, kind, text) BOC_TRACE_##NAME,
  BOC_TRACE_MAP(BOC_TRACE_ENUM)
#undef BOC_TRACE_ENUM
      BOC_TRACE_COUNT
} boc_trace_kind;

/** One event. */
typedef struct boc_trace_event {
  /** When, on the clock of boc_now. */
  uint64_t time;
  /** The behavior's identity; 0 for `parked` and `woken`. */
  uintptr_t behavior;
  /** The identity of its first cown, or 0; of a `cown` event, of one more. */
  uintptr_t cown;
  /** The name of the behavior's type; may be NULL. */
  const char *name;
  /** What happened. */
  boc_trace_kind kind;
  /** The worker's index; -1: an outside thread. */
  int worker;
} boc_trace_event;

/** Calls `see` for each event that the rings still have, oldest first for each worker.
 * The runtime must be quiescent and stay so. Refusals: BOC_BAD_STATE if the runtime was
 * made without `trace_events`. */
BOC_API boc_status boc_trace_read(boc_runtime *runtime,
                                  void (*see)(void *ctx, const boc_trace_event *event),
                                  void *ctx);

/** Writes the events as JSON that chrome://tracing and Perfetto open: a slice for each
 * body, with the list of its cowns; an instant for each other event (a `cancelled` in a
 * slice means that the body did not run); a row for each worker, and one for all
 * outside threads. The slice of a deferred behavior ends when its worker turns to
 * something else, at the latest when the behavior is finished. `write` gets the text in
 * pieces. Conditions and refusals: as boc_trace_read. */
BOC_API boc_status boc_trace_write(boc_runtime *runtime,
                                   void (*write)(void *ctx, const char *text,
                                                 size_t size),
                                   void *ctx);

#ifdef __cplusplus
}
#endif

#endif
