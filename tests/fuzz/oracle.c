/* Oracle: whether there is one order of all behaviors, run one by one, in which each
 * saw what it saw, and whether that order keeps what BOC promises.
 *
 *  1. Conflicting behaviors finish in the order in which they were surely scheduled:
 *     one after the other by one sequence, or by a body of what was scheduled after.
 *  2. No other behavior comes between those that were scheduled as one step.
 *  3. All that was scheduled ran once, or its scope was cancelled; its environment was
 *     dropped once, and its `done` was called once.
 *  4. What was sent came out once, to each receiver in the order of its sender.
 *
 * Positions on a cown are its keys: an even key is a reader's, odd keys are the
 * writers'.
 */
#include "program.h"

/* ---- order ----------------------------------------------------------------------- */

static const held *find(const item *which, unsigned cown) {
  for (unsigned i = 0; i < which->held_count; i++)
    if (which->helds[i].cown == cown)
      return &which->helds[i];
  return NULL;
}

/* Items of one sequence have growing indexes. */
static bool surely_before(const program *all, int a, int b) {
  for (; b >= 0; b = all->items[b].maker) {
    if (all->items[a].maker == all->items[b].maker)
      return a < b;
    if (all->items[b].maker == a)
      return true;
  }
  return false;
}

static void check_pair(const program *all, int a, int b) {
  const item *first = &all->items[a], *second = &all->items[b];
  if (!surely_before(all, a, b))
    return;
  for (unsigned i = 0; i < first->held_count; i++) {
    const held *mine = &first->helds[i], *other = find(second, mine->cown);
    if (other && (mine->mode == BOC_WRITE || other->mode == BOC_WRITE))
      CHECK(mine->key < other->key);
  }
}

static bool between(const held *x, const held *a, const held *b) {
  return (a->key < x->key && x->key < b->key) || (b->key < x->key && x->key < a->key);
}

/* Whether `stranger` comes between two items of one batch. */
static void check_stranger(const item *a, const item *b, const item *stranger) {
  for (unsigned i = 0; i < a->held_count; i++) {
    const held *mine = &a->helds[i];
    const held *other = find(b, mine->cown), *x = find(stranger, mine->cown);
    if (other && x)
      CHECK(!between(x, mine, other));
  }
}

static void check_batch(const program *all, int a, int b) {
  if (all->items[a].batch != all->items[b].batch)
    return;
  for (int i = 0; i < all->item_count; i++)
    if (all->items[i].ran && all->items[i].batch != all->items[a].batch)
      check_stranger(&all->items[a], &all->items[b], &all->items[i]);
}

static void check_order(const program *all) {
  for (int a = 0; a < all->item_count; a++)
    for (int b = 0; b < all->item_count; b++)
      if (a != b && all->items[a].ran && all->items[b].ran) {
        check_pair(all, a, b);
        check_batch(all, a, b);
      }
}

/* ---- the sequential run ---------------------------------------------------------- */

typedef struct replay {
  record cowns[COWNS];
  unsigned readers[COWNS][ITEMS + 1]; /* the readers that are left, by the number of
                                       * writes before them */
} replay;

static bool is_next(const replay *so_far, const item *which) {
  for (unsigned i = 0; i < which->held_count; i++) {
    const held *access = &which->helds[i];
    const unsigned writes = so_far->cowns[access->cown].writes;
    const bool writer = access->mode == BOC_WRITE;
    if (access->key != 2 * writes + writer)
      return false;
    if (writer && so_far->readers[access->cown][writes] > 0)
      return false;
  }
  return true;
}

static void replay_one(replay *so_far, const item *which, int index) {
  uint64_t values[ACCESSES];
  for (unsigned i = 0; i < which->held_count; i++)
    values[i] = so_far->cowns[which->helds[i].cown].value;
  CHECK(program_see(which, index, values) == which->seen);
  for (unsigned i = 0; i < which->held_count; i++) {
    record *cown = &so_far->cowns[which->helds[i].cown];
    if (which->helds[i].mode == BOC_READ) {
      so_far->readers[which->helds[i].cown][cown->writes]--;
      continue;
    }
    cown->value = program_write(cown->value, which->seen);
    cown->writes++;
  }
}

