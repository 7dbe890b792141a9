/* Random programs over the whole library: bytes become a plan, the plan is run, and
 * what happened is checked by a sequential run.
 *
 *   bytes --(program_decode)--> plan --(program_execute)--> record --(program_check)
 *
 * A plan has sequences of steps: one for each of two outside threads, the drivers, and
 * one for the body of each behavior. A step schedules behaviors, several of them at
 * once, cancels a scope, pumps a lane, sends, receives, and so on. A behavior reads all
 * that it holds and writes a mix of it, so that any two orders of conflicting behaviors
 * differ.
 *
 * Threads: the whole of a program is one call of program_run.
 */
#ifndef BOC_TEST_PROGRAM_H
#define BOC_TEST_PROGRAM_H

#include "harness.h"

#include <boc/boc.h>

enum {
  DRIVERS = 2,
  COWNS = 6, /* the last two are pinned to lanes, if the plan says so */
  LANES = 2,
  SCOPES = 3, /* the last is below the one before */
  TAGS = 3,
  ITEMS = 48,
  STEPS = 96,
  ACCESSES = 4,
  BATCH = 4,
  NOBODY = -1
};

typedef enum step_kind {
  STEP_SCHEDULE, /* `count` items from `first`, as one step */
  STEP_DISCARD,  /* makes item `first`, and frees it unscheduled */
  STEP_CANCEL,   /* scope `a` */
  STEP_PUMP,     /* lane `a`, at most `b` */
  STEP_COMPLETE, /* completes a deferred behavior */
  STEP_SEND,     /* to tag `a` */
  STEP_RECEIVE,  /* from the tags in mask `a`; waits a little if `b` */
  STEP_DRAIN,    /* tag `a` */
  STEP_RETAG,
  STEP_QUIESCE
} step_kind;

typedef struct step {
  step_kind kind;
  unsigned a, b;
  int first, count;
  int next; /* of the sequence; NOBODY for the last step */
  /* What happened. Of a send: whether it was taken in, and how often it came out; of a
   * receive: the step that had sent. */
  bool sent;
  boci_atomic_u32 came_out;
  int received;
} step;

typedef struct held {
  unsigned cown;
  boc_mode mode;
  unsigned key; /* result: 2 * the number of writes before, plus 1 for a writer */
} held;

/* A behavior. */
typedef struct item {
  boc_access named[ACCESSES + 1]; /* the last is a cown of its own, if `fresh` */
  unsigned named_cowns[ACCESSES], names;
  held helds[ACCESSES];
  unsigned held_count;
  int scope; /* as named */
  bool defers, chooses, tells, fresh, yields;
  int maker; /* the item whose body makes it; below 0: driver -1 - maker */
  int batch; /* the first item of those that are scheduled as one step */
  int steps; /* of its body */
  /* What happened. */
  bool made, scheduled, doomed, ran;
  unsigned asked;
  uint64_t seen; /* mixed from the values of all its cowns */
  boci_atomic_u32 dropped, told;
  bool told_ran;
  boc_behavior *behavior;
  struct item *deferred_after;
} item;

/* The value of a cown. */
typedef struct record {
  unsigned writes;
  uint64_t value;
} record;

typedef struct program {
  unsigned workers, drivers;
  bool spins, pins, traces;
  uintptr_t fail_at; /* the number of the allocation after the start that fails; 0: none
                      */
  int driver_steps[DRIVERS];
  item items[ITEMS];
  int item_count;
  step steps[STEPS];
  int step_count;
  /* While it runs. */
  test_memory memory;
  boc_cown_type cown_type;
  boc_runtime *runtime;
  boc_mailbox *mailbox;
  boc_cown *cowns[COWNS];
  boc_lane *lanes[LANES];
  boc_scope *scopes[SCOPES];
  boci_atomic_u32 cancelled[SCOPES]; /* valid after the call */
  boci_atomic_ptr deferred;
  boci_atomic_u32 cowns_made, cowns_dropped;
} program;

/* Makes a program of any bytes. */
size_t program_random(uint64_t seed, uint8_t *data, size_t most); /* their number */
void program_decode(program *all, const uint8_t *data, size_t size);
void program_execute(program *all);
/* Fails the test unless everything that BOC promises held. Messages that were not
 * received are dropped by the end of the mailbox. */
void program_check(program *all);
void program_run(const uint8_t *data, size_t size);

/* The scope of an item, its own or an inherited one; NOBODY: none. */
int program_scope(const program *all, const item *which);

/* Whether the scope, or the scope above it, has been cancelled. */
bool program_cancelled(program *all, int scope);

/* The mix of these values: what a behavior over them has seen, and what it writes. */
uint64_t program_see(const item *which, int index, const uint64_t *values);
uint64_t program_write(uint64_t value, uint64_t seen);

#endif
