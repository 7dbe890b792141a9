/* Receive: try, spin, park.
 *
 * A receiver looks up the slots of its tags, and again when the table's generation has
 * changed. It tries their rings once, then some more times, spinning. Then it parks as
 * a waiter (mailbox_waiters.h has the steps), until it is notified or cancelled, or
 * until the timeout.
 *
 * Threads: any. A token is under waiters_mutex.
 */
#include "compiler.h"
#include "mailbox_waiters.h"
#include "os.h"
#include "parker.h"
#include "tag_queues.h"

/* An answer that comes sooner than this makes the next receiver spin longer: about the
 * time of two wake-ups. */
#define SOON_NS UINT64_C(50000)

/* One call of boc_mailbox_receive: its tags, the slots they are in, and its results. */
typedef struct receive_call {
  boc_mailbox *mailbox;
  const boc_tag *tags;
  size_t count;
  size_t *out_index;
  void **out_payload;
  uint32_t generation; /* 0 before the first look-up */
  uint32_t mask;
  uint32_t slots; /* how many different slots the tags have */
  struct {
    uint32_t slot;
    size_t index;
  } at[BOCI_TAGS_MAX];
} receive_call;

/* A parked receiver. */
typedef struct parked_receiver {
  boc_mailbox_waiter waiter;
  boci_parker parker;
  boc_receive_token *token;
} parked_receiver;

/* ---- trying ---------------------------------------------------------------------- */

static bool find_slots(receive_call *call) {
  call->mask = call->slots = 0;
  for (size_t i = 0; i < call->count; i++) {
    const int at = boci_mailbox_find(call->mailbox, call->tags[i]);
    if (at < 0)
      return false;
    if (call->mask >> at & 1)
      continue;
    call->mask |= UINT32_C(1) << at;
    call->at[call->slots].slot = (uint32_t)at;
    call->at[call->slots++].index = i;
  }
  call->generation = call->mailbox->generation;
  return true;
}

/* The slot to try first: evenly spread, and not in step with other receivers. */
static uint32_t first_to_try(const receive_call *call) {
  if (call->slots == 1)
    return 0;
  const uint32_t turn = boci_add_relaxed(&call->mailbox->turn, 1); /* count */
  return ((turn * UINT32_C(0x9E3779B1)) >> 16) * call->slots >> 16;
}

static boc_status pop_message(receive_call *call) {
  boc_mailbox *mailbox = call->mailbox;
  uint32_t at = first_to_try(call);
  for (uint32_t i = 0; i < call->slots; i++) {
    boci_mpmc_ring *ring = boci_slot_ring(&mailbox->slots[call->at[at].slot]);
    if (ring && boci_mpmc_ring_pop(ring, call->out_payload)) {
      *call->out_index = call->at[at].index;
      return BOC_OK;
    }
    if (++at == call->slots)
      at = 0;
  }
  return mailbox->closed ? BOC_CLOSED : BOC_WOULD_BLOCK;
}

/* BOC_NOT_FOUND if a tag has no slot. */
static boc_status try_receive(receive_call *call) {
  boci_atomic_word *slot = boci_rwlock_read_lock(&call->mailbox->lock);
  boc_status status = BOC_NOT_FOUND;
  if (call->generation == call->mailbox->generation || find_slots(call))
    status = pop_message(call);
  boci_rwlock_read_unlock(slot);
  return status;
}

/* The same for one tag, which needs no list of slots. */
static boc_status try_receive_one(boc_mailbox *mailbox, boc_tag tag,
                                  void **out_payload) {
  boci_atomic_word *lock = boci_rwlock_read_lock(&mailbox->lock);
  boc_status status = BOC_NOT_FOUND;
  const int at = boci_mailbox_find(mailbox, tag);
  if (at >= 0) {
    boci_mpmc_ring *ring = boci_slot_ring(&mailbox->slots[at]);
    const bool got = ring && boci_mpmc_ring_pop(ring, out_payload);
    status = got ? BOC_OK : mailbox->closed ? BOC_CLOSED : BOC_WOULD_BLOCK;
  }
  boci_rwlock_read_unlock(lock);
  return status;
}

/* The first try gives new tags their slots. */
static boc_status try_first(receive_call *call) {
  boc_status status;
  while ((status = try_receive(call)) == BOC_NOT_FOUND) {
    status = boci_tag_queues_assign(call->mailbox, call->tags, call->count);
    if (status != BOC_OK)
      return status;
  }
  return status;
}

/* A receiver that parks just before an answer comes makes its sender pay for a wake-up,
 * and the sender may park meanwhile, too. So if messages come soon, the tries are
 * spread over the time of a wake-up, at first in short intervals. */
static boc_status spin_for_message(receive_call *call) {
  boc_mailbox *mailbox = call->mailbox;
  const bool spread = boci_load_relaxed(&mailbox->adaptive_spin) != 0; /* hint */
  boc_status status = BOC_WOULD_BLOCK;
  for (unsigned i = 0; i < mailbox->spins && status == BOC_WOULD_BLOCK; i++) {
    for (unsigned left = spread ? 1 + i * i / BOCI_SPINS : 1; left > 0; left--)
      boci_pause();
    status = try_receive(call);
  }
  return status;
}

/* ---- parking --------------------------------------------------------------------- */

