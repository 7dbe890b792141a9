/* Shared by all public headers of libboc: export marks, status codes, time.
 *
 * Conventions that hold in all headers and are not repeated there:
 *  - A function that returns `boc_status` leaves its out-parameters untouched
 *    unless it returns BOC_OK. Out-parameters come last and are named `out_*`.
 *  - No pointer argument may be NULL unless its contract says so. A NULL, and a cown or
 *    runtime that is used after its end, are bugs of the caller: where the library sees
 *    one, it prints which and ends the program.
 *  - "Any thread" means any thread of the process, a worker of any runtime included.
 *  - Times are nanoseconds. A negative timeout, as BOC_FOREVER is, never expires; 0
 *    does not wait.
 *  - An options struct begins with its size and has an initializer `..._OPTIONS_INIT`
 *    with the defaults. A size that the library does not know (0, or that of a later
 *    version's struct) is refused with BOC_BAD_ARGUMENT.
 */
#ifndef BOC_BASE_H
#define BOC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <boc/version.h>

#if defined(BOC_STATIC)
#define BOC_API
#elif defined(_WIN32)
#if defined(BOC_BUILDING)
#define BOC_API __declspec(dllexport)
#else
#define BOC_API __declspec(dllimport)
#endif
#else
#define BOC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The one list of status codes: X(NAME, kind, text).
 *
 * - outcome: the call did its work and this is the answer.
 * - refusal: the call did nothing; nothing has changed.
 */
#define BOC_STATUS_MAP(X)                                                              \
  X(OK, outcome, "success")                                                            \
  X(TIMEOUT, outcome, "the deadline passed")                                           \
  X(CLOSED, outcome, "the runtime or queue is closed")                                 \
  X(WOULD_BLOCK, outcome, "nothing to take without waiting")                           \
  X(CANCELLED, outcome, "cancelled by another thread")                                 \
  X(NO_MEMORY, refusal, "out of memory")                                               \
  X(BAD_ARGUMENT, refusal, "an argument is out of its range")                          \
  X(BAD_STATE, refusal, "not possible in the present state")                           \
  X(NO_THREAD, refusal, "a thread could not be started")                               \
  X(FULL, refusal, "the capacity is reached")                                          \
  X(NOT_FOUND, refusal, "no such tag or key")

typedef enum boc_status {
#define BOC_STATUS_ENUM(name, kind, text) BOC_##name,
  BOC_STATUS_MAP(BOC_STATUS_ENUM)
#undef BOC_STATUS_ENUM
      BOC_STATUS_COUNT
} boc_status;

/** A short English text for `status`; static storage, never NULL. Any thread. */
BOC_API const char *boc_status_text(boc_status status);

/** The version of the library that runs, as BOC_VERSION_STRING was when it was built.
 */
BOC_API const char *boc_version(void);

/** A timeout that never expires. */
#define BOC_FOREVER INT64_C(-1)

/** The monotonic clock, in nanoseconds from an arbitrary origin. Any thread. */
BOC_API uint64_t boc_now(void);

/** Lets another thread run on this processor. Any thread. */
BOC_API void boc_yield(void);

/** The number of physical cores this process may use (affinity and control-group limits
 * respected), at least 1. */
BOC_API unsigned boc_core_count(void);

/** The library's source of memory. Any thread may call each function. */
typedef struct boc_allocator {
  /** Returns memory aligned for any object, or NULL. */
  void *(*allocate)(void *ctx, size_t size);
  /** Frees what `allocate` returned, with the same size. */
  void (*release)(void *ctx, void *memory, size_t size);
  /** Passed to both functions. */
  void *ctx;
} boc_allocator;

#ifdef __cplusplus
}
#endif

#endif
