/* Timers: behaviors that are scheduled later, when their time has come.
 *
 * A timer takes a behavior that was made and not scheduled. From then on the behavior
 * is in flight: quiescence and scopes wait for it. It enters the queues of its cowns
 * when its time has come: behaviors over the same cowns that are scheduled before that
 * moment come first. It has its fresh cown (BOC_FRESH) at once, so that other behaviors
 * can be scheduled over its result.
 *
 * Do not schedule a behavior over the timer's result and another cown of the timer's
 * behavior: they would deadlock. That behavior is in the cown's queue first and waits
 * for the result; the timer's behavior comes behind it in that queue. Schedule a
 * behavior over the result alone, and in its body one over the cown.
 *
 * Timers have no thread of their own: an idle worker wakes up in time. If all workers
 * are busy, the first one that ends a body looks at the clock. Behaviors with the same
 * time are scheduled in the order in which their timers were started. */
#ifndef BOC_TIMER_H
#define BOC_TIMER_H

#include <boc/behavior.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Opaque: a handle with which a program cancels the timer. */
typedef struct boc_timer boc_timer;

/** Schedules `behavior`, which was made for `runtime`, `delay` ns from now; at once if
 * that is 0. The library keeps its cowns alive until its end. `*out_timer` gets a
 * handle to cancel it with, which the caller drops; `out_timer` may be NULL. If the
 * scope of the behavior is cancelled before its time, so is the timer. Any thread,
 * inside a body too. Refusals, after which the behavior still belongs to the caller:
 * BOC_BAD_ARGUMENT for a negative delay, BOC_NO_MEMORY. */
BOC_API boc_status boc_runtime_after(boc_runtime *runtime, int64_t delay,
                                     boc_behavior *behavior, boc_timer **out_timer);

/** As boc_runtime_after, at a time on the clock of boc_now; at once if that has passed.
 * Refusals: BOC_NO_MEMORY. */
BOC_API boc_status boc_runtime_at(boc_runtime *runtime, uint64_t deadline,
                                  boc_behavior *behavior, boc_timer **out_timer);

/** Cancels the timer. True: its behavior has not entered the queues of its cowns and
 * will not. The behavior ends soon, where its body would have run: `cancelled` is
 * called in place of the body, with no cown held but the fresh one, and `done` with
 * `ran` false. False: its time had come, or it was cancelled before. Any thread, also
 * after the runtime has ended. */
BOC_API bool boc_timer_cancel(boc_timer *timer);

/** Adds a reference and returns `timer`. The caller has one. Any thread. */
BOC_API boc_timer *boc_timer_hold(boc_timer *timer);

/** Gives up a reference of the caller's; does nothing for NULL. A timer without
 * references still schedules its behavior. Any thread. */
BOC_API void boc_timer_drop(boc_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
