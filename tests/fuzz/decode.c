/* Decoding: any bytes make a plan; after the last byte, zeros are read. */
#include "program.h"

enum { DEPTH = 3, MAX_WORKERS = 3 };

typedef struct source {
  program *all;
  const uint8_t *data;
  size_t size, at;
} source;

static unsigned next(source *from) {
  return from->at < from->size ? from->data[from->at++] : 0;
}

static bool ended(const source *from) { return from->at >= from->size; }

size_t program_random(uint64_t seed, uint8_t *data, size_t most) {
  test_random random = {seed * UINT64_C(0x9e3779b97f4a7c15)};
  const size_t size = test_draw(&random, (uint32_t)most + 1);
  for (size_t i = 0; i < size; i++)
    data[i] = (uint8_t)test_draw(&random, 256);
  return size;
}

static int new_item(source *from, int maker) {
  program *all = from->all;
  item *made = &all->items[all->item_count];
  *made = (item){.scope = NOBODY, .maker = maker, .steps = NOBODY};
  boci_init(&made->dropped, 0);
  boci_init(&made->told, 0);
  return all->item_count++;
}

/* Merges cowns that are named twice: the stronger mode counts. */
static void hold(item *which, unsigned cown, boc_mode mode) {
  for (unsigned i = 0; i < which->held_count; i++) {
    if (which->helds[i].cown != cown)
      continue;
    if (mode == BOC_WRITE)
      which->helds[i].mode = BOC_WRITE;
    return;
  }
  which->helds[which->held_count++] = (held){.cown = cown, .mode = mode};
}

static void decode_accesses(source *from, item *which) {
  which->names = next(from) % (ACCESSES + 1);
  for (unsigned i = 0; i < which->names; i++) {
    const unsigned byte = next(from);
    which->named_cowns[i] = byte % COWNS;
    which->named[i].mode = byte & 0x80 ? BOC_READ : BOC_WRITE;
    hold(which, which->named_cowns[i], which->named[i].mode);
  }
}

static int decode_steps(source *from, int maker, unsigned depth, unsigned most);

static void decode_item(source *from, int index, unsigned depth) {
  item *which = &from->all->items[index];
  const unsigned flags = next(from), scope = next(from);
  decode_accesses(from, which);
  which->defers = flags % 8 == 1;
  which->chooses = flags / 8 % 4 == 1;
  which->tells = (flags & 0x20) != 0;
  which->fresh = (flags & 0xc0) == 0x40;
  which->yields = (flags & 0x80) != 0;
  which->scope = scope % 8 < SCOPES ? (int)(scope % 8) : NOBODY;
  if (depth < DEPTH)
    which->steps = decode_steps(from, index, depth + 1, next(from) % 4);
}

/* Makes the items first, so that the items of one step are adjacent. */
static void decode_items(source *from, step *into, int maker, unsigned depth,
                         unsigned count) {
  into->first = from->all->item_count;
  while (count-- > 0 && from->all->item_count < ITEMS) {
    from->all->items[new_item(from, maker)].batch = into->first;
    into->count++;
  }
  for (int i = 0; i < into->count; i++)
    decode_item(from, into->first + i, depth);
}

static void decode_step(source *from, step *into, int maker, unsigned depth) {
  static const step_kind kinds[16] = {
      STEP_SCHEDULE, STEP_SCHEDULE, STEP_SCHEDULE, STEP_SCHEDULE,
      STEP_SCHEDULE, STEP_SCHEDULE, STEP_DISCARD,  STEP_CANCEL,
      STEP_PUMP,     STEP_PUMP,     STEP_COMPLETE, STEP_SEND,
      STEP_SEND,     STEP_RECEIVE,  STEP_DRAIN,    STEP_QUIESCE,
  };
  const unsigned byte = next(from);
  into->kind = byte == 0xfe ? STEP_RETAG : kinds[byte % 16];
  into->a = byte / 16;
  if (into->kind == STEP_SCHEDULE)
    decode_items(from, into, maker, depth, byte & 0x80 ? 2 + byte / 16 % 3 : 1);
  else if (into->kind == STEP_DISCARD)
    decode_items(from, into, maker, DEPTH, 1);
  else if (into->kind == STEP_PUMP || into->kind == STEP_RECEIVE)
    into->b = next(from);
}

/* Returns the first of them. */
static int decode_steps(source *from, int maker, unsigned depth, unsigned most) {
  program *all = from->all;
  int first = NOBODY, *link = &first;
  while (most-- > 0 && all->step_count < STEPS && !ended(from)) {
    step *made = &all->steps[all->step_count];
    *made = (step){.next = NOBODY, .received = NOBODY};
    boci_init(&made->came_out, 0);
    *link = all->step_count++;
    link = &made->next;
    decode_step(from, made, maker, depth);
  }
  return first;
}

void program_decode(program *all, const uint8_t *data, size_t size) {
  source from = {all, data, size, 0};
  all->item_count = all->step_count = 0;
  const unsigned head = next(&from), fails = next(&from);
  all->workers = 1 + head % MAX_WORKERS;
  all->drivers = head & 0x08 ? DRIVERS : 1;
  all->spins = (head & 0x10) != 0;
  all->pins = (head & 0x20) != 0;
  all->traces = (head & 0x40) != 0;
  all->fail_at = fails & 0x80 ? 1 + fails % 0x40 : 0;
  /* The first driver's steps are decoded from the first half of the bytes, the
   * second driver's from what is left then. */
  const size_t whole = size;
  if (all->drivers == DRIVERS)
    from.size = size / 2;
  all->driver_steps[0] = decode_steps(&from, -1, 0, STEPS);
  from.size = whole;
  all->driver_steps[1] =
      all->drivers == DRIVERS ? decode_steps(&from, -2, 0, STEPS) : NOBODY;
}
