/* Runtimes: a set of worker threads that run behaviors.
 *
 * A runtime is an explicit handle and several may live in one process.
 * `boc_runtime_new` starts its workers. `boc_runtime_free` waits for the scheduled
 * behaviors and ends the workers. */
#ifndef BOC_RUNTIME_H
#define BOC_RUNTIME_H

#include <boc/base.h>
#include <boc/behavior.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The embedder's functions on the workers' threads. All hooks of a worker run on its
 * own thread, at the top level of its stack; each may be NULL.
 *
 * Between `start` and the first `after_park` a worker counts as parked; the calls of
 * `before_park` and `after_park` alternate strictly. */
typedef struct boc_worker_hooks {
  /** Called first on the thread. A status other than BOC_OK makes boc_runtime_new fail,
   * unless the worker starts on demand. */
  boc_status (*start)(void *ctx, unsigned worker);
  /** Called last on the thread, if `start` succeeded. */
  void (*stop)(void *ctx, unsigned worker);
  /** The worker has run out of work and is about to spin, then park. */
  void (*before_park)(void *ctx, unsigned worker);
  /** The worker has found work, or is about to run `poke` or `stop`. */
  void (*after_park)(void *ctx, unsigned worker);
  /** Called soon after boc_worker_poke, between two bodies. */
  void (*poke)(void *ctx, unsigned worker);
  /** Passed to every hook. */
  void *ctx;
} boc_worker_hooks;

/** Options of a runtime. Start from BOC_RUNTIME_OPTIONS_INIT and change what matters.
 */
typedef struct boc_runtime_options {
  /** sizeof(boc_runtime_options): later versions of the library recognize the struct by
   * it. */
  size_t size;
  /** How many workers; 0: boc_core_count. */
  unsigned workers;
  /** How many further workers there may be for blocked ones: boc_worker_block_begin. */
  unsigned compensating_workers;
  /** Nanoseconds that an idle worker searches before it parks. */
  uint64_t spin;
  /** The stack of a worker's thread, in bytes; 0: the system's default. */
  size_t stack_size;
  /** Copied; may be NULL. */
  const boc_worker_hooks *hooks;
  /** How many events are kept for each worker (see trace.h); 0: none. */
  size_t trace_events;
  /** Copied; NULL: malloc and free. */
  const boc_allocator *allocator;
  /** How many of the workers start on demand; at most all but one, because one worker
   * starts with the runtime. A worker on demand runs its `start` hook when there is
   * work for which no other worker is free: if no behavior has ended for 5 ms, or the
   * ready ones would take the others longer than 30 ms, or behaviors have waited for
   * 30 ms in all since the runtime started. Without such work it runs neither `start`
   * nor `stop`. boc_runtime_workers counts it from the beginning. If its `start` fails,
   * the worker runs nothing, and the others do its work. */
  unsigned workers_on_demand;
} boc_runtime_options;

/** The default of `spin`, in nanoseconds. */
#define BOC_SPIN_DEFAULT UINT64_C(30000)

/** The defaults of boc_runtime_options. */
#define BOC_RUNTIME_OPTIONS_INIT                                                       \
  {sizeof(boc_runtime_options), 0, 0, BOC_SPIN_DEFAULT, 0, NULL, 0, NULL, 0}

/** Makes a runtime and starts its workers. Returns when all workers but those on demand
 * have run their `start` hook. `options` may be NULL. Workers inherit the signal mask
 * of the calling thread, and pass it on to the threads and processes that bodies start.
 * A compensating worker inherits the mask of the worker that it stands in for. To keep
 * a signal's handler off the workers, block the signal on this thread during the call.
 * Refusals: BOC_NO_MEMORY, BOC_NO_THREAD, BOC_BAD_ARGUMENT (more than 1024 workers of
 * either kind), or what a `start` hook returned; the threads that were started have
 * ended then. */
BOC_API boc_status boc_runtime_new(const boc_runtime_options *options,
                                   boc_runtime **out_runtime);

/** Waits until all behaviors have finished, ends the workers and frees the runtime.
 * From the call on, only bodies of this runtime may use the handle; they may go on
 * scheduling. `boc_behavior_new` refuses other threads, but only until the runtime is
 * freed. Cowns stay valid. Not from a worker of this runtime. In the child of a fork it
 * does nothing: the workers are the parent's. */
BOC_API void boc_runtime_free(boc_runtime *runtime);

