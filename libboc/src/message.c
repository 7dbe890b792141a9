/* Messages: the mailbox.
 *
 * The table of tags is read by who is inside `gate`. Tags are added, and get their
 * rings, under the lock of the gate's closers and seen by others at once; tags are
 * taken away only while the gate is closed, so nobody ever holds on to one that is
 * gone. Each time tags are taken away the table gets a new `generation`: slots found
 * before are looked up again.
 *
 * Waiting (a parked receiver is a watch whose `ready` unparks it):
 *
 *   receiver                             sender
 *   1. into the list, `wanted` |= tags   1. push
 *   2. fence [F3]                        2. fence [F3]
 *   3. look at the queues; if empty park 3. tag in `wanted`? tell the first such watch
 *
 * A watch that is told leaves the list. One message tells one watch; a watch that was
 * told and is taken back passes on: whatever is left in the queues of its tags is shown
 * to another watch each. That covers a receiver told of one tag that took from another,
 * one that gave up, and messages that were hidden in the ring behind a slow sender.
 *
 * Threads: any. Invariants: 1. Lock order: gate.closers, watches. 2. `ready` runs under
 *   the mutex of watches, so who takes a watch back knows that its call is over. 3.
 * Masks in the list are of the present generation, which changes under both locks.
 *   4. Payloads are dropped with no lock held.
 * Ordering: [R22] a tag's name is published by `used`; [A22] a look-up. [R23] a ring is
 *   published by its pointer; [A23] sender, receiver. Gate and ring: see there.
 */
#include <boc/message.h>

#include <string.h>

#include "gate.h"
#include "memory.h"
#include "mpmc_ring.h"
#include "os.h"

#define TAGS_MOST 32u
#define TAGS_DEFAULT 16u
#define SPINS 64u            /* looks of a receiver before it parks */
#define SOON UINT64_C(50000) /* ns: about two wake-ups */
#if defined(BOC_TINY)
#define CAPACITY_DEFAULT 4u
#else
#define CAPACITY_DEFAULT 16384u
#endif

typedef struct slot {
  boc_tag name; /* its bytes are the mailbox's */
  boci_atomic_ptr ring;
} slot;

struct boc_mailbox {
  boci_gate gate;
  boci_atomic_u32 wanted; /* the union of all masks in the list */
  boci_atomic_u32 turn;   /* whose turn it is to be looked at first */
  boci_atomic_u32 used;   /* slots that have a name */
  uint32_t limit;
  uint32_t spins;
  boci_atomic_u32 lively; /* messages come so soon that parking takes longer */
  uint32_t generation;
  bool closed;
  size_t capacity;
  slot slots[TAGS_MOST];
  boci_mutex watches;
  boc_watch *first, *last;
  void (*drop)(void *ctx, void *payload);
  void *ctx;
  boc_allocator allocator_copy;
  const boc_allocator *allocator;
};

/* ---- a mailbox's beginning and end
 * ------------------------------------------------------ */

static bool valid_options(const boc_mailbox_options *options) {
  const size_t capacity = options->capacity;
  return options->size == sizeof(*options) && options->tags <= TAGS_MOST &&
         capacity != 1 && (capacity & (capacity - 1)) == 0 && capacity <= SIZE_MAX / 64;
}

static void set_options(boc_mailbox *mailbox, const boc_mailbox_options *options) {
  *mailbox = (boc_mailbox){.generation = 1, .drop = options->drop, .ctx = options->ctx};
  /* Asking the system takes longer than a wake-up. */
  mailbox->spins = boci_os_processor_count() > 1 ? SPINS : 0;
  boci_init(&mailbox->lively, 0);
  mailbox->limit = options->tags ? options->tags : TAGS_DEFAULT;
  mailbox->capacity = options->capacity ? options->capacity : CAPACITY_DEFAULT;
  if (!options->allocator)
    return;
  mailbox->allocator_copy = *options->allocator;
  mailbox->allocator = &mailbox->allocator_copy;
}

static boc_status init_locks(boc_mailbox *mailbox) {
  boc_status status = boci_gate_init(&mailbox->gate);
  if (status != BOC_OK)
    return status;
  status = boci_mutex_init(&mailbox->watches);
  if (status != BOC_OK)
    boci_gate_fini(&mailbox->gate);
  return status;
}

