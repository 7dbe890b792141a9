/* Placement: see placement.h. */
#include "placement.h"

#include "cown_core.h"
#include "reader_copies.h"
#include "worker_slot.h"

static bool value_lives_in(const bocpy_value *value, const bocpy_worker_slot *slot) {
  return bocpy_value_kind(value) == BOCPY_BOXED && value->slot == slot;
}

/* A reader whose value lives on a busy worker sets `wanted` and goes to that worker.
 * The next reader that runs there encodes the value for all. */
static void value_answer_wanted(bocpy_value *value) {
  if (atomic_load_explicit(&value->wanted, memory_order_relaxed))
    bocpy_value_lend_here(value);
}

/* Whether the value lives on another worker that is busy, so that this one must not
 * enter its interpreter. A value that lives on an idle worker is fetched at once. */
static bool value_is_out_of_reach(bocpy_value *value, bool read, bool overdue) {
  bocpy_kind kind = bocpy_value_kind(value);
  if (kind < BOCPY_BOXED)
    return false;
  if (value_lives_in(value, bocpy_worker_slot_here())) {
    if (read)
      value_answer_wanted(value);
    return false;
  }
  /* relaxed (hint): if it is wrong, the borrowing takes longer */
  if (kind == BOCPY_BOXED && !overdue &&
      !atomic_load_explicit(&value->slot->parked, memory_order_relaxed)) {
    if (read)
      atomic_store_explicit(&value->wanted, true, memory_order_relaxed);
    return true;
  }
  if (read)
    bocpy_value_lend(value);
  else
    bocpy_value_borrow(value);
  return false;
}

/* Encodes those values of the behavior that live here: it goes to another worker. */
static void behavior_encode_own(boc_behavior *self, uint32_t cowns, bool reads) {
  for (uint32_t i = 0; i < cowns; i++) {
    bocpy_value *value = bocpy_value_of(boc_behavior_cown(self, i));
    if (!value_lives_in(value, bocpy_worker_slot_here()))
      continue;
    if (reads && boc_behavior_mode(self, i) == BOC_READ)
      bocpy_value_lend_here(value);
    else
      bocpy_value_encode(value);
  }
}

/* After each hop one interpreter less has a value of the behavior. So the behavior
 * arrives after as many hops as it has cowns, at most. */
int bocpy_admit(boc_behavior *self, uint32_t cowns, bool reads, bool overdue) {
  bocpy_worker_slot *target = NULL;
  uint32_t weight = 0;
  for (uint32_t i = 0; i < cowns; i++) {
    bocpy_value *value = bocpy_value_of(boc_behavior_cown(self, i));
    bool read = reads && boc_behavior_mode(self, i) == BOC_READ;
    if (!value_is_out_of_reach(value, read, overdue))
      continue;
    unsigned its =
        atomic_load_explicit(&value->weight, memory_order_relaxed); /* owner */
    if (!target || (its & ~BOCPY_CIRCULAR) > weight) {
      target = value->slot;
      weight = its & ~BOCPY_CIRCULAR;
    }
  }
  if (!target)
    return BOC_ADMIT;
  behavior_encode_own(self, cowns, reads);
  return (int)target->index;
}
