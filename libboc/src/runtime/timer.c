/* Timer: starting a timer on a runtime. The heap is the scheduler's (timer_heap.h). */
#include <boc/timer.h>

#include "runtime.h"

boc_status boc_runtime_at(boc_runtime *runtime, uint64_t deadline,
                          boc_behavior *behavior, boc_timer **out_timer) {
  BOCI_REQUIRE(runtime != NULL && behavior != NULL);
  boci_scheduler *scheduler = &runtime->scheduler;
  BOCI_REQUIRE(boci_behavior_scheduler(behavior) == scheduler &&
               "a behavior of this runtime");
  if (deadline > boci_os_now())
    return boci_timers_arm(scheduler, deadline, behavior, out_timer);
  if (out_timer) {
    const boc_status status = boci_timers_expired(scheduler, behavior, out_timer);
    if (status != BOC_OK)
      return status;
  }
  boc_behavior_schedule(behavior);
  return BOC_OK;
}

boc_status boc_runtime_after(boc_runtime *runtime, int64_t delay,
                             boc_behavior *behavior, boc_timer **out_timer) {
  if (delay < 0)
    return BOC_BAD_ARGUMENT;
  return boc_runtime_at(runtime, boci_os_deadline(delay), behavior, out_timer);
}
