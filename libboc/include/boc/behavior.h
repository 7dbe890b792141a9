/* Behaviors: functions that run once they have their cowns.
 *
 * Two behaviors that share a cown (at least one of them writing it) run one after the
 * other, in the order in which they were scheduled; behaviors that share none run in
 * parallel. Scheduling never waits for a body, and no set of behaviors can deadlock.
 *
 * The life of a behavior: `boc_behavior_new` (may be refused), fill in its environment,
 * `boc_behavior_schedule` (cannot fail). The body runs once on a worker of the runtime,
 * or on the lane that one of its cowns is pinned to; then the environment is dropped,
 * the cowns are released, and the behavior is freed.
 *
 * Source of the idea: Cheeseman et al., "When Concurrency Matters: Behaviour-Oriented
 * Concurrency", OOPSLA 2023.
 */
#ifndef BOC_BEHAVIOR_H
#define BOC_BEHAVIOR_H

#include <boc/base.h>
#include <boc/cown.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A behavior. Opaque. */
typedef struct boc_behavior boc_behavior;

/** A runtime: see runtime.h. Opaque. */
typedef struct boc_runtime boc_runtime;

/** A scope: see scope.h. Opaque. */
typedef struct boc_scope boc_scope;

/** How a behavior uses a cown. Consecutive readers of a cown run in parallel; a writer
 * waits for all readers before it, and those after it wait for the writer. */
typedef enum boc_mode {
  /** Alone. */
  BOC_WRITE = 0,
  /** In parallel with other readers. */
  BOC_READ = 1,
  /** Alone; and the caller promises that no other thread knows the cown before
   * boc_behavior_schedule is called. No behavior has been scheduled over it, so there
   * is nothing to wait for, which is cheaper. Made for the cown that will hold the
   * behavior's result. Only for the last cown that a behavior is given. */
  BOC_FRESH = 2
} boc_mode;

/** One cown of a behavior. */
typedef struct boc_access {
  /** The cown. */
  boc_cown *cown;
  /** How the behavior uses it. */
  boc_mode mode;
} boc_access;

/** An answer of `admit`: run the body here. An answer >= 0 is the index of the worker
 * to which the behavior is forwarded. */
#define BOC_ADMIT (-1)

/** A kind of behavior. `body` is required, the other hooks may be NULL. The type must
 * outlive its behaviors. */
typedef struct boc_behavior_type {
  /** Its name in traces; may be NULL. */
  const char *name;
  /** Runs once, on a worker, holding all cowns. It must not block on other behaviors,
   * and it ends by returning: the library catches no exceptions, so an exception ends
   * the program (in boc.hpp, by std::terminate), and longjmp out of the body is
   * undefined. A body that fails writes that into a cown. */
  void (*body)(boc_behavior *self, void *env);
  /** Ends the environment: after the body, or in its place if the behavior is freed
   * unscheduled or cancelled. Any thread. */
  void (*drop)(void *env);
  /** The worker that is about to run the body calls this first, with all cowns held.
   * The answer may forward the behavior to the worker where its data lives. A
   * forwarded behavior waits in that worker's inbox, which no worker steals from,
   * until the worker gets to it. If that takes longer than a millisecond while another
   * worker is idle, the idle one takes it and calls `admit` again with `overdue`
   * set. */
  int (*admit)(boc_behavior *self, void *env, unsigned worker, bool overdue);
  /** Called in place of the body if the behavior's scope was cancelled before: with all
   * cowns held, on the thread that would have run the body. It must not defer. If a
   * timer was cancelled (timer.h), no cown is held but the fresh one. */
  void (*cancelled)(boc_behavior *self, void *env);
} boc_behavior_type;

/** A behavior over `count` cowns (0 is legal) with `env_size` zero bytes of
 * environment, not scheduled yet. The same cown may be named several times; the
 * stronger mode counts. The caller, or the contents of the environment, keep the cowns
 * alive until `boc_behavior_schedule` returns. Costs O(count) and one allocation; for
 * more than 128 cowns another one, which the call frees. Any thread. Refusals:
 * BOC_NO_MEMORY; BOC_CLOSED if the runtime is stopping; BOC_BAD_ARGUMENT if two of the
 * cowns are pinned to different lanes, or a cown before the last is fresh. */