/** Waits until no behavior is scheduled, running or deferred, at one moment between
 * call and return. Any thread but this runtime's workers (BOC_BAD_STATE there, and in
 * the child of a fork, which has none of the workers).
 * Outcomes: BOC_OK, BOC_TIMEOUT. */
BOC_API boc_status boc_runtime_quiesce(boc_runtime *runtime, int64_t timeout);

/** A wait for quiescence that blocks no thread. The caller owns it, and neither changes
 * nor frees it until `done` was called or boc_runtime_quiesce_cancel returned true. */
typedef struct boc_quiesce_node {
  struct boc_quiesce_node *next; /* private */
  /** What is called; required. It must not block. */
  void (*done)(void *ctx);
  /** Handed to `done`. */
  void *ctx;
} boc_quiesce_node;

/** Calls the node's `done` once, when the runtime is quiescent: at once on this thread
 * if it is, else later on a worker. For waits that must not block a thread (event
 * loops, waits that signals interrupt). Several nodes may wait at a time. Any thread.
 */
BOC_API void boc_runtime_on_quiescent(boc_runtime *runtime, boc_quiesce_node *node);

/** Takes `node` back. True: its `done` will not be called. False: its `done` was called
 * and has returned, or the runtime never had the node. */
BOC_API bool boc_runtime_quiesce_cancel(boc_runtime *runtime, boc_quiesce_node *node);

/** Gives memory of ended behaviors and cowns back to the allocator: whole chunks of the
 * pools of threads that are no workers. The library keeps such memory for the next
 * behaviors; after a burst of a million behaviors it keeps hundreds of megabytes. The
 * call takes some nanoseconds for each block that is kept, and finds most memory while
 * the runtime is quiescent. Any thread; on a worker it does nothing. */
BOC_API void boc_runtime_trim(boc_runtime *runtime);

/** How many workers run behaviors: the number that the runtime was made with, or that
 * boc_runtime_set_workers has set since. Any thread. */
BOC_API unsigned boc_runtime_workers(const boc_runtime *runtime);

/** Changes how many workers run behaviors, up to the number of ordinary and
 * compensating workers that the runtime was made with. Workers that are no longer
 * needed rest, with everything that their `start` hook has made. If more are needed,
 * resting workers come back, or new ones are started. Any thread but a worker, one at a
 * time, and only while the runtime is quiescent and no thread schedules. Refusals,
 * after which the number is as it was: BOC_BAD_STATE (on a worker, or in the child of a
 * fork), BOC_BAD_ARGUMENT (0, or more than there is room for), BOC_NO_MEMORY,
 * BOC_NO_THREAD, or what a `start` hook returned. */
BOC_API boc_status boc_runtime_set_workers(boc_runtime *runtime, unsigned workers);

/** How many workers have nothing to do: a hint, one relaxed load. Any thread. */
BOC_API unsigned boc_runtime_idle_workers(const boc_runtime *runtime);

/** The index of the calling thread among `runtime`'s workers, or -1. */
BOC_API int boc_worker_index(const boc_runtime *runtime);

/** The runtime whose worker the calling thread is, or NULL. */
BOC_API boc_runtime *boc_runtime_current(void);

/** Begins a part of a body that blocks on something other than the runtime (a message,
 * a file, another program). Meanwhile a compensating worker, if the runtime was given
 * any, runs other behaviors; its index is at least boc_runtime_workers, and it runs the
 * `start` hook when its thread is made. Until boc_worker_block_end the body must not
 * schedule. The calls must not be nested. Does nothing on threads that are no workers.
 *
 * The part has begun whatever the call returns; call boc_worker_block_end in any case.
 * BOC_OK: as many compensating workers run as bodies block, or the runtime is being
 * freed. Otherwise this worker runs nothing until the body goes on, and if all workers
 * block so, nothing runs: BOC_FULL, all compensating workers that the runtime was given
 * are in use, or it was given none; BOC_NO_THREAD or BOC_NO_MEMORY, the system refused
 * a thread or memory. A later call of another worker tries again. */
BOC_API boc_status boc_worker_block_begin(void);

/** Ends the part that boc_worker_block_begin began. */
BOC_API void boc_worker_block_end(void);

/** Makes a worker run its `poke` hook soon; wakes it if it is parked. Pokes that come
 * before the hook has begun are one. Any thread, never blocks. */
BOC_API void boc_worker_poke(boc_runtime *runtime, unsigned worker);

#ifdef __cplusplus
}
#endif

#endif
