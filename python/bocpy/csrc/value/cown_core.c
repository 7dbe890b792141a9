/* Cown core: see cown_core.h. */
#include "cown_core.h"

#include "failure_report.h"

/* The last reference is dropped: an exception that nobody has read lives on until it is
 * reported. */
static void core_drop(boc_cown *core, void *payload) {
  bocpy_value *value = payload;
  bocpy_codec_forget_cown(core);
  if (value->failure) {
    if (atomic_load_explicit(&value->copies, memory_order_relaxed)) /* owner */
      bocpy_value_drop_copies(value);
    bocpy_failure_orphan(value);
    bocpy_failure_report_soon();
  } else {
    bocpy_value_drop(value);
  }
}

static const bocpy_cown_core_type core_type = {
    .type =
        {
            .name = "bocpy.Cown",
            .payload_size = sizeof(bocpy_value),
            .drop = core_drop,
        },
};

static const bocpy_cown_core_type core_type_pinned = {
    .type =
        {
            .name = "bocpy.PinnedCown",
            .payload_size = sizeof(bocpy_value),
            .drop = core_drop,
        },
    .pinned = true,
};

boc_cown *bocpy_cown_core_new(bool pinned) {
  boc_cown *core;
  const bocpy_cown_core_type *type = pinned ? &core_type_pinned : &core_type;
  if (boc_cown_new(&type->type, &core) == BOC_OK) {
    bocpy_value_of(core)->pinned = pinned;
    return core;
  }
  PyErr_NoMemory();
  return NULL;
}
