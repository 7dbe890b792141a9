/* Systematic scheduler: units, and the choice of the one that goes on.
 *
 * A unit's state:
 *   FREE     no unit            start   -> READY
 *   READY    runs or could      block   -> BLOCKED, its entry returns -> ENDED
 *   BLOCKED  waits for `object` wake    -> READY, its deadline -> READY and `expired`
 *   ENDED    waits to be joined join    -> FREE
 *
 * Invariants: 1. Every change of units happens on the one thread, between two switches.
 *   2. Each draw depends on the seed and on what was drawn before, on nothing else.
 *   3. A unit that is not abandoned returns to `run_unit`'s loop, so that its stack can
 *      be used by the next unit as it is.
 */
#include "systematic.h"

#include <stdio.h>
#include <stdlib.h>

#include "fiber.h"
#include "os.h"
#include "park.h"

#define UNITS 64
#define TRACED 32
#define STEPS_LIMIT UINT64_C(1000000)
#define TIME_ORIGIN UINT64_C(1000000000)

/* For ThreadSanitizer a switch orders nothing; starts and joins do, by these. */
#pragma weak __tsan_acquire
#pragma weak __tsan_release
void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef enum unit_state { FREE, READY, BLOCKED, ENDED } unit_state;

typedef struct unit {
  boci_fiber fiber;
  bool resting; /* in run_unit's loop */
  unit_state state;
  bool expired;
  const void *object;
  const char *kind;
  uint32_t id;
  uint64_t deadline;
  uint32_t rank; /* priorities: the greatest goes on */
  void *slot;
  void (*entry)(void *arg);
  void *arg;
  char name[16];
} unit;

typedef struct trace_entry {
  uint64_t step;
  int from, to; /* numbers of units */
} trace_entry;

static struct {
  boci_fiber host;
  unit units[UNITS];
  unsigned used; /* units above were never started in this run */
  unit *current;
  void *outside_slot;
  uint64_t seed, random, steps, limit, time;
  boci_run_outcome outcome;
  /* What the seed chose for the whole run. */
  bool by_rank, alone;
  uint32_t switch_one_in, expire_one_in, horizon;
  uint64_t tick;
  uint32_t demotions; /* how many are left */
  uint32_t lowest;    /* all other ranks are greater */
  unit *called;       /* the unit that goes on at the step `call_at`, or NULL */
  uint64_t call_at;
  trace_entry trace[TRACED];
  uint64_t traced;
} current_run;

