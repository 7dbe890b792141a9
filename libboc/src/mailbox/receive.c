/* Messages: receiving.
 *
 * A receiver looks up the slots of its tags, and again when the table's generation has
 * changed. It looks at their rings; then some more times, on its processor; then it
 * parks, as a watch, until it is told (mailbox_waiters.c has the recipe) or cancelled, or
 * its time is up.
 *
 * Threads: any. A token is under the mutex of watches.
 */
#include "distributed_rwlock.h"
#include "mailbox.h"
#include "mpmc_ring.h"
#include "os.h"

#define SOON UINT64_C(50000) /* ns: about two wake-ups */

/* ---- looking --------------------------------------------------------------------- */

/* The tags of a receive and the slots they are in. */
typedef struct selection {
  const boc_tag *tags;
  size_t count;
  uint32_t generation; /* 0: not looked up yet */
  uint32_t mask;
  uint32_t slots; /* how many different ones */
  struct {
    uint32_t slot;
    size_t index;
  } at[BOCI_TAGS_MOST];
} selection;

static bool select_slots(boc_mailbox *mailbox, selection *chosen) {
  chosen->mask = chosen->slots = 0;
  for (size_t i = 0; i < chosen->count; i++) {
    const int at = boci_mailbox_find(mailbox, chosen->tags[i]);
    if (at < 0)
      return false;
    if (chosen->mask >> at & 1)
      continue;
    chosen->mask |= UINT32_C(1) << at;
    chosen->at[chosen->slots].slot = (uint32_t)at;
    chosen->at[chosen->slots++].index = i;
  }
  chosen->generation = mailbox->generation;
  return true;
}

/* Where to look first: spread evenly, and not in step with other receivers. */
static uint32_t whose_turn(boc_mailbox *mailbox, const selection *chosen) {
  if (chosen->slots == 1)
    return 0;
  const uint32_t turn = boci_add_relaxed(&mailbox->turn, 1); /* count */
  return ((turn * UINT32_C(0x9E3779B1)) >> 16) * chosen->slots >> 16;
}

static boc_status take(boc_mailbox *mailbox, const selection *chosen, size_t *out_index,
                       void **out_payload) {
  uint32_t at = whose_turn(mailbox, chosen);
  for (uint32_t i = 0; i < chosen->slots; i++) {
    boci_mpmc_ring *ring = boci_slot_ring(&mailbox->slots[chosen->at[at].slot]);
    if (ring && boci_mpmc_ring_pop(ring, out_payload)) {
      *out_index = chosen->at[at].index;
      return BOC_OK;
    }
    if (++at == chosen->slots)
      at = 0;
  }
  return mailbox->closed ? BOC_CLOSED : BOC_WOULD_BLOCK;
}

static boc_status look(boc_mailbox *mailbox, selection *chosen, size_t *out_index,
                       void **out_payload) {
  boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
  boc_status status = BOC_NOT_FOUND;
  if (chosen->generation == mailbox->generation || select_slots(mailbox, chosen))
    status = take(mailbox, chosen, out_index, out_payload);
  boci_gate_leave(way);
  return status;
}

/* ---- parking --------------------------------------------------------------------- */

/* A parked receiver. */
typedef struct sleeper {
  boc_watch watch;
  boci_parker parker;
  boc_receive_token *token;
} sleeper;

static void wake_sleeper(void *ctx) { boci_parker_unpark(ctx); }

/* Step 1. BOC_CANCELLED: it was already. */
static boc_status lie_down(boc_mailbox *mailbox, sleeper *self,
                           const selection *chosen) {
  boc_receive_token *token = self->token;
  self->watch.mask = chosen->mask;
  self->watch.generation = chosen->generation;
  boci_mutex_lock(&mailbox->watches);
  const bool cancelled = token && token->cancelled;
  if (cancelled)
    token->cancelled = false;
  else if (boci_watch_enlist_locked(mailbox, &self->watch) && token)
    token->watch = &self->watch;
  boci_mutex_unlock(&mailbox->watches);
  return cancelled ? BOC_CANCELLED : BOC_OK;
}

static boc_status get_up(boc_mailbox *mailbox, sleeper *self) {
  boci_mutex_lock(&mailbox->watches);
  const boc_status outcome = boci_watch_take_back_locked(mailbox, &self->watch);
  if (self->token)
    self->token->watch = NULL;
  boci_mutex_unlock(&mailbox->watches);
  return outcome;
}

