/* Reference cycles: see reference_cycles.h. */
#include "reference_cycles.h"

#include "buffer.h"
#include "cown_core.h"
#include "runtime.h"

/* The references to the cown while the behavior runs: one that the behavior was given,
 * and that of its queue. */
enum { OURS = 2 };

/* No other code can get the cown if all other references are in its own value, which
 * only this behavior has. */
static void circular_collect(boc_behavior *self, void *env) {
  (void)self;
  boc_cown *core = *(boc_cown **)env;
  bocpy_value *value = bocpy_value_of(core);
  if (bocpy_value_has_copies(value))
    bocpy_value_drop_copies(value);
  uint32_t own = bocpy_value_count_own(value);
  if (own && boc_cown_references(core) == own + OURS && !bocpy_value_failure(value))
    bocpy_value_clear(value);
}

static void drop_core(void *env) { boc_cown_drop(*(boc_cown **)env); }

static const boc_behavior_type collecting = {
    .name = "bocpy.collect", .body = circular_collect, .drop = drop_core};

/* -1 if nothing is scheduled. */
static int collect_on(boc_runtime *runtime, boc_cown *core) {
  boc_access access = {core, BOC_WRITE};
  boc_behavior *behavior;
  if (boc_behavior_new(runtime, &collecting, sizeof(boc_cown *), &access, 1,
                       &behavior) != BOC_OK)
    return -1;
  *(boc_cown **)boc_behavior_env(behavior) = core;
  boc_behavior_schedule_or_run(behavior);
  return 0;
}

/* Without workers, or without memory, the cown leaks: that is all that may be lost. */
static void give_up_circular(boc_cown *core) {
  boc_runtime *runtime =
      bocpy_self.slot ? bocpy_self.slot->runtime : bocpy_runtime_use();
  int status = runtime ? collect_on(runtime, core) : -1;
  if (runtime && !bocpy_self.slot)
    bocpy_runtime_unuse();
  if (status < 0)
    boc_cown_drop(core);
}

void bocpy_reference_cycles_give_up(boc_cown *core) {
  if (bocpy_value_is_circular(bocpy_value_of(core)))
    give_up_circular(core);
  else
    boc_cown_drop(core);
}

void bocpy_reference_cycles_init(void) {
  bocpy_buffer_give_up = bocpy_reference_cycles_give_up;
}