boc_status boc_mailbox_new(const boc_mailbox_options *options,
                           boc_mailbox **out_mailbox) {
  const boc_mailbox_options defaults = BOC_MAILBOX_OPTIONS_INIT;
  if (!options)
    options = &defaults;
  if (!valid_options(options))
    return BOC_BAD_ARGUMENT;
  boc_mailbox *mailbox = boci_allocate(options->allocator, sizeof(*mailbox));
  if (!mailbox)
    return BOC_NO_MEMORY;
  set_options(mailbox, options);
  boci_init(&mailbox->wanted, 0);
  boci_init(&mailbox->turn, 0);
  boci_init(&mailbox->used, 0);
  for (uint32_t i = 0; i < TAGS_MOST; i++)
    boci_init(&mailbox->slots[i].ring, NULL);
  const boc_status status = init_locks(mailbox);
  if (status == BOC_OK)
    *out_mailbox = mailbox;
  else
    boci_release(options->allocator, mailbox, sizeof(*mailbox));
  return status;
}

/* Drops up to `most` messages. */
static void empty_ring(boc_mailbox *mailbox, boci_mpmc_ring *ring, size_t most) {
  void *payload;
  while (most-- > 0 && boci_mpmc_ring_pop(ring, &payload))
    if (mailbox->drop)
      mailbox->drop(mailbox->ctx, payload);
}

static void free_name(boc_mailbox *mailbox, boc_tag name) {
  boci_release(mailbox->allocator, (void *)(uintptr_t)name.bytes, name.size + 1);
}

/* Of slots that nobody else sees. */
static void free_slots(boc_mailbox *mailbox, slot *slots, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    boci_mpmc_ring *ring = boci_load_relaxed(&slots[i].ring); /* owner */
    if (ring) {
      empty_ring(mailbox, ring, mailbox->capacity);
      boci_mpmc_ring_free(mailbox->allocator, ring);
    }
    free_name(mailbox, slots[i].name);
  }
}

void boc_mailbox_free(boc_mailbox *mailbox) {
  const uint32_t used = boci_load_acquire(&mailbox->used); /* [A22] */
  BOCI_REQUIRE(!mailbox->first);
  free_slots(mailbox, mailbox->slots, used);
  boci_mutex_fini(&mailbox->watches);
  boci_gate_fini(&mailbox->gate);
  const boc_allocator allocator = mailbox->allocator_copy;
  boci_release(mailbox->allocator ? &allocator : NULL, mailbox, sizeof(*mailbox));
}

/* ---- tags
 * --------------------------------------------------------------------------------- */