/* BOC_WOULD_BLOCK: woken in vain. */
static boc_status sleep_once(boc_mailbox *mailbox, selection *chosen, sleeper *self,
                             uint64_t deadline, size_t *out_index, void **out_payload) {
  bool expired = false;
  boc_status status = lie_down(mailbox, self, chosen);
  if (status != BOC_OK)
    return status;
  boci_fence_seq_cst(); /* [F3] */
  status = BOCI_PLANTED(receive) ? BOC_WOULD_BLOCK
                                 : look(mailbox, chosen, out_index, out_payload);
  /* With new slots this watch is in no list, or was told: look again, do not sleep. */
  const bool stale = chosen->generation != self->watch.generation;
  if (status == BOC_WOULD_BLOCK && !stale)
    expired = !boci_parker_park(&self->parker, deadline);
  const boc_status told = get_up(mailbox, self);
  if (status == BOC_WOULD_BLOCK && (told == BOC_OK || told == BOC_CLOSED))
    status = look(mailbox, chosen, out_index, out_payload);
  else if (status == BOC_WOULD_BLOCK)
    status = told;
  if (told == BOC_OK)
    boci_watch_pass_on(mailbox, &self->watch);
  return status == BOC_WOULD_BLOCK && expired ? BOC_TIMEOUT : status;
}

static boc_status sleep_until(boc_mailbox *mailbox, selection *chosen,
                              uint64_t deadline, boc_receive_token *token,
                              size_t *out_index, void **out_payload) {
  sleeper self = {.token = token};
  boc_status status = boci_parker_init(&self.parker);
  if (status != BOC_OK)
    return status;
  self.watch.ready = wake_sleeper;
  self.watch.ctx = &self.parker;
  do
    status = sleep_once(mailbox, chosen, &self, deadline, out_index, out_payload);
  while (status == BOC_WOULD_BLOCK);
  boci_parker_fini(&self.parker);
  return status;
}

/* ---- receiving ------------------------------------------------------------------- */

/* The first look gives new tags their slots. */
static boc_status first_look(boc_mailbox *mailbox, selection *chosen, size_t *out_index,
                             void **out_payload) {
  if (chosen->count == 0)
    return BOC_BAD_ARGUMENT;
  for (;;) {
    boc_status status = look(mailbox, chosen, out_index, out_payload);
    if (status != BOC_NOT_FOUND)
      return status;
    status = boci_tags_assign(mailbox, chosen->tags, chosen->count);
    if (status != BOC_OK)
      return status;
  }
}

/* Who parks though an answer is under way makes its sender wait for a wake-up, and that
 * one parks meanwhile. So where messages come soon, the looks are spread over the time of
 * a wake-up, the first ones close to each other. */
static boc_status spin(boc_mailbox *mailbox, selection *chosen, size_t *out_index,
                       void **out_payload) {
  const bool lively = boci_load_relaxed(&mailbox->lively) != 0; /* hint */
  boc_status status = BOC_WOULD_BLOCK;
  for (unsigned i = 0; i < mailbox->spins && status == BOC_WOULD_BLOCK; i++) {
    for (unsigned left = lively ? 1 + i * i / BOCI_SPINS : 1; left > 0; left--)
      boci_pause();
    status = look(mailbox, chosen, out_index, out_payload);
  }
  return status;
}

boc_status boc_mailbox_receive(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                               int64_t timeout, boc_receive_token *token,
                               size_t *out_index, void **out_payload) {
  selection chosen;
  chosen.tags = tags;
  chosen.count = count;
  chosen.generation = 0;
  boc_status status = first_look(mailbox, &chosen, out_index, out_payload);
  if (status != BOC_WOULD_BLOCK)
    return status;
  if (timeout == 0)
    return BOC_TIMEOUT;
  const uint64_t deadline = boci_os_deadline(timeout);
  status = spin(mailbox, &chosen, out_index, out_payload);
  if (status != BOC_WOULD_BLOCK)
    return status;
  const uint64_t begin = boci_os_now();
  status = sleep_until(mailbox, &chosen, deadline, token, out_index, out_payload);
  const bool soon = boci_os_now() - begin < SOON;
  boci_store_relaxed(&mailbox->lively, soon && status == BOC_OK); /* hint */
  return status;
}

void boc_mailbox_cancel(boc_mailbox *mailbox, boc_receive_token *token) {
  boci_mutex_lock(&mailbox->watches);
  if (token->watch && token->watch->listed)
    boci_watch_tell_locked(mailbox, token->watch, BOC_CANCELLED);
  else
    token->cancelled = true;
  boci_mutex_unlock(&mailbox->watches);
}
