/* The systematic scheduler: the same sources under an interleaving that a seed chooses.
 *
 * In a build with BOC_SYSTEMATIC the threads of a test are units: fibers, of which one
 * runs at a time. Before every atomic operation, and at every operation of park and os,
 * a choice that depends on the seed alone decides which unit goes on. A run that fails
 * fails again with its seed.
 *
 * Two strategies, in turn by seed: a random walk with a chance of switching that the
 * seed sets, and priorities with few random demotions (after Burckhardt et al., "A
 * Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010).
 * Time is counted: it passes a little at each look at the clock, and jumps to a
 * deadline when the seed lets a timed wait expire, or when nothing else can run. Now
 * and then a wait on a condition wakes, or a weak compare-and-swap fails, for no
 * reason. What it does not show: effects of weaker memory orders than sequential
 * consistency.
 *
 * Threads: one thread runs systematic runs. Outside of a run, park and os work as long
 * as no thread has to wait; threads cannot be started. */
#ifndef BOCI_SYSTEMATIC_H
#define BOCI_SYSTEMATIC_H

#include <boc/base.h>

#include "perturb.h"

typedef enum boci_run_outcome {
  BOCI_RUN_FINISHED, /* all units have ended and were joined */
  BOCI_RUN_DEADLOCK, /* units are left, and none can go on */
  BOCI_RUN_ENDLESS,  /* the step limit was reached */
  BOCI_RUN_UNJOINED, /* ended units were not joined */
  BOCI_RUN_FAILED    /* a unit called boci_systematic_fail */
} boci_run_outcome;

/* Runs `fn(arg)` as the first unit, and the units that it starts, until all have ended.
 * With an outcome other than BOCI_RUN_FINISHED, units that have not ended never go on.
 */
boci_run_outcome boci_systematic_try(uint64_t seed, void (*fn)(void *arg), void *arg);

/* The same, but reports any other outcome on stderr and aborts. */
void boci_systematic_run(uint64_t seed, void (*fn)(void *arg), void *arg);

/* Ends the run from within a unit with BOCI_RUN_FAILED. */
_Noreturn void boci_systematic_fail(void);

/* After how many steps a run counts as endless; 0: the default, a million. */
void boci_systematic_limit(uint64_t steps);

/* Steps of the run, or of the latest one. */
uint64_t boci_systematic_steps(void);

/* The unit waits until the run has taken `step` steps, or until no other unit can go
 * on; then it goes on next. Up to there a run is the same for each `step`. One unit at
 * a time waits so. */
void boci_systematic_wait_for_step(uint64_t step);

/* Below: for park_systematic.c and os_systematic.c. */

/* The unit that runs, or NULL outside of a run. */
void *boci_systematic_self(void);

/* True once in `n` calls, as the seed decides. Always false outside of a run. */
bool boci_systematic_chance(uint32_t n);

/* Lets the unit wait until another one wakes `object`; false: `deadline` passed
 * instead. `kind` and `id` say in a report what it waits for. */
bool boci_systematic_block(const void *object, const char *kind, uint32_t id,
                           uint64_t deadline);
/* Makes the units that wait for `object` ready: all, or one that the seed chooses. */
void boci_systematic_wake_all(const void *object);
void boci_systematic_wake_one(const void *object);

/* Starts a unit; NULL if there are too many. `join` waits for a unit's end. */
void *boci_systematic_start(void (*entry)(void *arg), void *arg, const char *name);
void boci_systematic_join(void *unit);

/* The counted time, which every call moves on. */
uint64_t boci_systematic_now(void);

/* How many processors the seed gives this run, 1 or 2: with one, workers do not spin
 * and park at once. Outside of a run: 2. */
unsigned boci_systematic_processors(void);

/* The thread-local slot of the unit that runs, or of code outside of a run. */
void **boci_systematic_slot(void);

#endif