static bool same_tag(boc_tag a, boc_tag b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

/* The slot of `tag`, or -1. Inside the gate, or with the closers' lock. */
static int find(boc_mailbox *mailbox, boc_tag tag) {
  const uint32_t used = boci_load_acquire(&mailbox->used); /* [A22] */
  for (uint32_t i = 0; i < used; i++)
    if (same_tag(mailbox->slots[i].name, tag))
      return (int)i;
  return -1;
}

static bool copy_name(boc_mailbox *mailbox, boc_tag tag, boc_tag *out_copy) {
  char *bytes = boci_allocate(mailbox->allocator, tag.size + 1);
  if (!bytes)
    return false;
  if (tag.size)
    memcpy(bytes, tag.bytes, tag.size);
  bytes[tag.size] = 0;
  *out_copy = (boc_tag){bytes, tag.size};
  return true;
}

static bool among(const boc_tag *names, uint32_t count, boc_tag tag) {
  for (uint32_t i = 0; i < count; i++)
    if (same_tag(names[i], tag))
      return true;
  return false;
}

/* Copies the names of those that have no slot yet; how many, also if one is refused. */
static boc_status copy_new_locked(boc_mailbox *mailbox, const boc_tag *tags,
                                  size_t count, boc_tag *fresh, uint32_t *out_fresh) {
  const uint32_t used = boci_load_relaxed(&mailbox->used); /* owner: under the lock */
  uint32_t copied = 0;
  boc_status status = BOC_OK;
  for (size_t i = 0; i < count && status == BOC_OK; i++) {
    if (find(mailbox, tags[i]) >= 0 || among(fresh, copied, tags[i]))
      continue;
    if (used + copied == mailbox->limit)
      status = BOC_NOT_FOUND;
    else if (copy_name(mailbox, tags[i], &fresh[copied]))
      copied++;
    else
      status = BOC_NO_MEMORY;
  }
  *out_fresh = copied;
  return status;
}

/* With the closers' lock; gives those tags a slot that have none: all or none. */
static boc_status assign_locked(boc_mailbox *mailbox, const boc_tag *tags,
                                size_t count) {
  const uint32_t used = boci_load_relaxed(&mailbox->used); /* owner: under the lock */
  boc_tag fresh[TAGS_MOST];
  uint32_t copied;
  const boc_status status = copy_new_locked(mailbox, tags, count, fresh, &copied);
  for (uint32_t i = 0; i < copied; i++) {
    if (status == BOC_OK)
      mailbox->slots[used + i].name = fresh[i];
    else
      free_name(mailbox, fresh[i]);
  }
  if (status == BOC_OK)
    boci_store_release(&mailbox->used, used + copied); /* [R22] */
  return status;
}

static boc_status assign(boc_mailbox *mailbox, const boc_tag *tags, size_t count) {
  boci_mutex_lock(&mailbox->gate.closers);
  const boc_status status = assign_locked(mailbox, tags, count);
  boci_mutex_unlock(&mailbox->gate.closers);
  return status;
}

static bool has_ring_locked(boc_mailbox *mailbox, boc_tag tag) {
  const int at = find(mailbox, tag);
  /* owner: under the lock */
  return at >= 0 && boci_load_relaxed(&mailbox->slots[at].ring);
}

/* The ring first: nobody takes a slot away again if there is no memory for it. */
static boc_status prepare_locked(boc_mailbox *mailbox, boc_tag tag) {
  if (has_ring_locked(mailbox, tag))
    return BOC_OK;
  boci_mpmc_ring *ring = boci_mpmc_ring_new(mailbox->allocator, mailbox->capacity);
  if (!ring)
    return BOC_NO_MEMORY;
  const boc_status status = assign_locked(mailbox, &tag, 1);
  if (status == BOC_OK)
    boci_store_release(&mailbox->slots[find(mailbox, tag)].ring, ring); /* [R23] */
  else
    boci_mpmc_ring_free(mailbox->allocator, ring);
  return status;
}

/* Gives `tag` a slot and a ring. */
static boc_status prepare(boc_mailbox *mailbox, boc_tag tag) {
  boci_mutex_lock(&mailbox->gate.closers);
  const boc_status status = prepare_locked(mailbox, tag);
  boci_mutex_unlock(&mailbox->gate.closers);
  return status;
}

/* ---- watches
 * ------------------------------------------------------------------------------ */

static void publish_wanted_locked(boc_mailbox *mailbox) {
  uint32_t wanted = 0;
  for (boc_watch *at = mailbox->first; at; at = at->after)
    wanted |= at->mask;
  boci_store_relaxed(&mailbox->wanted, wanted); /* hint: before [F3] */
}

/* False: its mask is of an old generation. */
static bool enlist_locked(boc_mailbox *mailbox, boc_watch *watch) {
  watch->outcome = BOC_WOULD_BLOCK;
  watch->listed = watch->generation == mailbox->generation;
  if (!watch->listed)
    return false;
  watch->before = mailbox->last;
  watch->after = NULL;
  *(mailbox->last ? &mailbox->last->after : &mailbox->first) = watch;
  mailbox->last = watch;
  publish_wanted_locked(mailbox);
  return true;
}

static void unlist_locked(boc_mailbox *mailbox, boc_watch *watch) {
  watch->listed = false;
  *(watch->before ? &watch->before->after : &mailbox->first) = watch->after;
  *(watch->after ? &watch->after->before : &mailbox->last) = watch->before;
  publish_wanted_locked(mailbox);
}

static void tell_locked(boc_mailbox *mailbox, boc_watch *watch, boc_status outcome) {
  unlist_locked(mailbox, watch);
  watch->outcome = outcome;
  watch->ready(watch->ctx);
}

static void tell_one_locked(boc_mailbox *mailbox, uint32_t tag) {
  boc_watch *at = mailbox->first;
  while (at && !(at->mask & tag))
    at = at->after;
  if (at)
    tell_locked(mailbox, at, BOC_OK);
}

static void tell_one_each(boc_mailbox *mailbox, uint32_t mask) {
  boci_mutex_lock(&mailbox->watches);
  for (uint32_t tag = 1; mask; mask &= ~tag, tag <<= 1)
    if (mask & tag)
      tell_one_locked(mailbox, tag);
  boci_mutex_unlock(&mailbox->watches);
}

/* All that wait for one of `mask`. */
static void tell_all_locked(boc_mailbox *mailbox, uint32_t mask, boc_status outcome) {
  for (boc_watch *at = mailbox->first, *after; at; at = after) {
    after = at->after;
    if (at->mask & mask)
      tell_locked(mailbox, at, outcome);
  }
}

/* Those tags of `mask` that have something. Inside the gate. */
static uint32_t ready_tags(boc_mailbox *mailbox, uint32_t mask) {
  uint32_t ready = 0;
  for (uint32_t i = 0; mask >> i; i++) {
    if (!(mask >> i & 1))
      continue;
    boci_mpmc_ring *ring = boci_load_acquire(&mailbox->slots[i].ring); /* [A23] */
    if (ring && boci_mpmc_ring_ready(ring))
      ready |= UINT32_C(1) << i;
    if (i == TAGS_MOST - 1)
      break;
  }
  return ready;
}

static void pass_on(boc_mailbox *mailbox, const boc_watch *watch) {
  boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
  const bool present = watch->generation == mailbox->generation;
  const uint32_t ready = present ? ready_tags(mailbox, watch->mask) : 0;
  boci_gate_leave(way);
  if (ready)
    tell_one_each(mailbox, ready);
}

/* Takes a watch back; what it was told. */
static boc_status take_back(boc_mailbox *mailbox, boc_watch *watch) {
  boci_mutex_lock(&mailbox->watches);
  if (watch->listed)
    unlist_locked(mailbox, watch);
  const boc_status outcome = watch->outcome;
  boci_mutex_unlock(&mailbox->watches);
  return outcome;
}

boc_status boc_mailbox_unwatch(boc_mailbox *mailbox, boc_watch *watch) {
  const boc_status outcome = take_back(mailbox, watch);
  if (outcome == BOC_OK)
    pass_on(mailbox, watch);
  return outcome;
}

/* ---- sending
 * ------------------------------------------------------------------------------ */

static boc_status push(boc_mailbox *mailbox, boc_tag tag, void *payload,
                       uint32_t *out_mask) {
  if (mailbox->closed)
    return BOC_CLOSED;
  const int at = find(mailbox, tag);
  if (at < 0)
    return BOC_NOT_FOUND;
  boci_mpmc_ring *ring = boci_load_acquire(&mailbox->slots[at].ring); /* [A23] */
  if (!ring)
    return BOC_NOT_FOUND;
  *out_mask = UINT32_C(1) << at;
  return boci_mpmc_ring_push(ring, payload) ? BOC_OK : BOC_FULL;
}

boc_status boc_mailbox_send(boc_mailbox *mailbox, boc_tag tag, void *payload) {
  uint32_t mask = 0;
  for (;;) {
    boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
    boc_status status = push(mailbox, tag, payload, &mask);
    boci_gate_leave(way);
    if (status == BOC_OK)
      break;
    if (status != BOC_NOT_FOUND)
      return status;
    status = prepare(mailbox, tag);
    if (status != BOC_OK)
      return status;
  }
  boci_fence_seq_cst(); /* [F3] */
  /* hint: after [F3] */
  if (boci_load_relaxed(&mailbox->wanted) & mask)
    tell_one_each(mailbox, mask);
  return BOC_OK;
}

/* ---- receiving
 * ---------------------------------------------------------------------------- */

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
  } at[TAGS_MOST];
} selection;

