/* Trace: reads the rings of a runtime, which scheduler/trace_ring.c writes. */
#include <boc/trace.h>

#include "runtime.h"

boc_status boc_trace_read(boc_runtime *runtime,
                          void (*see)(void *ctx, const boc_trace_event *event),
                          void *ctx) {
  BOCI_REQUIRE(runtime != NULL);
  boci_scheduler *scheduler = &runtime->scheduler;
  if (scheduler->trace_events == 0)
    return BOC_BAD_STATE;
  boci_trace_ring_read(&scheduler->external.trace, -1, see, ctx);
  for (uint32_t i = 0; i < boci_scheduler_started(scheduler); i++)
    boci_trace_ring_read(&scheduler->worker[i].trace, (int)i, see, ctx);
  return BOC_OK;
}