/* splitmix64: every seed, 0 and 1 included, starts a different sequence. */
static uint64_t draw_word(void) {
  uint64_t z = current_run.random += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static uint32_t draw_below(uint32_t n) {
  return (uint32_t)((draw_word() >> 32) * n >> 32);
}

static bool draw_one_in(uint32_t n) { return n != 0 && draw_below(n) == 0; }

void *boci_systematic_self(void) { return current_run.current; }

bool boci_systematic_chance(uint32_t n) {
  return current_run.current && draw_one_in(n);
}

void **boci_systematic_slot(void) {
  return current_run.current ? &current_run.current->slot : &current_run.outside_slot;
}

uint64_t boci_systematic_now(void) {
  current_run.time += current_run.current ? current_run.tick : 1;
  return current_run.time;
}

unsigned boci_systematic_processors(void) {
  return current_run.current && current_run.alone ? 1 : 2;
}

void boci_systematic_limit(uint64_t steps) { current_run.limit = steps; }

uint64_t boci_systematic_steps(void) { return current_run.steps; }

/* ---- reports --------------------------------------------------------------------- */

static int thread_number(const unit *which) {
  return which ? (int)(which - current_run.units) : -1;
}

static void report_unit(const unit *which) {
  fprintf(stderr, "  unit %d '%s' ", thread_number(which), which->name);
  if (which->state == ENDED)
    fprintf(stderr, "has ended\n");
  else if (which->state == READY)
    fprintf(stderr, which == current_run.current ? "was running\n" : "could go on\n");
  else if (which->deadline == BOCI_NEVER)
    fprintf(stderr, "waits for %s %u\n", which->kind, (unsigned)which->id);
  else
    fprintf(stderr, "waits for %s %u or a time\n", which->kind, (unsigned)which->id);
}

void boci_systematic_report(void) {
  static const char *const texts[] = {"finished", "deadlock", "endless",
                                      "unjoined thread", "failed"};
  if (current_run.used == 0)
    return;
  fprintf(stderr, "systematic: seed %llu (%s), step %llu: %s\n",
          (unsigned long long)current_run.seed, current_run.by_rank ? "ranks" : "walk",
          (unsigned long long)current_run.steps,
          current_run.current ? "running" : texts[current_run.outcome]);
  for (unsigned i = 0; i < current_run.used; i++) {
    if (current_run.units[i].state != FREE)
      report_unit(&current_run.units[i]);
  }
  fprintf(stderr, "  latest switches (step: unit > unit):");
  uint64_t first = current_run.traced > TRACED ? current_run.traced - TRACED : 0;
  for (uint64_t i = first; i < current_run.traced; i++) {
    trace_entry *entry = &current_run.trace[i % TRACED];
    fprintf(stderr, " %llu: %d > %d", (unsigned long long)entry->step, entry->from,
            entry->to);
  }
  fprintf(stderr, "\n");
}

/* ---- switching ------------------------------------------------------------------- */

/* For ThreadSanitizer, what a unit did before a switch comes before the end of the run,
 * and is not ordered with anything else. */

static void tsan_acquire_unit(unit *which) {
  if (__tsan_acquire)
    __tsan_acquire(which);
}

static void tsan_release_unit(unit *which) {
  if (__tsan_release)
    __tsan_release(which);
}

static void trace_switch(const unit *from, const unit *to) {
  trace_entry *entry = &current_run.trace[current_run.traced++ % TRACED];
  entry->step = current_run.steps;
  entry->from = thread_number(from);
  entry->to = thread_number(to);
}

static void go_on_with(unit *next) {
  unit *from = current_run.current;
  if (next == from)
    return;
  trace_switch(from, next);
  tsan_release_unit(from);
  current_run.current = next;
  boci_fiber_switch(&from->fiber, &next->fiber);
}

static void leave_run(boci_run_outcome outcome) {
  unit *from = current_run.current;
  tsan_release_unit(from);
  current_run.outcome = outcome;
  current_run.current = NULL;
  boci_fiber_switch(&from->fiber, &current_run.host);
}

_Noreturn void boci_systematic_fail(void) {
  leave_run(BOCI_RUN_FAILED);
  abort();
}

/* ---- choosing -------------------------------------------------------------------- */

static void make_ready(unit *which, bool expired) {
  which->state = READY;
  which->expired = expired;
  which->object = NULL;
}

static void expire_unit(unit *which) {
  if (current_run.time < which->deadline)
    current_run.time = which->deadline;
  make_ready(which, true);
}

static bool is_timed(const unit *which) {
  return which->state == BLOCKED && which->deadline != BOCI_NEVER;
}

/* The seed may let any timed wait expire: a real thread may always be that late. */
static void expire_some(void) {
  bool early = draw_one_in(current_run.expire_one_in);
  for (unsigned i = 0; i < current_run.used; i++) {
    unit *which = &current_run.units[i];
    if (is_timed(which) &&
        (which->deadline <= current_run.time || (early && draw_one_in(2))))
      expire_unit(which);
  }
}

static bool expire_earliest(void) {
  unit *earliest = NULL;
  for (unsigned i = 0; i < current_run.used; i++) {
    unit *which = &current_run.units[i];
    if (is_timed(which) && (!earliest || which->deadline < earliest->deadline))
      earliest = which;
  }
  if (earliest)
    expire_unit(earliest);
  return earliest != NULL;
}

/* Any ready unit but `except`; NULL if there is none. */
static unit *choose_any(const unit *except) {
  unit *chosen = NULL;
  uint32_t seen = 0;
  for (unsigned i = 0; i < current_run.used; i++) {
    unit *which = &current_run.units[i];
    if (which->state == READY && which != except && draw_below(++seen) == 0)
      chosen = which;
  }
  return chosen;
}

static unit *choose_highest(void) {
  unit *chosen = NULL;
  for (unsigned i = 0; i < current_run.used; i++) {
    unit *which = &current_run.units[i];
    if (which->state == READY && (!chosen || which->rank > chosen->rank))
      chosen = which;
  }
  return chosen;
}

/* A unit that spins may depend on one whose wait is timed. */
#define EXPIRE_BY_YIELD_ONE_IN 64u

static void demote_unit(unit *which) { which->rank = --current_run.lowest; }

static void count_step(void) {
  if (++current_run.steps > (current_run.limit != 0 ? current_run.limit : STEPS_LIMIT))
    leave_run(BOCI_RUN_ENDLESS);
}

/* The unit that waits for a step, made ready; NULL if there is none. */
static unit *call_unit(void) {
  unit *called = current_run.called;
  if (!called)
    return NULL;
  current_run.called = NULL;
  called->rank = UINT32_MAX;
  make_ready(called, false);
  return called;
}

static unit *call_unit_at_its_step(void) {
  return current_run.steps >= current_run.call_at ? call_unit() : NULL;
}

void boci_systematic_point(void) {
  unit *self = current_run.current;
  if (!self)
    return;
  count_step();
  expire_some();
  unit *called = call_unit_at_its_step();
  if (called) {
    go_on_with(called);
  } else if (current_run.by_rank) {
    if (current_run.demotions > 0 && draw_one_in(current_run.horizon)) {
      current_run.demotions--;
      demote_unit(self);
    }
    go_on_with(choose_highest());
  } else if (draw_one_in(current_run.switch_one_in)) {
    go_on_with(choose_any(NULL));
  }
}

void boci_systematic_yield(void) {
  unit *self = current_run.current;
  if (!self)
    return;
  count_step();
  current_run.time += current_run.tick;
  expire_some();
  if (draw_one_in(EXPIRE_BY_YIELD_ONE_IN))
    expire_earliest();
  demote_unit(self);
  unit *next = call_unit_at_its_step();
  if (!next)
    next = current_run.by_rank ? choose_highest() : choose_any(self);
  if (next)
    go_on_with(next);
}

/* The current unit cannot go on. Returns when it can. */
static void give_way(void) {
  count_step();
  expire_some();
  unit *next = call_unit_at_its_step();
  if (!next)
    next = current_run.by_rank ? choose_highest() : choose_any(NULL);
  if (!next && expire_earliest())
    next = choose_any(NULL);
  if (!next)
    next = call_unit();
  if (next)
    go_on_with(next);
  else
    leave_run(BOCI_RUN_DEADLOCK);
}

bool boci_systematic_block(const void *object, const char *kind, uint32_t id,
                           uint64_t deadline) {
  unit *self = current_run.current;
  BOCI_REQUIRE(self != NULL && "outside of a run nobody can wait");
  self->object = object;
  self->kind = kind;
  self->id = id;
  self->deadline = deadline;
  self->expired = false;
  self->state = BLOCKED;
  give_way();
  return !self->expired;
}

void boci_systematic_wait_for_step(uint64_t step) {
  BOCI_REQUIRE(current_run.called == NULL && "one unit waits for a step");
  current_run.called = current_run.current;
  current_run.call_at = step;
  boci_systematic_block(&current_run.called, "step", (uint32_t)step, BOCI_NEVER);
}

void boci_systematic_wake_all(const void *object) {
  for (unsigned i = 0; i < current_run.used; i++) {
    if (current_run.units[i].state == BLOCKED && current_run.units[i].object == object)
      make_ready(&current_run.units[i], false);
  }
}

void boci_systematic_wake_one(const void *object) {
  unit *chosen = NULL;
  uint32_t seen = 0;
  for (unsigned i = 0; i < current_run.used; i++) {
    unit *which = &current_run.units[i];
    if (which->state == BLOCKED && which->object == object && draw_below(++seen) == 0)
      chosen = which;
  }
  if (chosen)
    make_ready(chosen, false);
}

/* ---- units ----------------------------------------------------------------------- */

static bool all_ended(void) {
  for (unsigned i = 0; i < current_run.used; i++) {
    if (current_run.units[i].state == READY || current_run.units[i].state == BLOCKED)
      return false;
  }
  return true;
}

static boci_run_outcome outcome_at_end(void) {
  for (unsigned i = 1; i < current_run.used; i++) {
    if (current_run.units[i].state == ENDED)
      return BOCI_RUN_UNJOINED;
  }
  return BOCI_RUN_FINISHED;
}

static void run_unit(void *memory) {
  unit *self = memory;
  for (;;) {
    self->resting = false;
    tsan_acquire_unit(self);
    self->entry(self->arg);
    tsan_release_unit(self);
    self->resting = true;
    self->state = ENDED;
    boci_systematic_wake_all(self);
    if (all_ended())
      leave_run(outcome_at_end());
    else
      give_way();
  }
}

/* Not by strncpy: ThreadSanitizer intercepts the C library's functions. */
static void set_name(unit *which, const char *name) {
  size_t i = 0;
  for (; i + 1 < sizeof which->name && name[i] != '\0'; i++)
    which->name[i] = name[i];
  which->name[i] = '\0';
}

void *boci_systematic_start(void (*entry)(void *arg), void *arg, const char *name) {
  unsigned i = 0;
  while (i < UNITS && current_run.units[i].state != FREE)
    i++;
  if (i == UNITS)
    return NULL;
  unit *started = &current_run.units[i];
  if (!started->resting && !boci_fiber_prepare(&started->fiber, run_unit, started))
    return NULL;
  started->entry = entry;
  started->arg = arg;
  started->slot = NULL;
  started->rank = current_run.lowest + 1 + draw_below(UINT32_MAX / 2);
  set_name(started, name);
  tsan_release_unit(started);
  make_ready(started, false);
  if (i >= current_run.used)
    current_run.used = i + 1;
  return started;
}

void boci_systematic_join(void *memory) {
  unit *ended = memory;
  boci_systematic_point();
  while (ended->state != ENDED)
    boci_systematic_block(ended, "the end of unit", (uint32_t)thread_number(ended),
                          BOCI_NEVER);
  tsan_acquire_unit(ended);
  ended->state = FREE;
}

/* ---- runs ------------------------------------------------------------------------ */

/* Each of these is drawn from several powers of two, because nobody knows how many
 * steps lie between two operations that have to meet for a failure. */
static void choose_plan(uint64_t seed) {
  static const uint64_t ticks[] = {100, 2000, 20000, 1000000};
  current_run.seed = seed;
  current_run.random = seed;
  current_run.by_rank = draw_one_in(2);
  current_run.switch_one_in = UINT32_C(1) << draw_below(7);
  current_run.horizon = UINT32_C(4) << draw_below(9);
  current_run.demotions = 1 + draw_below(5);
  current_run.expire_one_in = draw_one_in(2) ? UINT32_C(8) << draw_below(8) : 0;
  current_run.tick = ticks[draw_below(4)];
  current_run.alone = draw_one_in(2);
  current_run.lowest = UINT32_MAX / 2;
  current_run.time = TIME_ORIGIN;
  current_run.steps = 0;
  current_run.traced = 0;
  current_run.called = NULL;
}

static void abandon_units(void) {
  for (unsigned i = 0; i < current_run.used; i++)
    current_run.units[i].state = FREE;
  current_run.used = 0;
}

boci_run_outcome boci_systematic_try(uint64_t seed, void (*fn)(void *arg), void *arg) {
  BOCI_REQUIRE(current_run.current == NULL && "a run within a run");
  abandon_units();
  choose_plan(seed);
  boci_fiber_adopt(&current_run.host);
  unit *first = boci_systematic_start(fn, arg, "main");
  BOCI_REQUIRE(first != NULL);
  current_run.current = first;
  boci_fiber_switch(&current_run.host, &first->fiber);
  for (unsigned i = 0; i < current_run.used; i++)
    tsan_acquire_unit(&current_run.units[i]);
  return current_run.outcome;
}

void boci_systematic_run(uint64_t seed, void (*fn)(void *arg), void *arg) {
  if (boci_systematic_try(seed, fn, arg) == BOCI_RUN_FINISHED)
    return;
  boci_systematic_report();
  fflush(stderr);
  abort();
}