static void unpark_receiver(void *ctx) { boci_parker_unpark(ctx); }

/* Step 1 of mailbox_waiters.h. BOC_CANCELLED if the receive was cancelled before. */
static boc_status add_receiver(receive_call *call, parked_receiver *self) {
  boc_mailbox *mailbox = call->mailbox;
  boc_receive_token *token = self->token;
  self->waiter.mask = call->mask;
  self->waiter.generation = call->generation;
  boci_mutex_lock(&mailbox->waiters_mutex);
  const bool cancelled = token && token->cancelled;
  if (cancelled)
    token->cancelled = false;
  else if (boci_waiter_add_locked(mailbox, &self->waiter) && token)
    token->waiter = &self->waiter;
  boci_mutex_unlock(&mailbox->waiters_mutex);
  return cancelled ? BOC_CANCELLED : BOC_OK;
}

static boc_status remove_receiver(receive_call *call, parked_receiver *self) {
  boc_mailbox *mailbox = call->mailbox;
  boci_mutex_lock(&mailbox->waiters_mutex);
  const boc_status outcome = boci_waiter_remove_locked(mailbox, &self->waiter);
  if (self->token)
    self->token->waiter = NULL;
  boci_mutex_unlock(&mailbox->waiters_mutex);
  return outcome;
}

/* Parks once. BOC_WOULD_BLOCK if no message has come and there is time left. */
static boc_status park_receiver_once(receive_call *call, parked_receiver *self,
                                     uint64_t deadline) {
  bool expired = false;
  boc_status status = add_receiver(call, self);
  if (status != BOC_OK)
    return status;
  boci_fence_seq_cst(); /* [F3] */
  status = try_receive(call);
  /* if this look-up has found new slots, the waiter is in no list, or was notified: do
   * not park */
  const bool stale = call->generation != self->waiter.generation;
  if (status == BOC_WOULD_BLOCK && !stale)
    expired = !boci_parker_park(&self->parker, deadline);
  const boc_status notified = remove_receiver(call, self);
  if (status == BOC_WOULD_BLOCK && (notified == BOC_OK || notified == BOC_CLOSED))
    status = try_receive(call);
  else if (status == BOC_WOULD_BLOCK)
    status = notified;
  if (notified == BOC_OK)
    boci_waiter_pass_on(call->mailbox, &self->waiter);
  return status == BOC_WOULD_BLOCK && expired ? BOC_TIMEOUT : status;
}

static boc_status park_until_message(receive_call *call, uint64_t deadline,
                                     boc_receive_token *token) {
  parked_receiver self = {.token = token};
  boc_status status = boci_parker_init(&self.parker);
  if (status != BOC_OK)
    return status;
  self.waiter.notify = unpark_receiver;
  self.waiter.ctx = &self.parker;
  const uint64_t begin = boci_os_now();
  do
    status = park_receiver_once(call, &self, deadline);
  while (status == BOC_WOULD_BLOCK);
  const bool soon = boci_os_now() - begin < SOON_NS;
  boci_parker_fini(&self.parker);
  boci_store_relaxed(&call->mailbox->adaptive_spin,
                     soon && status == BOC_OK); /* hint */
  return status;
}

/* For any number of tags and any timeout. */
BOCI_NOINLINE static boc_status receive_slow(boc_mailbox *mailbox, const boc_tag *tags,
                                             size_t count, int64_t timeout,
                                             boc_receive_token *token,
                                             size_t *out_index, void **out_payload) {
  receive_call call;
  call.mailbox = mailbox;
  call.tags = tags;
  call.count = count;
  call.out_index = out_index;
  call.out_payload = out_payload;
  call.generation = 0;
  if (count == 0)
    return BOC_BAD_ARGUMENT;
  boc_status status = try_first(&call);
  if (status != BOC_WOULD_BLOCK)
    return status;
  if (timeout == 0)
    return BOC_TIMEOUT;
  const uint64_t deadline = boci_os_deadline(timeout);
  status = spin_for_message(&call);
  if (status != BOC_WOULD_BLOCK)
    return status;
  return park_until_message(&call, deadline, token);
}

boc_status boc_mailbox_receive(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                               int64_t timeout, boc_receive_token *token,
                               size_t *out_index, void **out_payload) {
  BOCI_REQUIRE(mailbox != NULL);
  const boc_status status =
      count == 1 ? try_receive_one(mailbox, tags[0], out_payload) : BOC_NOT_FOUND;
  if (status == BOC_OK)
    *out_index = 0;
  if (status == BOC_OK || status == BOC_CLOSED)
    return status;
  if (status == BOC_WOULD_BLOCK && timeout == 0)
    return BOC_TIMEOUT;
  return receive_slow(mailbox, tags, count, timeout, token, out_index, out_payload);
}

void boc_mailbox_cancel(boc_mailbox *mailbox, boc_receive_token *token) {
  BOCI_REQUIRE(mailbox != NULL && token != NULL);
  boci_mutex_lock(&mailbox->waiters_mutex);
  if (token->waiter && token->waiter->listed)
    boci_waiter_notify_locked(mailbox, token->waiter, BOC_CANCELLED);
  else
    token->cancelled = true;
  boci_mutex_unlock(&mailbox->waiters_mutex);
}