static bool select_slots(boc_mailbox *mailbox, selection *chosen) {
  chosen->mask = chosen->slots = 0;
  for (size_t i = 0; i < chosen->count; i++) {
    const int at = find(mailbox, chosen->tags[i]);
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
    slot *from = &mailbox->slots[chosen->at[at].slot];
    boci_mpmc_ring *ring = boci_load_acquire(&from->ring); /* [A23] */
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
  else if (enlist_locked(mailbox, &self->watch) && token)
    token->watch = &self->watch;
  boci_mutex_unlock(&mailbox->watches);
  return cancelled ? BOC_CANCELLED : BOC_OK;
}

static boc_status get_up(boc_mailbox *mailbox, sleeper *self) {
  boci_mutex_lock(&mailbox->watches);
  boc_watch *watch = &self->watch;
  if (watch->listed)
    unlist_locked(mailbox, watch);
  if (self->token)
    self->token->watch = NULL;
  const boc_status outcome = watch->outcome;
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
    pass_on(mailbox, &self->watch);
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

/* The first look gives new tags their slots. */
static boc_status first_look(boc_mailbox *mailbox, selection *chosen, size_t *out_index,
                             void **out_payload) {
  if (chosen->count == 0)
    return BOC_BAD_ARGUMENT;
  for (;;) {
    boc_status status = look(mailbox, chosen, out_index, out_payload);
    if (status != BOC_NOT_FOUND)
      return status;
    status = assign(mailbox, chosen->tags, chosen->count);
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
    for (unsigned left = lively ? 1 + i * i / SPINS : 1; left > 0; left--)
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
    tell_locked(mailbox, token->watch, BOC_CANCELLED);
  else
    token->cancelled = true;
  boci_mutex_unlock(&mailbox->watches);
}

/* ---- watching
 * ----------------------------------------------------------------------------- */

/* Looks up the watch's tags. */
static boc_status aim(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                      boc_watch *watch) {
  selection chosen = {.tags = tags, .count = count};
  boc_status status = count ? BOC_OK : BOC_BAD_ARGUMENT;
  while (status == BOC_OK) {
    boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
    const bool found = select_slots(mailbox, &chosen);
    boci_gate_leave(way);
    if (found)
      break;
    status = assign(mailbox, tags, count);
  }
  watch->mask = chosen.mask;
  watch->generation = chosen.generation;
  return status;
}

/* After [F3]: whether there is something to be told of already. */
static bool due(boc_mailbox *mailbox, const boc_watch *watch) {
  boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
  const bool yes = mailbox->closed || ready_tags(mailbox, watch->mask) != 0;
  boci_gate_leave(way);
  return yes;
}

boc_status boc_mailbox_watch(boc_mailbox *mailbox, const boc_tag *tags, size_t count,
                             boc_watch *watch) {
  for (bool listed = false; !listed;) {
    const boc_status status = aim(mailbox, tags, count, watch);
    if (status != BOC_OK)
      return status;
    boci_mutex_lock(&mailbox->watches);
    listed = enlist_locked(mailbox, watch);
    boci_mutex_unlock(&mailbox->watches);
  }
  boci_fence_seq_cst(); /* [F3] */
  if (!due(mailbox, watch))
    return BOC_OK;
  boci_mutex_lock(&mailbox->watches);
  if (watch->listed)
    tell_locked(mailbox, watch, BOC_OK);
  boci_mutex_unlock(&mailbox->watches);
  return BOC_OK;
}

/* ---- changes of the whole
 * ----------------------------------------------------------------- */

void boc_mailbox_close(boc_mailbox *mailbox) {
  boci_gate_close(&mailbox->gate);
  mailbox->closed = true;
  boci_mutex_lock(&mailbox->watches);
  tell_all_locked(mailbox, UINT32_MAX, BOC_CLOSED);
  boci_mutex_unlock(&mailbox->watches);
  boci_gate_open(&mailbox->gate);
}

/* One tag; its mask, or 0. The gate is not passed while the drop hook runs. */
static uint32_t drain_tag(boc_mailbox *mailbox, boc_tag tag) {
  uint32_t mask = 0;
  for (size_t left = mailbox->capacity; left > 0; left--) {
    void *payload = NULL;
    boci_atomic_word *way = boci_gate_enter(&mailbox->gate);
    const int at = find(mailbox, tag);
    boci_mpmc_ring *ring =
        at < 0 ? NULL : boci_load_acquire(&mailbox->slots[at].ring); /* [A23] */
    mask = at < 0 ? 0 : UINT32_C(1) << at;
    const bool got = ring && boci_mpmc_ring_pop(ring, &payload);
    boci_gate_leave(way);
    if (!got)
      break;
    if (mailbox->drop)
      mailbox->drop(mailbox->ctx, payload);
  }
  return mask;
}

void boc_mailbox_drain(boc_mailbox *mailbox, const boc_tag *tags, size_t count) {
  uint32_t mask = 0;
  for (size_t i = 0; i < count; i++)
    mask |= drain_tag(mailbox, tags[i]);
  boci_mutex_lock(&mailbox->watches);
  tell_all_locked(mailbox, mask, BOC_OK);
  boci_mutex_unlock(&mailbox->watches);
}

static bool listed_twice(const boc_tag *tags, size_t count) {
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++)
      if (same_tag(tags[i], tags[j]))
        return true;
  return false;
}

/* Copies of all names, or none. */
static bool copy_names(boc_mailbox *mailbox, const boc_tag *tags, uint32_t count,
                       slot *slots) {
  for (uint32_t i = 0; i < count; i++) {
    boci_init(&slots[i].ring, NULL);
    if (copy_name(mailbox, tags[i], &slots[i].name))
      continue;
    while (i-- > 0)
      free_name(mailbox, slots[i].name);
    return false;
  }
  return true;
}

/* Which of the present tags are not among the `count` in `slots`. */
static uint32_t vanishing(boc_mailbox *mailbox, const slot *slots, uint32_t count) {
  uint32_t gone = 0;
  const uint32_t used =
      boci_load_relaxed(&mailbox->used); /* owner: the gate is closed */
  for (uint32_t i = 0; i < used; i++) {
    uint32_t j = 0;
    while (j < count && !same_tag(slots[j].name, mailbox->slots[i].name))
      j++;
    if (j == count)
      gone |= UINT32_C(1) << i;
  }
  return gone;
}

/* Swaps the slots with the mailbox's; the number there were. */
static uint32_t swap_slots(boc_mailbox *mailbox, slot *slots, uint32_t count) {
  const uint32_t used =
      boci_load_relaxed(&mailbox->used); /* owner: the gate is closed */
  for (uint32_t i = 0; i < (used > count ? used : count); i++) {
    const boc_tag name = mailbox->slots[i].name;
    void *ring = boci_load_relaxed(&mailbox->slots[i].ring); /* owner, as above */
    mailbox->slots[i].name = slots[i].name;
    boci_store_relaxed(&mailbox->slots[i].ring, NULL); /* owner: the gate publishes */
    slots[i].name = name;
    boci_init(&slots[i].ring, ring);
  }
  boci_store_release(&mailbox->used, count); /* [R22] */
  return used;
}

boc_status boc_mailbox_set_tags(boc_mailbox *mailbox, const boc_tag *tags,
                                size_t count) {
  slot slots[TAGS_MOST] = {0};
  if (count > mailbox->limit)
    return BOC_FULL;
  if (listed_twice(tags, count))
    return BOC_BAD_ARGUMENT;
  if (!copy_names(mailbox, tags, (uint32_t)count, slots))
    return BOC_NO_MEMORY;
  boci_gate_close(&mailbox->gate);
  const uint32_t gone = vanishing(mailbox, slots, (uint32_t)count);
  const uint32_t before = swap_slots(mailbox, slots, (uint32_t)count);
  boci_mutex_lock(&mailbox->watches);
  if (++mailbox->generation == 0)
    mailbox->generation = 1;
  tell_all_locked(mailbox, gone, BOC_NOT_FOUND);
  tell_all_locked(mailbox, UINT32_MAX, BOC_OK);
  boci_mutex_unlock(&mailbox->watches);
  boci_gate_open(&mailbox->gate);
  free_slots(mailbox, slots, before);
  return BOC_OK;
}