BOC_API boc_status boc_behavior_new(boc_runtime *runtime, const boc_behavior_type *type,
                                    size_t env_size, const boc_access *accesses,
                                    size_t count, boc_behavior **out_behavior);

/** Options of a behavior besides its cowns. Start from BOC_BEHAVIOR_OPTIONS_INIT and
 * change what matters. */
typedef struct boc_behavior_options {
  /** sizeof of this struct: how later versions know it. */
  size_t size;
  /** Its scope; NULL: the scope of the body that makes it. */
  boc_scope *scope;
  /** Called once when the behavior has ended and its cowns are released; `ran` says
   * whether its body ran or it was cancelled. boc_behavior_free does not call it. It
   * runs on the thread that ended the behavior, which it must not block; it may
   * schedule. */
  void (*done)(void *ctx, bool ran);
  /** Passed to `done`. */
  void *ctx;
} boc_behavior_options;

/** The defaults of boc_behavior_options. */
#define BOC_BEHAVIOR_OPTIONS_INIT {sizeof(boc_behavior_options), NULL, NULL, NULL}

/** As boc_behavior_new. `options` may be NULL. */
BOC_API boc_status boc_behavior_new_with(boc_runtime *runtime,
                                         const boc_behavior_type *type, size_t env_size,
                                         const boc_access *accesses, size_t count,
                                         const boc_behavior_options *options,
                                         boc_behavior **out_behavior);

/** Ends a behavior that was never scheduled: drops its environment. Any thread. */
BOC_API void boc_behavior_free(boc_behavior *behavior);

/** Schedules it. It belongs to the library from here on, and may have run and been
 * freed when this returns. Never fails. Any thread, inside a body too. */
BOC_API void boc_behavior_schedule(boc_behavior *behavior);

/** Schedules it. If its cowns are all free at this moment, calls the body on the
 * calling thread, without a worker, and returns true. The body may defer the behavior
 * (below), and so leave its cowns with the caller until `boc_behavior_complete`.
 * Otherwise returns false: the behavior waits for its turn, and will run where any
 * other does, or may have run already. Does not call `admit`. In a body, the same as
 * boc_behavior_schedule. Never fails. Any thread; for a pinned cown, the one that
 * pumps its lane. */
BOC_API bool boc_behavior_schedule_or_run(boc_behavior *behavior);

/** Schedules `count` behaviors of one runtime as one step: no other behavior comes
 * between two of them on any cown. Any thread. Refusals: BOC_NO_MEMORY (none is
 * scheduled, all still belong to the caller); BOC_BAD_ARGUMENT if they are of several
 * runtimes. */
BOC_API boc_status boc_behavior_schedule_all(boc_behavior *const *behaviors,
                                             size_t count);

/** The environment, aligned for any object. Its maker may call this and the next three
 * functions before scheduling, and the body may. */
BOC_API void *boc_behavior_env(boc_behavior *behavior);

/** The number of cowns that boc_behavior_new was given. */
BOC_API size_t boc_behavior_count(const boc_behavior *behavior);

/** The i-th cown that boc_behavior_new was given. */
BOC_API boc_cown *boc_behavior_cown(const boc_behavior *behavior, size_t i);

/** How the behavior holds its i-th cown (after merging duplicates): BOC_READ or
 * BOC_WRITE. */
BOC_API boc_mode boc_behavior_mode(const boc_behavior *behavior, size_t i);

/** Called in a body: the behavior does not finish before boc_behavior_complete has been
 * called. Until then it holds its cowns and counts as work in flight, and blocks no
 * worker. */
BOC_API void boc_behavior_defer(boc_behavior *self);

/** Finishes a behavior that was deferred. Called once, from any thread, before or after
 * the body returns. */
BOC_API void boc_behavior_complete(boc_behavior *behavior);

/** Whether the scope of a running behavior has been cancelled. */
BOC_API bool boc_behavior_cancelled(const boc_behavior *self);

/** The short form: schedules `body(arg)`-like work over `count` cowns, all for writing.
 * `body` gets `arg` itself, which the caller keeps. Refusals as `boc_behavior_new`. */
BOC_API boc_status boc_when(boc_runtime *runtime, boc_cown *const *cowns, size_t count,
                            void (*body)(boc_behavior *self, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
