/* Timers: behaviors that are scheduled later, when their time has come.
 *
 * A timer takes a behavior that was made and not scheduled. From then on the behavior
 * is in flight: quiescence and scopes wait for it. It takes its place in the queues of
 * its cowns when its time has come; behaviors that are scheduled over them before go
 * first. It has its fresh cown (BOC_FRESH) at once, so that others can be scheduled
 * behind its result.
 *
 * Until then it has no place in the other queues. So name no cown beside its result
 * that it needs itself: a behavior over both would wait for the result, and hold the
 * cown's next turn, for which the timer's behavior waits. Schedule over the result, and
 * in that body over the cown.
 *
 * Timers have no thread: a worker with nothing to do wakes up in time, and if all are
 * busy the first that ends a body looks at the clock. Behaviors with the same time are
 * scheduled in the order in which their timers were started.
 */
#ifndef BOC_TIMER_H
#define BOC_TIMER_H

#include <boc/behavior.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque: a handle, to cancel with. */
typedef struct boc_timer boc_timer;

/** Schedules `behavior`, which was made for `runtime`, `delay` ns from now; at once if
 * that is 0. The library keeps its cowns alive until its end. `*out_timer` gets a
 * handle to cancel it with, which the caller drops; `out_timer` may be NULL. If the
 * scope of the behavior is cancelled before its time, so is the timer. Any thread,
 * inside a body too. Refusals, after which the behavior is the caller's still:
 * BOC_BAD_ARGUMENT for a negative delay, BOC_NO_MEMORY. */
BOC_API boc_status boc_runtime_after(boc_runtime *runtime, int64_t delay,
                                     boc_behavior *behavior, boc_timer **out_timer);

/** The same at a point of the clock boc_now; at once if that has passed. Refusals:
 * BOC_NO_MEMORY. */
BOC_API boc_status boc_runtime_at(boc_runtime *runtime, uint64_t deadline,
                                  boc_behavior *behavior, boc_timer **out_timer);

/** Takes the behavior back. True: it has not taken its place in any queue and will not.
 * It ends soon, where its body would have run: `cancelled` is called in place of that,
 * with no cown held but the fresh one, and `done` with `ran` false. False: its time had
 * come, or it was cancelled before. Any thread, also after the runtime has ended. */
BOC_API bool boc_timer_cancel(boc_timer *timer);

/** Adds a reference and returns `timer`. The caller has one. Any thread. */
BOC_API boc_timer *boc_timer_hold(boc_timer *timer);

/** Gives up a reference of the caller's; NULL is nothing. The timer goes on without
 * any. Any thread. */
BOC_API void boc_timer_drop(boc_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
