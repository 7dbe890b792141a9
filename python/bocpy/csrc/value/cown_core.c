/* Cown core: see cown_core.h. */
#include "cown_core.h"

#include "failure_report.h"

/* libboc's pools have blocks of 96 bytes, and of 128. */
_Static_assert(sizeof(void *) != 8 || sizeof(bocpy_value) == 48,
               "a cown with libboc's header, which has 48 bytes, fills a block of 96");

/* The last reference is dropped: an exception that nobody has read lives on until it is
 * reported. */
static void core_drop(boc_cown *core, void *payload) {
  bocpy_value *value = payload;
  bocpy_codec_forget_cown(core);
  if (bocpy_value_failure(value)) {
    if (bocpy_value_has_copies(value))
      bocpy_value_drop_copies(value);
    bocpy_failure_orphan(value);
    bocpy_value_end(value);
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

int bocpy_cown_core_init(void) {
  boc_cown *core = bocpy_cown_core_new(false);
  if (!core)
    return -1;
  bool there = boc_cown_payload(core) == (void *)bocpy_value_of(core);
  boc_cown_drop(core);
  if (there)
    return 0;
  PyErr_SetString(PyExc_SystemError, "bocpy was built for another version of libboc");
  return -1;
}
