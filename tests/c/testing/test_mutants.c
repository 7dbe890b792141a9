/* Tests the systematic scheduler: the library with one line of tests/models/mutants*.py
 * changed, so that a thread parks without its second check. The scheduler must find a
 * seed with a deadlock, and must find none in the library as it is.
 *
 * Built once for each mutant in MUTANTS, with the one source that it changes; and once
 * with none, for which every program must finish. */
#include "harness.h"

#include "systematic.h"

#include <boc/message.h>
#include <boc/runtime.h>

#include <stdio.h>

/* The values of MUTANT in a build. */
enum {
  NO_MUTANT,
  parking_worker_does_not_look_for_work,
  receiver_does_not_try_again,
  waiter_for_quiet_does_not_look
};

enum { FEW = 1000, SEEDS = 10000 };

static void do_nothing(boc_behavior *self, void *unused) { (void)self, (void)unused; }

static boc_runtime *one_worker(void) {
  boc_runtime_options options = BOC_RUNTIME_OPTIONS_INIT;
  boc_runtime *runtime = NULL;
  options.workers = 1;
  options.spin = 0;
  CHECK_EQ(boc_runtime_new(&options, &runtime), BOC_OK);
  return runtime;
}

/* A behavior comes while the worker parks. */
static void schedule_to_parking_worker(void *unused) {
  (void)unused;
  boc_runtime *runtime = one_worker();
  CHECK_EQ(boc_when(runtime, NULL, 0, do_nothing, NULL), BOC_OK);
  boc_runtime_free(runtime);
}

/* A message comes while the receiver parks. */
static void send_or_receive(void *mailbox, unsigned index) {
  const boc_tag tag = {"a", 1};
  size_t at;
  void *payload;
  if (index == 0)
    CHECK_EQ(boc_mailbox_send(mailbox, tag, mailbox), BOC_OK);
  else
    CHECK_EQ(boc_mailbox_receive(mailbox, &tag, 1, BOC_FOREVER, NULL, &at, &payload),
             BOC_OK);
}

static void send_to_receiver(void *unused) {
  (void)unused;
  boc_mailbox_options options = BOC_MAILBOX_OPTIONS_INIT;
  boc_mailbox *mailbox = NULL;
  options.capacity = 4;
  CHECK_EQ(boc_mailbox_new(&options, &mailbox), BOC_OK);
  test_threads(2, send_or_receive, mailbox);
  boc_mailbox_free(mailbox);
}

/* The last behavior finishes while a thread begins to wait for quiescence. */
static void wait_for_quiet(void *unused) {
  (void)unused;
  boc_runtime *runtime = one_worker();
  CHECK_EQ(boc_when(runtime, NULL, 0, do_nothing, NULL), BOC_OK);
  CHECK_EQ(boc_runtime_quiesce(runtime, BOC_FOREVER), BOC_OK);
  boc_runtime_free(runtime);
}

/* The first seed that ends in a deadlock; SEEDS if all finish. */
static uint64_t first_deadlock(void (*program)(void *unused), uint64_t seeds) {
  for (uint64_t seed = 0; seed < seeds; seed++) {
    const boci_run_outcome outcome = boci_systematic_try(seed, program, NULL);
    if (outcome == BOCI_RUN_FINISHED)
      continue;
    if (outcome != BOCI_RUN_DEADLOCK)
      boci_systematic_report();
    CHECK_EQ(outcome, BOCI_RUN_DEADLOCK);
    return seed;
  }
  return SEEDS;
}

static void judge(int mutant, void (*program)(void *unused)) {
  const bool changed = MUTANT == mutant;
  if (!changed && MUTANT != NO_MUTANT)
    return;
  const uint64_t seed = first_deadlock(program, changed ? FEW : SEEDS);
  CHECK_EQ(seed < SEEDS, changed);
  if (!changed)
    return;
  printf("found by seed %u\n", (unsigned)seed);
  CHECK_EQ(boci_systematic_try(seed, program, NULL), BOCI_RUN_DEADLOCK);
}

static void mutants_are_found(void) {
  judge(parking_worker_does_not_look_for_work, schedule_to_parking_worker);
  judge(receiver_does_not_try_again, send_to_receiver);
  judge(waiter_for_quiet_does_not_look, wait_for_quiet);
}

static const test_case cases[] = {TEST_ALONE(mutants_are_found)};
TEST_MAIN(cases)
