/* Executing a plan: the drivers, the bodies, and the end, which pumps lanes and
 * completes deferred behaviors until the runtime is quiescent.
 *
 * Threads: an item's results are written by the thread that makes it (`made`,
 *   `scheduled`, `doomed`), by its body, and by the thread that completes it, one after
 *   the other. */
#include "program.h"

static const boc_tag tags[TAGS] = {{"a", 1}, {"b", 1}, {"", 0}};

enum { CAPACITY = 4, MOMENT = 20000 /* ns */ };

int program_scope(const program *all, const item *which) {
  while (which->scope == NOBODY && which->maker >= 0)
    which = &all->items[which->maker];
  return which->scope;
}

bool program_cancelled(program *all, int scope) {
  if (scope == NOBODY)
    return false;
  if (boci_load_acquire(&all->cancelled[scope]))
    return true;
  return scope == SCOPES - 1 && boci_load_acquire(&all->cancelled[scope - 1]);
}

static uint64_t mix(uint64_t a, uint64_t b) {
  a ^= b + UINT64_C(0x9e3779b97f4a7c15) + (a << 6) + (a >> 2);
  return (a ^ a >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

uint64_t program_see(const item *which, int index, const uint64_t *values) {
  uint64_t seen = (uint64_t)index + 1;
  for (unsigned i = 0; i < which->held_count; i++)
    seen = mix(seen, values[i]);
  return seen;
}

uint64_t program_write(uint64_t value, uint64_t seen) { return mix(value, seen); }

/* The program that runs: there is one at a time, and hooks of cowns have no other way
 * to find it. */
static program *running;

static int index_of(const item *which) { return (int)(which - running->items); }

/* ---- bodies ---------------------------------------------------------------------- */

static record *record_of(const held *access) {
  return boc_cown_payload(running->cowns[access->cown]);
}

static void see(item *self) {
  uint64_t values[ACCESSES];
  for (unsigned i = 0; i < self->held_count; i++) {
    held *access = &self->helds[i];
    const record *found = record_of(access);
    access->key = 2 * found->writes + (access->mode == BOC_WRITE);
    values[i] = found->value;
  }
  self->seen = program_see(self, index_of(self), values);
}

static void write_all(item *self) {
  for (unsigned i = 0; i < self->held_count; i++) {
    if (self->helds[i].mode != BOC_WRITE)
      continue;
    record *into = record_of(&self->helds[i]);
    into->value = program_write(into->value, self->seen);
    into->writes++;
  }
}

static void check_modes(const item *self) {
  for (unsigned i = 0; i < self->names; i++)
    for (unsigned k = 0; k < self->held_count; k++)
      if (self->helds[k].cown == self->named_cowns[i])
        CHECK_EQ(boc_behavior_mode(self->behavior, i), self->helds[k].mode);
}

static void run_steps(int first, item *self);

/* The thread that completes a deferred item writes its results: the cowns are held
 * until then. */
static void post(item *self) {
  boc_behavior_defer(self->behavior);
  void *before = boci_load_relaxed(&running->deferred); /* hint: the CAS decides */
  do
    self->deferred_after = before;
  while (!boci_cas_weak_acq_rel(&running->deferred, &before, self));
}

static void body(boc_behavior *behavior, void *env) {
  item *self = *(item **)env;
  CHECK(!self->ran && !self->doomed && behavior == self->behavior);
  self->ran = true;
  check_modes(self);
  see(self);
  if (self->yields)
    boci_os_yield();
  run_steps(self->steps, self);
  if (self->defers)
    post(self);
  else
    write_all(self);
}

static void complete_deferred(void) {
  item *at = boci_swap_acq_rel(&running->deferred, NULL), *after;
  for (; at; at = after) {
    after = at->deferred_after;
    write_all(at);
    boc_behavior_complete(at->behavior);
  }
}

static void drop(void *env) { boci_add_acq_rel(&(*(item **)env)->dropped, 1); }

static int admit(boc_behavior *behavior, void *env, unsigned worker, bool overdue) {
  item *self = *(item **)env;
  (void)behavior, (void)worker;
  if (overdue || self->asked >= 2)
    return BOC_ADMIT;
  return (index_of(self) + (int)self->asked++) % (int)running->workers;
}

static void done(void *ctx, bool ran) {
  item *self = ctx;
  self->told_ran = ran;
  CHECK_EQ(boci_load_relaxed(&self->dropped), 1);
  boci_add_acq_rel(&self->told, 1);
}

static const boc_behavior_type plain = {.name = "plain", .body = body, .drop = drop};
static const boc_behavior_type choosy = {
    .name = "choosy", .body = body, .drop = drop, .admit = admit};

/* ---- making ---------------------------------------------------------------------- */

static bool on_two_lanes(const item *which) {
  bool on[COWNS] = {false};
  for (unsigned i = 0; i < which->held_count; i++)
    on[which->helds[i].cown] = true;
  return running->pins && on[COWNS - 1] && on[COWNS - 2];
}

static boc_status new_cown(boc_cown **out_cown) {
  const boc_status status = boc_cown_new(&running->cown_type, out_cown);
  if (status == BOC_OK)
    boci_add_relaxed(&running->cowns_made, 1);
  return status;
}

static boc_status new_behavior(item *which, size_t count) {
  const boc_behavior_type *type = which->chooses ? &choosy : &plain;
  const boc_behavior_options options = {
      .size = sizeof options,
      .scope = which->scope == NOBODY ? NULL : running->scopes[which->scope],
      .done = which->tells ? done : NULL,
      .ctx = which};
  if (!options.scope && !options.done)
    return boc_behavior_new(running->runtime, type, sizeof which, which->named, count,
                            &which->behavior);
  return boc_behavior_new_with(running->runtime, type, sizeof which, which->named,
                               count, &options, &which->behavior);
}

/* After a refusal nothing is left: the item was never made. */
static bool make(item *which) {
  size_t count = which->names;
  boc_cown *own = NULL;
  for (unsigned i = 0; i < which->names; i++)
    which->named[i].cown = running->cowns[which->named_cowns[i]];
  if (which->fresh && new_cown(&own) == BOC_OK)
    which->named[count++] = (boc_access){own, BOC_WRITE};
  which->doomed = program_cancelled(running, program_scope(running, which));
  const boc_status status = new_behavior(which, count);
  if (on_two_lanes(which))
    CHECK(status == BOC_BAD_ARGUMENT || status == BOC_NO_MEMORY);
  else
    CHECK(status == BOC_OK || (status == BOC_NO_MEMORY && running->fail_at));
  which->made = status == BOC_OK;
  if (which->made)
    *(item **)boc_behavior_env(which->behavior) = which;
  if (own && !which->made)
    boc_cown_drop(own);
  return which->made;
}

/* From here on the item's own cown belongs to the behavior alone. */
static void let_go(const boc_access *own) {
  if (own->cown)
    boc_cown_drop(own->cown);
}

static boc_access own_of(const item *which, const boc_behavior *behavior) {
  const size_t count = boc_behavior_count(behavior);
  return count > which->names ? which->named[count - 1] : (boc_access){NULL, BOC_READ};
}

static void discard(item *which) {
  if (!make(which))
    return;
  const boc_access own = own_of(which, which->behavior);
  boc_behavior_free(which->behavior);
  CHECK_EQ(boci_load_relaxed(&which->dropped), 1);
  let_go(&own);
}

/* Schedules several items as one step, each with its own cown, if it has one. */
typedef struct batch {
  boc_behavior *behaviors[BATCH];
  item *items[BATCH];
  boc_access owns[BATCH];
  size_t count;
} batch;

static void gather(batch *all, const step *what) {
  for (int i = 0; i < what->count; i++) {
    item *which = &running->items[what->first + i];
    if (!make(which))
      continue;
    which->scheduled = true;
    all->items[all->count] = which;
    all->behaviors[all->count] = which->behavior;
    all->owns[all->count++] = own_of(which, which->behavior);
  }
}

static void free_all(const batch *all) {
  CHECK(running->fail_at != 0);
  for (size_t i = 0; i < all->count; i++) {
    all->items[i]->scheduled = false;
    boc_behavior_free(all->behaviors[i]);
  }
}

static void schedule(const step *what) {
  batch all = {.count = 0};
  gather(&all, what);
  if (all.count == 1)
    boc_behavior_schedule(all.behaviors[0]);
  else if (boc_behavior_schedule_all(all.behaviors, all.count) != BOC_OK)
    free_all(&all);
  for (size_t i = 0; i < all.count; i++)
    let_go(&all.owns[i]);
}

/* ---- messages -------------------------------------------------------------------- */

static void send(step *what) {
  const boc_status status =
      boc_mailbox_send(running->mailbox, tags[what->a % TAGS], what);
  CHECK(status == BOC_OK || status == BOC_FULL ||
        (status == BOC_NO_MEMORY && running->fail_at));
  what->sent = status == BOC_OK;
}

static void come_out(void *unused, void *payload) {
  step *sent = payload;
  (void)unused;
  boci_add_acq_rel(&sent->came_out, 1);
}

static void receive(step *what) {
  boc_tag wanted[TAGS];
  size_t count = 0, index = 0;
  void *payload;
  for (unsigned i = 0; i < TAGS; i++)
    if (what->a >> i & 1)
      wanted[count++] = tags[i];
  const boc_status status =
      boc_mailbox_receive(running->mailbox, wanted, count, what->b & 1 ? MOMENT : 0,
                          NULL, &index, &payload);
  if (count == 0) {
    CHECK_EQ(status, BOC_BAD_ARGUMENT);
    return;
  }
  CHECK(status == BOC_OK || status == BOC_TIMEOUT ||
        (status == BOC_NO_MEMORY && running->fail_at));
  if (status != BOC_OK)
    return;
  const step *sent = payload;
  come_out(NULL, payload);
  CHECK_EQ(sent->kind, STEP_SEND);
  CHECK(wanted[index].bytes == tags[sent->a % TAGS].bytes);
  what->received = (int)(sent - running->steps);
}

static void retag(void) {
  const boc_status status = boc_mailbox_set_tags(running->mailbox, tags, TAGS);
  CHECK(status == BOC_OK || (status == BOC_NO_MEMORY && running->fail_at));
}

/* ---- steps ----------------------------------------------------------------------- */

static void pump(const step *what) {
  size_t ran = SIZE_MAX;
  const size_t most = 1 + what->b % 4;
  const boc_status status =
      boc_lane_pump(running->lanes[what->a % LANES], BOC_FOREVER, most, &ran);
  CHECK(status == BOC_OK ? ran <= most : status == BOC_BAD_STATE && ran == SIZE_MAX);
  if (boc_runtime_current())
    CHECK_EQ(status, BOC_BAD_STATE);
}

/* With one driver, outside of bodies: quiescent means that everything it made is over.
 */
static void quiesce(const step *what, const item *self) {
  const boc_status status =
      boc_runtime_quiesce(running->runtime, what->a & 1 ? MOMENT : 0);
  if (boc_runtime_current()) {
    CHECK_EQ(status, BOC_BAD_STATE);
    return;
  }
  CHECK(status == BOC_OK || status == BOC_TIMEOUT);
  if (status == BOC_TIMEOUT || self || running->drivers > 1)
    return;
  for (int i = 0; i < running->item_count; i++)
    if (running->items[i].scheduled)
      CHECK_EQ(boci_load_relaxed(&running->items[i].dropped), 1);
}

static void cancel(const step *what) {
  const unsigned scope = what->a % SCOPES;
  boc_scope_cancel(running->scopes[scope]);
  CHECK(boc_scope_cancelled(running->scopes[scope]));
  boci_store_release(&running->cancelled[scope], 1);
}

static void run_step(step *what, item *self) {
  switch (what->kind) {
  case STEP_SCHEDULE:
    schedule(what);
    break;
  case STEP_DISCARD:
    if (what->count > 0)
      discard(&running->items[what->first]);
    break;
  case STEP_CANCEL:
    cancel(what);
    break;
  case STEP_PUMP:
    pump(what);
    break;
  case STEP_COMPLETE:
    complete_deferred();
    break;
  case STEP_SEND:
    send(what);
    break;
  case STEP_RECEIVE:
    receive(what);
    break;
  case STEP_DRAIN:
    boc_mailbox_drain(running->mailbox, &tags[what->a % TAGS], 1);
    break;
  case STEP_RETAG:
    retag();
    break;
  case STEP_QUIESCE:
    quiesce(what, self);
    break;
  }
}

static void run_steps(int first, item *self) {
  for (int at = first; at != NOBODY; at = running->steps[at].next)
    run_step(&running->steps[at], self);
}

/* ---- cowns, lanes, runtime, mailbox ---------------------------------------------- */

static void drop_cown(boc_cown *cown, void *payload) {
  (void)cown, (void)payload;
  boci_add_acq_rel(&running->cowns_dropped, 1);
}

static void make_cowns(program *all) {
  const boc_lane_options options = {.size = sizeof options,
                                    .allocator = &all->memory.base};
  all->cown_type = (boc_cown_type){.name = "record",
                                   .payload_size = sizeof(record),
                                   .drop = drop_cown,
                                   .allocator = &all->memory.base};
  for (int i = 0; i < COWNS; i++)
    CHECK_EQ(new_cown(&all->cowns[i]), BOC_OK);
  for (int i = 0; i < LANES; i++) {
    CHECK_EQ(boc_lane_new(&options, &all->lanes[i]), BOC_OK);
    if (all->pins)
      CHECK_EQ(boc_cown_pin(all->cowns[COWNS - LANES + i], all->lanes[i]), BOC_OK);
  }
}

static void make_world(program *all) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_mailbox_options mail = BOC_MAILBOX_OPTIONS_INIT;
  test_memory_init(&all->memory, 0);
  boci_init(&all->deferred, NULL);
  for (int i = 0; i < SCOPES; i++)
    boci_init(&all->cancelled[i], 0);
  boci_init(&all->cowns_made, 0);
  boci_init(&all->cowns_dropped, 0);
  options.workers = all->workers;
  options.spin = all->spins ? 2000 : 0;
  options.trace_events = all->traces ? 4 : 0;
  options.allocator = &all->memory.base;
  mail.capacity = CAPACITY;
  mail.drop = come_out;
  mail.allocator = &all->memory.base;
  make_cowns(all);
  for (int i = 0; i < SCOPES; i++)
    CHECK_EQ(boc_scope_new(i == SCOPES - 1 ? all->scopes[i - 1] : NULL,
                           &all->memory.base, &all->scopes[i]),
             BOC_OK);
  CHECK_EQ(boc_mailbox_new(&mail, &all->mailbox), BOC_OK);
  CHECK_EQ(boc_runtime_new(&options, &all->runtime), BOC_OK);
  if (all->fail_at)
    all->memory.fail_at = boci_load_relaxed(&all->memory.allocations) + all->fail_at;
}

static void end_world(program *all) {
  for (int i = 0; i < SCOPES; i++) {
    CHECK_EQ(boc_scope_wait(all->scopes[i], 0), BOC_OK);
    boc_scope_drop(all->scopes[i]);
  }
  boc_runtime_free(all->runtime);
  boc_mailbox_free(all->mailbox);
  for (int i = 0; i < LANES; i++)
    boc_lane_free(all->lanes[i]);
}

static void drive(void *arg, unsigned index) {
  program *all = arg;
  run_steps(all->driver_steps[index], NULL);
}

static void finish(program *all) {
  const step pump_all[LANES] = {{.kind = STEP_PUMP, .a = 0, .b = 3},
                                {.kind = STEP_PUMP, .a = 1, .b = 3}};
  while (boc_runtime_quiesce(all->runtime, MOMENT) == BOC_TIMEOUT) {
    complete_deferred();
    for (int i = 0; i < LANES; i++)
      pump(&pump_all[i]);
    boci_os_yield();
  }
}

void program_execute(program *all) {
  running = all;
  make_world(all);
  test_threads(all->drivers, drive, all);
  finish(all);
}

/* The cowns live until the oracle has finished. */
void program_run(const uint8_t *data, size_t size) {
  static program all;
  program_decode(&all, data, size);
  program_execute(&all);
  program_check(&all);
  end_world(&all);
  for (int i = 0; i < all.step_count; i++)
    CHECK_EQ(boci_load_acquire(&all.steps[i].came_out), all.steps[i].sent);
  for (int i = 0; i < COWNS; i++)
    boc_cown_drop(all.cowns[i]);
  CHECK_EQ(boci_load_relaxed(&all.cowns_dropped), boci_load_relaxed(&all.cowns_made));
  test_memory_fini(&all.memory);
}