static unsigned count_readers(const program *all, replay *so_far) {
  unsigned left = 0;
  for (int i = 0; i < all->item_count; i++) {
    const item *which = &all->items[i];
    if (!which->ran)
      continue;
    left++;
    for (unsigned k = 0; k < which->held_count; k++) {
      const held *access = &which->helds[k];
      CHECK(access->key / 2 <= ITEMS);
      if (access->mode == BOC_READ)
        so_far->readers[access->cown][access->key / 2]++;
    }
  }
  return left;
}

static void check_replay(const program *all) {
  replay so_far = {0};
  bool over[ITEMS] = {false};
  unsigned left = count_readers(all, &so_far);
  for (bool went_on = true; went_on;) {
    went_on = false;
    for (int i = 0; i < all->item_count; i++) {
      if (!all->items[i].ran || over[i] || !is_next(&so_far, &all->items[i]))
        continue;
      replay_one(&so_far, &all->items[i], i);
      over[i] = went_on = true;
      left--;
    }
  }
  CHECK_EQ(left, 0);
  for (int i = 0; i < COWNS; i++) {
    const record *end = boc_cown_payload(all->cowns[i]);
    CHECK_EQ(end->writes, so_far.cowns[i].writes);
    CHECK(end->value == so_far.cowns[i].value);
    CHECK(!boc_cown_busy(all->cowns[i]));
  }
}

/* ---- ends ------------------------------------------------------------------------ */

static void check_end(program *all, item *which) {
  const bool cancelled = program_cancelled(all, program_scope(all, which));
  CHECK_EQ(boci_load_acquire(&which->dropped), which->made);
  CHECK_EQ(boci_load_acquire(&which->told), which->scheduled && which->tells);
  CHECK(!which->told_ran || which->ran);
  if (which->scheduled && which->tells)
    CHECK_EQ(which->told_ran, which->ran);
  CHECK(which->scheduled || !which->ran);
  CHECK(!which->doomed || !which->ran);
  CHECK(!which->scheduled || which->ran || cancelled);
}

/* ---- messages -------------------------------------------------------------------- */

static int first_step(const program *all, int sequence) {
  return sequence < DRIVERS ? all->driver_steps[sequence]
                            : all->items[sequence - DRIVERS].steps;
}

/* Compares one receiver with one sender: messages of a tag arrive in order. */
static void check_sender(const program *all, int receiver, int sender) {
  int order[STEPS], latest[TAGS], number = 0;
  for (int i = 0; i < STEPS; i++)
    order[i] = NOBODY;
  for (int i = 0; i < TAGS; i++)
    latest[i] = NOBODY;
  for (int at = first_step(all, sender); at != NOBODY; at = all->steps[at].next)
    order[at] = number++;
  for (int at = first_step(all, receiver); at != NOBODY; at = all->steps[at].next) {
    const int sent = all->steps[at].received;
    if (sent == NOBODY || order[sent] == NOBODY)
      continue;
    const unsigned tag = all->steps[sent].a % TAGS;
    CHECK(order[sent] > latest[tag]);
    latest[tag] = order[sent];
  }
}

static bool receives(const program *all, int sequence) {
  for (int at = first_step(all, sequence); at != NOBODY; at = all->steps[at].next)
    if (all->steps[at].received != NOBODY)
      return true;
  return false;
}

static void check_messages(program *all) {
  const int sequences = DRIVERS + all->item_count;
  for (int i = 0; i < all->step_count; i++)
    CHECK(boci_load_acquire(&all->steps[i].came_out) <= all->steps[i].sent);
  for (int receiver = 0; receiver < sequences; receiver++)
    for (int sender = 0; receives(all, receiver) && sender < sequences; sender++)
      check_sender(all, receiver, sender);
}

void program_check(program *all) {
  for (int i = 0; i < all->item_count; i++)
    check_end(all, &all->items[i]);
  check_order(all);
  check_replay(all);
  check_messages(all);
}
